// Raw frames against the session's WebSocket: what RFC 6455 asks for, what a hostile peer may try, and the limits.
#include <gtest/gtest.h>

#include "tests/unit/session/echo.hpp"
#include "tests/unit/session/raw_client.hpp"

namespace deskd::test {
namespace {

class Peer : public RawClient {
 public:
  explicit Peer(Echo& echo, int receive_buffer = 0) : RawClient{echo.port(), receive_buffer} {
    EXPECT_TRUE(ask("/v1/shops/shop/buyer"));
    const std::string head = answer();
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
    EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos) << head;
    EXPECT_NE(head.find("Sec-WebSocket-Protocol: deskd.v1"), std::string::npos) << head;
  }
};

TEST(WebSocket, echoes_text_in_every_width_of_length) {
  Echo echo;
  Peer peer{echo};
  for (const std::size_t size : {0u, 1u, 125u, 126u, 255u, 256u, 257u, 1536u, 5000u, 65535u, 65536u}) {
    const std::string said(size, 'x');
    ASSERT_TRUE(peer.send(text(said)));
    const Frame got = peer.read_frame();
    EXPECT_EQ(got.opcode, 1) << size;
    EXPECT_EQ(got.payload, said) << size;
  }
}

// Goal: a message longer than the limit ends the session with 1009 however its length comes about, and takes no memory.
TEST(WebSocket, refuses_a_message_above_the_limit) {
  Echo echo;
  const std::string most(64 * 1024, 'x');
  {
    Peer peer{echo};
    peer.send(text(most + "x"));
    EXPECT_EQ(peer.read_frame().close_code(), 1009);
  }
  for (const std::uint64_t claimed : {std::uint64_t{1} << 62, (std::uint64_t{1} << 63) + 5}) {
    Peer peer{echo};
    peer.send(frame(1, "x", true, true, 0, claimed));
    EXPECT_EQ(peer.read_frame().close_code(), 1009) << claimed;
  }
  {
    Peer peer{echo};
    peer.send(frame(1, most, false));
    peer.send(frame(0, "x"));
    EXPECT_EQ(peer.read_frame().close_code(), 1009);
  }
}

TEST(WebSocket, closes_on_broken_frames) {
  Echo echo;
  struct Case {
    const char* what;
    std::string bytes;
    int code;
  };
  const Case cases[]{
      {"unmasked", frame(1, "hello", true, false), 1002},
      {"reserved bit without an extension", frame(1, "hello", true, true, 4), 1002},
      {"reserved opcode", frame(3, "hello"), 1002},
      {"reserved control opcode", frame(11, ""), 1002},
      {"ping longer than 125", frame(9, std::string(126, 'p')), 1002},
      {"ping in parts", frame(9, "p", false), 1002},
      {"a part of nothing", frame(0, "x"), 1002},
      {"a message inside a message", frame(1, "a", false) + frame(1, "b"), 1002},
      {"bad UTF-8", text("\xc3\x28"), 1007},
      {"a surrogate in UTF-8", text("\xed\xa0\x80"), 1007},
      {"UTF-8 that ends in the middle", text("\xe4\xbd"), 1007},
      {"UTF-8 that is overlong", text("\xc0\xaf"), 1007},
      {"a close code nobody may send", frame(8, std::string{"\x03\xed", 2}), 1002},
      {"a close of one byte", frame(8, "x"), 1002},
  };
  for (const Case& wrong : cases) {
    Peer peer{echo};
    ASSERT_TRUE(peer.send(wrong.bytes));
    const Frame got = peer.read_frame();
    EXPECT_EQ(got.opcode, 8) << wrong.what;
    EXPECT_EQ(got.close_code(), wrong.code) << wrong.what;
    EXPECT_TRUE(peer.ended()) << wrong.what;
  }
}

TEST(WebSocket, joins_parts_with_a_ping_in_between) {
  Echo echo;
  Peer peer{echo};
  peer.send(frame(1, "\xe4\xbd", false) + frame(9, "are you there") + frame(0, "\xa0\xe5\xa5", false) +
            frame(0, "\xbd"));
  const Frame pong = peer.read_frame();
  EXPECT_EQ(pong.opcode, 10);
  EXPECT_EQ(pong.payload, "are you there");
  const Frame got = peer.read_frame();
  EXPECT_EQ(got.opcode, 1);
  EXPECT_EQ(got.payload, "你好");
}

// Goal: 60,000 one-byte parts are one message still, and each is told to whoever counts.
TEST(WebSocket, counts_crumbs_and_pings) {
  Echo echo;
  Peer peer{echo};
  constexpr int crumbs{60'000};
  std::string bytes = frame(1, "x", false);
  for (int i = 2; i < crumbs; ++i) bytes += frame(0, "x", false);
  bytes += frame(0, "x");
  for (int i = 0; i < 100; ++i) bytes += frame(9, "");
  ASSERT_TRUE(peer.send(bytes));
  EXPECT_EQ(peer.read_frame().payload.size(), static_cast<std::size_t>(crumbs));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(peer.read_frame().opcode, 10);
  // The first is free, the last ends the message, and one that fills the buffer is not told from a piece that the
  // buffer cut; that happens once a doubling.
  constexpr int doublings{8};
  EXPECT_GE(echo.controls, crumbs - 2 - doublings + 100);
}

// Bug: empty parts of a message end no read of Beast's, so a peer could send them for ever and nobody counted.
// Goal: what is read and brings nothing is told to whoever counts. Method: a read brings at most 1536 bytes.
TEST(WebSocket, counts_reads_that_bring_nothing) {
  Echo echo;
  Peer peer{echo};
  std::string bytes = frame(1, "", false);
  for (int i = 0; i < 60'000; ++i) bytes += frame(0, "", false);
  ASSERT_TRUE(peer.send(bytes + frame(0, "x")));
  EXPECT_EQ(peer.read_frame().payload, "x");
  constexpr int free_reads{20};
  EXPECT_GE(echo.controls, static_cast<int>(bytes.size() / 1536) - free_reads);
  // A message in proper pieces is none of that, however long.
  echo.controls = 0;
  const std::string long_one(64 * 1024, 'x');
  peer.send(text(long_one));
  EXPECT_EQ(peer.read_frame().payload, long_one);
  EXPECT_EQ(echo.controls, 0);
}

// Bug: after our close Beast read on for as long as the peer had something to say.
// Goal: it is let go, and what it still sends is refused. Method: more than its kernel and ours hold; nobody drops it.
TEST(WebSocket, reads_only_so_much_after_its_close) {
  Echo echo;
  Peer peer{echo};
  peer.send(text("close 4000"));
  EXPECT_EQ(peer.read_frame().close_code(), 4000);
  std::string mebibyte;
  for (int i = 0; i < 16; ++i) mebibyte += text(std::string(64 * 1024, 'x'));
  int taken = 0;
  while (taken < 64 && peer.send(mebibyte)) ++taken;
  EXPECT_LT(taken, 64);
}

TEST(WebSocket, answers_a_close_and_says_its_own) {
  Echo echo;
  {
    Peer peer{echo};
    peer.send(frame(8, std::string{"\x03\xe8", 2}));
    EXPECT_EQ(peer.read_frame().close_code(), 1000);
    EXPECT_TRUE(peer.ended());
  }
  {
    Peer peer{echo};
    peer.send(text("before") + text("close 4000") + text("after"));
    EXPECT_EQ(peer.read_frame().payload, "before");
    EXPECT_EQ(peer.read_frame().close_code(), 4000);
    peer.send(frame(8, std::string{"\x0f\xa0", 2}));
    EXPECT_TRUE(peer.ended());
  }
  for (int i = 0; i < 1000 && echo.open > 0; ++i) std::this_thread::yield();
}

// Goal: one send() for what one turn produced. Method: a hundred answers to one message; the loop counts its sends.
TEST(WebSocket, sends_a_turn_at_once) {
  Echo echo;
  Peer peer{echo};
  const std::uint64_t before = echo.loop_counters().sends;
  peer.send(text("repeat 100"));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(peer.read_frame().payload, "repeat 100");
  EXPECT_EQ(echo.loop_counters().sends - before, 1u);
}

// Goal: a peer that asks and never reads costs its bound and is then told off, while another is served.
// Method: the peer's window is small and it asks for 16 MiB; the owner of the session drops it when send() says false.
TEST(WebSocket, bounds_what_waits_for_a_slow_reader) {
  Echo echo;
  Peer slow{echo, 4096};
  const std::string much = "repeat 1000" + std::string(16'000, ' ');
  slow.send(text(much));
  Peer other{echo};
  other.send(text("still here"));
  EXPECT_EQ(other.read_frame().payload, "still here");
  while (slow.read_frame().opcode == 1) {}
  EXPECT_EQ(echo.overflows, 1);
}

// Goal: a peer that reads, however slowly, gets every byte in order.
TEST(WebSocket, delivers_everything_to_a_reader_behind_its_window) {
  WebSocket::Limits limits;
  limits.outbox_bytes_max = 8 * 1024 * 1024;
  Echo echo{{}, limits};
  Peer peer{echo, 4096};
  const std::string much = "repeat 300" + std::string(16'000, ' ');
  peer.send(text(much));
  for (int i = 0; i < 300; ++i) ASSERT_EQ(peer.read_frame().payload, much);
  peer.send(text("and on"));
  EXPECT_EQ(peer.read_frame().payload, "and on");
}

TEST(WebSocket, reads_what_came_behind_the_request) {
  Echo echo;
  RawClient peer{echo.port()};
  peer.send(
      "GET /v1/shops/shop/buyer HTTP/1.1\r\nHost: desk.test\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Protocol: deskd.v1\r\n\r\n" +
      text("early") + text("bird"));
  EXPECT_TRUE(peer.answer().starts_with("HTTP/1.1 101 "));
  EXPECT_EQ(peer.read_frame().payload, "early");
  EXPECT_EQ(peer.read_frame().payload, "bird");
}

}  // namespace
}  // namespace deskd::test
