// websocket.hpp - One upgraded connection: whole messages in, frames out. Nothing of Beast shows here.
//
//        Arrival ──> WebSocket ──> Reader::on_message      a whole message, at most message_bytes_max
//                        │    └──> Reader::on_control      a ping, a pong, a crumb of a message, a read of nothing: for a rate limit
//                        │    └──> Reader::on_gone         the last word: the socket is closed
//        send() ─────────┘
//
// What is sent is collected in the loop's turn and leaves as one send(). A peer that does not read makes send() say
// false; the owner decides what then. Broken frames, bad UTF-8 and messages too long are answered here with the close
// code of RFC 6455, and end in on_gone.
//
// It lives on its loop's thread. No call makes a Reader's function run before it returns. A Reader may destroy its
// WebSocket in on_message and in on_gone; nothing is called any more then, and the socket closes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "server/session/arrival.hpp"
#include "server/session/loop.hpp"

namespace deskd {

// A parser may read so far beyond a message's end; simdjson wants 64.
inline constexpr std::size_t message_padding{64};

class WebSocket {
 public:
  class Reader {
   public:
    // `text` has message_padding readable bytes behind it and is gone when this returns.
    virtual void on_message(std::string_view text, bool binary) = 0;
    virtual void on_control() = 0;
    virtual void on_gone() = 0;

   protected:
    ~Reader() = default;
  };

  struct Limits {
    // What an order confirmation with a hundred articles needs, twice over.
    std::size_t message_bytes_max{64 * 1024};
    // Bytes that wait for one reader: half a minute of a busy agent's chats. Beyond it the reader is not one.
    std::size_t outbox_bytes_max{256 * 1024};
    std::string_view subprotocol{"deskd.v1"};  // empty: none
  };

  // Answers the upgrade and begins to read. Null: the socket was gone already.
  static std::unique_ptr<WebSocket> open(Loop& loop, Arrival& arrival, const Limits& limits, Reader& reader);
  ~WebSocket();

  // A text frame. False: the outbox is full, and this message was not taken. True after the end, where it goes nowhere.
  [[nodiscard]] bool send(std::string_view text) { return send(text, false); }
  [[nodiscard]] bool send(std::string_view payload, bool binary);

  // Says why, lets what was sent before leave first, and waits for the peer's answer; on_gone follows. Whoever calls it
  // bounds the wait with drop(). A second call does nothing.
  void close(std::uint16_t code, std::string_view reason);

  // Ends it at once. on_gone follows.
  void drop();

  std::size_t outbox_bytes() const;

 private:
  class Impl;
  explicit WebSocket(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace deskd
