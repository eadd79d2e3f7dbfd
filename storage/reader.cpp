#include "storage/reader.hpp"

#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <pqxx/pqxx>
#include <thread>

#include "storage/connection.hpp"
#include "storage/rows.hpp"

namespace deskd {
namespace {

// The numbers that stand in the SQL here.
static_assert(static_cast<int>(FactKind::missed) == 8 && static_cast<int>(LineKind::recalled) == 6);

// What a line costs on a page: words, the rest of its JSON, and the deed that it is.
std::size_t page_bytes(const stored::Line& line, std::string_view deed) {
  return 256 + line.text.size() + line.person.size() + deed.size();
}

// The columns of a line; words that a later line of the stream recalled are not even read.
std::string visible_line_columns() {
  return "stream, seq, at_ms, origin, kind, person, id, reply_to, reason, case when r.hit then '' else text end, r.hit";
}
constexpr const char* recalled_join{R"(
    cross join lateral (select m.kind = 0 and exists (
      select from message x
      where x.desk = m.desk and x.chat = m.chat and x.stream = m.stream and x.seq > m.seq and x.kind = 6
        and x.reply_to = m.seq) hit) r
    )"};

stored::Line visible_line(const pqxx::row& row, int first) {
  stored::Line line = rows::line(row, first);
  line.hidden = rows::text(row[first + 10]) == "t";
  return line;
}

answer::History read(pqxx::work& transaction, const query::History& query) {
  // One more than a page tells whether there is another. A chat that was cut goes on first, and may have nothing left.
  const std::int64_t newest = query.before ? query.before.value - (query.before_seq ? 0 : 1) : INT64_MAX;
  const pqxx::result chats = transaction.exec_prepared("history", query.desk.value, query.shop, query.buyer, newest);
  answer::History page;
  std::size_t bytes{};
  for (const auto& row : chats) {
    if (page.chats.size() == page_chats_max || bytes >= page_bytes_max) {
      page.more = true;
      break;
    }
    answer::HistoryChat chat;
    chat.chat = ChatId{rows::number<ChatId::Number>(row[0])};
    chat.shop = row[1].c_str();
    chat.opened = rows::instant(row[2]);
    if (!row[3].is_null()) chat.closed = rows::instant(row[3]);
    const bool goes_on = chat.chat == query.before;
    const std::int64_t below_seq = goes_on ? std::int64_t{query.before_seq.value} : INT64_MAX;
    std::size_t own{};
    for (const auto& line : transaction.exec_prepared("newest_lines", query.desk.value, chat.chat.value, below_seq)) {
      stored::Line next = visible_line(line, 0);
      const std::string_view deed = rows::text(line[11]);
      if (!chat.lines.empty() && own + page_bytes(next, deed) > page_bytes_max) break;
      own += page_bytes(next, deed);
      if (!deed.empty()) chat.deeds.push_back({next.seq, deed_from_json(next.kind, deed), next.stream});
      chat.lines.push_back(std::move(next));
    }
    // Nothing was left of it.
    if (goes_on && chat.lines.empty()) continue;
    // A chat that does not fit beside the others begins the next page.
    if (!page.chats.empty() && bytes + own > page_bytes_max) {
      page.more = true;
      break;
    }
    bytes += own;
    std::reverse(chat.lines.begin(), chat.lines.end());
    page.chats.push_back(std::move(chat));
    const std::vector<stored::Line>& lines = page.chats.back().lines;
    if (!lines.empty() && lines.front().seq > Seq{1}) {
      page.more = true;
      break;
    }
  }
  return page;
}

answer::Lines read(pqxx::work& transaction, const query::Lines& query) {
  answer::Lines page;
  std::size_t bytes{};
  for (const auto& row :
       transaction.exec_prepared("lines", query.desk.value, query.chat.value, static_cast<int>(query.stream),
                                 std::int64_t{query.after.value}, std::int64_t{query.until.value})) {
    stored::Line line = visible_line(row, 0);
    const std::string_view deed = rows::text(row[11]);
    const std::size_t own = page_bytes(line, deed);
    if (page.lines.size() == page_lines_max || (!page.lines.empty() && bytes + own > page_bytes_max)) {
      page.more = true;
      break;
    }
    bytes += own;
    if (!deed.empty()) page.deeds.push_back({line.seq, deed_from_json(line.kind, deed), line.stream});
    page.lines.push_back(std::move(line));
  }
  return page;
}

answer::Chat read(pqxx::work& transaction, const query::Chat& query) {
  answer::Chat found;
  const auto each = [&](const char* statement, const auto& f) {
    for (const auto& row : transaction.exec_prepared(statement, query.desk.value, query.chat.value)) f(row);
  };
  for (const auto& row :
       transaction.exec_prepared("chat", query.desk.value, query.chat.value, query.shop, query.buyer)) {
    stored::Chat& chat = found.chat.emplace(rows::chat(row));
    each("chat_lines", [&](const auto& line) { chat.lines.push_back(rows::line(line, 0)); });
    each("chat_fired", [&](const auto& fired) { chat.fired.push_back(rows::clock(fired, 0)); });
    each("chat_deeds", [&](const auto& deed) { chat.deeds.push_back(rows::deed(deed, 0)); });
  }
  if (found.chat && stored::is_torn(found.chat->lines)) return {.chat = {}, .torn = query.chat};
  return found;
}

// "select ... from TABLE": the rows of one chat, in order.
std::string of_chat(std::string_view columns, std::string_view table, std::string_view order) {
  std::string sql{"select "};
  sql.append(columns).append(" from ").append(table).append(" where desk = $1 and chat = $2 ");
  return sql.append(order);
}

void prepare(pqxx::connection& connection) {
  const std::string line = "select " + visible_line_columns();
  connection.prepare("history", R"(
      select chat, shop, opened_ms, closed_ms from chat
      where desk = $1 and ($2 = '' or shop = $2) and buyer = $3 and chat <= $4
      order by chat desc limit )" + std::to_string(page_chats_max + 2));
  // A client may name any seq of 32 bits, which is more than the column's int: without the cast PostgreSQL refuses those.
  const std::string line_and_deed = line + ", d.body::text from message m" + recalled_join + R"(
      left join lateral (
        select body from deed where desk = m.desk and chat = m.chat and stream = m.stream and seq = m.seq) d on true
      )";
  connection.prepare("newest_lines", line_and_deed + R"(
      where desk = $1 and chat = $2 and stream = 0 and seq < $3::bigint
      order by seq desc limit )" + std::to_string(page_lines_max));
  connection.prepare("lines", line_and_deed + R"(
      where desk = $1 and chat = $2 and stream = $3 and seq > $4::bigint and seq <= $5::bigint
      order by seq limit )" + std::to_string(page_lines_max + 1));
  connection.prepare("chat", of_chat(rows::chat_columns, "chat",
                                     "and closed_ms is not null and ($3 = '' or (shop = $3 and buyer = $4))"));
  connection.prepare("chat_lines", of_chat(rows::line_columns, "message", "order by stream, seq"));
  connection.prepare("chat_fired", of_chat(rows::clock_columns, "fact", "and kind = 8 order by clock, ordinal"));
  connection.prepare("chat_deeds", of_chat(rows::deed_columns, "deed", "order by stream, seq"));
}

}  // namespace

