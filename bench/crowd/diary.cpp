// diary.cpp - The crowd's book-keeping, and its questions to the database.
#include "bench/crowd/diary.hpp"

#include <cstdio>
#include <fstream>
#include <pqxx/pqxx>

namespace deskd {

void Diary::said(const std::string& id, Nanos now) { said_.emplace(id, Said{now, false}); }

void Diary::stored(Stored line, bool resent, Nanos now) {
  const auto it = said_.find(line.id);
  if (it == said_.end()) return wrong("stored, but never said", line.id);
  if (!resent) stored_latency.add(now - it->second.at);
  stored_.push_back(std::move(line));
}

void Diary::heard(std::string_view id, Nanos now) {
  const auto it = said_.find(std::string{id});
  if (it == said_.end() || it->second.heard) return;
  it->second.heard = true;
  line_latency.add(now - it->second.at);
}

void Diary::seen(std::int64_t chat, bool inside, std::uint32_t seq, std::string text, bool hidden) {
  const auto [it, fresh] = seen_.try_emplace({chat, seq, inside}, Sighting{text, hidden});
  if (fresh) return;
  if (!hidden && !it->second.hidden && it->second.text != text)
    wrong("two clients saw different words under one stored seq", std::to_string(chat) + '/' + std::to_string(seq));
  if (hidden) it->second.hidden = true;
}

void Diary::wrong(const std::string& what, const std::string& detail) {
  if (wrongs_[what]++ < 5) std::fprintf(stderr, "crowd: WRONG: %s: %s\n", what.c_str(), detail.c_str());
}

std::vector<Diary::Finding> Diary::check(const std::string& connection, const std::string& buyers) const {
  pqxx::connection database{connection};
  pqxx::work work{database};
  work.exec("set local work_mem = '256MB'");
  work.exec(
      "create temporary table crowd_stored (chat bigint, stream smallint, seq int, id uuid, person text, text text, n "
      "int) "
      "on commit drop;"
      "create temporary table crowd_seen (chat bigint, stream smallint, seq int, text text, hidden boolean) on commit "
      "drop;"
      "create temporary table crowd_said (id uuid) on commit drop");
  {
    pqxx::stream_to out{work, "crowd_stored",
                        std::vector<std::string>{"chat", "stream", "seq", "id", "person", "text", "n"}};
    for (const Stored& line : stored_)
      out << std::make_tuple(line.chat, int{line.inside}, line.seq, line.id, line.person, line.text, line.n);
    out.complete();
  }
  {
    pqxx::stream_to out{work, "crowd_seen", std::vector<std::string>{"chat", "stream", "seq", "text", "hidden"}};
    for (const auto& [key, sighting] : seen_)
      out << std::make_tuple(key.chat, int{key.inside}, key.seq, sighting.text, sighting.hidden);
    out.complete();
  }
  {
    pqxx::stream_to out{work, "crowd_said", std::vector<std::string>{"id"}};
    for (const auto& entry : said_) out << std::make_tuple(entry.first);
    out.complete();
  }
  work.exec(
      "create temporary table mine on commit drop as select m.*, c.buyer, c.place from message m "
      "join chat c using (desk, chat) where c.buyer like " +
      work.quote(buyers + "%"));
  work.exec(
      "create index on mine (chat, stream, seq); create index on crowd_stored (chat, stream, seq); analyze mine; "
      "analyze crowd_stored; analyze crowd_seen; analyze crowd_said");

  // Each question selects what must not be; the first column names the row.
  static const std::pair<const char*, const char*> questions[]{
      {"stored, and not in the database",
       "select s.id::text from crowd_stored s where not exists (select 1 from mine m where m.id = s.id)"},
      {"stored under another seq, chat, person or words than the author was told",
       "select s.id::text from crowd_stored s join mine m on m.id = s.id where (m.chat, m.stream, m.seq, m.person) <> "
       "(s.chat, s.stream, s.seq, s.person) or (m.kind = 0 and m.text <> s.text)"},
      {"one command, more than one line",
       "select id::text from mine where id is not null group by id having count(*) > 1"},
      {"a gap in a chat",
       "select chat::text || '/' || stream from mine group by chat, stream having count(*) <> max(seq) or min(seq) <> "
       "1"},
      {"one number, two lines", "select chat::text from mine group by chat, stream, seq having count(*) > 1"},
      {"times that go back within a chat",
       "select chat::text || '/' || seq from (select chat, seq, at_ms, position, lag(at_ms) over w as at_before, "
       "lag(position) "
       "over w as position_before from mine window w as (partition by chat, stream order by seq)) x where at_ms < "
       "at_before or "
       "position <= position_before"},
      {"an author's words out of the order in which they were said",
       "select chat::text || '/' || seq from (select s.chat, s.seq, s.n, lag(s.n) over (partition by s.chat, s.stream, "
       "s.person "
       "order by s.seq) as before from crowd_stored s where s.n > 0) x where n <= before"},
      {"words in another chat than they were written for",
       "select chat::text || '/' || seq from mine where kind = 0 and origin in (0, 1, 2) and "
       "left(text, length('〔' || person || '@' || chat || '/')) <> '〔' || person || '@' || chat || '/'"},
      {"a buyer's words from another buyer",
       "select chat::text || '/' || seq from mine where origin = 0 and person <> buyer"},
      {"words that nobody said",
       "select m.id::text from mine m where m.id is not null and not exists (select 1 from crowd_said s where s.id = "
       "m.id)"},
      {"seen below a watermark, and other words in the database",
       "select s.chat::text || '/' || s.seq from crowd_seen s left join mine m on (m.chat, m.stream, m.seq) = (s.chat, "
       "s.stream, "
       "s.seq) where m.chat is null or (not s.hidden and m.text <> s.text and m.kind = 0)"},
      {"a chat that is open and has an end, or closed and has none",
       "select chat::text from chat where buyer like $1 and (place = 5) <> (closed_ms is not null)"},
      {"a chat with a buyer's words that never joined a queue, a left message or an end",
       "select c.chat::text from chat c where c.buyer like $1 and c.place not in (2, 3, 4, 5) and exists (select 1 "
       "from message m "
       "where m.desk = c.desk and m.chat = c.chat and m.origin = 0 and m.kind = 0) and not exists (select 1 from fact "
       "f where "
       "f.desk = c.desk and f.chat = c.chat and f.kind = 1)"},
  };
  std::vector<Finding> findings;
  for (const auto& [name, sql] : questions) {
    const std::string text = sql;
    const pqxx::result rows =
        text.find("$1") == std::string::npos ? work.exec(text) : work.exec_params(text, buyers + "%");
    findings.push_back({name, static_cast<std::int64_t>(rows.size()), rows.empty() ? "" : rows[0][0].c_str()});
  }
  return findings;
}

void Diary::write(const std::string& file) const {
  std::ofstream out{file};
  for (const Stored& line : stored_)
    out << line.chat << '\t' << line.inside << '\t' << line.seq << '\t' << line.id << '\t' << line.person << '\t'
        << line.text << '\n';
}

}  // namespace deskd
