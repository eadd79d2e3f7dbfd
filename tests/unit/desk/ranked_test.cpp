// The ordered set against std::set.
#include "server/desk/ranked.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace deskd {
namespace {

struct Runner {
  int time{};
  int number{};
  RankedLink<Runner> link{};
};
bool before(const Runner& a, const Runner& b) { return std::pair{a.time, a.number} < std::pair{b.time, b.number}; }
using Set = Ranked<Runner, &Runner::link>;

// Goal: same members, same order, same ranks, whatever comes and goes. Method: random insertions and removals of a
// thousand elements with many equal times; all questions asked of both.
TEST(Ranked, IsAnOrderedSetThatKnowsRanks) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random{seed};
    std::vector<Runner> runners(1000);
    for (int i = 0; i < 1000; ++i) runners[static_cast<std::size_t>(i)].number = i;
    Set set;
    std::set<std::pair<int, int>> expected;
    for (int step = 0; step < 4000; ++step) {
      Runner& one = runners[random() % runners.size()];
      if (one.link.count == 0) {
        one.time = static_cast<int>(random() % 50);
        set.insert(one, static_cast<std::uint64_t>(one.number));
        expected.emplace(one.time, one.number);
      } else {
        set.erase(one);
        expected.erase({one.time, one.number});
        ASSERT_EQ(one.link.count, 0u);
      }
      ASSERT_EQ(set.size(), expected.size());
      ASSERT_EQ(set.empty(), expected.empty());
      ASSERT_EQ(set.first() == nullptr, expected.empty());
      if (!expected.empty()) { ASSERT_EQ(set.first()->number, expected.begin()->second); }
      if (step % 500 != 0) continue;
      std::vector<std::pair<int, int>> walked;
      set.find([&](const Runner& each) {
        walked.emplace_back(each.time, each.number);
        return false;
      });
      ASSERT_TRUE(std::ranges::equal(walked, expected));
      for (const Runner& each : runners) {
        const auto place = expected.lower_bound({each.time, each.number});
        ASSERT_EQ(static_cast<std::ptrdiff_t>(set.ahead_of(each)), std::distance(expected.begin(), place));
      }
    }
  }
}

// Goal: numbers in a row, as ids come, do not make a list of the tree. Method: the depth of 100,000 is a small multiple
// of its logarithm (17).
TEST(Ranked, NumbersInARowStayShallow) {
  std::vector<Runner> runners(100'000);
  Set set;
  for (std::size_t i = 0; i < runners.size(); ++i) {
    runners[i].time = static_cast<int>(i);
    runners[i].number = static_cast<int>(i);
    set.insert(runners[i], i);
  }
  const auto depth = [](const auto& self, const Runner* at) -> int {
    return at == nullptr ? 0 : 1 + std::max(self(self, at->link.left), self(self, at->link.right));
  };
  const auto root = std::ranges::max_element(runners, {}, [](const Runner& each) { return each.link.count; });
  EXPECT_EQ(root->link.count, runners.size());
  EXPECT_LE(depth(depth, &*root), 60);
}

}  // namespace
}  // namespace deskd
