// buffered_socket.hpp - The layer below Beast's WebSocket: a socket whose writes are collected and sent once a turn.
//
//      our own frames ── append() ────────┐
//      Beast's pong and close ─ write ────┴─> out_ ── flush(): at the end of the turn, or at flush_bytes ──> send()
//
// A write completes when its bytes are in the buffer, so Beast never waits; what bounds the buffer is append()'s
// answer. Beast writes a control frame in one call, so frames never mix. Reads go straight to the socket.
//
// Only websocket.cpp includes this: it is a template parameter of Beast's stream, not something to hold.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include "server/session/loop.hpp"

namespace deskd {

// So much is sent without waiting for the end of the turn: one send() of this size costs no more per byte than a
// larger.
inline constexpr std::size_t flush_bytes{16 * 1024};

class BufferedSocket final : public Loop::Outbox {
 public:
  // The concrete executor: no type-erased one on the path of a message.
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
  using executor_type = Socket::executor_type;
  using next_layer_type = Socket;

  BufferedSocket(Loop& loop, Socket socket, std::size_t bytes_max, std::string early)
      : loop_{loop}, socket_{std::move(socket)}, bytes_max_{bytes_max}, early_{std::move(early)} {}
  ~BufferedSocket() { loop_.forget(*this); }

  executor_type get_executor() { return socket_.get_executor(); }
  Socket& next_layer() { return socket_; }
  const Socket& next_layer() const { return socket_; }

  // Whoever keeps this alive; a wait for the socket holds it.
  void owned_by(std::weak_ptr<void> owner) { owner_ = std::move(owner); }
  // Called before every read. Beast may read on and on before it says anything to its caller.
  void at_read(std::function<void()> hook) { at_read_ = std::move(hook); }
  // The handshake's answer has been written: from here on every write is one frame.
  void frames_only() { frames_only_ = true; }
  // After a close frame nothing may be said.
  bool shut() const { return shut_; }
  std::size_t pending() const { return out_.size() - sent_; }

  // Takes one frame of ours. False: there was no room for it, and it was not taken.
  bool append(std::string_view head, std::string_view body) {
    if (shut_) return true;
    if (pending() + head.size() + body.size() > bytes_max_) return false;
    put(head);
    put(body);
    flush_soon();
    return true;
  }

  void flush() override {
    if (waiting_ || pending() == 0) return;
    boost::system::error_code error;
    const std::size_t sent = socket_.write_some(boost::asio::buffer(out_.data() + sent_, pending()), error);
    ++loop_.counters().sends;
    loop_.counters().bytes_sent += sent;
    sent_ += sent;
    if (error && error != boost::asio::error::would_block) return drop();
    if (pending() == 0) return release();
    wait();
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    if (at_read_) at_read_();
    // Beast asks with two halves of its ring, of which the second is nearly always empty; one is a plain recv().
    const boost::asio::mutable_buffer first{*boost::asio::buffer_sequence_begin(buffers)};
    if (early_.empty() && first.size() > 0) return socket_.async_read_some(first, std::forward<Token>(token));
    if (early_.empty()) return socket_.async_read_some(buffers, std::forward<Token>(token));
    boost::system::error_code error;
    const std::size_t taken = read_some(buffers, error);
    boost::asio::post(get_executor(), boost::beast::bind_front_handler(std::forward<Token>(token), error, taken));
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    boost::system::error_code error;
    const std::size_t taken = write_some(buffers, error);
    boost::asio::post(get_executor(), boost::beast::bind_front_handler(std::forward<Token>(token), error, taken));
  }

  // The handshake is answered with the blocking forms; neither ever blocks.
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code& error) {
    if (early_.empty()) return socket_.read_some(buffers, error);
    const std::size_t taken = boost::asio::buffer_copy(buffers, boost::asio::buffer(early_));
    early_.erase(0, taken);
    if (early_.empty()) early_.shrink_to_fit();
    return taken;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    boost::system::error_code error;
    const std::size_t taken = read_some(buffers, error);
    if (error) throw boost::system::system_error{error};
    return taken;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, boost::system::error_code& error) {
    error = {};
    const std::size_t size = boost::asio::buffer_size(buffers);
    // Pongs of a peer that pings and never reads end here.
    if (pending() + size > 2 * bytes_max_) {
      error = boost::asio::error::no_buffer_space;
      return 0;
    }
    if (size == 0) return 0;
    const std::size_t start = pending();
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::const_buffer part{*it};
      put({static_cast<const char*>(part.data()), part.size()});
    }
    constexpr unsigned char close_frame{0x88};
    if (frames_only_ && static_cast<unsigned char>(out_[sent_ + start]) == close_frame) shut_ = true;
    flush_soon();
    return size;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    boost::system::error_code error;
    const std::size_t taken = write_some(buffers, error);
    if (error) throw boost::system::system_error{error};
    return taken;
  }

  // Ends it without a word. A pending read completes with an error.
  void drop() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    shut_ = true;
    if (borrowed_) release();
  }

  // What was written leaves before the socket is shut down; what does not fit the kernel's buffer now is lost, as it is
  // for a peer that broke the protocol and does not read either.
  template <class Handler>
  friend void async_teardown(boost::beast::role_type role, BufferedSocket& socket, Handler&& handler) {
    socket.flush();
    boost::beast::websocket::async_teardown(role, socket.socket_, std::forward<Handler>(handler));
  }
  friend void teardown(boost::beast::role_type role, BufferedSocket& socket, boost::system::error_code& error) {
    socket.flush();
    boost::beast::websocket::teardown(role, socket.socket_, error);
  }

 private:
  void put(std::string_view bytes) {
    if (!borrowed_) {
      out_ = loop_.take_buffer();
      borrowed_ = true;
    } else if (sent_ > flush_bytes && sent_ > out_.size() / 2) {
      out_.erase(0, sent_);
      sent_ = 0;
    }
    out_.append(bytes);
  }

  void flush_soon() {
    if (pending() >= flush_bytes) flush();
    else loop_.flush_later(*this);
  }

  void release() {
    sent_ = 0;
    borrowed_ = false;
    loop_.give_buffer(std::exchange(out_, {}));
  }

  // The peer reads too slowly: go on when the kernel has room again.
  void wait() {
    waiting_ = true;
    socket_.async_wait(Socket::wait_write, [this, keep = owner_.lock()](boost::system::error_code error) {
      waiting_ = false;
      if (!error) flush();
    });
  }

  Loop& loop_;
  Socket socket_;
  std::size_t bytes_max_;
  std::string early_;
  std::string out_;
  std::size_t sent_{};
  std::weak_ptr<void> owner_;
  std::function<void()> at_read_;
  bool borrowed_{};  // out_ came from the loop and goes back to it
  bool waiting_{};
  bool frames_only_{};
  bool shut_{};
};

}  // namespace deskd
