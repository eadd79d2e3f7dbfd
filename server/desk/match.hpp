// match.hpp - Who is seated with whom.
//
//      chats that wait                                         agents
//      ┌ queue 1, skill en ┐ oldest place first    least load first ┌ queue 1,2; en, fr ┐
//      ├ queue 1           ┤ ───────────── eligible ? ───────────── ├ queue 2           ┤
//      └ queue 2, left     ┘                                        └ ...               ┘
//
// Match holds what matters of every waiting chat (Need) and of every agent (Seat), and answers who is next. It decides
// nothing else: the desk tells it each change, asks, acts, and tells it what became of it.
//
// The rule, version 1. An agent is eligible for a chat when none of FellOut is true of the two. Of the eligible agents
// the one whom the buyer had last (`preferred`) comes first, then the lowest load/capacity, compared as integers; then
// the one whose last assignment that held is longest ago; then the lower rank. Of the chats that an agent is eligible
// for, any live one goes before any left message; then the smallest place key (joined minus priority seconds), then the
// lower id. Both are total orders, so nothing depends on how anything is stored.
//
// Chats with equal needs, and agents with equal queues and skills, lie in one class, in order: a choice looks at the
// heads of the classes that fit. Only a chat with `excluded` agents can stand before others and be passed over; one
// that wants one agent lies with that agent. What fits is remembered for the needs that occur, and counted as agents
// change. Cost, with C fitting classes of the other side: a choice or an explanation O(C), a change O(log n), ahead()
// O(log n) for each different set of queues in use. The first chat of a new kind of need costs O(all classes).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/words.hpp"
#include "server/desk/limits.hpp"

namespace deskd {

// An agent's number within the desk, from 1, small and dense; 0 is nobody.
using AgentIndex = Id<struct AgentIndexTag, std::uint32_t>;

// What a waiting chat asks of an agent. Queues and skills are sets of bits.
struct Need {
  std::uint64_t queues{};  // an agent of any of these
  std::uint64_t skills{};  // ... who has all of these
  bool left_message{};
  bool uses_kept_back{};             // its queue keeps places back, so it may take them
  AgentIndex wanted{};               // this agent and no other
  AgentIndex preferred{};            // this agent if she can
  std::vector<AgentIndex> excluded;  // these had it and gave it back
  Instant joined{};
  std::int32_t priority_s{};
  bool operator==(const Need&) const = default;
};

// What the roster says of one agent.
struct Seat {
  std::uint64_t queues{};
  std::uint64_t skills{};
  std::int32_t load{};  // chats held that weigh, and reservations
  std::int32_t capacity{};
  std::int32_t held{};  // chats held, and reservations
  std::int32_t held_max{};
  std::int32_t kept_back{};  // of her capacity, only for chats with uses_kept_back
  std::int32_t left{};       // left messages among held
  std::int32_t left_max{};
  bool takes{};             // available, and there
  Instant last_assigned{};  // the last that held; 1970 when none
  std::uint32_t rank{};     // the roster's order by name; the last word where all else is equal
  bool operator==(const Seat&) const = default;
};

// She would be eligible if she had nothing yet and no other chat waited; whom the chat excludes or wants is not asked. A
// supervisor who only watches never is, nor who has no places but those kept back for others, or no share of left messages.
bool could_have(const Need& need, Seat seat);

// Why an agent is not eligible for a chat: the first of these that is true. The order is part of the rule.
enum class FellOut : std::uint8_t {
  not_in_queue,
  lacks_skill,
  not_available,
  full,
  held_max,
  kept_back,  // the places she has free are kept back for others
  excluded,
  other_agent_wanted,
  left_share,  // she has her share of left messages
  live_first,  // a left message, and a live chat waits that she is eligible for
  nothing,     // she is eligible
};
namespace words {
inline constexpr std::array<std::string_view, 11> fell_out{
    "not_in_queue", "lacks_skill",        "not_available", "full",       "held_max", "kept_back",
    "excluded",     "other_agent_wanted", "left_share",    "live_first", "eligible"};
}
constexpr const auto& words_of(FellOut) { return words::fell_out; }

// Why this agent: the buyer waited for her, had her last, or she was first in the order. `hand`: a person chose, or she
// asked for work while another was before her.
enum class ChosenBy : std::uint8_t { nobody, wanted, preferred, load, hand };
namespace words {
inline constexpr std::array<std::string_view, 5> chosen_by{"nobody", "wanted", "preferred", "load", "hand"};
}
constexpr const auto& words_of(ChosenBy) { return words::chosen_by; }

// One choice, or why there was none. A plain value without memory of its own; names are for format_explanation().
struct Explanation {
  struct Terms {
    AgentIndex agent;
    std::int32_t load{};
    std::int32_t capacity{};
    Instant last_assigned{};
    std::uint32_t rank{};
  };
  std::int32_t rule{};
  ChosenBy by{};
  std::int32_t shown{};          // how many of `terms` are set
  std::array<Terms, 3> terms{};  // the chosen one, if any, then the next eligible ones in order
  // How many of all agents fell out for which reason; the last is how many were eligible. A chosen one who is not
  // eligible (`hand`) is counted where she fell out. Sums to all agents.
  std::array<std::int32_t, words::fell_out.size()> fell_out{};
};

// The explanation as compact JSON in `out`, e.g.
//   {"rule":1,"by":"load","chosen":{"agent":"07","load":1,"capacity":5,"last":1790000000000,"rank":3},"next":[...],
//    "out":{"lacks_skill":12,"full":3},"eligible":2}
// names[i] is the name of terms[i].agent, at most name_bytes_max of [A-Za-z0-9_-]. Reasons that are nobody's are left
// out. Always fits.
std::string_view format_explanation(const Explanation& explanation, std::span<const std::string_view> names,
                                    std::span<char, limits::explanation_bytes_max> out);

class Match {
 public:
  static constexpr std::int32_t rule_version{1};

