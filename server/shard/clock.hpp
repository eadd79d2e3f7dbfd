// clock.hpp - Where time comes from: the one place of the server that reads a clock for a desk.
//
// Desk time is the wall clock at start plus the steady clock since, and starts no earlier than the newest time that is
// stored, so it never goes back: not when somebody sets the wall clock, and not over a restart. Plain arithmetic over
// two readings made at start; any thread may ask.
#pragma once

#include <algorithm>
#include <chrono>

#include "protocol/ids.hpp"

namespace deskd {

class Clock {
 public:
  explicit Clock(Instant newest_stored)
      : steady_start_{std::chrono::steady_clock::now()},
        start_{std::max(instant_of(wall_ms()), newest_stored + Duration{1})} {}

  // Never early: part of a millisecond has not passed yet.
  Instant now() const {
    return start_ + std::chrono::floor<Duration>(std::chrono::steady_clock::now() - steady_start_);
  }
  // When now() will be `at`.
  std::chrono::steady_clock::time_point steady_at(Instant at) const { return steady_start_ + (at - start_); }

  static std::int64_t wall_ms() {
    return std::chrono::floor<Duration>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  std::int64_t wall_offset_ms() const { return wall_ms() - ms_of(now()); }

 private:
  std::chrono::steady_clock::time_point steady_start_;
  Instant start_;
};

}  // namespace deskd
