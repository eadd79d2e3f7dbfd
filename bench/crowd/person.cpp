// person.cpp - The client's memory and its checks.
#include "bench/crowd/person.hpp"

#include <algorithm>
#include <cstdio>

#include "bench/wire/shop.hpp"

namespace deskd {
namespace {

constexpr double backoff_first_s = 0.2;
constexpr double backoff_max_s = 5;
// Enough to see how something came about.
constexpr std::size_t frames_kept = 12;

std::string quoted(std::string_view text) {
  std::string out{'"'};
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

Person::Person(Day& day, std::string name, bool staff) : day_{day}, name_{std::move(name)}, staff_{staff} {
  link.tag = reinterpret_cast<std::uintptr_t>(this);
}

void Person::connect() {
  wanted = true;
  if (link.state() != Link::State::gone) return;
  day_.loop.dial(link, {.port = day_.options.port}, path(), bench_shop::subprotocol);
}

void Person::drop(double away_s) {
  link.cut();
  online = false;
  wanted = away_s >= 0;
  if (wanted)
    day_.in_real(away_s, [this] {
      if (wanted) connect();
    });
}

void Person::leave() {
  wanted = online = false;
  link.hang_up();
}

void Person::opened() { link.say_now(R"({"type":"sign_in","token":")" + token() + "\"}"); }

void Person::gone(std::uint16_t code) {
  online = false;
  day_.diary.count("closed " + std::to_string(code));
  if (!wanted) return;
  if (code >= 4500) wrong("a session was closed for good", name_ + " code " + std::to_string(code));
  backoff_s_ = std::min(backoff_max_s, std::max(backoff_first_s, backoff_s_ * 2));
  day_.in_real(backoff_s_ * (0.5 + 0.001 * day_.below(1000)), [this] {
    if (wanted) connect();
  });
}

std::string Person::unsettled() const {
  if (outbox_.empty()) return name_;
  const Entry& one = outbox_.front();
  return name_ + (online ? "" : " (away)") + ": " + one.frame + " and " + std::to_string(outbox_.size() - 1) +
         " more; seq " + std::to_string(one.seq) + (one.resent ? ", sent again" : "") +
         (talks_.contains(one.chat) ? ", its chat is known" : "");
}

std::deque<Person::Entry>::iterator Person::entry(std::string_view id) {
  return std::find_if(outbox_.begin(), outbox_.end(), [&](const Entry& one) { return one.id == id; });
}

Talk* Person::find(std::int64_t chat) {
  const auto it = talks_.find(chat);
  return it == talks_.end() ? nullptr : &it->second;
}

Talk& Person::talk(std::int64_t chat) {
  const auto [it, fresh] = talks_.try_emplace(chat);
  if (fresh) {
    it->second.chat = chat;
    it->second.epoch = epoch_;
  }
  return it->second;
}

void Person::forget(std::int64_t chat) { talks_.erase(chat); }

bool Person::pending(std::int64_t chat) const {
  return std::any_of(outbox_.begin(), outbox_.end(), [&](const Entry& one) { return one.chat == chat; });
}

void Person::command(const std::string& type, std::int64_t chat, const std::string& members, bool makes_line,
                     bool inside, std::string text, std::uint32_t n) {
  Entry entry;
  entry.id = day_.new_id();
  entry.type = type;
  entry.frame = R"({"type":")" + type + R"(","id":")" + entry.id + '"';
  if (chat) entry.frame += R"(,"chat":")" + std::to_string(chat) + '"';
  entry.frame += members + '}';
  entry.chat = chat;
  entry.text = std::move(text);
  entry.n = n;
  entry.inside = inside;
  entry.makes_line = makes_line;
  if (makes_line) day_.diary.said(entry.id, day_.now());
  if (online && !resending_) link.say_now(entry.frame);
  else entry.resent = true;
  outbox_.push_back(std::move(entry));
}

void Person::say(Talk& talk, std::string_view words, bool inside) {
  const std::uint32_t n = ++said_[talk.chat];
  std::string text =
      "〔" + name_ + '@' + std::to_string(talk.chat) + '/' + std::to_string(n) + "〕" + std::string{words};
  command("say", talk.chat, R"(,"text":)" + quoted(text) + (inside ? R"(,"inside":true)" : ""), true, inside, text, n);
}

