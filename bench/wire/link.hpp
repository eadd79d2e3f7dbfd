// link.hpp - One WebSocket connection of a load maker, and the loop that thousands of them share.
//
//        dial ──> connecting ──> upgrading ──> open ──> gone
//
// One thread, level-triggered epoll, one recv() a readiness into a buffer that all links share: a link at rest holds no
// buffer of its own. What is said is gathered in `out` and leaves with flush(): one send(), so the caller decides how many
// frames share a packet. A link that dies is told to the loop's user once, with the close code if there was one.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/wire/frame.hpp"

namespace deskd {

using Nanos = std::int64_t;
Nanos steady_nanos();

class Loop;

class Link {
 public:
  enum class State : std::uint8_t { gone, connecting, upgrading, open };

  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

  State state() const { return state_; }
  bool open() const { return state_ == State::open; }

  // Queues a text frame. Nothing leaves before flush().
  void say(std::string_view text) { append_client_frame(out_, Opcode::text, text); }
  // One send() of all that is queued. What the socket does not take stays and leaves when it is writable again.
  void flush();
  void say_now(std::string_view text) {
    say(text);
    flush();
  }
  // A clean goodbye (close frame), then the socket is closed.
  void hang_up();
  // The socket is cut as a lost line would be: no close frame.
  void cut();
  // Stops or resumes reading: a frozen reader is a client that keeps its socket and does not read.
  void freeze(bool frozen);
  bool frozen() const { return frozen_; }

  std::uint64_t tag{};  // the user's: which buyer or agent this is

 private:
  friend class Loop;
  void close_socket();

  Loop* loop_{};
  int fd_{-1};
  State state_{State::gone};
  bool wants_write_{};
  bool frozen_{};
  std::string in_;  // a frame that has not come whole
  std::string out_;
};

struct Endpoint {
  std::uint16_t port{};
  // Links leave from 127.0.1.1 .. 127.0.1.`sources` in turn, so that limits per address see a crowd and not one program.
  std::uint32_t sources{100};
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  std::function<void(Link&)> on_open;
  std::function<void(Link&, std::string_view)> on_text;
  std::function<void(Link&, std::uint16_t code)> on_gone;  // 0: the socket ended without a close frame

  void dial(Link& link, const Endpoint& to, std::string_view path, std::string_view subprotocol);
  // Serves what is ready; waits for at most `wait`. True if anything was ready.
  bool turn(Nanos wait);

  // Called for each link once all frames of one recv() were handed to on_text; answers joined there share one packet.
  std::function<void(Link&)> on_read_done;

 private:
  friend class Link;
  void read(Link& link);
  void end(Link& link, std::uint16_t code);
  void watch(Link& link);

  int epoll_{-1};
  std::uint32_t dialled_{};
  std::vector<char> buffer_;  // with room behind what is read: a JSON parser may look beyond the end
};

}  // namespace deskd
