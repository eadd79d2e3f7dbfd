#include "server/session/listener.hpp"

#include <list>
#include <optional>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace deskd {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

// Deadlines are counted in ticks of one timer for all requests.
constexpr std::chrono::milliseconds tick{250};
constexpr std::uint64_t request_ticks{20};  // 5 s to send a whole request
constexpr std::uint64_t answer_ticks{40};   // 10 s to make an answer
constexpr std::uint64_t farewell_ticks{8};  // 2 s for the client to read it

// How long accepting pauses when there is no descriptor left.
constexpr std::chrono::milliseconds pause{100};

constexpr int backlog{4096};

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

HttpAnswer answer_of(unsigned status, std::string body) {
  HttpAnswer given;
  given.status = status;
  given.body = std::move(body) + "\n";
  return given;
}

}  // namespace

class Listener::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Loop& loop, ListenerOptions options, Doors* doors, HttpHandler handler,
       std::map<std::string, HttpAnswer, std::less<>> pages)
      : options_{with_descriptors(std::move(options))},
        doors_{doors},
        handler_{std::move(handler)},
        pages_{std::move(pages)},
        admission_{options_.admission},
        acceptor_{loop.context()},
        ticker_{loop.context()},
        pause_{loop.context()} {
    const tcp::endpoint endpoint{asio::ip::make_address(options_.address), options_.port};
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address{true});
    acceptor_.bind(endpoint);
    acceptor_.listen(backlog);
  }

  void start() {
    accept();
    wait_tick();
  }

  void stop() {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    ticker_.cancel();
  }

  // Also what is being asked and answered. Each request holds the listener and is listed there.
  void end() {
    stop();
    while (!requests_.empty()) end_oldest();
  }

  const std::string& address() const { return options_.address; }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  const Admission& admission() const { return admission_; }
  Executor executor() { return acceptor_.get_executor(); }

  Counters counters_{};

 private:
  class Request;
  class Counted;

  static ListenerOptions with_descriptors(ListenerOptions options) {
    Admission::Limits& limits = options.admission;
    if (limits.descriptors == 0) limits.descriptors = descriptors_limit();
    if (limits.descriptors_for_staff == 0) limits.descriptors_for_staff = descriptors_for_staff(limits.descriptors);
    return options;
  }

  void accept();
  void on_accept(error_code error, Socket socket);
  void wait_tick();
  void on_tick();
  void end_oldest();
  bool hand_over(Request& request, const Door& door);

  ListenerOptions options_;
  Doors* doors_;
  HttpHandler handler_;
  std::map<std::string, HttpAnswer, std::less<>> pages_;
  Admission admission_;
  Acceptor acceptor_;
  Timer ticker_;
  Timer pause_;
  std::uint64_t now_{};                           // in ticks
  std::list<std::shared_ptr<Request>> requests_;  // oldest first
};