void Person::resume() {
  std::string chats;
  for (auto& [id, talk] : talks_) {
    const Talk::Stream &main = talk.main, &inside = talk.inside;
    chats += (chats.empty() ? R"({"chat":")" : R"(,{"chat":")") + std::to_string(id) + R"(","epoch":)" +
             std::to_string(talk.epoch) + R"(,"seq":)" + std::to_string(main.seq) + R"(,"stored":)" +
             std::to_string(main.safe());
    if (staff_)
      chats += R"(,"inside":)" + std::to_string(inside.seq) + R"(,"inside_stored":)" + std::to_string(inside.safe());
    chats += '}';
    // Lines beyond a gap come again, and so does what is above the watermark under another epoch.
    const bool same = talk.epoch == epoch_;
    for (const bool of_inside : {false, true}) {
      Talk::Stream& stream = talk.stream(of_inside);
      if (!same) stream.seq = stream.safe();
      stream.unsafe.erase(stream.unsafe.upper_bound(stream.seq), stream.unsafe.end());
    }
    if (!same)
      for (Entry& one : outbox_)
        if (one.chat == id) one.seq = 0;
    talk.epoch = epoch_;
  }
  link.say(R"({"type":"resume","chats":[)" + chats + "]}");
}

void Person::resend() {
  resending_ = false;
  for (Entry& one : outbox_) {
    one.resent = true;
    link.say(one.frame);
  }
  link.flush();
}

void Person::wrong(const std::string& what, const std::string& detail) {
  day_.diary.wrong(what, detail);
  if (day_.diary.wrongs().at(what) > 2) return;
  for (const std::string& frame : last_frames_) std::fprintf(stderr, "    %s\n", frame.c_str());
}

void Person::hear_frame(std::string_view json) {
  static Heard heard;
  if (last_frames_.size() == frames_kept) last_frames_.pop_front();
  last_frames_.emplace_back(json);
  if (!hear(json, heard)) return wrong("a frame that is no JSON object", std::string{json.substr(0, 200)});
  const std::string_view type = heard.type;
  if (type == "ping") return link.say_now(R"({"type":"pong","n":)" + std::to_string(heard.n) + '}');
  if (type == "line") return hear_line(heard);
  if (type == "stored") {
    Talk* talk = find(heard.chat);
    for (const Heard::Line& line : heard.lines) own(line, heard.chat, heard.inside);
    if (talk) advance(*talk, heard.inside, heard.stored);
    // A chat that has been taken away: what was called stored still counts.
    if (!talk)
      for (const Heard::Line& line : heard.lines)
        if (const auto it = entry(line.id); it != outbox_.end()) {
          day_.diary.stored({heard.chat, heard.inside, line.seq, it->id, name_, it->text, 0}, it->resent, day_.now());
          outbox_.erase(it);
        }
    return;
  }
  if (type == "accepted") return own({heard.id, heard.seq}, heard.chat, heard.inside);
  if (type == "signed_in") {
    epoch_ = heard.epoch;
    online = true;
    hears_since = day_.now();
    backoff_s_ = 0;
    resume();
    resend();
    const bool first = !been_here_;
    been_here_ = true;
    on_online(first);
    link.flush();
    return;
  }
  if (type == "done") {
    const auto it = entry(heard.id);
    if (it == outbox_.end()) return;
    const std::string what = it->type;
    // Routing is done at once; only words and deeds wait for the watermark.
    if (Talk* talk = find(it->chat); talk && heard.seq && it->makes_line)
      put(*talk, it->inside, heard.seq, {}, true, true);
    outbox_.erase(it);
    return on_done(what, heard);
  }
  if (type == "error") {
    day_.diary.count("error " + std::string{heard.code});
    const auto it = entry(heard.id);
    const bool later = heard.code == "rate_limited" || heard.code == "storage_behind" || heard.code == "overloaded" ||
                       heard.code == "draining";
    if (later) {
      if (resending_) return;
      resending_ = true;
      day_.in_real(static_cast<double>(std::max<std::int64_t>(heard.retry_after_ms, 200)) / 1e3, [this] {
        if (online && resending_) resend();
        resending_ = false;
      });
      return;
    }
    if (it == outbox_.end()) return on_error({}, heard.chat, heard.code);
    const Entry failed = *it;
    outbox_.erase(it);
    return on_error(failed.type, failed.chat, heard.code);
  }
  if (type == "chat_state") {
    Talk& known = talk(heard.chat);
    known.place = heard.place;
    known.told_until = std::max(known.told_until, heard.seq);
    if (heard.epoch) known.epoch = heard.epoch;
    on_state(known, heard);
    if (Talk* still = find(heard.chat)) {
      advance(*still, false, heard.stored);
      advance(*still, true, heard.inside_stored);
    }
    return;
  }
  on_other(heard);
}

