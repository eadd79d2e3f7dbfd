#include "server/session/websocket.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "server/session/buffered_socket.hpp"

namespace deskd {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

namespace {

// What most messages of a chat fit. A longer one grows its session's buffer, and the buffer is given back after a
// message beyond keep_bytes: an idle session is small however long its longest message was.
constexpr std::size_t first_bytes{256};
constexpr std::size_t keep_bytes{2048};

// Pieces of a message smaller than this came in frames of their own: nobody who means well cuts a message so small. The
// first one of a message does not count, because a read may end anywhere.
constexpr std::size_t crumb_bytes{64};

// Reads from the socket for one message or ping: a frame's head that comes byte by byte, and one for each crumb_bytes of
// payload. Empty parts of a message are read without end, and nothing else tells of them.
constexpr std::size_t free_reads_max{16};
// Reads after our close, of at most 1.5 KB each: what was on its way to us. Who goes on all the same is not going to
// answer.
constexpr std::size_t closing_reads_max{1024};

// A server's frame: two bytes, and two or eight more for a long payload; never masked, never in parts.
class FrameHead {
 public:
  FrameHead(std::size_t size, bool binary) {
    bytes_[0] = binary ? '\x82' : '\x81';
    if (size < 126) {
      bytes_[1] = static_cast<char>(size);
      return;
    }
    const int width = size <= 0xffff ? 2 : 8;
    bytes_[1] = width == 2 ? 126 : 127;
    for (int i = 0; i < width; ++i) bytes_[2 + i] = static_cast<char>(size >> (8 * (width - 1 - i)));
    size_ = 2 + width;
  }
  std::string_view view() const { return {bytes_.data(), static_cast<std::size_t>(size_)}; }

 private:
  std::array<char, 10> bytes_{};
  int size_{2};
};

// Where the result of a read is delivered: at once, also where Asio would queue it. A recv() often brings several
// messages; queued, each would wait behind every other session that is ready, and the turn would send their answers one
// by one. Only fit for a handler that keeps its result and returns, as the one below does while a read is being
// started.
class AtOnce {
 public:
  explicit AtOnce(asio::io_context& context) : context_{&context} {}
  template <class Function>
  void execute(Function&& function) const {
    std::decay_t<Function>{std::forward<Function>(function)}();
  }
  asio::io_context& query(asio::execution::context_t) const noexcept { return *context_; }
  AtOnce require(asio::execution::blocking_t::never_t) const noexcept { return *this; }
  [[maybe_unused]] friend bool operator==(const AtOnce&, const AtOnce&) noexcept = default;

