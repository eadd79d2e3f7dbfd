// policy.hpp - A desk's policy: its shops, queues, agents and the promises it makes. Data, not settings: it lives in the
// database, one row a version, and comes in through the admin API (`deskd apply` is a client of it).
//
// A chat keeps the promises (steps, calendar) of the version it was opened under; routing always follows the newest.
// Every field has the default that a new shop would want. Names are 1-32 of [a-z0-9_-], agents' also upper case.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/words.hpp"

namespace deskd::policy {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

enum class Algorithm : std::uint8_t { hs256, eddsa };

// One key pins its one algorithm. Old and new key are valid together: list both for a while.
struct Key {
  std::string kid;
  Algorithm algorithm{};
  std::string file;  // the secret (hs256) or public key in PEM (eddsa); the policy names it and never holds it
  bool operator==(const Key&) const = default;
};

// Open hours: half-open spans of the shop's local time, in minutes from midnight; a span may pass midnight (to > 1440).
struct Span {
  std::int32_t from_min{};
  std::int32_t to_min{};
  bool operator==(const Span&) const = default;
};
struct Holiday {
  std::string date;        // YYYY-MM-DD, local
  std::vector<Span> open;  // instead of the weekday's; empty: closed all day
  bool operator==(const Holiday&) const = default;
};
// From this instant the zone is this far from UTC. The edge reads them from the time zone data; the desk only adds.
struct Offset {
  std::int64_t from_ms{};
  std::int32_t offset_s{};
  bool operator==(const Offset&) const = default;
};
// `week` empty means always open.
struct Calendar {
  std::string name;
  std::string zone{"Asia/Shanghai"};
  std::vector<std::vector<Span>> week;  // 7, Monday first
  std::vector<Holiday> holidays;
  std::vector<Offset> offsets;  // filled by the edge, ascending; at least one when `week` is not empty
  bool operator==(const Calendar&) const = default;
};

// A level of buyer that the shop's back end knows and states in the token ("vip").
struct Level {
  std::string name;
  std::int32_t priority_s{0};  // seconds a chat of such a buyer is ahead of its age
  bool operator==(const Level&) const = default;
};

struct Shop {
  std::string name;
  std::string title;
  std::vector<std::string> origins;  // exact, e.g. "https://shop.example"
  std::string issuer;                // `iss` of its tokens
  std::vector<Key> keys;
  std::vector<Level> levels;
  std::string calendar;  // empty: always open
  std::string greeting;  // origin auto; empty: none
  std::string locale{"zh-CN"};
  bool operator==(const Shop&) const = default;
};

// The ladder of one reply clock, counted from the moment the wait began, in open hours.
struct Steps {
  Duration target{10s};
  Duration limit{30s};
  Duration reminder{100s};
  Duration breach{180s};
  bool operator==(const Steps&) const = default;
};

// clang-format off
struct Relax { Duration after{}; std::string skill; bool operator==(const Relax&) const = default; };
struct Overflow { Duration after{}; std::string queue; bool operator==(const Overflow&) const = default; };
// clang-format on

struct Queue {
  std::string name;
  std::vector<std::string> shops;        // empty: every shop of the desk
  std::vector<std::string> skills;       // an agent must have all of them
  std::vector<Relax> relax;              // ... until one is dropped after a wait
  std::vector<Overflow> overflow;        // agents of these queues too, after a wait
  std::int32_t priority_s{0};            // seconds a chat of this queue is ahead of its age
  std::int32_t breached_priority_s{60};  // ... and so many more when its buyer has waited past the breach
  bool auto_accept{true};
  bool seat_visitors{false};  // seat at open, before the buyer's first line
  Duration reservation{5s};
  std::int32_t offers_unanswered_max{3};  // so many declined or lapsed in a row send the agent on_break
  Duration wrap_up{0s};
  Duration quiet_after{120s};
  std::int32_t quiet_weight{0};  // 0 or 1: what a quiet chat weighs
  Steps first_response;
  Steps next_response;
  Duration queue_wait{180s};      // nobody waits longer without having been told and asked
  Duration ask_beyond{120s};      // a forecast beyond this is told and asked at once
  std::int32_t queue_max{1000};   // beyond it new chats become left messages at once
  std::int32_t kept_back_pct{0};  // share of each of its agents' capacity that only queues with such a share may take
  Duration idle_close{600s};
  Duration left_unanswered{600s};  // a buyer gone and still waiting is closed this long after the breach
  Duration wanted_agent_wait{300s};
  Duration left_message_answer{30min};  // working time
  std::int32_t left_message_share_pct{34};
  Duration complaint_answer{0s};  // 0: no such clock
  bool operator==(const Queue&) const = default;
};

struct Agent {
  std::string name;        // the staff number buyers may ask for
  std::string title;       // what buyers read
  Role role{Role::agent};  // agent, supervisor or ops
  std::vector<std::string> queues;
  std::vector<std::string> skills;
  std::int32_t capacity{5};
  std::int32_t held_max{0};  // 0: twice the capacity
  bool operator==(const Agent&) const = default;
};

struct Desk {
  std::int64_t version{};
  std::string name;
  std::vector<Calendar> calendars;
  std::vector<Shop> shops;
  std::vector<Queue> queues;
  std::vector<Agent> agents;
  std::vector<Key> staff_keys;
  std::string staff_issuer;
  Duration agent_grace{60s};          // an agent's sockets are gone: so long the chats stay
  Duration agent_grace_waiting{20s};  // ... those whose buyer waits
  Duration buyer_grace{60s};          // a waiting buyer's socket is gone: so long the place stays eligible
  Duration buyer_gone{600s};          // ... and then the chat becomes a left message
  Duration reopen_within{600s};
  Duration recall_within{120s};
  bool surge_automatic{true};
  bool operator==(const Desk&) const = default;
};

}  // namespace deskd::policy