// One connection, from its first byte to its answer or its hand-over.
class Listener::Impl::Request : public std::enable_shared_from_this<Request> {
 public:
  Request(std::shared_ptr<Impl> listener, Socket socket, std::uint64_t deadline)
      : listener_{std::move(listener)}, socket_{std::move(socket)}, deadline_{deadline} {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(listener_->options_.header_bytes_max));
    parser_->body_limit(listener_->options_.body_bytes_max);
  }

  void read_header() {
    http::async_read_header(socket_, buffer_, *parser_,
                            [self = shared_from_this()](error_code error, std::size_t) { self->on_header(error); });
  }

  void answer(HttpAnswer given) {
    if (answered_) return;
    answered_ = true;
    set_deadline(answer_ticks);
    ++(given.status < 400 ? listener_->counters_.answered : listener_->counters_.refused);
    response_.result(given.status);
    response_.version(11);
    response_.set(http::field::server, "deskd");
    response_.set(http::field::content_type, given.type);
    response_.set(http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : given.headers) response_.set(name, value);
    response_.keep_alive(false);
    response_.body() = std::move(given.body);
    response_.prepare_payload();
    if (head_only_) response_.body().clear();
    http::async_write(socket_, response_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->end();
      // The client reads the answer while we read, and throw away, what it still sends.
      error_code ignored;
      self->socket_.shutdown(Socket::shutdown_send, ignored);
      self->set_deadline(farewell_ticks);
      self->buffer_ = {};
      self->read_rest();
    });
  }

  void end() {
    error_code ignored;
    socket_.close(ignored);
    if (!listed_) return;
    listed_ = false;
    listener_->requests_.erase(place_);
  }

  bool is_due(std::uint64_t now) const { return now >= deadline_; }
  bool is_answered() const { return answered_; }
  void listed_at(std::list<std::shared_ptr<Request>>::iterator place) {
    listed_ = true;
    place_ = place;
  }

  Socket& socket() { return socket_; }
  const http::request<http::string_body>& message() const { return parser_->get(); }
  std::string_view field(http::field name) const { return view(parser_->get()[name]); }
  std::string early() const {
    const auto rest = buffer_.data();
    return {static_cast<const char*>(rest.data()), rest.size()};
  }
  std::string peer() {
    error_code error;
    const tcp::endpoint remote = socket_.remote_endpoint(error);
    // A proxy may add a line of its own instead of lengthening the client's: all of them, in order, are one list.
    std::string forwarded_for;
    const auto [first, last] = message().equal_range("X-Forwarded-For");
    for (auto line = first; line != last; ++line)
      (forwarded_for += forwarded_for.empty() ? "" : ",") += view(line->value());
    return peer_of(remote.address(), forwarded_for, listener_->options_.trusted_proxies);
  }

 private:
  void on_header(error_code error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
      return answer(answer_of(431, "the request's header is too large"));
    if (error == http::error::body_limit) return answer(answer_of(413, "the body is too large"));
    const bool said_wrong = error && error.category() == http::make_error_code(http::error::bad_method).category() &&
                            error != http::error::end_of_stream && error != http::error::partial_message;
    if (said_wrong) return answer(answer_of(400, "this is not HTTP: " + error.message()));
    // Half a request, and then the client was gone: there is nobody to answer.
    if (error) return end();
    if (message().version() != 11 && message().version() != 10)
      return answer(answer_of(400, "HTTP/1.1 is spoken here"));
    const auto door = door_of(path_of(view(message().target())));
    if (door && has_door(door->entrance)) return enter(*door);
    route();
  }

  bool has_door(Entrance entrance) const {
    if (listener_->doors_ == nullptr) return false;
    return entrance == Entrance::buyer ? listener_->options_.buyers : listener_->options_.staff;
  }

  void enter(const Door& door) {
    if (message().method() != http::verb::get || message().version() != 11)
      return answer(answer_of(400, "an upgrade is a GET of HTTP/1.1"));
    if (!has_word(field(http::field::connection), "upgrade") || !has_word(field(http::field::upgrade), "websocket"))
      return answer(upgrade_required("a WebSocket lives here"));
    if (field(http::field::sec_websocket_version) != "13") return answer(upgrade_required("version 13 is spoken here"));
    // 16 bytes in base64.
    if (field(http::field::sec_websocket_key).size() != 24)
      return answer(answer_of(400, "Sec-WebSocket-Key is missing or is not 16 bytes"));
    if (message().has_content_length() || message().chunked()) return answer(answer_of(400, "an upgrade has no body"));
    const std::string_view subprotocol = listener_->options_.subprotocol;
    if (!subprotocol.empty() && !has_word(field(http::field::sec_websocket_protocol), subprotocol))
      return answer(answer_of(400, "Sec-WebSocket-Protocol must offer " + std::string{subprotocol}));
    switch (listener_->doors_->may_enter(door, field(http::field::origin), field(http::field::host))) {
      case Doors::Verdict::unknown: return answer(answer_of(404, "no such shop or desk"));
      case Doors::Verdict::forbidden: return answer(answer_of(403, "this origin is not on the shop's list"));
      case Doors::Verdict::closed: return answer(unavailable("the server is going down", 2));
      case Doors::Verdict::welcome: break;
    }
    if (listener_->hand_over(*this, door)) end();
  }

  static HttpAnswer upgrade_required(std::string why) {
    HttpAnswer given = answer_of(426, std::move(why));
    given.headers = {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Version", "13"}};
    return given;
  }

  static HttpAnswer unavailable(std::string why, int seconds) {
    HttpAnswer given = answer_of(503, std::move(why));
    given.headers = {{"Retry-After", std::to_string(seconds)}};
    return given;
  }
  friend class Impl;

  void route() {
    const std::string_view path = path_of(view(message().target()));
    const http::verb method = message().method();
    head_only_ = method == http::verb::head;
    if (const auto page = listener_->pages_.find(path); page != listener_->pages_.end()) {
      if (method != http::verb::get && method != http::verb::head) return answer(answer_of(405, "GET it"));
      return answer(page->second);
    }
    if (!listener_->handler_) return answer(answer_of(404, "nothing is here"));
    http::async_read(socket_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error == http::error::body_limit) return self->answer(answer_of(413, "the body is too large"));
      if (error) return self->end();
      self->ask();
    });
  }

  void ask() {
    set_deadline(answer_ticks);
    const std::string_view target = view(message().target());
    const std::size_t mark = target.find('?');
    HttpRequest asked{
        .method = std::string{view(message().method_string())},
        .path = std::string{path_of(target)},
        .query = mark == std::string_view::npos ? std::string{} : std::string{target.substr(mark + 1)},
        .authorization = std::string{field(http::field::authorization)},
        .body = std::move(parser_->get().body()),
        .peer = peer(),
    };
    listener_->handler_(std::move(asked), [self = shared_from_this()](HttpAnswer given) {
      asio::post(self->listener_->executor(),
                 [self, given = std::move(given)]() mutable { self->answer(std::move(given)); });
    });
  }

  void read_rest() {
    socket_.async_read_some(buffer_.prepare(1024), [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->end();
      self->read_rest();
    });
  }

  void set_deadline(std::uint64_t ticks) { deadline_ = listener_->now_ + ticks; }

  std::shared_ptr<Impl> listener_;
  Socket socket_;
  std::uint64_t deadline_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::list<std::shared_ptr<Request>>::iterator place_;
  bool listed_{};
  bool answered_{};
  bool head_only_{};
};

