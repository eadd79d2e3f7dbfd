// The front door: every refusal is an answer, slow and many requests keep nobody out, and pages are pages.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <deque>

#include "tests/unit/session/echo.hpp"
#include "tests/unit/session/raw_client.hpp"

namespace deskd::test {
namespace {

constexpr const char* protocol = "Sec-WebSocket-Protocol: deskd.v1\r\n";

int status_of(Echo& echo, const std::string& request) {
  RawClient client{echo.port()};
  client.send(request);
  const int status = client.status();
  EXPECT_TRUE(client.ended()) << request.substr(0, 100);
  return status;
}

std::string upgrade(const std::string& path, const std::string& fields) {
  return "GET " + path + " HTTP/1.1\r\nHost: desk.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + fields +
         "\r\n";
}
const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const std::string version = "Sec-WebSocket-Version: 13\r\n";

TEST(Listener, answers_what_it_refuses) {
  Echo echo;
  const std::string door = "/v1/shops/shop/buyer";
  EXPECT_EQ(status_of(echo, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 404);
  EXPECT_EQ(status_of(echo, "nonsense\r\n\r\n"), 400);
  EXPECT_EQ(status_of(echo, "GET " + door + " HTTP/1.1\r\nHost: x\r\n\r\n"), 426);
  EXPECT_EQ(status_of(echo, "POST " + door + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 400);
  EXPECT_EQ(status_of(echo, upgrade(door, key + "Sec-WebSocket-Version: 12\r\n" + protocol)), 426);
  EXPECT_EQ(status_of(echo, upgrade(door, version + protocol)), 400);
  EXPECT_EQ(status_of(echo, upgrade(door, "Sec-WebSocket-Key: short\r\n" + version + protocol)), 400);
  EXPECT_EQ(status_of(echo, upgrade(door, key + version)), 400) << "no subprotocol offered";
  EXPECT_EQ(status_of(echo, upgrade(door, key + version + protocol + "Content-Length: 5\r\n")), 400);
  EXPECT_EQ(status_of(echo, upgrade("/v1/shops/nowhere/buyer", key + version + protocol)), 404);
  EXPECT_EQ(status_of(echo, upgrade("/v1/shops/leaving/buyer", key + version + protocol)), 503);
  EXPECT_EQ(status_of(echo, upgrade("/v1/shops/Sh%6Fp/buyer", key + version + protocol)), 404);
  EXPECT_EQ(status_of(echo, upgrade(door, key + version + protocol + "Origin: https://evil.example\r\n")), 403);
  EXPECT_EQ(status_of(echo, "GET " + door +
                                " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"),
            400);
}

// Goal: a browser with a shop's many cookies gets in or gets an answer, never a bare reset.
TEST(Listener, takes_large_cookies_and_answers_larger_ones) {
  Echo echo;
  for (const std::size_t size : {1u, 2u, 4u, 8u, 15u}) {
    RawClient client{echo.port()};
    client.ask("/v1/shops/shop/buyer", protocol + ("Cookie: a=" + std::string(size * 1024, 'c') + "\r\n"));
    EXPECT_EQ(client.status(), 101) << size;
    client.send(text("in"));
    EXPECT_EQ(client.read_frame().payload, "in") << size;
  }
  for (const std::size_t size : {16u, 24u, 32u, 256u}) {
    RawClient client{echo.port()};
    client.ask("/v1/shops/shop/buyer", protocol + ("Cookie: a=" + std::string(size * 1024, 'c') + "\r\n"));
    EXPECT_EQ(client.status(), 431) << size;
    EXPECT_TRUE(client.ended()) << size;
    // A reset may take the answer with it; on Linux only who goes on sending sees that there was one.
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    EXPECT_TRUE(client.send("more")) << size << ": was reset";
  }
}

// Goal: half a request costs its sender the connection, and nobody else a login.
// Method: more half requests than may be read at once; then a whole one.
TEST(Listener, ends_the_oldest_half_request) {
  ListenerOptions options;
  options.requests_max = 16;
  Echo echo{options};
  std::deque<RawClient> slow;
  for (int i = 0; i < 64; ++i) {
    slow.emplace_back(echo.port());
    ASSERT_TRUE(slow.back().send("GET /v1/shops/shop/buyer HTTP/1.1\r\nHost:"));
  }
  RawClient quick{echo.port()};
  quick.ask("/v1/shops/shop/buyer");
  EXPECT_EQ(quick.status(), 101);
  EXPECT_TRUE(slow.front().ended());
  EXPECT_GE(echo.listener().counters().timed_out, 64u - 16u);
}

// Goal: five seconds are for a whole request, however it is cut. Method: half a header; and a header that is whole only
// after three seconds, with half a body behind it.
TEST(Listener, ends_a_half_request_in_time) {
  Echo echo{{}, {}, [](HttpRequest, Reply reply) { reply({}); }};
  const auto began = std::chrono::steady_clock::now();
  const auto seconds = [began] {
    return std::chrono::duration<double>{std::chrono::steady_clock::now() - began}.count();
  };
  RawClient head{echo.port()}, body{echo.port()};
  head.send("GET / HTTP/1.1\r\nHo");
  body.send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Le");
  std::this_thread::sleep_for(std::chrono::seconds{3});
  body.send("ngth: 4\r\n\r\nbo");
  EXPECT_TRUE(head.ended());
  EXPECT_TRUE(body.ended());
  EXPECT_GT(seconds(), 4.5);
  EXPECT_LT(seconds(), 7.5);
  EXPECT_EQ(echo.listener().counters().timed_out, 2u);
}

// Goal: without descriptors accepting pauses and goes on by itself; who is inside is unharmed; staff still get in.
// Method: the process's limit is lowered to a few above what is open, buyers take all they may, then an agent comes.
TEST(Listener, keeps_descriptors_for_staff) {
  ListenerOptions options;
  options.admission.descriptors = 256;
  options.admission.descriptors_for_staff = 128;
  Echo echo{options};
  std::deque<RawClient> buyers;
  int in = 0, refused = 0;
  for (int i = 0; i < 80; ++i) {
    buyers.emplace_back(echo.port());
    buyers.back().ask("/v1/shops/shop/buyer");
    const int status = buyers.back().status();
    (status == 101 ? in : refused) += 1;
    if (status != 101) { EXPECT_EQ(status, 503); }
  }
  EXPECT_GT(in, 10);
  EXPECT_GT(refused, 10);
  RawClient agent{echo.port()};
  agent.ask("/v1/desks/desk/agent");
  EXPECT_EQ(agent.status(), 101);
  buyers.front().send(text("unharmed"));
  EXPECT_EQ(buyers.front().read_frame().payload, "unharmed");
}

// Goal: connections that never sign in cannot fill the server by the door of staff.
TEST(Listener, bounds_strangers_at_the_staff_door) {
  ListenerOptions options;
  options.admission.descriptors_for_staff = 16;
  Echo echo{options};
  std::deque<RawClient> strangers;
  for (int i = 0; i < 4; ++i) {
    strangers.emplace_back(echo.port());
    strangers.back().ask("/v1/ops");
    EXPECT_EQ(strangers.back().status(), 101);
  }
  RawClient next{echo.port()};
  next.ask("/v1/desks/desk/agent");
  EXPECT_EQ(next.status(), 429);
  RawClient buyer{echo.port()};
  buyer.ask("/v1/shops/shop/buyer");
  EXPECT_EQ(buyer.status(), 101);
}

TEST(Listener, pauses_without_descriptors_and_recovers) {
  Echo echo;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int next = ::dup(0);
  ::close(next);
  RawClient inside{echo.port()};
  inside.ask("/v1/shops/shop/buyer");
  ASSERT_EQ(inside.status(), 101);
  // Room for the clients of this test, and none for what the listener would accept.
  std::deque<RawClient> waiting;
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(next + 2 + 4);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(echo.port());
    if (waiting.back().connected()) waiting.back().ask("/v1/shops/shop/buyer");
  }
  while (echo.listener().counters().paused == 0) std::this_thread::yield();
  inside.send(text("unharmed"));
  EXPECT_EQ(inside.read_frame().payload, "unharmed");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  RawClient after{echo.port()};
  after.ask("/v1/shops/shop/buyer");
  EXPECT_EQ(after.status(), 101);
  EXPECT_LT(echo.listener().counters().paused, 100u) << "a busy loop";
}

// Goal: what a client wrote itself is never believed, also when the proxy's word comes in a line of its own.
TEST(Listener, reads_every_line_of_forwarded_addresses) {
  ListenerOptions options;
  options.trusted_proxies.push_back(*Network::parse("127.0.0.0/8"));
  Echo echo{options, {}, [](const HttpRequest& request, const Reply& reply) {
              HttpAnswer given;
              given.body = request.peer;
              reply(given);
            }};
  RawClient client{echo.port()};
  client.send("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 8.8.8.8, 7.7.7.7\r\n\r\n");
  const std::string answer = client.answer();
  EXPECT_TRUE(answer.ends_with("\r\n7.7.7.7")) << answer;
}

TEST(Listener, serves_pages_and_hands_the_rest_to_its_handler) {
  HttpAnswer page;
  page.type = "text/html";
  page.body = "<p>demo</p>";
  HttpHandler handler = [](HttpRequest request, Reply reply) {
    HttpAnswer given;
    given.status = request.method == "PUT" ? 200 : 405;
    given.body = request.path + "|" + request.query + "|" + request.body + "|" + request.authorization;
    // From another thread, as an answer that had to ask a shard comes.
    std::thread{[reply, given] { reply(given); }}.detach();
  };
  Echo echo{{}, {}, handler, {{"/demo", page}}};
  {
    RawClient client{echo.port()};
    client.send("GET /demo?shop=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string answer = client.answer();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_TRUE(answer.ends_with("<p>demo</p>")) << answer;
  }
  {
    RawClient client{echo.port()};
    client.send("PUT /admin/v1/x?a=b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Length: 4\r\n\r\nbody");
    EXPECT_TRUE(client.answer().ends_with("/admin/v1/x|a=b|body|Bearer t"));
  }
  EXPECT_EQ(status_of(echo, "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n"), 413);
  EXPECT_EQ(status_of(echo, "POST /demo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 405);
}

}  // namespace
}  // namespace deskd::test
