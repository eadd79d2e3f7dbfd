// raw_client.hpp - A client without a library: bytes out, bytes in, and a clock that ends a test that would hang.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace deskd::test {

struct Frame {
  int opcode{-1};  // -1: the connection ended
  std::string payload;
  // Of a close frame; 0: it named none.
  int close_code() const {
    if (opcode != 8 || payload.size() < 2) return 0;
    return static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
  }
};

// A client's frame, masked unless said otherwise. `size`: what the head claims, when it is not the truth.
inline std::string frame(int opcode, std::string_view payload, bool fin = true, bool masked = true, int rsv = 0,
                         std::uint64_t size = ~std::uint64_t{0}) {
  if (size == ~std::uint64_t{0}) size = payload.size();
  std::string out;
  out += static_cast<char>((fin ? 0x80 : 0) | rsv << 4 | opcode);
  const int mask_bit = masked ? 0x80 : 0;
  if (size < 126) {
    out += static_cast<char>(mask_bit | static_cast<int>(size));
  } else if (size <= 0xffff) {
    out += static_cast<char>(mask_bit | 126);
    for (int shift = 8; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  } else {
    out += static_cast<char>(mask_bit | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  }
  if (!masked) return out.append(payload);
  constexpr std::array<unsigned char, 4> key{0x12, 0x34, 0x56, 0x78};
  for (const unsigned char byte : key) out += static_cast<char>(byte);
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ key[i % 4]);
  return out;
}
inline std::string text(std::string_view payload) { return frame(1, payload); }

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
    const timeval patience{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  RawClient(const RawClient&) = delete;
  ~RawClient() { close(); }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  bool connected() const { return connected_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // An HTTP answer's head and as much body as it announces; empty when the connection ended without one.
  std::string answer() {
    std::size_t end;
    while ((end = seen_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return {};
    std::size_t size = end + 4;
    const std::size_t length = seen_.find("Content-Length: ");
    if (length < end) size += std::stoul(seen_.substr(length + 16));
    while (seen_.size() < size)
      if (!more()) break;
    return take(size);
  }
  int status() {
    const std::string whole = answer();
    return whole.size() < 12 ? 0 : std::stoi(whole.substr(9, 3));
  }

  // Asks for an upgrade; `fields` are whole header lines, each with its CRLF.
  bool ask(std::string_view path, std::string_view fields = "Sec-WebSocket-Protocol: deskd.v1\r\n") {
    return send("GET " + std::string{path} +
                " HTTP/1.1\r\nHost: desk.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                std::string{fields} + "\r\n");
  }

  Frame read_frame() {
    Frame got;
    while (seen_.size() < 2)
      if (!more()) return got;
    std::size_t head = 2, size = static_cast<unsigned char>(seen_[1]) & 0x7f;
    if (size >= 126) {
      head += size == 126 ? 2 : 8;
      while (seen_.size() < head)
        if (!more()) return got;
      size = 0;
      for (std::size_t i = 2; i < head; ++i) size = size << 8 | static_cast<unsigned char>(seen_[i]);
    }
    while (seen_.size() < head + size)
      if (!more()) return got;
    got.opcode = static_cast<unsigned char>(seen_[0]) & 0x0f;
    got.payload = take(head + size).substr(head);
    return got;
  }

  // True when the other side has closed in order, and not by a reset.
  bool ended() {
    while (more()) seen_.clear();
    return last_ == 0;
  }

 private:
  bool more() {
    char bytes[16384];
    last_ = ::recv(socket_, bytes, sizeof bytes, 0);
    if (last_ <= 0) return false;
    seen_.append(bytes, static_cast<std::size_t>(last_));
    return true;
  }
  std::string take(std::size_t size) {
    std::string out = seen_.substr(0, size);
    seen_.erase(0, size);
    return out;
  }

  int socket_;
  bool connected_{};
  std::string seen_;
  ssize_t last_{};
};

}  // namespace deskd::test
