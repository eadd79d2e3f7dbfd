// The calendar's arithmetic against a shop assistant who looks at the clock on the wall once a minute.
#include "server/desk/calendar.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <random>
#include <string>

namespace deskd {
namespace {

constexpr std::int64_t minute_ms{60'000};
constexpr std::int64_t half_hour_ms{30 * minute_ms};
constexpr std::int64_t hour_ms{2 * half_hour_ms};
constexpr std::int64_t day_ms{24 * hour_ms};

std::int64_t utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  const std::chrono::sys_days date{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)};
  return date.time_since_epoch().count() * day_ms + hour * hour_ms + minute * minute_ms;
}

std::string date_of(std::int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  char text[16];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()));
  return text;
}

// The naive reading: one instant at a time, nothing prepared.
class Oracle {
 public:
  explicit Oracle(const policy::Calendar& policy) : policy_{policy} {}

  std::int64_t local(std::int64_t wall) const {
    std::int64_t offset_s = policy_.offsets.front().offset_s;
    for (const auto& row : policy_.offsets)
      if (row.from_ms <= wall) offset_s = row.offset_s;
    return wall + offset_s * 1000;
  }
  std::int64_t day(std::int64_t wall) const {
    const std::int64_t at = local(wall);
    return (at - ((at % day_ms) + day_ms) % day_ms) / day_ms;
  }
  bool open(std::int64_t wall) const {
    const std::int64_t today = day(wall);
    const std::int64_t minute = (local(wall) - today * day_ms) / minute_ms;
    for (std::int64_t back = 0; back < 4; ++back)
      for (const auto& span : spans(today - back))
        if (span.from_min <= minute + back * 1440 && minute + back * 1440 < span.to_min) return true;
    return false;
  }

 private:
  const std::vector<policy::Span>& spans(std::int64_t day) const {
    for (const auto& holiday : policy_.holidays)
      if (holiday.date == date_of(day)) return holiday.open;
    return policy_.week[static_cast<std::size_t>(((day + 3) % 7 + 7) % 7)];
  }
  const policy::Calendar& policy_;
};

// Compares every function over `minutes` from `wall`, asked in desk time that is `wall_ms` behind the wall.
void compare(const policy::Calendar& policy, std::int64_t wall, std::int64_t minutes, std::int64_t wall_ms,
             std::mt19937_64& random) {
  const Calendar calendar{policy};
  const Oracle oracle{policy};
  const auto desk = [&](std::int64_t at) { return instant_of(at - wall_ms); };
  const auto below = [&](std::int64_t end) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(end));
  };

  // The look at the clock, each minute; and its sum so far.
  std::vector<bool> open;
  std::vector<std::int64_t> sum{0};
  for (std::int64_t i = 0; i < minutes; ++i) {
    open.push_back(oracle.open(wall + i * minute_ms));
    sum.push_back(sum.back() + (open.back() ? minute_ms : 0));
  }
  const auto naive_sum = [&](std::int64_t at) {
    const auto i = static_cast<std::size_t>((at - wall) / minute_ms);
    return sum[i] + (i < open.size() && open[i] ? (at - wall) % minute_ms : 0);
  };
  // The first minute from `at` that is (not) open, or that instant itself; -1 when none in sight.
  const auto naive_first = [&](std::int64_t at, bool wanted) -> std::int64_t {
    for (auto i = static_cast<std::size_t>((at - wall) / minute_ms); i < open.size(); ++i)
      if (open[i] == wanted) return std::max(at, wall + static_cast<std::int64_t>(i) * minute_ms);
    return -1;
  };

  for (int i = 0; i < 60; ++i) {
    const std::int64_t from = wall + (below(4) == 0 ? below(minutes) * minute_ms : below(minutes * minute_ms));
    const std::int64_t to = from + below(wall + minutes * minute_ms - from + 1);
    SCOPED_TRACE(testing::Message() << "wall " << from << " to " << to);
    ASSERT_EQ(calendar.open_at(desk(from), wall_ms), oracle.open(from));
    ASSERT_EQ(calendar.open_between(desk(from), desk(to), wall_ms).count(), naive_sum(to) - naive_sum(from));

    const auto opens = calendar.opens_after(desk(from), wall_ms);
    if (const std::int64_t expected = naive_first(from, true); expected >= 0) {
      ASSERT_EQ(opens, desk(expected));
    } else if (opens) {
      ASSERT_GE(*opens, desk(wall + minutes * minute_ms));
    }
    const auto closes = calendar.closes_after(desk(from), wall_ms);
    if (const std::int64_t expected = naive_first(from, false); expected >= 0) {
      ASSERT_EQ(closes, desk(expected));
    } else if (closes) {
      ASSERT_GE(*closes, desk(wall + minutes * minute_ms));
    }

    // The deadline after some open time: the first instant at which the sum has grown so far.
    const std::int64_t wait = below(3) == 0 ? below(30'000) : below(3 * day_ms);
    const auto due = calendar.add_open(desk(from), Duration{wait}, wall_ms);
    if (naive_sum(wall + minutes * minute_ms) - naive_sum(from) >= wait) {
      ASSERT_TRUE(due.has_value());
      const std::int64_t at = ms_of(*due) + wall_ms;
      ASSERT_EQ(naive_sum(at) - naive_sum(from), wait);
      if (wait == 0) {
        ASSERT_EQ(at, from);
      } else {
        ASSERT_EQ(naive_sum(at - 1) - naive_sum(from), wait - 1) << "not the first such instant";
      }
    } else if (due) {
      ASSERT_GE(*due, desk(wall + minutes * minute_ms));
    }

    const std::int64_t end = ms_of(calendar.end_of_local_day(desk(from), wall_ms)) + wall_ms;
    ASSERT_GT(end, from);
    ASSERT_LE(end, from + 2 * day_ms);
    ASSERT_GT(oracle.day(end), oracle.day(from));
    // Zones change at full half hours in these worlds.
    for (std::int64_t at = from; at < end; at = (at / half_hour_ms + 1) * half_hour_ms)
      ASSERT_LE(oracle.day(at), oracle.day(from));
    ASSERT_LE(oracle.day(end - 1), oracle.day(from));
  }
}

