// Goal: whoever is banned stays so while a token could live, however many come after. Method: names chosen so that the
// order of the alphabet and the order of time are opposite.
#include "server/shard/banned.hpp"

#include <gtest/gtest.h>

namespace deskd {
namespace {

constexpr Instant start{instant_of(1'800'000'000'000)};
const Banned::Person agent{"", "07"};

TEST(Banned, is_for_as_long_as_a_token_can_live) {
  Banned banned;
  banned.add(agent, start);
  EXPECT_TRUE(banned.holds(agent, start + banned_for - Duration{1}));
  EXPECT_FALSE(banned.holds(agent, start + banned_for));
  EXPECT_FALSE(banned.holds({"lamps", "07"}, start)) << "another person";
  banned.add(agent, start + Duration{10});
  EXPECT_TRUE(banned.holds(agent, start + banned_for)) << "banned again";
  banned.add({"", "08"}, start + banned_for);
  EXPECT_TRUE(banned.holds(agent, start + banned_for));
  EXPECT_EQ(banned.size(), 2u);
}

TEST(Banned, lifted_is_as_if_never_banned_and_may_be_banned_again) {
  Banned banned;
  banned.add(agent, start);
  banned.lift(agent);
  banned.lift({"", "nobody"});
  EXPECT_FALSE(banned.holds(agent, start));
  banned.add(agent, start + Duration{5});
  EXPECT_TRUE(banned.holds(agent, start + Duration{5}));
  banned.add({"", "08"}, start + banned_for);
  EXPECT_TRUE(banned.holds(agent, start + banned_for)) << "by the second, which the first one's end does not end";
}

TEST(Banned, at_the_bound_the_oldest_is_forgotten) {
  Banned banned;
  banned.add({"lamps", "zzz"}, start);
  banned.add(agent, start + Duration{1});
  for (std::size_t i = 0; i + 1 < banned_max; ++i) banned.add({"lamps", std::to_string(i)}, start + Duration{2});
  EXPECT_EQ(banned.size(), banned_max);
  EXPECT_FALSE(banned.holds({"lamps", "zzz"}, start + Duration{2}));
  EXPECT_TRUE(banned.holds(agent, start + Duration{2}));
}

}  // namespace
}  // namespace deskd
