// The wheel against a sorted map that does the same in the plainest way.
#include "server/desk/timers.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <utility>

namespace deskd {
namespace {

constexpr std::int64_t day_ms{86'400'000};

// What the wheel promises, as a map in order of (deadline, arming). A deadline that has passed counts as the instant
// the wheel stands at: the last it fired at, or the last at which it had nothing more.
class Oracle {
 public:
  void arm(std::int64_t timer, std::int64_t due) {
    disarm(timer);
    const Key key{std::max(due, now_), ++armings_};
    by_due_.emplace(key, timer);
    keys_.emplace(timer, key);
  }
  void disarm(std::int64_t timer) {
    const auto at = keys_.find(timer);
    if (at == keys_.end()) return;
    by_due_.erase(at->second);
    keys_.erase(at);
  }
  // The timer that fires next at `now`, or -1.
  std::int64_t fire(std::int64_t now) {
    if (by_due_.empty() || by_due_.begin()->first.first > now) {
      now_ = now;
      return -1;
    }
    const auto [key, timer] = *by_due_.begin();
    now_ = key.first;
    disarm(timer);
    return timer;
  }
  bool empty() const { return by_due_.empty(); }
  std::int64_t first() const { return by_due_.begin()->first.first; }
  bool armed(std::int64_t timer) const { return keys_.contains(timer); }

 private:
  using Key = std::pair<std::int64_t, std::uint64_t>;
  std::map<Key, std::int64_t> by_due_;
  std::map<std::int64_t, Key> keys_;
  std::int64_t now_{0};
  std::uint64_t armings_{0};
};

// Goal: whatever is armed, moved and disarmed, also by what fires, the same timers fire in the same order at the same
// calls as in the oracle, and next() never promises a later instant than the first deadline.
// Method: random worlds; spans from a millisecond to years, so that every level is used; jumps of days; many equal
// deadlines; deadlines in the past; the wheel starts at 1970 as after a recovery.
TEST(Timers, FiresAsASortedMapWould) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random{seed};
    const auto below = [&](std::int64_t end) {
      return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(end));
    };
    Timers wheel;
    Oracle oracle;
    std::deque<Timer> timers;
    for (std::int64_t i = 0; i < 1 + below(300); ++i) timers.emplace_back(std::uint8_t{0}, i);
    std::int64_t now = 1'790'000'000'000 + below(day_ms);

