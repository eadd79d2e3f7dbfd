// bucket.hpp - How fast one session may talk: a bucket of tokens that fills with time.
//
// Each message takes one. Whoever finds the bucket empty is told to wait; whoever goes on all the same is flooding, and
// is let go. Being refused counts up, being served counts down, so that a client a little too fast is slowed for ever
// and one that does not listen is gone within a second or two. Whoever was refused and then waits as told has listened:
// what came before was one burst, sent before the first refusal could be heard, and counts no more.
#pragma once

#include <algorithm>
#include <cstdint>

#include "protocol/ids.hpp"

namespace deskd {

struct Rate {
  std::int32_t burst{};
  std::int32_t per_second{};
};

class Bucket {
 public:
  // More refusals than this, with the served ones taken off, is nobody who waits when told.
  static constexpr std::int32_t refusals_max{50};

  // Takes one at `now`; false: there is none.
  bool take(Instant now, Rate rate) {
    if (now - at_ >= Duration{wait_ms(rate)}) refusals_ = 0;
    if (!begun_) {
      begun_ = true;
      tokens_ = std::int64_t{rate.burst} * unit;
    } else {
      tokens_ = std::min(std::int64_t{rate.burst} * unit, tokens_ + (now - at_).count() * rate.per_second);
    }
    at_ = now;
    if (tokens_ < unit) {
      ++refusals_;
      return false;
    }
    tokens_ -= unit;
    refusals_ = std::max(0, refusals_ - 1);
    return true;
  }

  bool is_flooding() const { return refusals_ > refusals_max; }

  // How long one takes to come: who waits so long is served, and who goes on at that pace always is.
  static std::int32_t wait_ms(Rate rate) {
    const std::int32_t per_second = std::max(1, rate.per_second);
    return (1000 + per_second - 1) / per_second;
  }

 private:
  static constexpr std::int64_t unit{1000};  // thousandths, so that a millisecond of one a second is a whole number
  std::int64_t tokens_{};
  Instant at_{};
  std::int32_t refusals_{};
  bool begun_{};
};

}  // namespace deskd
