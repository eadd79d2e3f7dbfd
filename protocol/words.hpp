// words.hpp - The closed sets of words that the wire, the schema and the code share.
//
// Each set is an enum with fixed numbers (the database stores them) and one table of its words (the wire says them).
// A number is never used again for something else.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace deskd {

enum class Role : std::uint8_t { guest, buyer, agent, supervisor, ops };

// Who made a line. `human` typed it, `assist` pressed a suggested reply; both are answers. `automatic` and `system` are
// not.
enum class Origin : std::uint8_t { buyer, human, assist, automatic, system };

// Where a chat is. Every chat is in exactly one place.
enum class Place : std::uint8_t { greeted, waiting, reserved, held, left_message, closed };

// What an agent chose. What the agent is doing (idle, serving, wrapping up) is derived.
enum class Status : std::uint8_t { available, draining, on_break, away, signed_out };

// `main` is what both sides see. `inside` holds whispers and notes; a buyer's session is never told that it exists.
enum class Stream : std::uint8_t { main, inside };

enum class LineKind : std::uint8_t {
  words,         // somebody's text
  order,         // deed: an order confirmation, put to the buyer
  order_answer,  // deed: the buyer confirmed it, or asked for corrections
  rating,        // deed
  joined,        // an agent took the chat
  transferred,   // the chat moved to another agent or queue
  recalled,      // takes back the words of the line in reply_to
  identified,    // the guest signed in and became a named buyer
  closed,        // the end; reason says why
  reopened,      // the buyer came back within reopen_within
  refused,       // the database would not hold this line; its words are gone, its number stays
};

enum class Reason : std::uint8_t {
  none,
  by_buyer,
  by_agent,
  by_supervisor,
  idle,             // nobody said anything for idle_close, and nobody waited
  left_unanswered,  // the buyer was gone and still waited long after the breach
  identified,       // the guest's chat ended because the named buyer has an open one
  too_long,         // the chat reached lines_max
  expired,          // waiting for one agent took too long
  answered,         // a left message that was answered
  declined,
  lapsed,
  session_lost,
  presence_lost,
  transferred,
  overload,
  after_hours,
  nobody_there,
  chosen,  // the buyer chose it when asked
  policy,
  revoked,
  not_reached,  // a greeted chat whose buyer never said anything
  unanswered_offers,
  recovered,  // the server started again
  refused,    // the database would not hold a line
};

enum class Choice : std::uint8_t { wait, leave_message };

// The promises that run on a clock.
enum class ClockKind : std::uint8_t {
  first_response,
  next_response,
  agent_response,  // the same wait, counted from the assignment
  queue_wait,
  idle_close,
  left_message,
  complaint,
};

// The kinds of fact. A fact holds ids, times, kinds and lengths: never words, and of people only their ids.
enum class FactKind : std::uint8_t {
  opened,
  queued,    // joined a queue, or came back to it; reason says why
  offered,   // a reservation was made
  declined,  // ... and declined or lapsed; reason says which
  assigned,  // carries the explanation
  requeued,
  transferred,
  taken_over,
  missed,  // a clock passed a step: reason holds no word, `clock` and `ordinal` say which
  asked,   // the buyer was told the wait and asked to choose
  chose,
  left_message,
  absent,  // a waiting buyer's grace ran out; skipped until back
  returned,
  closed,
  reopened,
  identified,  // of a chat: its guest did. chat is 0: the guest of the fact before became the buyer `detail`; `number` is
               // the chat that goes on instead of the guest's
  rated,
  wrapped_up,
  status,      // of an agent; chat is 0
  overloaded,  // load passed capacity by one of the two named exceptions
  no_answer_needed,
  refused,  // the database would not hold a row
  surge,
  policy,
  took_desk,  // an epoch began
  relaxed,    // a requirement was dropped, or a queue was added, because the wait was long
  watched,
  adjusted,  // by a supervisor: `agent` now has the capacity `ordinal` and the queues `detail`, under policy `number`
  revoked,   // of a person: `agent`, or of a shop's buyer `detail`, is who; `ordinal` 1 takes it back; chat is 0
};

namespace words {
inline constexpr std::array<std::string_view, 5> role{"guest", "buyer", "agent", "supervisor", "ops"};
inline constexpr std::array<std::string_view, 5> origin{"buyer", "human", "assist", "auto", "system"};
inline constexpr std::array<std::string_view, 6> place{"greeted", "waiting",      "reserved",
                                                       "held",    "left_message", "closed"};
inline constexpr std::array<std::string_view, 5> status{"available", "draining", "on_break", "away", "signed_out"};
inline constexpr std::array<std::string_view, 2> stream{"main", "inside"};
inline constexpr std::array<std::string_view, 11> line_kind{"words",  "order",       "order_answer", "rating",
                                                            "joined", "transferred", "recalled",     "identified",
                                                            "closed", "reopened",    "refused"};
inline constexpr std::array<std::string_view, 25> reason{
    "none",        "by_buyer",          "by_agent",    "by_supervisor", "idle",   "left_unanswered", "identified",
    "too_long",    "expired",           "answered",    "declined",      "lapsed", "session_lost",    "presence_lost",
    "transferred", "overload",          "after_hours", "nobody_there",  "chosen", "policy",          "revoked",
    "not_reached", "unanswered_offers", "recovered",   "refused"};
inline constexpr std::array<std::string_view, 2> choice{"wait", "leave_message"};
inline constexpr std::array<std::string_view, 7> clock{
    "first_response", "next_response", "agent_response", "queue_wait", "idle_close", "left_message", "complaint"};
inline constexpr std::array<std::string_view, 30> fact_kind{
    "opened",           "queued",   "offered",    "declined", "assigned",     "requeued", "transferred",
    "taken_over",       "missed",   "asked",      "chose",    "left_message", "absent",   "returned",
    "closed",           "reopened", "identified", "rated",    "wrapped_up",   "status",   "overloaded",
    "no_answer_needed", "refused",  "surge",      "policy",   "took_desk",    "relaxed",  "watched",
    "adjusted",         "revoked"};
}  // namespace words

constexpr const auto& words_of(Role) { return words::role; }
constexpr const auto& words_of(Origin) { return words::origin; }
constexpr const auto& words_of(Place) { return words::place; }
constexpr const auto& words_of(Status) { return words::status; }
constexpr const auto& words_of(Stream) { return words::stream; }
constexpr const auto& words_of(LineKind) { return words::line_kind; }
constexpr const auto& words_of(Reason) { return words::reason; }
constexpr const auto& words_of(Choice) { return words::choice; }
constexpr const auto& words_of(ClockKind) { return words::clock; }
constexpr const auto& words_of(FactKind) { return words::fact_kind; }

template <class Enum>
constexpr std::string_view word_of(Enum value) {
  return words_of(value)[static_cast<std::size_t>(value)];
}

template <class Enum>
constexpr std::optional<Enum> from_word(std::string_view word) {
  const auto& all = words_of(Enum{});
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i] == word) return static_cast<Enum>(i);
  return std::nullopt;
}

}  // namespace deskd
