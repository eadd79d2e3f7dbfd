// chat.hpp - One conversation, from the buyer's arrival to the farewell, and the buyer it belongs to.
//
//      open           first line              match               close
//   ──────> greeted ─────────────> waiting <─────────> held ─────────────> closed
//               │                   │   ^    reserved    ^                   │
//               │                   v   │ returned       │ a free place      │ back within
//               │                left_message ───────────┘                   │ reopen_within
//               └────────────────────────<───────────────────────────────────┘
//
// A chat is data; what may happen to it is in the files named for that: seating (its places), talk (its lines), sla (its
// clocks), presence, order, rating, transfer, overload.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/desk/answered.hpp"
#include "server/desk/limits.hpp"
#include "server/desk/rulebook.hpp"
#include "server/desk/timers.hpp"
#include "server/desk/transcript.hpp"
#include "storage/records.hpp"

namespace deskd {

struct Chat;

// A person who asks. Lives while there is a session or a chat of theirs in memory.
struct Buyer {
  std::string shop;
  std::string id;
  bool guest{};
  std::string_view level;           // as the newest sign-in's token says; kept in Floor::names; empty: none
  std::vector<SessionId> sessions;  // those that take part
  std::vector<SessionId> attached;  // all that are signed in as this buyer, resumed or not; oldest first
  Chat* chat{};                     // the open one, or one closed so recently that it can be reopened
  std::int32_t chats{};             // all of theirs in memory
  AgentIndex last_agent{nobody};    // preferred again
  bool present() const { return !sessions.empty(); }
};

// What one of a chat's timers is for.
enum class ChatTimer : std::uint8_t {
  shop_clock,   // the next step of the ladder counted from the buyer's line
  agent_clock,  // ... and from the assignment
  queue_wait,   // ask, then miss
  reservation,  // the offer lapses
  grace,        // the buyer is gone: skipped, then left message, or left unanswered
  quiet,        // the buyer has been silent for quiet_after
  idle,         // nobody said anything for idle_close
  relax,        // the next requirement falls, the next queue joins in
  wanted,       // enough waited for one agent
  complaint,    // the day of a complaint ends
  in_line,      // tell the place in line again
  marks,        // marks moved again within mark_every
  forget,       // closed for reopen_within
};
inline constexpr std::size_t chat_timers = static_cast<std::size_t>(ChatTimer::forget) + 1;

struct Marks {
  Seq delivered, read;
  Instant told;  // when the other side last heard of them
  bool to_tell{};
};

struct Chat {
  using Deed = std::variant<record::Order, record::OrderAnswer, record::Rating>;

  explicit Chat(std::pmr::memory_resource& memory) : main{memory}, inside{memory} {}

  ChatId id;
  std::shared_ptr<const Rulebook> book;  // whose promises it keeps
  Buyer* buyer{};
  std::string shop;
  std::string_view queue;           // the one it is in, or was seated from; kept in Floor::names
  std::vector<std::string> skills;  // asked for at opening, beside the queue's

  Place place{Place::greeted};
  Reason reason{};                // why it is in this place
  bool left{};                    // came to its agent as a left message, and the buyer has not returned
  AgentIndex agent{nobody};       // of held: who holds it; of reserved: to whom it is offered
  AgentIndex last_agent{nobody};  // who held it last
  AgentIndex wanted{nobody};      // whom the buyer waits for
  Instant opened;
  Instant queued;    // its age in the line counts from here: from its first line on, whatever comes
  Instant lined_up;  // since when it stands in line and nobody holds it; offers leave this alone
  Instant placed, assigned;
  std::optional<Instant> closed;
  bool absent{};                         // waiting, but skipped until the buyer is back
  bool weighs{true};                     // of held: false while quiet
  std::optional<Instant> told;           // when the buyer was last told the wait and asked, or answered that
  bool asked{};                          // ... and the question stands
  Answered answered;                     // choices, and what else had nothing to do that makes a line
  std::int32_t hops{};                   // times it was taken from an agent who did not answer
  std::unique_ptr<Explanation> offered;  // why it was offered to this agent, until she answers
  std::string explained;                 // why its agent has it; empty after a restart
  std::vector<AgentIndex> declined;      // not offered to these again until all have had it
  Mask open_queues{};                    // own and overflowed
  Mask needed{};                         // skills still asked for
  std::size_t relaxed{}, overflowed{};   // steps taken

  Transcript main, inside;
  std::deque<std::pair<Seq, Deed>> deeds;  // effects point at them
  Seq rating;

  std::optional<Instant> waiting_since;   // the oldest buyer line that no effective answer follows
  Seq waiting_from;                       // ... and its number; names the round in facts
  Seq joined;                             // the line with which the agent came
  std::size_t shop_step{}, agent_step{};  // steps of the ladders that this round has passed
  std::int32_t queue_misses{};            // how often the queue's wait was missed
  std::optional<Instant> left_since;      // of a left message: since when, over every agent who had it
  bool left_missed{};                     // the left message's own clock has passed in this round
  bool complaint_missed{};                // the complaint's clock has passed in this round
  std::optional<Instant> breached;        // when this round passed the last step of the shop's
  Instant answered_first;                 // 0 before the first effective answer
  Seq excused;                            // buyer lines up to here need no answer: an agent said so
  Instant last_line;
  ChatId other;  // closed as identified: the chat to go on with
  Marks of_buyer, of_agent;

  std::vector<SessionId> watchers;
  std::array<Timer, chat_timers> timers;

  // Waiting as one, or held as one.
  bool is_left_message() const { return left || place == Place::left_message; }
  // The shop's last step has passed, and it is that promise which holds.
  bool is_breached() const { return breached && !is_left_message(); }
  // Has said nothing since and so has no message to leave: that chat waits for its buyer, and ends as idle.
  bool was_answered() const { return waiting_from && !waiting_since; }
  const Timer& timer(ChatTimer purpose) const { return timers[static_cast<std::size_t>(purpose)]; }
  Timer& timer(ChatTimer purpose) { return timers[static_cast<std::size_t>(purpose)]; }
  Transcript& transcript(Stream stream) { return stream == Stream::main ? main : inside; }
  const Transcript& transcript(Stream stream) const { return stream == Stream::main ? main : inside; }
  bool open() const { return place != Place::closed; }
  const Deed* deed(Seq seq) const {
    for (const auto& [at, deed] : deeds)
      if (at == seq) return &deed;
    return nullptr;
  }
};

}  // namespace deskd