// Tells the listener's counts from whichever thread the session lives on.
class Listener::Impl::Counted final : public Admitted {
 public:
  Counted(std::weak_ptr<Impl> listener, Executor executor, std::string address, bool staff)
      : listener_{std::move(listener)}, executor_{std::move(executor)}, address_{std::move(address)}, staff_{staff} {}
  ~Counted() override {
    tell([signed_in = signed_in_, staff = staff_](Admission& counts, const std::string& address) {
      counts.leave(address, signed_in, staff);
    });
  }
  void signed_in() override {
    if (std::exchange(signed_in_, true)) return;
    tell([staff = staff_](Admission& counts, const std::string& address) { counts.signed_in(address, staff); });
  }

 private:
  template <class What>
  void tell(What what) {
    // The loop outlives every session, the listener need not.
    asio::post(executor_, [listener = listener_, address = address_, what] {
      if (const auto alive = listener.lock()) what(alive->admission_, address);
    });
  }

  std::weak_ptr<Impl> listener_;
  Executor executor_;
  std::string address_;
  bool staff_;
  bool signed_in_{};
};

void Listener::Impl::accept() {
  acceptor_.async_accept(
      [self = shared_from_this()](error_code error, Socket socket) { self->on_accept(error, std::move(socket)); });
}

void Listener::Impl::on_accept(error_code error, Socket socket) {
  if (!acceptor_.is_open()) return;
  if (error == asio::error::no_descriptors || error.value() == ENFILE || error.value() == ENOBUFS ||
      error.value() == ENOMEM) {
    ++counters_.paused;
    end_oldest();
    pause_.expires_after(pause);
    pause_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled) self->accept();
    });
    return;
  }
  // Any other error is of one connection that went away before it was taken.
  if (!error) {
    ++counters_.accepted;
    while (requests_.size() >= options_.requests_max) end_oldest();
    auto request = std::make_shared<Request>(shared_from_this(), std::move(socket), now_ + request_ticks);
    requests_.push_back(request);
    request->listed_at(std::prev(requests_.end()));
    request->read_header();
  }
  accept();
}

void Listener::Impl::end_oldest() {
  if (!requests_.empty()) {
    ++counters_.timed_out;
    const std::shared_ptr<Request> oldest = requests_.front();
    oldest->end();
  }
}

void Listener::Impl::wait_tick() {
  ticker_.expires_after(tick);
  ticker_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled) self->on_tick();
  });
}

void Listener::Impl::on_tick() {
  ++now_;
  for (auto it = requests_.begin(); it != requests_.end();) {
    const std::shared_ptr<Request> request = *it++;
    if (!request->is_due(now_)) continue;
    if (!request->is_answered()) ++counters_.timed_out;
    request->end();
  }
  wait_tick();
}

bool Listener::Impl::hand_over(Request& request, const Door& door) {
  const bool staff = door.entrance != Entrance::buyer;
  const std::string peer = request.peer();
  switch (admission_.ask(peer, staff, request.socket().native_handle())) {
    case Admission::Answer::full: request.answer(Request::unavailable("no room now", 5)); return false;
    case Admission::Answer::too_many_here: {
      HttpAnswer given = answer_of(429, "too many connections from this address");
      given.headers = {{"Retry-After", "5"}};
      request.answer(std::move(given));
      return false;
    }
    case Admission::Answer::welcome: break;
  }
  Arrival arrival;
  arrival.entrance = door.entrance;
  arrival.name = door.name;
  arrival.key = request.field(http::field::sec_websocket_key);
  arrival.has_origin = !request.field(http::field::origin).empty();
  arrival.early = request.early();
  error_code error;
  arrival.socket = Descriptor{request.socket().release(error)};
  if (error) return true;
  admission_.enter(peer, staff);
  arrival.admitted = std::make_unique<Counted>(weak_from_this(), executor(), peer, staff);
  ++counters_.upgraded;
  doors_->enter(std::move(arrival));
  return true;
}

Listener::Listener(Loop& loop, ListenerOptions options, Doors* doors, HttpHandler handler,
                   std::map<std::string, HttpAnswer, std::less<>> pages)
    : impl_{std::make_shared<Impl>(loop, std::move(options), doors, std::move(handler), std::move(pages))} {}
Listener::~Listener() { impl_->end(); }
const std::string& Listener::address() const { return impl_->address(); }
std::uint16_t Listener::port() const { return impl_->port(); }
const Listener::Counters& Listener::counters() const { return impl_->counters_; }
const Admission& Listener::admission() const { return impl_->admission(); }
void Listener::start() { impl_->start(); }
void Listener::stop() { impl_->stop(); }

}  // namespace deskd
