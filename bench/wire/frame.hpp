// frame.hpp - WebSocket frames for the load makers and the floor: whole, small, uncompressed text frames and nothing else.
//
// This is no WebSocket library. Both ends are ours or are under test, so a frame is taken whole from memory or left until
// more bytes have come; fragments are not joined (no peer here sends them).
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace deskd {

enum class Opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

struct Frame {
  Opcode opcode{};
  std::string_view payload;  // lives in the buffer that it was taken from
  std::size_t size{};        // bytes of the whole frame
};

// Takes the first whole frame of `in`, unmasking it where it lies. Nothing: the frame is not all there yet.
inline std::optional<Frame> take_frame(char* in, std::size_t size) {
  if (size < 2) return std::nullopt;
  const auto first = static_cast<std::uint8_t>(in[0]);
  const auto second = static_cast<std::uint8_t>(in[1]);
  std::size_t at = 2;
  std::uint64_t length = second & 0x7f;
  if (length >= 126) {
    const std::size_t bytes = length == 126 ? 2 : 8;
    if (size < at + bytes) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < bytes; ++i) length = length << 8 | static_cast<std::uint8_t>(in[at + i]);
    at += bytes;
  }
  char mask[8]{};
  const bool masked = second & 0x80;
  if (masked) {
    if (size < at + 4) return std::nullopt;
    std::memcpy(mask, in + at, 4);
    std::memcpy(mask + 4, in + at, 4);
    at += 4;
  }
  if (size - at < length) return std::nullopt;
  if (masked) {
    std::uint64_t key;
    std::memcpy(&key, mask, 8);
    std::size_t i = 0;
    for (; i + 8 <= length; i += 8) {
      std::uint64_t word;
      std::memcpy(&word, in + at + i, 8);
      word ^= key;
      std::memcpy(in + at + i, &word, 8);
    }
    for (; i < length; ++i) in[at + i] = static_cast<char>(in[at + i] ^ mask[i % 4]);
  }
  return Frame{static_cast<Opcode>(first & 0x0f),
               {in + at, static_cast<std::size_t>(length)},
               at + static_cast<std::size_t>(length)};
}

inline void append_head(std::string& out, Opcode opcode, std::size_t length, bool masked) {
  const std::uint8_t bit = masked ? 0x80 : 0;
  out.push_back(static_cast<char>(0x80 | static_cast<std::uint8_t>(opcode)));
  if (length < 126) {
    out.push_back(static_cast<char>(bit | length));
  } else if (length < 65536) {
    out.push_back(static_cast<char>(bit | 126));
    out.push_back(static_cast<char>(length >> 8));
    out.push_back(static_cast<char>(length & 0xff));
  } else {
    out.push_back(static_cast<char>(bit | 127));
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(length >> shift & 0xff));
  }
}

inline void append_server_frame(std::string& out, Opcode opcode, std::string_view payload) {
  append_head(out, opcode, payload.size(), false);
  out.append(payload);
}

// The mask is the same for every frame: it costs a server what any other mask costs, and the load maker nothing to draw.
inline void append_client_frame(std::string& out, Opcode opcode, std::string_view payload) {
  constexpr std::uint64_t key = 0x5ac3'963c'5ac3'963c;
  append_head(out, opcode, payload.size(), true);
  out.append(reinterpret_cast<const char*>(&key), 4);
  const std::size_t at = out.size();
  out.append(payload);
  char* to = out.data() + at;
  std::size_t i = 0;
  for (; i + 8 <= payload.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, to + i, 8);
    word ^= key;
    std::memcpy(to + i, &word, 8);
  }
  const char* mask = reinterpret_cast<const char*>(&key);
  for (; i < payload.size(); ++i) to[i] = static_cast<char>(to[i] ^ mask[i % 4]);
}

}  // namespace deskd
