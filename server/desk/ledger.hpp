// ledger.hpp - The numbering of records, and what is not yet safe.
//
//      position   1 ........ 7   8 9 10 11 12 ........ 20   21
//                 [ committed ]  [ handed to the writer ]   next
//                             durable()                  newest()
//
// Every record a desk makes gets the next position. Those above the durable one are remembered here with their size and,
// for a line that somebody waits for, with whom to tell. The sum of the sizes is the backlog that overload looks at.
#pragma once

#include <cstddef>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/words.hpp"

namespace deskd {

struct Chat;

class Ledger {
 public:
  // A record on its way. `chat` is set for a line; a chat stays in memory while a line of it is on its way.
  struct Pending {
    Position position;
    std::uint32_t bytes{};
    Stream stream{};
    Seq seq;
    Chat* chat{};
    Instant at;
  };

  void start_at(Position newest);
  // Numbers a record; `pending.position` is filled in.
  Position add(Pending pending);

  Position newest() const { return newest_; }
  Position durable() const { return durable_; }
  std::size_t backlog_bytes() const { return backlog_bytes_; }
  std::size_t backlog_records() const { return size_; }

  // The oldest record not yet durable; null when all are.
  Pending* oldest() { return size_ == 0 ? nullptr : &at(0); }
  // The n-th oldest, n < backlog_records().
  Pending& at(std::size_t n) { return ring_[(first_ + n) & (ring_.size() - 1)]; }
  // Null when it is durable already, or was never made.
  Pending* find(Position position);
  // Takes the oldest one out, because the database has it.
  Pending take_durable();

 private:
  std::vector<Pending> ring_;  // a power of two; grows, and is then used again without allocating
  std::size_t first_{};
  std::size_t size_{};
  std::size_t backlog_bytes_{};
  Position newest_{};
  Position durable_{};
};

}  // namespace deskd
