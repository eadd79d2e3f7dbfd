// rows.hpp - From the text of a result's fields to stored:: values. Templates over the row, so that libpqxx stays out.
#pragma once

#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/deed_json.hpp"
#include "storage/stored.hpp"

namespace deskd::rows {

template <class Field>
std::string_view text(const Field& field) {
  return {field.c_str(), field.size()};
}

template <class Int, class Field>
Int number(const Field& field) {
  const std::string_view digits = text(field);
  Int value{};
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc{})
    throw std::invalid_argument{"a column does not hold the number it should"};
  return value;
}

template <class Enum, class Field>
Enum one_of(const Field& field) {
  const auto value = number<unsigned>(field);
  if (value >= words_of(Enum{}).size()) throw std::invalid_argument{"a column holds a number that stands for no word"};
  return static_cast<Enum>(value);
}

template <class Field>
Instant instant(const Field& field) {
  return instant_of(number<std::int64_t>(field));
}

// "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", or null for none.
template <class Field>
CommandId command(const Field& field) {
  CommandId id;
  int digits{};
  for (const char c : text(field)) {
    if (c == '-') continue;
    const auto value = static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    std::uint64_t& half = digits++ < 16 ? id.high : id.low;
    half = half << 4 | value;
  }
  return id;
}

inline constexpr std::string_view line_columns{"stream, seq, at_ms, origin, kind, person, id, reply_to, reason, text"};

// A line from line_columns, which begin at `first`.
template <class Row>
stored::Line line(const Row& row, int first) {
  stored::Line line;
  line.stream = one_of<Stream>(row[first]);
  line.seq = Seq{number<Seq::Number>(row[first + 1])};
  line.at = instant(row[first + 2]);
  line.origin = one_of<Origin>(row[first + 3]);
  line.kind = one_of<LineKind>(row[first + 4]);
  line.person = text(row[first + 5]);
  line.id = command(row[first + 6]);
  line.reply_to = Seq{number<Seq::Number>(row[first + 7])};
  line.reason = one_of<Reason>(row[first + 8]);
  line.text = text(row[first + 9]);
  return line;
}

inline constexpr std::string_view clock_columns{"clock, ordinal, at_ms"};

// A step that fired, from clock_columns.
template <class Row>
stored::Clock clock(const Row& row, int first) {
  return {one_of<ClockKind>(row[first]), number<std::int32_t>(row[first + 1]), instant(row[first + 2])};
}

inline constexpr std::string_view deed_columns{"stream, seq, kind, body::text"};

// A deed from deed_columns.
template <class Row>
stored::Deed deed(const Row& row, int first) {
  return {Seq{number<Seq::Number>(row[first + 1])},
          deed_from_json(one_of<LineKind>(row[first + 2]), text(row[first + 3])), one_of<Stream>(row[first])};
}

inline constexpr std::string_view chat_columns{R"(
    chat, opened_ms, queued_ms, placed_ms, answered_first_ms, closed_ms, policy_version, priority_s, excused, place,
    reason, guest, shop, buyer, queue, agent, wanted, array_to_string(skills, ','), left_ms, told_ms, lined_up_ms, level,
    asked)"};

// A chat from chat_columns, as routing left it.
template <class Row>
stored::Chat chat(const Row& row) {
  stored::Chat chat;
  chat.chat = ChatId{number<ChatId::Number>(row[0])};
  chat.opened = instant(row[1]);
  chat.queued = instant(row[2]);
  chat.placed = instant(row[3]);
  chat.answered_first = instant(row[4]);
  if (!row[5].is_null()) chat.closed = instant(row[5]);
  chat.policy_version = number<std::int64_t>(row[6]);
  chat.priority_s = number<std::int32_t>(row[7]);
  chat.excused = Seq{number<Seq::Number>(row[8])};
  chat.place = one_of<Place>(row[9]);
  chat.reason = one_of<Reason>(row[10]);
  chat.guest = text(row[11]) == "t";
  chat.shop = text(row[12]);
  chat.buyer = text(row[13]);
  chat.queue = text(row[14]);
  chat.agent = text(row[15]);
  chat.wanted = text(row[16]);
  chat.skills = stored::names_of(text(row[17]));
  if (!row[18].is_null()) chat.left_since = instant(row[18]);
  if (!row[19].is_null()) chat.told = instant(row[19]);
  chat.lined_up = instant(row[20]);
  chat.level = text(row[21]);
  chat.asked = text(row[22]) == "t";
  return chat;
}

}  // namespace deskd::rows