  struct Pair {
    ChatId chat;
    AgentIndex agent;
    bool operator==(const Pair&) const = default;
  };

  Match();
  Match(const Match&) = delete;
  Match& operator=(const Match&) = delete;
  ~Match();

  // New or changed; the same value again costs a comparison.
  void set_agent(AgentIndex agent, const Seat& seat);
  // An agent who was never set may be removed. A chat that wants her goes on wanting her.
  void remove_agent(AgentIndex agent);
  // None when she is not set. Lives until the next change of this agent.
  const Seat* seat(AgentIndex agent) const;

  // A chat that may be seated now, or whose need has changed. Absent buyers, greeted, reserved, held and closed chats
  // are not here: remove them.
  void set_chat(ChatId chat, const Need& need);
  void remove_chat(ChatId chat);
  // None when it does not wait. Lives until the next change of this chat.
  const Need* need(ChatId chat) const;

  // The one rule. The agent must be set, the chat must wait; asked with a Need, of a chat that does not wait as if it
  // did.
  FellOut fell_out(ChatId chat, AgentIndex agent) const { return fell_out(need_of(chat), agent); }
  FellOut fell_out(const Need& need, AgentIndex agent) const;
  bool eligible(ChatId chat, AgentIndex agent) const { return fell_out(chat, agent) == FellOut::nothing; }

  // For an agent with a free place: the chat she is to have. For a chat that came or changed: its agent. For after more
  // than one such change: the first chat that can be seated, and its agent; ask until none.
  std::optional<ChatId> best_chat(AgentIndex agent) const;
  std::optional<AgentIndex> best_agent(ChatId chat) const { return best_agent(need_of(chat)); }
  std::optional<AgentIndex> best_agent(const Need& need) const;
  std::optional<Pair> best_pair() const;

  // To be asked before the choice is carried out, since it tells the terms as they stand. With nobody chosen it says
  // why the chat still waits.
  Explanation explain(ChatId chat, AgentIndex chosen) const { return explain(need_of(chat), chosen); }
  Explanation explain(const Need& need, AgentIndex chosen) const;
  Explanation why_waiting(ChatId chat) const { return explain(chat, AgentIndex{}); }

  // Everybody, one by one: the eligible in the order of the choice, then the others by reason and rank. It looks at every
  // agent, so it is for who asks and for no step that serves.
  struct Candidate {
    AgentIndex agent;
    FellOut fell_out{};
    bool operator==(const Candidate&) const = default;
  };
  std::vector<Candidate> candidates(const Need& need) const;

  // Live chats before this one among those that share a queue with it, or would if it were live.
  std::int32_t ahead(ChatId chat) const;
  // Live chats that wait in any of these queues, and left messages.
  std::int32_t live_in(std::uint64_t queues) const;
  std::int32_t live() const;
  std::int32_t left() const;
  // Agents, and those of them with a place free for somebody.
  std::int32_t agents() const;
  std::int32_t free_agents() const;

 private:
  const Need& need_of(ChatId chat) const;

  class State;
  std::unique_ptr<State> state_;
};

}  // namespace deskd