class Reader::Thread {
 public:
  explicit Thread(ReaderOptions options) : options_{std::move(options)} {
    reader_ = std::thread{[this] { run(); }};
    pthread_setname_np(reader_.native_handle(), "reader");
  }

  ~Thread() {
    {
      std::lock_guard lock{mutex_};
      stop_ = true;
      if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);  // a query that hangs ends here
    }
    wake_.notify_all();
    reader_.join();
    for (const auto* queue : {&lines_, &others_})
      for (const Waiting& each : *queue) each.answer(answer::Failed{"the server goes down"});
  }

  void ask(Query query, std::function<void(Answer)> answer) {
    {
      std::lock_guard lock{mutex_};
      // Lines of resumes come before pages of history, which may fill only half of what waits: without its lines a
      // session cannot go on.
      const bool lines = std::holds_alternative<query::Lines>(query);
      const std::size_t room = lines ? options_.queue_max : options_.queue_max / 2;
      if (lines_.size() + others_.size() < room) {
        (lines ? lines_ : others_).push_back({std::move(query), std::move(answer)});
        wake_.notify_one();
        return;
      }
    }
    answer(answer::Failed{"too many wait to read"});
  }

 private:
  struct Waiting {
    Query query;
    std::function<void(Answer)> answer;
  };

  void run() {
    for (;;) {
      Waiting next;
      {
        std::unique_lock lock{mutex_};
        wake_.wait(lock, [this] { return stop_ || !lines_.empty() || !others_.empty(); });
        if (stop_) break;
        std::deque<Waiting>& queue = lines_.empty() ? others_ : lines_;
        next = std::move(queue.front());
        queue.pop_front();
      }
      next.answer(look_up(next.query));
    }
    disconnect();
  }

  // A connection that died while nobody asked shows itself at the next question, which is then asked once more.
  Answer look_up(const Query& query) {
    std::string reason;
    for (int attempts = 0; attempts < 2; ++attempts) {
      const bool fresh = !connection_;
      try {
        if (fresh) connect();
        const Patience patience{connection_->sock(), options_.statement_timeout};
        pqxx::work transaction{*connection_};
        return std::visit([&](const auto& each) -> Answer { return read(transaction, each); }, query);
      } catch (const std::exception& error) {
        disconnect();
        reason = error.what();
        if (fresh) break;
      }
    }
    return answer::Failed{reason};
  }

  void connect() {
    connection_ = std::make_unique<pqxx::connection>(connection_words(options_.connection, "deskd-reader"));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    // Otherwise libpqxx makes a new connection behind our back, without the settings below and our patience.
    connection_->inhibit_reactivation(true);
#pragma GCC diagnostic pop
    const Patience patience{connection_->sock(), options_.statement_timeout};
    {
      std::lock_guard lock{mutex_};
      socket_ = connection_->sock();
    }
    quiet_.emplace(*connection_);
    pqxx::nontransaction{*connection_}.exec(session_settings(options_.statement_timeout) +
                                            "; set default_transaction_read_only = on");
    prepare(*connection_);
  }

  void disconnect() {
    std::lock_guard lock{mutex_};
    socket_ = -1;
    quiet_.reset();
    connection_.reset();
  }

  const ReaderOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_{};
  int socket_{-1};
  std::deque<Waiting> lines_;
  std::deque<Waiting> others_;
  std::unique_ptr<pqxx::connection> connection_;
  std::optional<pqxx::quiet_errorhandler> quiet_;  // libpqxx would print notices; what matters comes as an exception
  std::thread reader_;
};

Reader::Reader(ReaderOptions options) : thread_{std::make_unique<Thread>(std::move(options))} {}
Reader::~Reader() = default;
void Reader::ask(Query query, std::function<void(Answer)> answer) { thread_->ask(std::move(query), std::move(answer)); }

}  // namespace deskd
