// forecast.hpp - How long the wait will be, honestly: a range from what the queue did lately, or nothing.
//
// A queue keeps the moments of its last seatings. With n chats ahead, n + 1 more seatings must happen; if they come
// independently at the pace seen, the time to the k-th is a sum of k such gaps, and its median and its 90th percentile
// follow. A pace from before a long silence is yesterday's, so the silence since the last seating counts as a gap.
#pragma once

#include <array>
#include <optional>

#include "server/desk/limits.hpp"

namespace deskd {

struct WaitRange {
  Duration p50{}, p90{};
};

class Forecast {
 public:
  void seated(Instant now);
  // Nothing when too little has been seen to be honest.
  std::optional<WaitRange> range(std::int32_t ahead, Instant now) const;

 private:
  std::array<Instant, limits::forecast_samples> seatings_{};  // a ring
  std::size_t count_{};                                       // ever seen
};

}  // namespace deskd
