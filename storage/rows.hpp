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

// seq, kind, body, which begin at `first`.
template <class Row>
stored::Deed deed(const Row& row, int first) {
  return {Seq{number<Seq::Number>(row[first])}, deed_from_json(one_of<LineKind>(row[first + 1]), text(row[first + 2]))};
}

}  // namespace deskd::rows
