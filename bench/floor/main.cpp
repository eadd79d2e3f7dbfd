// floor: the least a relay can cost here.
//
//        author ── text ──> floor ── the same text, framed anew ──> partner
//                             └───── ack ──> author
//
// Raw epoll, one thread, no library, no JSON, nothing stored: the two connections of the path /pair/N are partners, each
// text frame goes to the partner and an ack of the size of a `stored` goes back. What a server costs above this is its own
// code. By default every frame is one send(); with --join the bytes that one turn of the loop makes for a socket leave
// together, which is the floor for a server that does the same.
//
//        floor --port N [--join]
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bench/wire/frame.hpp"

namespace {

using namespace deskd;

struct Peer {
  int fd{-1};
  bool open{};
  bool dirty{};
  bool wants_write{};
  Peer* partner{};
  unsigned acked{};
  std::string path;
  std::string in;   // a request or frame that has not come whole
  std::string out;  // what waits for the end of the turn, or for the socket
};

int epoll_fd = -1;
bool join = false;
std::vector<Peer*> dirty;
std::unordered_map<std::string, Peer*> alone;  // the first of each pair, until the second comes
std::vector<std::unique_ptr<Peer>> ended;      // freed when the turn is over: its events may still be in the list

void flush(Peer& peer) {
  if (peer.out.empty() || peer.wants_write) return;
  const ssize_t sent = ::send(peer.fd, peer.out.data(), peer.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent == static_cast<ssize_t>(peer.out.size())) return peer.out.clear();
  if (sent > 0) peer.out.erase(0, static_cast<std::size_t>(sent));
  peer.wants_write = true;
  epoll_event event{EPOLLIN | EPOLLOUT, {.ptr = &peer}};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, peer.fd, &event);
}

void tell(Peer& peer, std::string_view text) {
  append_server_frame(peer.out, Opcode::text, text);
  if (!join) return flush(peer);
  if (!peer.dirty) dirty.push_back(&peer);
  peer.dirty = true;
}

void end(Peer& peer) {
  ::close(peer.fd);
  peer.fd = -1;
  if (peer.partner) peer.partner->partner = nullptr;
  if (const auto it = alone.find(peer.path); it != alone.end() && it->second == &peer) alone.erase(it);
  ended.emplace_back(&peer);
}

// The HTTP request. False: not all there.
bool upgrade(Peer& peer, std::string_view request) {
  if (request.find("\r\n\r\n") == std::string_view::npos) return false;
  const std::size_t from = request.find(' ') + 1;
  peer.path = request.substr(from, request.find(' ', from) - from);
  constexpr std::string_view key_head = "Sec-WebSocket-Key: ";
  const std::size_t key_at = request.find(key_head);
  if (key_at == std::string_view::npos) return false;
  const std::size_t key_end = request.find("\r\n", key_at);
  std::string key{request.substr(key_at + key_head.size(), key_end - key_at - key_head.size())};
  key += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
  unsigned char accept[32];
  EVP_EncodeBlock(accept, digest, SHA_DIGEST_LENGTH);
  peer.out = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
  peer.out += reinterpret_cast<const char*>(accept);
  peer.out += "\r\n\r\n";
  flush(peer);
  peer.open = true;
  const auto [it, first] = alone.emplace(peer.path, &peer);
  if (!first) {
    peer.partner = it->second;
    it->second->partner = &peer;
    alone.erase(it);
  }
  return true;
}

void read(Peer& peer, std::vector<char>& buffer) {
  const std::size_t kept = peer.in.size();
  if (kept > 0) peer.in.copy(buffer.data(), kept);
  const ssize_t got = ::recv(peer.fd, buffer.data() + kept, buffer.size() - kept, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return end(peer);
  peer.in.clear();
  char* at = buffer.data();
  std::size_t left = kept + static_cast<std::size_t>(got);
  if (!peer.open) {
    if (!upgrade(peer, {at, left})) peer.in.assign(at, left);
    return;
  }
  while (const auto frame = take_frame(at, left)) {
    at += frame->size;
    left -= frame->size;
    if (frame->opcode == Opcode::close) return end(peer);
    if (frame->opcode != Opcode::text) continue;
    if (peer.partner) tell(*peer.partner, frame->payload);
    // The size of the frame that tells an author of one stored line.
    char ack[160] =
        R"({"type":"stored","chat":"1790000000000000000","lines":[{"at":"2026-01-01T00:00:00.000Z","seq":1}],"stored":)";
    char* to = ack + std::strlen(ack);
    to = std::to_chars(to, ack + sizeof ack - 1, ++peer.acked).ptr;
    *to++ = '}';
    tell(peer, {ack, static_cast<std::size_t>(to - ack)});
  }
  if (left > 0) peer.in.assign(at, left);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--join")) join = true;
    if (!std::strcmp(argv[i], "--port") && i + 1 < argc) port = static_cast<std::uint16_t>(std::atoi(argv[++i]));
  }
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (port == 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(listener, 4096) < 0) {
    std::fprintf(stderr, "floor: cannot listen on port %u\nfloor --port N [--join]\n", port);
    return 2;
  }
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{EPOLLIN, {.ptr = nullptr}};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
  std::vector<char> buffer(512 * 1024);
  std::array<epoll_event, 1024> events;
  while (true) {
    const int ready = epoll_wait(epoll_fd, events.data(), static_cast<int>(events.size()), -1);
    for (std::size_t i = 0; i < static_cast<std::size_t>(ready < 0 ? 0 : ready); ++i) {
      auto* peer = static_cast<Peer*>(events[i].data.ptr);
      if (!peer) {
        for (int fd; (fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          auto* fresh = new Peer;
          fresh->fd = fd;
          epoll_event in{EPOLLIN, {.ptr = fresh}};
          epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &in);
        }
        continue;
      }
      if (peer->fd < 0) continue;
      if (events[i].events & EPOLLOUT) {
        peer->wants_write = false;
        epoll_event in{EPOLLIN, {.ptr = peer}};
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, peer->fd, &in);
        flush(*peer);
      }
      if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) read(*peer, buffer);
    }
    for (Peer* peer : dirty) {
      peer->dirty = false;
      if (peer->fd >= 0) flush(*peer);
    }
    dirty.clear();
    ended.clear();
  }
}
