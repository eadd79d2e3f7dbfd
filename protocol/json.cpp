// json.cpp - See json.hpp.
#include "protocol/json.hpp"

#include <charconv>
#include <chrono>

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

// Writes the escape of `c` and gives its end.
char* put_escape(char* to, char c) {
  *to++ = '\\';
  switch (c) {
    case '"':
    case '\\': *to++ = c; return to;
    case '\n': *to++ = 'n'; return to;
    case '\r': *to++ = 'r'; return to;
    case '\t': *to++ = 't'; return to;
    default:
      std::memcpy(to, "u00", 3);
      to[3] = hex_digits[static_cast<unsigned char>(c) >> 4];
      to[4] = hex_digits[static_cast<unsigned char>(c) & 15];
      return to + 5;
  }
}

// Two characters for each of 256 bytes in hex and of 100 numbers in decimal: a table is a third of the divisions' cost.
constexpr auto hex_pairs = [] {
  std::array<char, 512> pairs{};
  for (std::size_t i = 0; i < 256; ++i) {
    pairs[2 * i] = hex_digits[i >> 4];
    pairs[2 * i + 1] = hex_digits[i & 15];
  }
  return pairs;
}();
constexpr auto decimal_pairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();
constexpr auto hex_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(0xff);
  for (std::size_t i = 0; i < 16; ++i) values[static_cast<unsigned char>(hex_digits[i])] = static_cast<std::uint8_t>(i);
  return values;
}();

void put_two(char* to, unsigned number) { std::memcpy(to, &decimal_pairs[2 * (number % 100)], 2); }

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

void Output::text(std::string_view text) {
  raw('"');
  const char* from = text.data();
  const char* const end = from + text.size();
  while (from != end) {
    const char* const piece_end = from + std::min<std::size_t>(text_piece_bytes, static_cast<std::size_t>(end - from));
    char* const begin = room(text_room_bytes);
    char* to = begin;
    while (from != piece_end) {
      if (piece_end - from >= 8) {
        std::uint64_t word;
        std::memcpy(&word, from, sizeof word);
        if (!needs_escape(word)) {
          std::memcpy(to, &word, sizeof word);
          from += 8;
          to += 8;
          continue;
        }
      }
      if (needs_escape(*from)) to = put_escape(to, *from);
      else *to++ = *from;
      ++from;
    }
    used_ += static_cast<std::size_t>(to - begin);
  }
  raw('"');
}

void Output::number(std::int64_t number) {
  char* const to = room(short_bytes);
  used_ += static_cast<std::size_t>(std::to_chars(to, to + short_bytes, number).ptr - to);
}

void Output::number_unsigned(std::uint64_t number) {
  char* const to = room(short_bytes);
  used_ += static_cast<std::size_t>(std::to_chars(to, to + short_bytes, number).ptr - to);
}

void Output::instant(Instant at) {
  const std::chrono::sys_days day{std::chrono::floor<std::chrono::days>(at.time_since_epoch())};
  const std::chrono::year_month_day date{day};
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  const auto ms = static_cast<unsigned>(ms_of(at) - day.time_since_epoch().count() * day_ms);
  constexpr std::string_view form{"\"0000-00-00T00:00:00.000Z\""};
  char* const to = room(short_bytes);
  std::memcpy(to, form.data(), form.size());
  put_two(to + 1, year / 100);
  put_two(to + 3, year);
  put_two(to + 6, static_cast<unsigned>(date.month()));
  put_two(to + 9, static_cast<unsigned>(date.day()));
  put_two(to + 12, ms / 3'600'000);
  put_two(to + 15, ms / 60'000 % 60);
  put_two(to + 18, ms / 1000 % 60);
  put_two(to + 21, ms % 1000 / 10);
  to[23] = static_cast<char>('0' + ms % 10);
  used_ += form.size();
}

void Output::command_id(CommandId id) {
  char* const to = room(short_bytes);
  to[0] = to[33] = '"';
  for (unsigned i = 0; i < 8; ++i) {
    std::memcpy(to + 1 + 2 * i, &hex_pairs[2 * (id.high >> (56 - 8 * i) & 0xff)], 2);
    std::memcpy(to + 17 + 2 * i, &hex_pairs[2 * (id.low >> (56 - 8 * i) & 0xff)], 2);
  }
  used_ += 34;
}

void append_text(std::string& out, std::string_view text) { Output{out}.text(text); }
void append_number(std::string& out, std::int64_t number) { Output{out}.number(number); }
void append_unsigned(std::string& out, std::uint64_t number) { Output{out}.number_unsigned(number); }
void append_instant(std::string& out, Instant at) { Output{out}.instant(at); }

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
  CommandId id;
  std::uint8_t seen = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    const std::uint8_t high = hex_values[static_cast<unsigned char>(text[i])];
    const std::uint8_t low = hex_values[static_cast<unsigned char>(text[16 + i])];
    seen |= high | low;
    id.high = id.high << 4 | high;
    id.low = id.low << 4 | low;
  }
  return seen < 16 ? std::optional{id} : std::nullopt;
}

std::optional<std::uint64_t> positive_from(std::string_view text, std::uint64_t most) {
  if (text.empty() || text.front() < '1' || text.front() > '9') return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > most) return std::nullopt;
  return number;
}

}  // namespace deskd::json