 private:
  asio::io_context* context_;
};

}  // namespace

class WebSocket::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Loop& loop, BufferedSocket::Socket socket, std::string early, const Limits& limits, Reader& reader)
      : loop_{loop},
        stream_{loop, std::move(socket), limits.outbox_bytes_max, std::move(early)},
        message_bytes_max_{limits.message_bytes_max},
        reader_{&reader} {
    stream_.read_message_max(limits.message_bytes_max);
    stream_.auto_fragment(false);
    // The shard's own clock watches over every session; Beast's timer would be armed anew at every read.
    stream_.set_option(
        websocket::stream_base::timeout{websocket::stream_base::none(), websocket::stream_base::none(), false});
    grow(first_bytes);
  }

  bool accept(const Arrival& arrival, std::string_view subprotocol) {
    // The listener has read and judged the real request; this one holds what the answer is made from.
    http::request<http::empty_body> request{http::verb::get, "/", 11};
    request.set(http::field::host, "deskd");
    request.set(http::field::connection, "upgrade");
    request.set(http::field::upgrade, "websocket");
    request.set(http::field::sec_websocket_version, "13");
    request.set(http::field::sec_websocket_key, arrival.key);
    stream_.set_option(websocket::stream_base::decorator{[subprotocol](websocket::response_type& response) {
      response.set(http::field::server, "deskd");
      if (!subprotocol.empty())
        response.set(http::field::sec_websocket_protocol, {subprotocol.data(), subprotocol.size()});
    }});
    stream_.next_layer().owned_by(weak_from_this());
    error_code error;
    stream_.accept(request, error);
    // The subprotocol's text is the caller's, and is needed no more.
    stream_.set_option(websocket::stream_base::decorator{[](websocket::response_type&) {}});
    if (error) return false;
    stream_.next_layer().frames_only();
    stream_.next_layer().at_read([this] { on_read(); });
    stream_.control_callback([this](websocket::frame_type kind, beast::string_view) {
      reads_ = 0;
      if (kind != websocket::frame_type::close && reader_ != nullptr) reader_->on_control();
    });
    ++pending_;
    read();
    return true;
  }

  bool send(std::string_view payload, bool binary) {
    return stream_.next_layer().append(FrameHead{payload.size(), binary}.view(), payload);
  }

  void close(std::uint16_t code, std::string_view reason) {
    if (closing_ || gone_) return;
    closing_ = true;
    reads_ = 0;
    ++pending_;
    const websocket::close_reason why{static_cast<websocket::close_code>(code), {reason.data(), reason.size()}};
    stream_.async_close(why, [self = shared_from_this()](error_code) { self->finished(); });
  }

  void drop() { stream_.next_layer().drop(); }

  void detach() {
    reader_ = nullptr;
    drop();
  }

  std::size_t outbox_bytes() const { return stream_.next_layer().pending(); }

 private:
  // Reads until there is nothing more to read at once.
  void read() {
    while (!ended_ && !closing_ && reader_ != nullptr) {
      read_now_.reset();
      starting_ = true;
      stream_.async_read_some(asio::buffer(input_.get() + size_, capacity_ - size_),
                              asio::bind_executor(AtOnce{loop_.context()}, OnRead{shared_from_this()}));
      starting_ = false;
      if (!read_now_) return;
      take(read_now_->first, read_now_->second);
    }
    finished();
  }

  struct OnRead {
    std::shared_ptr<Impl> self;
    void operator()(error_code error, std::size_t bytes) const {
      if (self->starting_) {
        self->read_now_ = {error, bytes};
      } else {
        self->take(error, bytes);
        self->read();
      }
    }
  };

  // Beast asks the socket for more.
  void on_read() {
    ++reads_;
    if (closing_) {
      if (reads_ > closing_reads_max) drop();
    } else if (reads_ > free_reads_max + size_ / crumb_bytes && reader_ != nullptr) {
      reader_->on_control();
    }
  }

  // While closing, Beast reads on by itself until the peer has answered.
  void take(error_code error, std::size_t bytes) {
    size_ += bytes;
    if (error) {
      ended_ = true;
    } else if (stream_.is_message_done()) {
      const std::size_t size = std::exchange(size_, 0);
      crumbled_ = false;
      reads_ = 0;
      if (reader_ != nullptr && !closing_) reader_->on_message({input_.get(), size}, stream_.got_binary());
      if (capacity_ > keep_bytes) grow(first_bytes);
    } else if (size_ == capacity_) {
      grow(std::min(capacity_ * 2, std::max(message_bytes_max_, capacity_ + 1)));
    } else if (bytes < crumb_bytes && std::exchange(crumbled_, true) && reader_ != nullptr) {
      reader_->on_control();
    }
  }

  // Reading or closing has ended; the last one to end is the end.
  void finished() {
    if (--pending_ > 0 || gone_) return;
    gone_ = true;
    drop();
    if (reader_ != nullptr) std::exchange(reader_, nullptr)->on_gone();
  }

  void grow(std::size_t capacity) {
    std::unique_ptr<char[]> larger{new char[capacity + message_padding]};
    if (size_ > 0) std::memcpy(larger.get(), input_.get(), size_);
    input_ = std::move(larger);
    capacity_ = capacity;
  }

  Loop& loop_;
  websocket::stream<BufferedSocket, false> stream_;
  std::unique_ptr<char[]> input_;
  std::size_t size_{};
  std::size_t capacity_{};
  std::size_t message_bytes_max_;
  Reader* reader_;
  std::size_t reads_{};  // for this message so far, or since our close
  int pending_{};        // reading and closing, while they go on
  bool starting_{};
  std::optional<std::pair<error_code, std::size_t>> read_now_;  // the read that was started has ended already
  bool crumbled_{};                                             // this message has come in a small piece already
  bool ended_{};                                                // reading has failed, or the peer has closed
  bool closing_{};                                              // we have said close
  bool gone_{};
};

std::unique_ptr<WebSocket> WebSocket::open(Loop& loop, Arrival& arrival, const Limits& limits, Reader& reader) {
  BufferedSocket::Socket socket{loop.context()};
  error_code error;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int number = arrival.socket.release();
  const bool named = ::getsockname(number, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const bool v6 = named && address.ss_family == AF_INET6;
  socket.assign(v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), number, error);
  if (error) {
    ::close(number);
    return nullptr;
  }
  socket.non_blocking(true, error);
  socket.set_option(asio::ip::tcp::no_delay{true}, error);
  if (error) return nullptr;
  auto impl = std::make_shared<Impl>(loop, std::move(socket), std::move(arrival.early), limits, reader);
  if (!impl->accept(arrival, limits.subprotocol)) {
    impl->detach();
    return nullptr;
  }
  return std::unique_ptr<WebSocket>{new WebSocket{std::move(impl)}};
}

WebSocket::~WebSocket() { impl_->detach(); }
bool WebSocket::send(std::string_view payload, bool binary) { return impl_->send(payload, binary); }
void WebSocket::close(std::uint16_t code, std::string_view reason) { impl_->close(code, reason); }
void WebSocket::drop() { impl_->drop(); }
std::size_t WebSocket::outbox_bytes() const { return impl_->outbox_bytes(); }

}  // namespace deskd
