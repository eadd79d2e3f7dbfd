#include "server/desk/calendar.hpp"

#include <algorithm>
#include <charconv>

#include "server/desk/assert.hpp"

namespace deskd {
namespace {

constexpr std::int64_t minute_ms{60'000};
constexpr std::int64_t day_min{1440};
constexpr std::int64_t day_ms{day_min * minute_ms};
// 1970 began on a Thursday; weeks here begin on Monday.
constexpr std::int64_t weekday_of_day_0{3};

std::int64_t day_of(std::int64_t local) { return local >= 0 ? local / day_ms : -((day_ms - 1 - local) / day_ms); }

std::size_t weekday_of(std::int64_t day) { return static_cast<std::size_t>(((day + weekday_of_day_0) % 7 + 7) % 7); }

std::int64_t day_of_date(std::string_view date) {
  DESK_ASSERT(date.size() == 10 && date[4] == '-' && date[7] == '-');
  const auto number = [&](std::size_t from, std::size_t size) {
    unsigned value{};
    const char* end = date.data() + from + size;
    const auto read = std::from_chars(date.data() + from, end, value);
    DESK_ASSERT(read.ptr == end && read.ec == std::errc{});
    return value;
  };
  const std::chrono::year_month_day day{std::chrono::year{static_cast<int>(number(0, 4))},
                                        std::chrono::month{number(5, 2)}, std::chrono::day{number(8, 2)}};
  DESK_ASSERT(day.ok());
  return std::chrono::sys_days{day}.time_since_epoch().count();
}

}  // namespace

Calendar::Calendar(const policy::Calendar& policy) : always_open_{policy.week.empty()}, offsets_{policy.offsets} {
  if (always_open_) return;
  DESK_ASSERT(policy.week.size() == week_.size() && !offsets_.empty());
  DESK_ASSERT(std::ranges::is_sorted(offsets_, {}, &policy::Offset::from_ms));

  std::vector<std::pair<std::int64_t, const std::vector<policy::Span>*>> holidays;
  for (const policy::Holiday& holiday : policy.holidays)
    holidays.emplace_back(day_of_date(holiday.date), &holiday.open);
  std::ranges::stable_sort(holidays, {}, [](const auto& holiday) { return holiday.first; });

  // How many days after its own the longest span still reaches into.
  std::int64_t reach{0};
  const auto stretch_reach = [&](const std::vector<policy::Span>& spans) {
    for (const policy::Span& span : spans) {
      DESK_ASSERT(span.from_min >= 0 && span.from_min < span.to_min);
      reach = std::max(reach, (span.to_min - 1) / day_min);
    }
  };
  for (const auto& spans : policy.week) stretch_reach(spans);
  for (const auto& holiday : holidays) stretch_reach(*holiday.second);

  // What is open of one day: its own spans and what earlier days left over, cut to the day and joined.
  const auto merge = [&](std::int64_t day, bool with_holidays) {
    Day open;
    for (std::int64_t back = 0; back <= reach; ++back) {
      const std::vector<policy::Span>* spans = &policy.week[weekday_of(day - back)];
      if (with_holidays) {
        const auto holiday = std::ranges::find(holidays, day - back, [](const auto& each) { return each.first; });
        if (holiday != holidays.end()) spans = holiday->second;
      }
      for (const policy::Span& span : *spans) {
        const std::int64_t from = std::max((span.from_min - back * day_min) * minute_ms, std::int64_t{0});
        const std::int64_t to = std::min((span.to_min - back * day_min) * minute_ms, day_ms);
        if (from < to) open.push_back({from, to});
      }
    }
    std::ranges::sort(open, {}, &Stretch::from);
    Day joined;
    for (const Stretch& next : open) {
      if (!joined.empty() && next.from <= joined.back().to) joined.back().to = std::max(joined.back().to, next.to);
      else joined.push_back(next);
    }
    return joined;
  };

  constexpr std::int64_t some_monday{4};
  for (std::size_t weekday = 0; weekday < week_.size(); ++weekday)
    week_[weekday] = merge(some_monday + static_cast<std::int64_t>(weekday), false);
  for (const auto& holiday : holidays)
    for (std::int64_t day = holiday.first; day <= holiday.first + reach; ++day)
      if (dated_.empty() || dated_.back().day < day) dated_.push_back({day, merge(day, true)});
}

const Calendar::Day& Calendar::open_on(std::int64_t day) const {
  const auto dated = std::ranges::lower_bound(dated_, day, {}, &Dated::day);
  return dated != dated_.end() && dated->day == day ? dated->open : week_[weekday_of(day)];
}

std::size_t Calendar::row_at(std::int64_t wall) const {
  const auto after = std::ranges::upper_bound(offsets_, wall, {}, &policy::Offset::from_ms);
  return after == offsets_.begin() ? 0 : static_cast<std::size_t>(after - offsets_.begin()) - 1;
}

std::int64_t Calendar::row_end(std::size_t row) const {
  return row + 1 < offsets_.size() ? offsets_[row + 1].from_ms : INT64_MAX;
}

// The first stretch of open wall time that ends after `wall`, cut to begin no earlier. Stretches end at local midnights
// and at offset rows even where the shop stays open.
std::optional<Calendar::Stretch> Calendar::open_from(std::int64_t wall) const {
  const std::int64_t give_up = wall + horizon.count();
  for (std::size_t row = row_at(wall); wall < give_up; ++row) {
    const std::int64_t offset = std::int64_t{offsets_[row].offset_s} * 1000;
    const std::int64_t end = row_end(row);
    for (std::int64_t day = day_of(wall + offset); wall < std::min(end, give_up); ++day) {
      const std::int64_t midnight = day * day_ms - offset;
      for (const Stretch& open : open_on(day)) {
        const Stretch cut{std::max(midnight + open.from, wall), std::min(midnight + open.to, end)};
        if (cut.from < cut.to) return cut.from < give_up ? std::optional{cut} : std::nullopt;
      }
      wall = midnight + day_ms;
    }
    wall = end;
  }
  return std::nullopt;
}

bool Calendar::open_at(Instant at, std::int64_t wall_ms) const {
  if (always_open_) return true;
  const std::int64_t wall = ms_of(at) + wall_ms;
  const std::int64_t local = wall + std::int64_t{offsets_[row_at(wall)].offset_s} * 1000;
  const std::int64_t day = day_of(local);
  return std::ranges::any_of(
      open_on(day), [in = local - day * day_ms](const Stretch& open) { return open.from <= in && in < open.to; });
}

std::optional<Instant> Calendar::opens_after(Instant at, std::int64_t wall_ms) const {
  if (always_open_) return at;
  const auto open = open_from(ms_of(at) + wall_ms);
  if (!open) return std::nullopt;
  return instant_of(open->from - wall_ms);
}

std::optional<Instant> Calendar::closes_after(Instant at, std::int64_t wall_ms) const {
  if (always_open_) return std::nullopt;
  const std::int64_t from = ms_of(at) + wall_ms;
  std::int64_t wall = from;
  while (wall - from < horizon.count()) {
    const auto open = open_from(wall);
    if (!open || open->from > wall) return instant_of(wall - wall_ms);
    wall = open->to;
  }
  return std::nullopt;
}

Duration Calendar::open_between(Instant from, Instant to, std::int64_t wall_ms) const {
  if (to <= from) return Duration{0};
  if (always_open_) return to - from;
  const std::int64_t end = ms_of(to) + wall_ms;
  std::int64_t wall = ms_of(from) + wall_ms;
  std::int64_t sum{0};
  while (wall < end) {
    const auto open = open_from(wall);
    if (!open || open->from >= end) break;
    sum += std::min(open->to, end) - open->from;
    wall = open->to;
  }
  return Duration{sum};
}

std::optional<Instant> Calendar::add_open(Instant at, Duration open, std::int64_t wall_ms) const {
  if (open <= Duration{0}) return at;
  if (always_open_) return at + open;
  std::int64_t wall = ms_of(at) + wall_ms;
  for (std::int64_t left = open.count();;) {
    const auto next = open_from(wall);
    if (!next) return std::nullopt;
    if (left <= next->to - next->from) return instant_of(next->from + left - wall_ms);
    left -= next->to - next->from;
    wall = next->to;
  }
}

Instant Calendar::end_of_local_day(Instant at, std::int64_t wall_ms) const {
  const std::int64_t wall = ms_of(at) + wall_ms;
  if (offsets_.empty()) return instant_of((day_of(wall) + 1) * day_ms - wall_ms);
  std::size_t row = row_at(wall);
  const auto offset = [&] { return std::int64_t{offsets_[row].offset_s} * 1000; };
  const std::int64_t midnight = (day_of(wall + offset()) + 1) * day_ms;  // local
  // A row may end before this midnight comes, and the next may begin with it already past.
  std::int64_t from = wall;
  while (midnight - offset() >= row_end(row)) from = row_end(row++);
  return instant_of(std::max(midnight - offset(), from) - wall_ms);
}

}  // namespace deskd
