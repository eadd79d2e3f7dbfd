// handshake.cpp - Any bytes a stranger may send to the front door: a request, and after a good one any frames. The real
// listener and the real WebSocket read them from a real socket; nothing may crash, leak or hang.
//
// An input that begins with '\x01' is put behind a good request, so that the fuzzer need not find one to reach the
// frames.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/session/listener.hpp"
#include "server/session/websocket.hpp"

namespace {

using namespace deskd;

class House final : public Doors {
 public:
  House() {
    ListenerOptions options;
    options.header_bytes_max = 2048;
    listener_ = std::make_unique<Listener>(loop_, options, this, [](HttpRequest request, Reply reply) {
      HttpAnswer answer;
      answer.body = request.path + request.query + request.body;
      reply(std::move(answer));
    });
    listener_->start();
    address_.sin_family = AF_INET;
    address_.sin_port = htons(listener_->port());
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }

  Verdict may_enter(const Door&, std::string_view, std::string_view) override { return Verdict::welcome; }
  void enter(Arrival arrival) override {
    auto guest = std::make_unique<Guest>(*this);
    guest->admitted = std::move(arrival.admitted);
    guest->socket = WebSocket::open(loop_, arrival, {}, *guest);
    if (guest->socket == nullptr) return;
    Guest* key = guest.get();
    guests_.emplace(key, std::move(guest));
  }

  // Sends it all, says that nothing follows, and turns the loop until the other side has ended too.
  void receive(std::string_view bytes) {
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    // The fuzzer's own alarm may interrupt it; asked again, it waits for the same connection.
    while (::connect(client, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0) {
      if (errno == EINTR) continue;
      std::perror("connect");
      std::abort();
    }
    ::fcntl(client, F_SETFL, O_NONBLOCK);
    bool said = false;
    for (int turns = 0; turns < 10'000; ++turns) {
      if (!bytes.empty()) {
        const ssize_t sent = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
        if (sent < 0 && errno != EAGAIN) bytes = {};
      } else if (!said) {
        ::shutdown(client, SHUT_WR);
        said = true;
      }
      loop_.turn();
      char sink[4096];
      const ssize_t got = ::recv(client, sink, sizeof sink, 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) break;
    }
    ::close(client);
    while (!guests_.empty()) loop_.turn();
  }

 private:
  struct Guest final : WebSocket::Reader {
    explicit Guest(House& whose) : house{whose} {}
    void on_message(std::string_view text, bool binary) override {
      if (!socket->send(text, binary)) socket->drop();
    }
    void on_control() override {}
    void on_gone() override { house.guests_.erase(this); }
    House& house;
    std::unique_ptr<Admitted> admitted;
    std::unique_ptr<WebSocket> socket;
  };

  Loop loop_;
  std::unordered_map<Guest*, std::unique_ptr<Guest>> guests_;
  std::unique_ptr<Listener> listener_;
  sockaddr_in address_{};
};

constexpr std::string_view good_request{
    "GET /v1/shops/s/buyer HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
    "13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: deskd.v1\r\n\r\n"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static House house;
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  if (input.starts_with('\x01')) house.receive(std::string{good_request}.append(input.substr(1)));
  else house.receive(input);
  return 0;
}
