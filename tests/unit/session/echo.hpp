// echo.hpp - A listener and a thread around sessions that answer every message with itself.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <unordered_map>

#include <boost/asio/post.hpp>

#include "server/session/listener.hpp"
#include "server/session/websocket.hpp"

namespace deskd::test {

class Echo final : public Doors {
 public:
  explicit Echo(ListenerOptions options = {}, WebSocket::Limits limits = {}, HttpHandler handler = {},
                std::map<std::string, HttpAnswer, std::less<>> pages = {})
      : limits_{limits} {
    options.port = 0;
    listener_ = std::make_unique<Listener>(loop_, std::move(options), this, std::move(handler), std::move(pages));
    listener_->start();
    port_ = listener_->port();
    thread_ = std::thread{[this] { loop_.run(); }};
  }
  ~Echo() {
    loop_.stop();
    thread_.join();
    guests_.clear();
  }

  std::uint16_t port() const { return port_; }
  Loop& loop() { return loop_; }
  // As they are now: the loop's thread is asked.
  Loop::Counters loop_counters() {
    std::promise<Loop::Counters> said;
    boost::asio::post(loop_.context(), [&] { said.set_value(loop_.counters()); });
    return said.get_future().get();
  }
  Listener& listener() { return *listener_; }
  Verdict may_enter(const Door& door, std::string_view origin, std::string_view) override {
    if (door.name == "nowhere") return Verdict::unknown;
    if (door.name == "leaving") return Verdict::closed;
    return origin.empty() || origin == "https://shop.example" ? Verdict::welcome : Verdict::forbidden;
  }
  void enter(Arrival arrival) override {
    auto guest = std::make_unique<Guest>(*this);
    guest->admitted = std::move(arrival.admitted);
    guest->socket = WebSocket::open(loop_, arrival, limits_, *guest);
    if (guest->socket == nullptr) return;
    Guest* key = guest.get();
    guests_.emplace(key, std::move(guest));
    ++open;
  }

  std::atomic<int> open{};
  std::atomic<int> gone{};
  std::atomic<int> controls{};
  std::atomic<int> overflows{};

 private:
  struct Guest final : WebSocket::Reader {
    explicit Guest(Echo& whose) : echo{whose} {}
    // "close CODE" closes, "repeat N" answers N times: what a server may do of itself.
    void on_message(std::string_view text, bool binary) override {
      if (text.starts_with("close "))
        return socket->close(static_cast<std::uint16_t>(std::stoi(std::string{text.substr(6)})), "asked");
      int times = 1;
      if (text.starts_with("repeat ")) times = std::stoi(std::string{text.substr(7)});
      for (int i = 0; i < times; ++i) {
        if (socket->send(text, binary)) continue;
        ++echo.overflows;
        return socket->drop();
      }
    }
    void on_control() override { ++echo.controls; }
    void on_gone() override {
      ++echo.gone;
      --echo.open;
      echo.guests_.erase(this);
    }
    Echo& echo;
    std::unique_ptr<Admitted> admitted;
    std::unique_ptr<WebSocket> socket;
  };

  WebSocket::Limits limits_;
  Loop loop_;
  std::unordered_map<Guest*, std::unique_ptr<Guest>> guests_;
  std::unique_ptr<Listener> listener_;
  std::uint16_t port_{};
  std::thread thread_;
};

}  // namespace deskd::test
