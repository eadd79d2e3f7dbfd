// ids.hpp - The names of things and of moments, shared by the wire, the desk and the database.
//
// Each kind of number has a type of its own, so that a chat's id can never be taken for a position in the log. All of
// them are plain values: they copy, compare and print, and none of them knows where it came from.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace deskd {

// Desk time: the wall clock at start plus the steady clock since, in milliseconds since 1970. It has no now(): the desk
// is told the time, and only the shard's clock may read one.
struct DeskClock {
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<DeskClock>;
  static constexpr bool is_steady = true;
};
using Duration = DeskClock::duration;
using Instant = DeskClock::time_point;

constexpr Instant instant_of(std::int64_t ms) { return Instant{Duration{ms}}; }
constexpr std::int64_t ms_of(Instant at) { return at.time_since_epoch().count(); }

template <class Tag, class Int>
struct Id {
  using Number = Int;
  Int value{};
  constexpr auto operator<=>(const Id&) const = default;
  constexpr explicit operator bool() const { return value != Int{}; }
};

// The desk's number in the database; names are for people, numbers are for keys.
using DeskId = Id<struct DeskTag, std::int32_t>;
// 48 bits of desk time at opening, then a counter: ids of one desk grow with time, so a range of ids is a range of days.
using ChatId = Id<struct ChatTag, std::int64_t>;
// A line's number within one stream of its chat: 1, 2, 3 ... without a gap. 0 means none.
using Seq = Id<struct SeqTag, std::uint32_t>;
// A record's number within its desk: 1, 2, 3 ... without a gap.
using Position = Id<struct PositionTag, std::int64_t>;
// How often a desk has been taken by a server. Every start raises it.
using Epoch = Id<struct EpochTag, std::int64_t>;
// One WebSocket connection. The shard hands them out: the low half is a slot that is used again, the high half tells
// the users of one slot apart.
using SessionId = Id<struct SessionTag, std::uint64_t>;

constexpr Seq next(Seq seq) { return Seq{seq.value + 1}; }

// The 128 random bits that a client makes before it first sends a command, and keeps until the answer is stored.
// On the wire: 32 lowercase hex digits.
struct CommandId {
  std::uint64_t high{};
  std::uint64_t low{};
  constexpr auto operator<=>(const CommandId&) const = default;
  constexpr explicit operator bool() const { return high != 0 || low != 0; }
};

}  // namespace deskd