std::vector<policy::Span> some_spans(std::mt19937_64& random) {
  std::vector<policy::Span> spans;
  for (auto i = random() % 4; i > 0; --i) {
    const auto from = static_cast<std::int32_t>(random() % 1440);
    const auto longest = random() % 8 == 0 ? 2800u : 900u;
    spans.push_back({from, from + 1 + static_cast<std::int32_t>(random() % longest)});
  }
  if (random() % 10 == 0) spans.assign({{0, 1440}});
  return spans;
}

// Goal: every function agrees with the look at the clock, whatever the week, the holidays, the zone and the wall
// offset. Method: random calendars; spans overlap, abut, pass one midnight or two; rows jump by half an hour to two
// hours, many of them at or near local midnight; holidays lie next to each other and to night shifts; nine days, minute
// by minute.
TEST(Calendar, AgreesWithALookAtTheClock) {
  for (unsigned seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random{seed};
    const auto below = [&](std::int64_t end) {
      return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(end));
    };
    const std::int64_t start = utc(2026, 3, 1) + below(300) * day_ms;
    policy::Calendar policy;
    for (int day = 0; day < 7; ++day) policy.week.push_back(some_spans(random));
    std::map<std::int64_t, bool> dates;
    for (std::int64_t i = below(5); i > 0; --i) dates[start / day_ms - 1 + below(9)] = true;
    std::vector<std::int64_t> shuffled;
    for (const auto& [day, unused] : dates) shuffled.insert(shuffled.begin(), day);
    for (const std::int64_t day : shuffled)
      policy.holidays.push_back({date_of(day), below(2) == 0 ? std::vector<policy::Span>{} : some_spans(random)});
    std::int32_t offset_s = static_cast<std::int32_t>(below(27) - 12) * 3600;
    policy.offsets.push_back({below(2) == 0 ? 0 : start + 5 * hour_ms, offset_s});
    for (int i = 0; i < 4; ++i) {
      std::int64_t from = policy.offsets.back().from_ms;
      if (from < start) from = start;
      from += 6 * hour_ms + below(60) * hour_ms;
      // Half of them close to a local midnight, where a date can be skipped or come twice.
      if (below(2) == 0) from = (from / day_ms + 1) * day_ms - offset_s * 1000 + (below(5) - 2) * 30 * minute_ms;
      if (from <= policy.offsets.back().from_ms) continue;
      offset_s += (below(2) == 0 ? 1 : -1) * static_cast<std::int32_t>(1 + below(4)) * 1800;
      policy.offsets.push_back({from, offset_s});
    }
    compare(policy, start, 9 * 1440, below(3) == 0 ? 0 : below(7'200'000) - 3'600'000, random);
    if (HasFatalFailure()) return;
  }
}

