// reader.hpp - Looks up what is no longer in memory: earlier transcripts, old lines of a long chat, old chats whole.
//
//        shard ── ask(query, answer) ──> [ bounded queue ] ──> reader thread, its own connection ──> PostgreSQL
//          │                                                        │
//          └<────────────── answer(Page | Chat | Failed) ──────────┘  on the reader's thread: post it to a mailbox
//
// Nothing here decides who may read what: the desk has checked that before it asks. Reading never stands in the way of
// writing: another thread, another connection, and a queue that refuses rather than grows.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/ids.hpp"
#include "storage/stored.hpp"

namespace deskd::query {

// Earlier chats of a buyer, newest first, those before `before` (0: from the newest). Main stream only. `before_seq`: that
// chat too, its lines before this one.
struct History {
  DeskId desk;
  std::string shop;  // empty: every shop of the desk
  std::string buyer;
  ChatId before;
  Seq before_seq;
};

// Lines with a seq in (after, until], ascending.
struct Lines {
  DeskId desk;
  ChatId chat;
  Stream stream{};
  Seq after;
  Seq until;
};

// A chat that has ended, with all that was said in it. Of this buyer of this shop; both empty: of the desk.
struct Chat {
  DeskId desk;
  ChatId chat;
  std::string shop;
  std::string buyer;
};

}  // namespace deskd::query

namespace deskd::answer {

struct HistoryChat {
  ChatId chat;
  std::string shop;
  Instant opened;
  std::optional<Instant> closed;
  std::vector<stored::Line> lines;  // ascending; those of a chat that fits on no page are its newest
  std::vector<stored::Deed> deeds;  // of those lines
};
// `more`: ask again with `before` = the last chat given here, and `before_seq` = its first line.
struct History {
  std::vector<HistoryChat> chats;
  bool more{};
};

// `more`: ask again with `after` = the last seq given here.
struct Lines {
  std::vector<stored::Line> lines;
  std::vector<stored::Deed> deeds;  // of those lines, by seq
  bool more{};
};

// One that is torn (see stored::is_torn) is not given.
struct Chat {
  std::optional<stored::Chat> chat;
  std::optional<ChatId> torn;
};

// The database is away or too slow, or the queue was full. The session is told to ask again later.
struct Failed {
  std::string reason;  // for the log
};

}  // namespace deskd::answer

namespace deskd {

using Query = std::variant<query::History, query::Lines, query::Chat>;
using Answer = std::variant<answer::History, answer::Lines, answer::Chat, answer::Failed>;

// A page stays well under what a session's outbox may hold, also when JSON doubles its bytes; at least one line always
// fits.
inline constexpr std::size_t page_bytes_max{64 * 1024};
inline constexpr std::size_t page_lines_max{500};
inline constexpr std::size_t page_chats_max{10};

struct ReaderOptions {
  std::string connection;
  // Queries that wait; those for a session's lines go first, and the others may fill half of it. A page takes a few
  // milliseconds, so more than this is seconds of waiting: refuse and say so.
  std::size_t queue_max{256};
  // What takes longer is given up: nobody looks at the page any more. PostgreSQL keeps it for a statement, and the reader
  // for all of a question, because a server that hangs keeps nothing.
  std::chrono::milliseconds statement_timeout{5'000};
};

class Reader {
 public:
  explicit Reader(ReaderOptions options);
  ~Reader();  // what still waits is answered Failed
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Any thread. `answer` is called exactly once, on the reader's thread, or, when the queue is full, at once on the
  // caller's with Failed. It must neither block nor throw.
  void ask(Query query, std::function<void(Answer)> answer);

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace deskd
