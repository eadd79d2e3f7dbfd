// json.hpp - The few JSON texts that every part writes the same way: an escaped string, a number, a moment, an id.
//
//        Output out{text};  out.raw("{\"at\":");  out.instant(at);  out.raw("}");      // text has it when `out` ends
//
// Input text must be valid UTF-8: what comes from the wire, the database or the policy is.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/ids.hpp"

namespace deskd::json {

// Appends to a string by way of a piece of the stack: a frame is some forty small pieces, and a std::string takes each
// of them with a call and a look at its own room. It allocates nothing but the string's growth.
class Output {
 public:
  explicit Output(std::string& text) : text_{text} {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { flush(); }

  // As it stands. A short piece, like a member's name; room for a whole long text is the escaper's matter.
  void raw(std::string_view piece) {
    if (piece.size() > short_bytes) {
      flush();
      text_.append(piece);
      return;
    }
    std::memcpy(room(short_bytes), piece.data(), piece.size());
    used_ += piece.size();
  }
  void raw(char c) {
    *room(1) = c;
    ++used_;
  }

  // `text` as a JSON string with its quotes. Only what JSON demands is escaped; Chinese and emoji stay as they are.
  void text(std::string_view text);

  void number(std::int64_t number);
  void number_unsigned(std::uint64_t number);

  // "2026-11-21T21:26:18.123Z" with its quotes: RFC 3339, UTC, always milliseconds, years 0000 to 9999.
  void instant(Instant at);

  // 32 lowercase hex digits with quotes.
  void command_id(CommandId id);

 private:
  static constexpr std::size_t short_bytes{64};
  static constexpr std::size_t text_piece_bytes{256};                  // read at a time ...
  static constexpr std::size_t text_room_bytes{6 * text_piece_bytes};  // ... when every byte becomes \u00XX

  // At least `bytes` at the end of what was written.
  char* room(std::size_t bytes) {
    if (piece_.size() - used_ < bytes) flush();
    return piece_.data() + used_;
  }
  void flush() {
    text_.append(piece_.data(), used_);
    used_ = 0;
  }

  std::string& text_;
  std::size_t used_{};
  std::array<char, 2048> piece_;  // left as it is: most frames fit in a part of it
  static_assert(text_room_bytes + short_bytes <= std::tuple_size_v<decltype(piece_)>);
};

// The same, one piece at a time, for whoever writes little.
void append_text(std::string& out, std::string_view text);
void append_number(std::string& out, std::int64_t number);
void append_unsigned(std::string& out, std::uint64_t number);
void append_instant(std::string& out, Instant at);

// Moments and ids read back, strictly: a `T`, a `Z`, one to three digits of fraction or none, a day that exists.
std::optional<Instant> instant_from(std::string_view text);
std::optional<CommandId> command_id_from(std::string_view text);

// A positive decimal without sign or leading zero, at most `most`.
std::optional<std::uint64_t> positive_from(std::string_view text, std::uint64_t most);

}  // namespace deskd::json
