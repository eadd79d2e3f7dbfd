// The loop's turns, one at a time and without a socket: what waits for the end of one, and that it comes.
#include "server/session/loop.hpp"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

namespace deskd {
namespace {

class Outbox final : public Loop::Outbox {
 public:
  void flush() override { ++flushes; }
  int flushes{};
};

TEST(Loop, sends_an_outbox_once_a_turn_and_after_all_else) {
  Loop loop;
  Outbox outbox;
  int flushes_before_the_end{};
  loop.at_turn_end([&] {
    flushes_before_the_end += outbox.flushes;
    loop.flush_later(outbox);
  });
  for (int i = 0; i < 3; ++i) boost::asio::post(loop.context(), [&] { loop.flush_later(outbox); });
  EXPECT_TRUE(loop.turn());
  EXPECT_EQ(flushes_before_the_end, 0);
  EXPECT_EQ(outbox.flushes, 1);
  boost::asio::post(loop.context(), [&] { loop.flush_later(outbox); });
  EXPECT_TRUE(loop.turn());
  EXPECT_EQ(outbox.flushes, 2) << "the next turn is another";
}

// Goal: under an open load, where something is always ready, what was written leaves all the same. Method: more is
// ready than a turn may do.
TEST(Loop, ends_a_turn_though_more_is_ready) {
  Loop loop;
  Outbox outbox;
  std::size_t ran{};
  for (std::size_t i = 0; i < turn_handlers_max + 3; ++i)
    boost::asio::post(loop.context(), [&] {
      ++ran;
      loop.flush_later(outbox);
    });
  EXPECT_TRUE(loop.turn());
  ASSERT_EQ(ran, turn_handlers_max) << "the next turn would wait for ever";
  EXPECT_EQ(outbox.flushes, 1);
  EXPECT_TRUE(loop.turn());
  EXPECT_EQ(ran, turn_handlers_max + 3);
  EXPECT_EQ(outbox.flushes, 2);
}

}  // namespace
}  // namespace deskd
