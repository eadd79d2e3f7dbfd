// spelling.hpp - Values that JSON says as a string of a form of its own: ids, moments, the words of an enum.
//
// Specialised for each such type: write(out, value) writes the string with its quotes, read(text) is strict and gives
// nothing for any other text, `wanted` says what the form is to whoever got it wrong.
#pragma once

#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

#include "protocol/codes.hpp"
#include "protocol/json.hpp"
#include "protocol/words.hpp"

namespace deskd {

template <class T>
struct Spelling;

template <class T>
concept Spelled = requires(json::Output& out, const T& value, std::string_view text) {
  Spelling<T>::write(out, value);
  Spelling<T>::read(text);
};

// Ids are strings, because JavaScript's numbers end at 53 bits.
template <class Tag, class Int>
requires(sizeof(Int) == 8) struct SpelledId {
  static constexpr std::string_view wanted{"an id is wanted: a string of decimal digits"};
  static void write(json::Output& out, Id<Tag, Int> id) {
    out.raw('"');
    out.number_unsigned(static_cast<std::uint64_t>(id.value));
    out.raw('"');
  }
  static std::optional<Id<Tag, Int>> read(std::string_view text) {
    const auto number = json::positive_from(text, static_cast<std::uint64_t>(std::numeric_limits<Int>::max()));
    if (!number) return std::nullopt;
    return Id<Tag, Int>{static_cast<Int>(*number)};
  }
};
template <>
struct Spelling<ChatId> : SpelledId<ChatTag, std::int64_t> {};
template <>
struct Spelling<SessionId> : SpelledId<SessionTag, std::uint64_t> {};

template <>
struct Spelling<CommandId> {
  static constexpr std::string_view wanted{"32 lowercase hex digits are wanted, not all 0"};
  static void write(json::Output& out, CommandId id) { out.command_id(id); }
  static std::optional<CommandId> read(std::string_view text) {
    const auto id = json::command_id_from(text);
    return id && *id ? id : std::nullopt;
  }
};

template <>
struct Spelling<Instant> {
  static constexpr std::string_view wanted{"a time like 2026-11-21T09:30:00.000Z is wanted"};
  static void write(json::Output& out, Instant at) { out.instant(at); }
  static std::optional<Instant> read(std::string_view text) { return json::instant_from(text); }
};

template <class Enum>
requires requires(Enum value) { words_of(value); }
struct Spelling<Enum> {
  static constexpr std::string_view wanted{"is not one of the words for this"};
  static void write(json::Output& out, Enum value) {
    out.raw('"');
    out.raw(word_of(value));
    out.raw('"');
  }
  static std::optional<Enum> read(std::string_view text) { return from_word<Enum>(text); }
};

template <>
struct Spelling<Code> {
  static constexpr std::string_view wanted{"is not one of the words for this"};
  static void write(json::Output& out, Code value) {
    out.raw('"');
    out.raw(name_of(value));
    out.raw('"');
  }
  static std::optional<Code> read(std::string_view text) {
    for (const CodeRow& row : code_table)
      if (row.name == text) return row.code;
    return std::nullopt;
  }
};

}  // namespace deskd
