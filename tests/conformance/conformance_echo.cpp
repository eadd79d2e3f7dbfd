// conformance_echo.cpp - Answers every message with itself, through the very sessions that deskd serves with, for
// suites that judge WebSocket implementations. Limits are raised to 16 MiB, because such suites send messages of that
// size.
//
//        conformance_echo [PORT]        listens on 127.0.0.1, any path of a door: ws://127.0.0.1:PORT/v1/ops
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <unordered_map>

#include <boost/asio/signal_set.hpp>

#include "server/session/listener.hpp"
#include "server/session/loop.hpp"
#include "server/session/websocket.hpp"

namespace deskd {
namespace {

constexpr std::size_t message_bytes_max{16 * 1024 * 1024};

class Echo final : public Doors {
 public:
  explicit Echo(Loop& loop) : loop_{loop} {}

  Verdict may_enter(const Door&, std::string_view, std::string_view) override { return Verdict::welcome; }

  void enter(Arrival arrival) override {
    auto guest = std::make_unique<Guest>(*this);
    guest->admitted = std::move(arrival.admitted);
    WebSocket::Limits limits;
    limits.message_bytes_max = message_bytes_max;
    limits.outbox_bytes_max = 2 * message_bytes_max;
    limits.subprotocol = {};
    guest->socket = WebSocket::open(loop_, arrival, limits, *guest);
    if (guest->socket == nullptr) return;
    Guest* key = guest.get();
    guests_.emplace(key, std::move(guest));
  }

 private:
  struct Guest final : WebSocket::Reader {
    explicit Guest(Echo& whose) : echo{whose} {}
    void on_message(std::string_view text, bool binary) override {
      if (!socket->send(text, binary)) socket->drop();
    }
    void on_control() override {}
    void on_gone() override { echo.guests_.erase(this); }
    Echo& echo;
    std::unique_ptr<Admitted> admitted;
    std::unique_ptr<WebSocket> socket;
  };

  Loop& loop_;
  std::unordered_map<Guest*, std::unique_ptr<Guest>> guests_;
};

int run(std::uint16_t port) {
  Loop loop;
  Echo echo{loop};
  ListenerOptions options;
  options.port = port;
  options.subprotocol = {};
  Listener listener{loop, options, &echo, {}};
  listener.start();
  boost::asio::signal_set signals{loop.context(), SIGINT, SIGTERM};
  signals.async_wait([&](boost::system::error_code, int) { loop.stop(); });
  std::printf("ws://127.0.0.1:%u/v1/ops\n", static_cast<unsigned>(listener.port()));
  std::fflush(stdout);
  loop.run();
  return 0;
}

}  // namespace
}  // namespace deskd

int main(int count, char** words) {
  const int port = count > 1 ? std::atoi(words[1]) : 0;
  if (port < 0 || port > 65535) {
    std::fprintf(stderr, "conformance_echo [PORT]\n");
    return 2;
  }
  return deskd::run(static_cast<std::uint16_t>(port));
}
