// Where desk time begins. That it goes on by the steady clock is plain arithmetic, and integration/wall_clock jumps it.
#include "server/shard/clock.hpp"

#include <gtest/gtest.h>

namespace deskd {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""h;

// Goal: what a new server writes down is later than all that an older one did, also when the wall clock was set back
// meanwhile. Method: a start whose newest stored record lies an hour ahead of the wall clock.
TEST(Clock, StartsAfterAllThatIsStored) {
  const Instant stored = instant_of(Clock::wall_ms()) + 1h;
  const Clock clock{stored};
  EXPECT_GT(clock.now(), stored);
  EXPECT_LT(clock.now(), stored + 60s) << "and no later than it must";
}

TEST(Clock, StartsWithTheWallClockOtherwise) {
  const Instant wall = instant_of(Clock::wall_ms());
  const Clock clock{wall - 1h};
  EXPECT_GE(clock.now(), wall);
  EXPECT_LT(clock.now(), wall + 60s);
}

}  // namespace
}  // namespace deskd
