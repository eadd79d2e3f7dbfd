// json.cpp - See json.hpp.
#include "protocol/json.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>

namespace deskd::json {
namespace {

constexpr std::string_view hex_digits{"0123456789abcdef"};
constexpr std::int64_t day_ms{24 * 60 * 60 * 1000};

constexpr std::uint64_t each_byte(std::uint64_t byte) { return byte * 0x0101010101010101; }

// Whether one of these eight bytes is a control, a quote or a backslash. The usual word-at-a-time trick: a borrow can
// name a byte too many after a true hit, but never misses one and never fires without one.
constexpr bool needs_escape(std::uint64_t word) {
  const auto zero_bytes = [](std::uint64_t w) { return (w - each_byte(0x01)) & ~w & each_byte(0x80); };
  const std::uint64_t control = (word - each_byte(0x20)) & ~word & each_byte(0x80);
  return (control | zero_bytes(word ^ each_byte('"')) | zero_bytes(word ^ each_byte('\\'))) != 0;
}

constexpr bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += hex_digits[static_cast<unsigned char>(c) >> 4];
      out += hex_digits[static_cast<unsigned char>(c) & 15];
  }
}

// `width` decimal digits of `number` at `to`.
void put_digits(char* to, unsigned number, int width) {
  for (int i = width - 1; i >= 0; --i) {
    to[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
}

// Exactly `width` digits from the front of `text`, which loses them.
std::optional<int> take_digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, width)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(width);
  return number;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

void append_text(std::string& out, std::string_view text) {
  out += '"';
  const char* from = text.data();
  const char* at = from;
  const char* const end = from + text.size();
  while (at != end) {
    if (end - at >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, sizeof word);
      if (!needs_escape(word)) {
        at += 8;
        continue;
      }
    }
    if (needs_escape(*at)) {
      out.append(from, at);
      append_escape(out, *at);
      from = at + 1;
    }
    ++at;
  }
  out.append(from, end);
  out += '"';
}

void append_number(std::string& out, std::int64_t number) {
  std::array<char, 20> text;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

void append_unsigned(std::string& out, std::uint64_t number) {
  std::array<char, 20> text;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

void append_instant(std::string& out, Instant at) {
  const std::chrono::sys_days day{std::chrono::floor<std::chrono::days>(at.time_since_epoch())};
  const std::chrono::year_month_day date{day};
  const auto ms = static_cast<unsigned>(ms_of(at) - day.time_since_epoch().count() * day_ms);
  std::array<char, 26> text{'"', 0,   0, 0, 0,   '-', 0, 0,   '-', 0, 0, 'T', 0,
                            0,   ':', 0, 0, ':', 0,   0, '.', 0,   0, 0, 'Z', '"'};
  put_digits(&text[1], static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(&text[6], static_cast<unsigned>(date.month()), 2);
  put_digits(&text[9], static_cast<unsigned>(date.day()), 2);
  put_digits(&text[12], ms / 3'600'000, 2);
  put_digits(&text[15], ms / 60'000 % 60, 2);
  put_digits(&text[18], ms / 1000 % 60, 2);
  put_digits(&text[21], ms % 1000, 3);
  out.append(text.data(), text.size());
}

void append_command_id(std::string& out, CommandId id) {
  std::array<char, 34> text;
  text.front() = text.back() = '"';
  for (std::size_t i = 0; i < 16; ++i) {
    text[1 + i] = hex_digits[id.high >> (60 - 4 * i) & 15];
    text[17 + i] = hex_digits[id.low >> (60 - 4 * i) & 15];
  }
  out.append(text.data(), text.size());
}

std::optional<Instant> instant_from(std::string_view text) {
  using namespace std::chrono;
  const auto y = take_digits(text, 4);
  if (!y || !take(text, '-')) return std::nullopt;
  const auto mo = take_digits(text, 2);
  if (!mo || !take(text, '-')) return std::nullopt;
  const auto d = take_digits(text, 2);
  if (!d || !take(text, 'T')) return std::nullopt;
  const auto h = take_digits(text, 2);
  if (!h || *h > 23 || !take(text, ':')) return std::nullopt;
  const auto mi = take_digits(text, 2);
  if (!mi || *mi > 59 || !take(text, ':')) return std::nullopt;
  const auto s = take_digits(text, 2);
  if (!s || *s > 59) return std::nullopt;
  int ms = 0;
  if (take(text, '.')) {
    const std::size_t width = text.find('Z');
    if (width == 0 || width > 3) return std::nullopt;
    const auto fraction = take_digits(text, width);
    if (!fraction) return std::nullopt;
    ms = *fraction * (width == 1 ? 100 : width == 2 ? 10 : 1);
  }
  if (text != "Z") return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return std::nullopt;
  return Instant{sys_days{date}.time_since_epoch() + hours{*h} + minutes{*mi} + seconds{*s} + milliseconds{ms}};
}

std::optional<CommandId> command_id_from(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  const auto half = [&](std::size_t from) -> std::optional<std::uint64_t> {
    std::uint64_t number = 0;
    for (const char c : text.substr(from, 16)) {
      const bool digit = c >= '0' && c <= '9';
      if (!digit && (c < 'a' || c > 'f')) return std::nullopt;
      number = number << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
    }
    return number;
  };
  const auto high = half(0);
  const auto low = half(16);
  if (!high || !low) return std::nullopt;
  return CommandId{*high, *low};
}

std::optional<std::uint64_t> positive_from(std::string_view text, std::uint64_t most) {
  if (text.empty() || text.front() < '1' || text.front() > '9') return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > most) return std::nullopt;
  return number;
}

}  // namespace deskd::json