// Goal: real zones read as their people read them: an hour in New York, midnight in Havana, half an hour on Lord Howe.
TEST(Calendar, ZonesWithSummerTime) {
  const auto zone = [](std::vector<policy::Offset> offsets) {
    policy::Calendar policy;
    policy.week.assign(7, {{9 * 60, 12 * 60}, {22 * 60, 30 * 60}});
    policy.offsets = std::move(offsets);
    return policy;
  };
  const auto new_york = zone({{0, -5 * 3600}, {utc(2026, 3, 8, 7), -4 * 3600}, {utc(2026, 11, 1, 6), -5 * 3600}});
  const auto havana = zone({{0, -5 * 3600}, {utc(2026, 3, 8, 5), -4 * 3600}, {utc(2026, 11, 1, 5), -5 * 3600}});
  const auto lord_howe = zone({{0, 39600}, {utc(2026, 4, 4, 15), 37800}, {utc(2026, 10, 3, 15, 30), 39600}});
  std::mt19937_64 random{5};
  for (const auto* policy : {&new_york, &havana, &lord_howe})
    for (std::size_t row = 1; row < policy->offsets.size(); ++row) {
      SCOPED_TRACE(policy->offsets[row].from_ms);
      compare(*policy, policy->offsets[row].from_ms - 2 * day_ms, 4 * 1440, 0, random);
    }

  // The night shift of 22:00 to 06:00 is an hour shorter in spring and an hour longer in autumn.
  const Calendar calendar{new_york};
  EXPECT_EQ(calendar.open_between(instant_of(utc(2026, 3, 8, 2)), instant_of(utc(2026, 3, 8, 12)), 0),
            std::chrono::hours{7});
  EXPECT_EQ(calendar.open_between(instant_of(utc(2026, 11, 1, 1)), instant_of(utc(2026, 11, 1, 12)), 0),
            std::chrono::hours{9});
}

// Goal: a shop that keeps no hours pays for none of this.
TEST(Calendar, AlwaysOpen) {
  policy::Calendar policy;
  for (const Calendar& calendar : {Calendar{}, Calendar{policy}}) {
    const Instant at = instant_of(utc(2026, 5, 4, 13, 37));
    EXPECT_TRUE(calendar.always_open());
    EXPECT_TRUE(calendar.open_at(at, 5));
    EXPECT_EQ(calendar.opens_after(at, 5), at);
    EXPECT_EQ(calendar.closes_after(at, 5), std::nullopt);
    EXPECT_EQ(calendar.add_open(at, Duration{7}, 5), at + Duration{7});
    EXPECT_EQ(calendar.open_between(at, at + Duration{7}, 5), Duration{7});
    EXPECT_EQ(calendar.open_between(at, at - Duration{7}, 5), Duration{0});
    EXPECT_EQ(calendar.end_of_local_day(at, 0), instant_of(utc(2026, 5, 5)));
    EXPECT_EQ(calendar.end_of_local_day(at, 5), instant_of(utc(2026, 5, 5) - 5));
  }
  policy.offsets.push_back({0, 8 * 3600});  // open always, but it has a date
  EXPECT_EQ(Calendar{policy}.end_of_local_day(instant_of(utc(2026, 5, 4, 16)), 0), instant_of(utc(2026, 5, 5, 16)));
}

// Goal: never is said within the horizon and not after it. Method: a shop open on one day a year, on no day, on all.
TEST(Calendar, NeverAndAlways) {
  policy::Calendar policy;
  policy.week.assign(7, {});
  policy.offsets.push_back({0, 8 * 3600});
  const Instant at = instant_of(utc(2026, 5, 4));
  EXPECT_EQ(Calendar{policy}.opens_after(at, 0), std::nullopt);
  EXPECT_EQ(Calendar{policy}.add_open(at, Duration{1}, 0), std::nullopt);
  EXPECT_EQ(Calendar{policy}.closes_after(at, 0), at);
  EXPECT_EQ(Calendar{policy}.open_between(at, at + std::chrono::hours{24 * 400}, 0), Duration{0});

  policy.holidays.push_back({"2027-05-04", {{480, 481}}});
  EXPECT_EQ(Calendar{policy}.opens_after(at, 0), instant_of(utc(2027, 5, 4)));
  EXPECT_EQ(Calendar{policy}.add_open(at, Duration{60'000}, 0), instant_of(utc(2027, 5, 4, 0, 1)));
  EXPECT_EQ(Calendar{policy}.add_open(at, Duration{60'001}, 0), std::nullopt) << "there is no more open time";
  EXPECT_EQ(Calendar{policy}.opens_after(at - std::chrono::hours{48}, 0), std::nullopt) << "beyond the horizon";

  policy.holidays.clear();
  policy.week.assign(7, {{0, 1440}});
  EXPECT_EQ(Calendar{policy}.closes_after(at, 0), std::nullopt);
  EXPECT_EQ(Calendar{policy}.open_between(at, at + std::chrono::hours{24 * 800}, 0), std::chrono::hours{24 * 800});
}

}  // namespace
}  // namespace deskd