void Person::hear_line(const Heard& heard) {
  Talk& known = talk(heard.chat);
  if (heard.kind == "words" && (heard.origin == "buyer" || heard.origin == "human" || heard.origin == "assist") &&
      !heard.hidden && heard.text.find('@' + std::to_string(heard.chat) + '/') == std::string_view::npos)
    wrong("words of another chat were told", name_ + ' ' + std::string{heard.text.substr(0, 80)});
  if (!staff_ && heard.inside) wrong("a buyer was told of an inside line", name_);
  const auto it = heard.id.empty() ? outbox_.end() : entry(heard.id);
  const bool is_own = it != outbox_.end();
  if (is_own) it->seq = heard.seq;
  else if (!heard.id.empty() && heard.seq > known.told_until) day_.diary.heard(heard.id, day_.now());
  put(known, heard.inside, heard.seq, heard.text, heard.hidden, is_own);
  on_line(known, heard);
  if (Talk* still = find(heard.chat)) advance(*still, heard.inside, heard.stored);
}

// The author's own line has its number.
void Person::own(const Heard::Line& line, std::int64_t chat, bool inside) {
  const auto it = entry(line.id);
  if (it == outbox_.end()) return;
  it->seq = line.seq;
  if (Talk* known = find(chat)) {
    known->last_own = line.seq;
    put(*known, inside, line.seq, it->text, it->text.empty(), true);
  }
}

void Person::put(Talk& talk, bool inside, std::uint32_t seq, std::string_view text, bool hidden, bool is_own) {
  Talk::Stream& stream = talk.stream(inside);
  if (seq == 0) return wrong("a line without a seq", name_);
  if (seq <= stream.seq || stream.unsafe.contains(seq)) {
    if (!is_own) wrong("a line told twice", name_ + ' ' + std::to_string(talk.chat) + '/' + std::to_string(seq));
    return;
  }
  stream.unsafe[seq] = {std::string{text}, hidden};
  while (stream.unsafe.contains(stream.seq + 1)) ++stream.seq;
  if (seq > stream.seq) {
    // Own lines get their number with `stored`; any other gap is a line that was lost.
    const std::uint32_t missing = seq - stream.seq -
                                  static_cast<std::uint32_t>(std::distance(stream.unsafe.upper_bound(stream.seq),
                                                                           stream.unsafe.upper_bound(seq)));
    const auto own = std::count_if(outbox_.begin(), outbox_.end(), [&](const Entry& one) {
      return one.makes_line && one.chat == talk.chat && one.inside == inside && one.seq == 0;
    });
    if (missing > static_cast<std::uint32_t>(own))
      wrong("a gap in what was told", name_ + ' ' + std::to_string(talk.chat) + '/' + std::to_string(seq) + " after " +
                                          std::to_string(stream.seq));
  }
}

void Person::advance(Talk& talk, bool inside, std::uint32_t stored) {
  Talk::Stream& stream = talk.stream(inside);
  stream.stored = std::max(stream.stored, stored);
  for (auto it = outbox_.begin(); it != outbox_.end();) {
    if (it->chat != talk.chat || it->inside != inside || it->seq == 0 || it->seq > stream.stored) {
      ++it;
      continue;
    }
    day_.diary.stored({talk.chat, inside, it->seq, it->id, name_, it->text, it->n}, it->resent, day_.now());
    it = outbox_.erase(it);
  }
  const std::uint32_t safe = stream.safe();
  for (auto it = stream.unsafe.begin(); it != stream.unsafe.end() && it->first <= safe;) {
    day_.diary.seen(talk.chat, inside, it->first, std::move(it->second.text), it->second.hidden);
    it = stream.unsafe.erase(it);
  }
}

}  // namespace deskd
