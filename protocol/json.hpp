// json.hpp - The few JSON texts that every part writes the same way: an escaped string, a moment, an id.
//
// Everything is appended to a string that the caller keeps; nothing here allocates but that string's growth. Input text
// must be valid UTF-8: what comes from the wire, the database or the policy is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/ids.hpp"

namespace deskd::json {

// `text` as a JSON string with its quotes. Only what JSON demands is escaped; Chinese and emoji stay as they are.
void append_text(std::string& out, std::string_view text);

void append_number(std::string& out, std::int64_t number);
void append_unsigned(std::string& out, std::uint64_t number);

// "2026-11-21T21:26:18.123Z" with its quotes: RFC 3339, UTC, always milliseconds, years 0000 to 9999.
void append_instant(std::string& out, Instant at);

// 32 lowercase hex digits with quotes.
void append_command_id(std::string& out, CommandId id);

// The same, read back and strict: a `T`, a `Z`, one to three digits of fraction or none, a day that exists.
std::optional<Instant> instant_from(std::string_view text);
std::optional<CommandId> command_id_from(std::string_view text);

// A positive decimal without sign or leading zero, at most `most`.
std::optional<std::uint64_t> positive_from(std::string_view text, std::uint64_t most);

}  // namespace deskd::json
