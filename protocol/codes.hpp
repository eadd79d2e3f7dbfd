// codes.hpp - Everything that can go wrong on the wire, once.
//
// An error answers one command and leaves the session open. A close code ends the session and says whether to come back:
// 4000-4499 reconnect (with backoff, resuming), 4500-4999 do not. SPEC.md's tables are tested against this file.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace deskd {

// clang-format off
enum class Code : std::uint8_t {
  bad_json, bad_message, unknown_type, too_large, not_signed_in, already_signed_in, bad_token, not_allowed, unknown_chat,
  chat_closed, id_reused, unknown_line, too_late, too_many, rate_limited, storage_behind, overloaded, draining,
  unknown_agent, unknown_queue, no_place, not_offered, wrong_place, bad_order, stale_version, nothing_waiting,
  already_rated, bad_words, stale_policy, bad_policy, in_use, refused,
};
// clang-format on

struct CodeRow {
  Code code;
  std::string_view name;
  std::string_view meaning;
};

inline constexpr std::array code_table{
    CodeRow{Code::bad_json, "bad_json", "the frame is not one JSON object within the limits"},
    CodeRow{Code::bad_message, "bad_message", "a field is missing, or not of the type or range that SPEC.md gives"},
    CodeRow{Code::unknown_type, "unknown_type", "no message has this type"},
    CodeRow{Code::too_large, "too_large", "the text is longer than words_bytes_max"},
    CodeRow{Code::not_signed_in, "not_signed_in", "sign_in comes first"},
    CodeRow{Code::already_signed_in, "already_signed_in", "this session has a person; use refresh for a new token"},
    CodeRow{Code::bad_token, "bad_token", "the token was not accepted"},
    CodeRow{Code::not_allowed, "not_allowed", "this person may not do this to this chat"},
    CodeRow{Code::unknown_chat, "unknown_chat", "there is no such chat for this person"},
    CodeRow{Code::chat_closed, "chat_closed", "the chat has ended and the line was not stored; open again"},
    CodeRow{Code::id_reused, "id_reused", "this id was used before with other content"},
    CodeRow{Code::unknown_line, "unknown_line", "the chat has no such line"},
    CodeRow{Code::too_late, "too_late", "the time for this has passed"},
    CodeRow{Code::too_many, "too_many", "a bound on how many was reached; message names it"},
    CodeRow{Code::rate_limited, "rate_limited", "too fast; wait for retry_after_ms"},
    CodeRow{Code::storage_behind, "storage_behind", "the database is behind and no more can be held safely"},
    CodeRow{Code::overloaded, "overloaded", "the desk takes no new work of this kind now"},
    CodeRow{Code::draining, "draining", "the server is going down; come back after retry_after_ms"},
    CodeRow{Code::unknown_agent, "unknown_agent", "the desk has no such agent"},
    CodeRow{Code::unknown_queue, "unknown_queue", "the desk has no such queue"},
    CodeRow{Code::no_place, "no_place", "the agent has no free place"},
    CodeRow{Code::not_offered, "not_offered", "this chat is not offered to you, or no longer"},
    CodeRow{Code::wrong_place, "wrong_place", "the chat is not where this could be done to it"},
    CodeRow{Code::bad_order, "bad_order", "the order confirmation lacks or misstates a field; message names it"},
    CodeRow{Code::stale_version, "stale_version",
            "there is a newer version of this order confirmation, or it has been answered"},
    CodeRow{Code::nothing_waiting, "nothing_waiting", "no chat waits that you could take"},
    CodeRow{Code::already_rated, "already_rated", "this chat has been rated"},
    CodeRow{Code::bad_words, "bad_words", "the text holds a character that cannot be stored"},
    CodeRow{Code::stale_policy, "stale_policy", "the policy has changed since the version this one started from"},
    CodeRow{Code::bad_policy, "bad_policy", "the policy breaks a rule; message names it"},
    CodeRow{Code::in_use, "in_use",
            "what would be removed still holds chats, or another desk has it; message names it"},
    CodeRow{Code::refused, "refused", "the database would not hold this line"},
};

// WebSocket close codes of ours.
// clang-format off
enum class CloseCode : std::uint16_t {
  going_away = 4000, moved = 4001, slow_reader = 4002, unresponsive = 4003, overloaded = 4004, sign_in_timeout = 4005,
  bad_token = 4500, revoked = 4501, flooding = 4503, protocol_error = 4504, expired = 4505,
  replaced = 4506,
};
// clang-format on

struct CloseRow {
  CloseCode code;
  std::string_view name;
  bool reconnect;
  std::string_view meaning;
};

inline constexpr std::array close_table{
    CloseRow{CloseCode::going_away, "going_away", true,
             "the server drains; come back after the retry_after_ms of the error before it"},
    CloseRow{CloseCode::moved, "moved", true, "another server has this desk now"},
    CloseRow{CloseCode::slow_reader, "slow_reader", true,
             "the session did not read what was sent to it; nothing is lost"},
    CloseRow{CloseCode::unresponsive, "unresponsive", true, "no pong in time"},
    CloseRow{CloseCode::overloaded, "overloaded", true, "the lines that a resume asked for cannot be read now"},
    CloseRow{CloseCode::sign_in_timeout, "sign_in_timeout", true, "no sign_in within the time"},
    CloseRow{CloseCode::bad_token, "bad_token", false, "the token was not accepted; get a new one"},
    CloseRow{CloseCode::revoked, "revoked", false, "the right to be here was taken back"},
    CloseRow{CloseCode::flooding, "flooding", false, "kept sending after rate_limited"},
    CloseRow{CloseCode::protocol_error, "protocol_error", false, "what was sent is not deskd.v1"},
    CloseRow{CloseCode::expired, "expired", false, "the token ran out; get a new one"},
    CloseRow{CloseCode::replaced, "replaced", false,
             "this person has as many sessions as are allowed; the oldest ends"},
};

constexpr std::string_view name_of(Code code) { return code_table[static_cast<std::size_t>(code)].name; }

constexpr std::string_view name_of(CloseCode code) {
  for (const CloseRow& row : close_table)
    if (row.code == code) return row.name;
  return {};
}

}  // namespace deskd
