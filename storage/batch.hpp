// batch.hpp - Records on their way to the database: copied once, in order, into memory that is used again.
//
//        append(step) ──> [ tail batch ] ··· [ batch ] [ oldest batch ] ──take()──> one transaction
//                              ^                                                          │
//                              └───────────────── empty batches <──── give_back() ────────┘
//
// A batch is one transaction. A step is never split over two, so that what is recovered is a state between steps. While
// one batch commits the next one gathers; when the database is away they queue up. Nothing here knows a thread, a lock,
// a clock or SQL: the writer has those.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "protocol/ids.hpp"
#include "storage/records.hpp"

namespace deskd {

// Records whose texts live in one buffer of the batch. Once a batch has been full, lines and facts cost it no
// allocation.
class Batch {
 public:
  // What one desk has in here. A desk stands in a batch under one epoch.
  struct Share {
    DeskId desk;
    Epoch epoch;
    Position last;
  };

  // False: it does not fit (rows_max, bytes_max, another epoch of the desk), and nothing was copied. An empty batch
  // takes any step, however large.
  bool append(std::span<const Record> step, std::size_t rows_max, std::size_t bytes_max);

  // Takes out what this desk has in here under this epoch or an older one.
  void drop(DeskId desk, Epoch epoch);
  void clear();

  const std::vector<Record>& records() const { return records_; }
  const std::vector<Share>& shares() const { return shares_; }
  bool empty() const { return records_.empty(); }
  std::size_t bytes() const { return bytes_; }  // as the backlog counts them: heads and texts

 private:
  Share* share_of(DeskId desk);

  std::vector<Record> records_;
  std::vector<char> text_;  // never grows while it holds text: the records' views point into it
  std::vector<Share> shares_;
  std::size_t bytes_{};
};

// What a record adds to a backlog's bytes.
std::size_t bytes_of(const Record& record);

// The batches that wait, and when the next one may go.
class Gathering {
 public:
  struct Limits {
    std::size_t rows_max;
    std::size_t bytes_max;
    std::chrono::nanoseconds pace;
  };
  explicit Gathering(Limits limits) : limits_{limits} {}

  void append(std::span<const Record> step);
  void drop(DeskId desk, Epoch epoch);

  // How long the oldest batch should still gather, given how long ago the last commit began. 0: take it now. A full one
  // goes at once, and so does the first after a pause: only under load is anybody made to wait, and then for `pace` at
  // most, because a commit costs the same for one row as for a hundred.
  std::chrono::nanoseconds wait(std::chrono::nanoseconds since_last_began) const;

  std::unique_ptr<Batch> take();  // the oldest; null when there is none
  void give_back(std::unique_ptr<Batch> batch);

  bool empty() const { return waiting_.empty(); }
  std::size_t batches() const { return waiting_.size(); }
  std::size_t rows() const { return rows_; }
  std::size_t bytes() const { return bytes_; }

 private:
  Limits limits_;
  std::deque<std::unique_ptr<Batch>> waiting_;  // oldest first; none of them is empty
  std::vector<std::unique_ptr<Batch>> spare_;
  std::size_t rows_{};
  std::size_t bytes_{};
};

}  // namespace deskd
