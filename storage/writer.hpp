// writer.hpp - The thread that writes a desk's records down, and says when they are safe.
//
//        shard ── append(step) ──> [ gathering batch ]──┐       one statement, one round trip, one commit
//        shard ── append(step) ──> [ waiting batches ]──┴─> writer thread ──────────────────────────> PostgreSQL
//          │                                                     │
//          └<── tell(Durable | Refused | Fenced | Health) ───────┘  on the writer's threads: post it to a mailbox
//
// What it promises:
//   - The records of one append() are committed in one transaction (a step is in the database whole or not at all), and
//     a desk's records in the order of their positions. Only a row that PostgreSQL refuses is taken out of its step.
//   - Durable{desk, position} is told after the commit of everything up to `position`, never before, never backwards.
//   - An error of the database loses nothing: what waits stays in memory, in order, and goes in when it can. The outcome
//     of a commit that was cut off is unknown, so the batch is sent again; its keys make the second time harmless.
//   - A desk that another server has taken is fenced in the database itself: none of its later rows go in, Fenced is
//     told once, and what still waits of it is dropped. Other desks of the same batch are not disturbed. Of a desk of
//     which something was stored it is told within seconds, also when nothing more is.
//   - A database that hangs is told as Health within `degraded_after`, although the hung commit still waits for it.
//
// It blocks nobody: append() copies into memory that is used again and takes a lock for that copy alone. Memory is
// bounded by the caller, who sees how far `Durable` is behind what it has appended.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "protocol/ids.hpp"
#include "storage/records.hpp"

namespace deskd::outcome {

// Everything of this desk up to and including `position` is committed.
struct Durable {
  DeskId desk;
  Position position;
};

// The database would not hold this record. A line is stored as kind `refused` under its seq, so that the transcript has
// no gap; a fact as kind `refused`; of a chat or a deed the row is left out. Told before the Durable that passes it.
struct Refused {
  DeskId desk;
  Position position;
  std::string reason;  // PostgreSQL's words, for the log: never the row's own text
};

// Another server has taken the desk under a newer epoch. Nothing appended for it under this epoch is stored any more.
struct Fenced {
  DeskId desk;
  Epoch epoch;
};

// Told when `ok` changes, and once a second while it is false.
struct Health {
  bool ok{};
  std::chrono::milliseconds lasting{};  // how long the oldest commit has been trying; 0 when ok
  std::size_t backlog_bytes{};          // appended and not yet committed
  std::string reason;                   // what the last attempt said; empty when ok or when it just hangs
};

}  // namespace deskd::outcome

namespace deskd {

using Outcome = std::variant<outcome::Durable, outcome::Refused, outcome::Fenced, outcome::Health>;

struct WriterOptions {
  std::string connection;  // libpq's words: "host=... dbname=... user=deskd_server"

  // Most that goes into one transaction. PostgreSQL's cost per row is flat from a few hundred rows on, and a bigger
  // batch only makes the first of its authors wait longer.
  std::size_t rows_max{1000};
  std::size_t bytes_max{1024 * 1024};

  // Under load a commit begins no sooner than this after the last one began, so that it carries many rows for its one
  // flush. After a pause longer than this a commit begins at once: a quiet desk does not wait.
  std::chrono::milliseconds pace{4};

  // A statement that runs longer is cancelled by PostgreSQL and tried again. Far above any honest commit.
  std::chrono::milliseconds statement_timeout{30'000};

  // A commit that has been trying for so long is told as degraded; health must know within 5 s.
  std::chrono::milliseconds degraded_after{2'000};

  // Pause before trying again, doubled after each failure. The last is short because everybody waits for it.
  std::chrono::milliseconds backoff_min{50};
  std::chrono::milliseconds backoff_max{1'000};
};

// What the writer has done so far, for metrics. Reading it is safe from any thread; the numbers are of one moment.
struct WriterCounters {
  std::uint64_t rows{};
  std::uint64_t commits{};
  std::uint64_t retries{};  // failed attempts, unknown outcomes among them
  std::uint64_t refused{};
  std::uint64_t commit_ns{};  // spent in commits, as the writer waited for them
  std::size_t backlog_bytes{};
  std::size_t backlog_rows{};
};

class Writer {
 public:
  // Starts the thread; the connection is made there, so that a database that is away delays nobody. `tell` is called on
  // the writer's own threads (never two at once) and must neither block nor throw.
  Writer(WriterOptions options, std::function<void(const Outcome&)> tell);

  // Ends without waiting for what is not committed (call drain first) and without hanging on a hung database.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Takes the records of one step: one transaction. Any thread; copies all text. A deed follows its line directly.
  void append(std::span<const Record> step);
  void append(const Record& record) { append(std::span{&record, 1}); }

  // This server serves the desk no more under this epoch: what waits of it is dropped, and so is what comes later.
  void forget(DeskId desk, Epoch epoch);

  // Waits until all that was appended before is committed (true) or the time is over (false). Any thread but tell's.
  bool drain(std::chrono::milliseconds most);

  // Nobody wants to wait any more: a drain ends at once. Any thread.
  void give_up();

  WriterCounters counters() const;

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace deskd
