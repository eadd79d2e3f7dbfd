// stored.hpp - What is read back from the database, as plain values that own their text.
//
//        PostgreSQL ──> recovery ──> stored::Chat (whole, with its lines) ──> the desk's first events
//                   └─> reader ────> stored::Line, page by page ──────────> a session that asked
//
// These mirror records.hpp: what a desk wrote as record::X comes back as stored::X with equal fields. They know neither
// SQL nor the desk.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/words.hpp"
#include "storage/records.hpp"

namespace deskd::stored {

using DeedBody = std::variant<record::Order, record::OrderAnswer, record::Rating>;

// A line of a transcript. Recovery gives every line as it was written, because the desk itself knows what was recalled.
// The reader leaves `text` empty and sets `hidden` where a later line of the same stream recalled it.
struct Line {
  Stream stream{};
  Seq seq;
  Instant at;
  Origin origin{};
  LineKind kind{};
  std::string person;
  CommandId id;
  Seq reply_to;
  Reason reason{};
  std::string text;
  bool hidden{};
  bool operator==(const Line&) const = default;
};

// The body of the deed that the line `seq` of its stream states.
struct Deed {
  Seq seq;
  DeedBody body;
  Stream stream{};
  bool operator==(const Deed&) const = default;
};

// Names that a row holds as one text, "a,b".
inline std::vector<std::string> names_of(std::string_view joined) {
  std::vector<std::string> names;
  while (!joined.empty()) {
    const std::size_t comma = std::min(joined.find(','), joined.size());
    names.emplace_back(joined.substr(0, comma));
    joined.remove_prefix(std::min(comma + 1, joined.size()));
  }
  return names;
}

// A step of a clock that has fired and must not fire again.
struct Clock {
  ClockKind clock{};
  std::int32_t ordinal{};
  Instant at;
  bool operator==(const Clock&) const = default;
};

// What an agent last was, and since when; and what a supervisor's hand last gave her.
struct Agent {
  std::string agent;
  Status status{Status::signed_out};
  Reason reason{};
  Instant since;
  std::int64_t adjusted_under{};  // the policy then in force: a newer one has the last word; 0: never
  std::int32_t capacity{};
  std::vector<std::string> queues;
  bool operator==(const Agent&) const = default;
};

// Whether the desk last was in surge, and who said so.
struct Surge {
  bool on{};
  Reason by{};
  bool operator==(const Surge&) const = default;
};

// Somebody who may not come in any more, or may again.
struct Revoked {
  std::string shop;  // empty: staff
  std::string person;
  Instant at;
  bool lifted{};
  bool became{};  // a guest who is a named buyer now
  bool operator==(const Revoked&) const = default;
};

// A chat as routing last left it, and all that was said in it.
struct Chat {
  ChatId chat;
  std::string shop, buyer, level, queue, agent, wanted;
  bool guest{};
  Place place{};
  Instant opened, queued, lined_up, placed, answered_first;
  std::int32_t priority_s{};
  std::int64_t policy_version{};
  Reason reason{};
  Seq excused;
  std::vector<std::string> skills;
  std::optional<Instant> closed, left_since, told;
  bool asked{};
  std::vector<Line> lines;   // by stream, then seq
  std::vector<Clock> fired;  // by clock, then ordinal
  std::vector<Deed> deeds;   // by stream, then seq
  bool operator==(const Chat&) const = default;
};

// Whether a line is missing between others of its stream: a desk gives every number, so somebody took it away. No desk
// could go on from here, so the chat is no desk's. `lines` by stream, then seq.
inline bool is_torn(const std::vector<Line>& lines) {
  const Line* before{};
  for (const Line& line : lines) {
    const Seq first_or_next = before != nullptr && before->stream == line.stream ? next(before->seq) : Seq{1};
    if (line.seq != first_or_next) return true;
    before = &line;
  }
  return false;
}

struct Policy {
  std::int64_t version{};
  std::string body;  // JSON, as it was inserted (PostgreSQL's jsonb: same value, its own spacing and order)
  std::string by;
  Instant at;
};

}  // namespace deskd::stored
