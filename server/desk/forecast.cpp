#include "server/desk/forecast.hpp"

#include <algorithm>

namespace deskd {

namespace {

// Integers all the way, so that a replay on another machine says the same.
std::int64_t square_root(std::int64_t n) {
  std::int64_t root = 0;
  while ((root + 1) * (root + 1) <= n) ++root;
  return root;
}

}  // namespace

void Forecast::seated(Instant now) { seatings_[count_++ % seatings_.size()] = now; }

std::optional<WaitRange> Forecast::range(std::int32_t ahead, Instant now) const {
  const std::size_t seen = std::min(count_, seatings_.size());
  if (seen < limits::forecast_samples_min) return std::nullopt;
  const Instant oldest = seatings_[count_ > seatings_.size() ? count_ % seatings_.size() : 0];
  // `seen` gaps: those between the seatings, and the one that is still open.
  const std::int64_t gap_ms = (now - oldest).count() / static_cast<std::int64_t>(seen);
  const std::int64_t k = std::max(ahead, 0) + 1;
  // The sum of k exponential gaps: its median is k - 1/3 of them, its 90th percentile k + 1.28 sqrt(k) + 0.15, both
  // within 6 % for every k.
  const std::int64_t p50_ms = gap_ms * (3 * k - 1) / 3;
  const std::int64_t p90_ms = gap_ms * (1000 * k + 1280 * square_root(10'000 * k) / 100 + 150) / 1000;
  return WaitRange{Duration{p50_ms}, std::max(Duration{p90_ms}, Duration{p50_ms})};
}

}  // namespace deskd