    const auto some_due = [&]() -> std::int64_t {
      switch (below(8)) {
        case 0: return now - below(100'000);
        case 1: return now;
        case 2: return now + below(4);
        case 3: return now + below(200);
        case 4: return now + below(200'000);
        case 5: return now + below(3 * day_ms);
        case 6: return now + below(4000 * day_ms);
        default: return (now / 1000 + 1) * 1000;  // many at one instant
      }
    };
    const auto change_one = [&] {
      Timer& timer = timers[static_cast<std::size_t>(below(static_cast<std::int64_t>(timers.size())))];
      if (below(4) == 0) {
        wheel.disarm(timer);
        oracle.disarm(timer.owner);
      } else {
        const std::int64_t due = some_due();
        wheel.arm(timer, instant_of(due));
        oracle.arm(timer.owner, due);
        ASSERT_EQ(timer.due(), instant_of(due));
      }
    };

    for (int round = 0; round < 400; ++round) {
      for (std::int64_t i = below(6); i > 0; --i) change_one();
      const auto next = wheel.next();
      if (!oracle.empty()) {
        ASSERT_TRUE(next.has_value());
        ASSERT_LE(ms_of(*next), oracle.first());
      }
      switch (below(6)) {
        case 0: break;
        case 1: now += below(3); break;
        case 2: now += below(5000); break;
        case 3: now += below(10 * day_ms); break;
        case 4:
          if (next) now = std::max(now, ms_of(*next));
          break;
        default:
          if (!oracle.empty()) now = std::max(now, oracle.first());
      }
      for (;;) {
        Timer* fired = wheel.fire(instant_of(now));
        const std::int64_t expected = oracle.fire(now);
        ASSERT_EQ(fired == nullptr ? -1 : fired->owner, expected) << "round " << round;
        if (fired == nullptr) break;
        ASSERT_FALSE(fired->armed());
        ASSERT_LE(ms_of(fired->due()), now) << "early";
        for (std::int64_t i = below(3); i > 0; --i) change_one();
      }
      for (const Timer& timer : timers) ASSERT_EQ(timer.armed(), oracle.armed(timer.owner));
    }
  }
}

// Goal: a host that knows nothing but next() misses no deadline and does not spin. Method: wake at next() only; each
// wake must either fire or make next() later, and the timer fires on its millisecond.
TEST(Timers, AHostThatWakesAtNextIsInTime) {
  Timers wheel;
  EXPECT_EQ(wheel.next(), std::nullopt);
  EXPECT_EQ(wheel.fire(instant_of(1'790'000'000'123)), nullptr);
  std::int64_t now = 1'790'000'000'123;
  for (const std::int64_t after : {std::int64_t{1}, std::int64_t{63}, std::int64_t{64}, std::int64_t{4096},
                                   std::int64_t{600'000}, 3 * day_ms, 900 * day_ms}) {
    Timer timer{7, 42};
    const std::int64_t due = now + after;
    wheel.arm(timer, instant_of(due));
    int wakes = 0;
    for (;;) {
      const auto next = wheel.next();
      ASSERT_TRUE(next.has_value());
      ASSERT_GT(ms_of(*next), now);
      now = ms_of(*next);
      ++wakes;
      if (Timer* fired = wheel.fire(*next)) {
        EXPECT_EQ(fired, &timer);
        EXPECT_EQ(fired->purpose, 7);
        EXPECT_EQ(now, due);
        break;
      }
    }
    EXPECT_LE(wakes, 7) << "one a level at most";
    EXPECT_EQ(wheel.next(), std::nullopt);
  }
}

// Goal: an owner that goes takes its timers with it, ready or not, and a wheel that goes leaves its timers unarmed.
TEST(Timers, OwnersAndWheelMayGoInAnyOrder) {
  auto wheel = std::make_unique<Timers>();
  auto gone_before = std::make_unique<Timer>(std::uint8_t{1}, 1);
  auto gone_ready = std::make_unique<Timer>(std::uint8_t{1}, 2);
  Timer first{1, 3};
  Timer stays{1, 4};
  const Instant at = instant_of(1'790'000'000'000);
  wheel->arm(first, at);
  wheel->arm(*gone_ready, at);
  wheel->arm(*gone_before, at);
  wheel->arm(stays, at);
  gone_before.reset();
  EXPECT_EQ(wheel->fire(at), &first);
  gone_ready.reset();
  EXPECT_EQ(wheel->fire(at), &stays);
  EXPECT_EQ(wheel->fire(at), nullptr);
  wheel->arm(stays, at + Duration{5000});
  wheel->arm(first, at);
  wheel.reset();
  EXPECT_FALSE(stays.armed());
  EXPECT_FALSE(first.armed());
}

// Goal: a timer beyond the wheel's reach waits instead of firing at once.
TEST(Timers, NeverIsLate) {
  Timers wheel;
  Timer never{1, 1};
  wheel.arm(never, Instant::max());
  EXPECT_EQ(wheel.fire(instant_of(1'790'000'000'000)), nullptr);
  EXPECT_EQ(wheel.fire(instant_of(1'790'000'000'000 + 30'000 * day_ms)), nullptr);
  EXPECT_TRUE(never.armed());
}

TEST(TimersDeathTest, TimeNeverGoesBack) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Timers wheel;
  wheel.fire(instant_of(2000));
  EXPECT_DEATH(wheel.fire(instant_of(1999)), "never so");
}

}  // namespace
}  // namespace deskd
