// random.hpp - The one source of chance in a simulated world: a seed in, everything else follows.
#pragma once

#include <cmath>
#include <cstdint>

#include "protocol/ids.hpp"

namespace deskd::simulation {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // splitmix64
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // 0 <= n < bound
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most - least + 1)));
  }
  bool chance(double p) { return static_cast<double>(next() >> 11) * 0x1.0p-53 < p; }
  // People's pauses: most short, some long.
  Duration pause(Duration mean) {
    const double u = (static_cast<double>(next() >> 11) + 1) * 0x1.0p-53;
    return Duration{static_cast<std::int64_t>(-std::log(u) * static_cast<double>(mean.count()))} + Duration{1};
  }
  CommandId id() { return {next(), next() | 1}; }

 private:
  std::uint64_t state_;
};

}  // namespace deskd::simulation
