// calendar.hpp - When a shop is open, as arithmetic on instants.
//
//   instant + wall offset = wall time      wall time + offset row = local time      local time in a span = open
//
// The policy says the week in local minutes; which instants those are changes with the zone's offset rows, so opening
// is asked of the local reading of an instant and of nothing else. In the hour that comes twice both passes are open or
// both are closed; the hour that is skipped is nobody's. A span that passes midnight belongs to the day it began on:
// the night shift before a holiday works on into it, and a holiday's own spans may pass its midnight.
//
// Every function takes desk time and gives desk time. `wall_ms` is wall clock minus desk time, as the last
// event::WallOffset said it; an answer holds for that offset and is asked for again when it moves. A calendar is made
// once per policy version and never changes. Always open costs a comparison; the rest is a lookup of the day and a walk
// over its spans.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/policy.hpp"

namespace deskd {

class Calendar {
 public:
  // Searches end here: a year and a day sees every yearly opening. A shop that stays closed so long never opens.
  static constexpr Duration horizon{std::chrono::hours{24 * 366}};

  // Always open, in UTC.
  Calendar() = default;
  // The policy has been validated: dates exist, spans have from < to, offset rows ascend.
  explicit Calendar(const policy::Calendar& policy);

  bool always_open() const { return always_open_; }
  bool open_at(Instant at, std::int64_t wall_ms) const;

  // The first instant, `at` or later, at which the shop is open; none when never within the horizon.
  std::optional<Instant> opens_after(Instant at, std::int64_t wall_ms) const;
  // The first instant, `at` or later, at which the shop is closed; none when it is open all through the horizon.
  std::optional<Instant> closes_after(Instant at, std::int64_t wall_ms) const;

  // Open time in [from, to); zero when `to` is not later.
  Duration open_between(Instant from, Instant to, std::int64_t wall_ms) const;

  // The first instant at which `open` of open time has passed since `at`: the deadline of a clock that is paused while
  // the shop is closed. Nothing to wait for gives `at`. None when a year passes without an opening.
  std::optional<Instant> add_open(Instant at, Duration open, std::int64_t wall_ms) const;

  // The first instant that has a later local date than `at`.
  Instant end_of_local_day(Instant at, std::int64_t wall_ms) const;

 private:
  // Half-open, in milliseconds: of wall time, or of a local day from its midnight.
  struct Stretch {
    std::int64_t from;
    std::int64_t to;
  };
  using Day = std::vector<Stretch>;  // what is open of one local day; ascending, apart
  struct Dated {
    std::int64_t day;
    Day open;
  };

  const Day& open_on(std::int64_t day) const;
  std::size_t row_at(std::int64_t wall) const;
  std::int64_t row_end(std::size_t row) const;
  std::optional<Stretch> open_from(std::int64_t wall) const;

  bool always_open_{true};
  std::array<Day, 7> week_;              // Monday first, with what the day before left over
  std::vector<Dated> dated_;             // days that a holiday touches, ascending
  std::vector<policy::Offset> offsets_;  // the first row holds for all time before it too
};

}  // namespace deskd
