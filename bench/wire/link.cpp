// link.cpp - The load makers' sockets.
#include "bench/wire/link.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace deskd {
namespace {

// One recv() takes all that a link of these loads ever has waiting.
constexpr std::size_t buffer_bytes = 512 * 1024;
// What simdjson may read behind a text.
constexpr std::size_t spare_bytes = 64;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(2);
}

}  // namespace

Nanos steady_nanos() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Nanos{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Link::~Link() { close_socket(); }

void Link::close_socket() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  state_ = State::gone;
  wants_write_ = frozen_ = false;
  in_.clear();
  in_.shrink_to_fit();
  out_.clear();
}

void Link::flush() {
  if (fd_ < 0 || out_.empty() || wants_write_ || state_ == State::connecting) return;
  const ssize_t sent = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent == static_cast<ssize_t>(out_.size())) {
    out_.clear();
    return;
  }
  if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
  if (sent < 0 && errno != EAGAIN) return;  // the read side will tell
  wants_write_ = true;
  loop_->watch(*this);
}

void Link::hang_up() {
  if (state_ == State::open) {
    const char code[2]{static_cast<char>(1000 >> 8), static_cast<char>(1000 & 0xff)};
    append_client_frame(out_, Opcode::close, {code, 2});
    flush();
  }
  close_socket();
}

void Link::cut() {
  if (fd_ >= 0) {
    // A reset instead of a goodbye, and no port left in TIME_WAIT.
    const linger gone{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &gone, sizeof gone);
  }
  close_socket();
}

void Link::freeze(bool frozen) {
  if (fd_ < 0 || frozen == frozen_) return;
  frozen_ = frozen;
  loop_->watch(*this);
}

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(buffer_bytes + spare_bytes) {
  if (epoll_ < 0) die("epoll_create1");
}

Loop::~Loop() { ::close(epoll_); }

void Loop::watch(Link& link) {
  epoll_event event{};
  event.events = (link.frozen_ ? 0u : unsigned{EPOLLIN}) | (link.wants_write_ ? unsigned{EPOLLOUT} : 0u);
  event.data.ptr = &link;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, link.fd_, &event);
}

void Loop::dial(Link& link, const Endpoint& to, std::string_view path, std::string_view subprotocol) {
  link.close_socket();
  link.loop_ = this;
  link.fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (link.fd_ < 0) die("socket");
  const int one = 1;
  setsockopt(link.fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(link.fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(0x7f000100u + 1 + dialled_++ % to.sources);
  if (::bind(link.fd_, reinterpret_cast<sockaddr*>(&from), sizeof from) < 0) die("bind");
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(to.port);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  link.state_ = Link::State::connecting;
  link.out_ = "GET ";
  link.out_.append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
  // The key may be any 16 bytes; no server here is a cache.
  link.out_ += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
  if (!subprotocol.empty()) link.out_.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
  link.out_ += "\r\n";
  link.wants_write_ = true;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.ptr = &link;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, link.fd_, &event) < 0) die("epoll_ctl");
  // On loopback this succeeds at once or is refused at once; either shows as readiness.
  ::connect(link.fd_, reinterpret_cast<sockaddr*>(&server), sizeof server);
}

void Loop::end(Link& link, std::uint16_t code) {
  link.close_socket();
  if (on_gone) on_gone(link, code);
}

bool Loop::turn(Nanos wait) {
  std::array<epoll_event, 1024> events;
  const timespec timeout{wait / 1'000'000'000, wait % 1'000'000'000};
  const int ready = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < ready; ++i) {
    Link& link = *static_cast<Link*>(events[static_cast<std::size_t>(i)].data.ptr);
    const unsigned what = events[static_cast<std::size_t>(i)].events;
    if (link.fd_ < 0) continue;  // ended by what another link did in this turn
    if (what & EPOLLOUT) {
      if (link.state_ == Link::State::connecting) link.state_ = Link::State::upgrading;
      link.wants_write_ = false;
      watch(link);
      link.flush();
    }
    if (what & (EPOLLIN | EPOLLERR | EPOLLHUP)) read(link);
  }
  return ready > 0;
}

void Loop::read(Link& link) {
  const std::size_t kept = link.in_.size();
  if (kept > 0) link.in_.copy(buffer_.data(), kept);
  const ssize_t got = ::recv(link.fd_, buffer_.data() + kept, buffer_bytes - kept, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return end(link, 0);
  link.in_.clear();
  char* at = buffer_.data();
  std::size_t left = kept + static_cast<std::size_t>(got);
  if (link.state_ != Link::State::open) {
    const std::string_view answer{at, left};
    const std::size_t head = answer.find("\r\n\r\n");
    if (head == std::string_view::npos) {
      link.in_.assign(at, left);
      return;
    }
    if (!answer.starts_with("HTTP/1.1 101")) {
      std::fprintf(stderr, "upgrade refused: %.*s\n", static_cast<int>(answer.find("\r\n")), answer.data());
      return end(link, 0);
    }
    link.state_ = Link::State::open;
    at += head + 4;
    left -= head + 4;
    if (on_open) on_open(link);
  }
  while (link.fd_ >= 0) {
    const auto frame = take_frame(at, left);
    if (!frame) break;
    at += frame->size;
    left -= frame->size;
    switch (frame->opcode) {
      case Opcode::text:
      case Opcode::binary: on_text(link, frame->payload); break;
      case Opcode::ping:
        append_client_frame(link.out_, Opcode::pong, frame->payload);
        link.flush();
        break;
      case Opcode::pong: break;
      case Opcode::close: {
        std::uint16_t code = 0;
        if (frame->payload.size() >= 2)
          code = static_cast<std::uint16_t>(static_cast<std::uint8_t>(frame->payload[0]) << 8 |
                                            static_cast<std::uint8_t>(frame->payload[1]));
        append_client_frame(link.out_, Opcode::close, frame->payload.substr(0, 2));
        link.flush();
        return end(link, code);
      }
    }
  }
  if (link.fd_ < 0) return;
  if (left > 0) link.in_.assign(at, left);
  if (on_read_done) on_read_done(link);
}

}  // namespace deskd
