// The door between threads, and the clock on the other side of it.
#include "server/shard/mailbox.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "server/shard/clock.hpp"

namespace deskd {
namespace {

// Goal: every letter arrives once, each sender's in order, and far fewer wakings than letters.
// Method: four threads post while the receiver's loop runs.
TEST(Mailbox, keeps_each_senders_order) {
  constexpr int senders{4}, letters{5000};
  struct Letter {
    int from, number;
  };
  boost::asio::io_context loop;
  int next[senders]{};
  int got = 0, times = 0;
  Mailbox<Letter> box{loop,
                      [&](Letter&& letter) {
                        EXPECT_EQ(letter.number, next[letter.from]++);
                        ++got;
                      },
                      [&] { ++times; }};
  std::vector<std::thread> threads;
  for (int from = 0; from < senders; ++from)
    threads.emplace_back([&box, from] {
      for (int number = 0; number < letters; ++number) box.post({from, number});
    });
  const auto work = boost::asio::make_work_guard(loop);
  while (got < senders * letters) loop.run_one();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got, senders * letters);
  EXPECT_LE(times, got);
}

TEST(Mailbox, wakes_once_for_what_lies_there) {
  boost::asio::io_context loop;
  int got = 0, times = 0;
  Mailbox<int> box{loop, [&](int&&) { ++got; }, [&] { ++times; }};
  for (int i = 0; i < 100; ++i) box.post(i);
  EXPECT_EQ(loop.run(), 1u);
  EXPECT_EQ(got, 100);
  EXPECT_EQ(times, 1);
}

TEST(Clock, starts_after_all_that_is_stored_and_never_goes_back) {
  const Instant future = instant_of(Clock::wall_ms()) + Duration{3'600'000};
  const Clock behind{future};
  EXPECT_GT(behind.now(), future);
  EXPECT_LT(behind.wall_offset_ms(), -3'500'000);
  const Clock clock{Instant{}};
  Instant last = clock.now();
  for (int i = 0; i < 10'000; ++i) {
    const Instant now = clock.now();
    ASSERT_GE(now, last);
    last = now;
  }
  // Never early: when the steady clock says it is there, it is.
  const auto steady = std::chrono::steady_clock::now();
  EXPECT_GE(clock.steady_at(clock.now() + Duration{1}), steady);
}

}  // namespace
}  // namespace deskd
