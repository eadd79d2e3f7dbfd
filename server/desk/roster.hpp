// roster.hpp - The agents: what they chose (status), what they may take (capacity, queues, skills), what they hold.
//
// load counts attention: chats held that weigh, reservations, and places still wrapping up. held counts chats. An agent
// keeps her index for the life of the desk, also when a policy drops her.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/desk/answered.hpp"
#include "server/desk/match.hpp"
#include "server/desk/names.hpp"
#include "server/desk/rulebook.hpp"
#include "server/desk/timers.hpp"
#include "server/desk/transcript.hpp"

namespace deskd {

struct Chat;

enum class AgentTimer : std::uint8_t {
  grace_waiting,  // the sockets are gone: chats whose buyers wait go back
  grace,          // ... then all
  wrap_up,        // the earliest place that frees
  warn,           // merged warnings leave
};
inline constexpr std::size_t agent_timers = static_cast<std::size_t>(AgentTimer::warn) + 1;
// Purposes of timers: a chat's count from 0, an agent's from here, the desk's own from 64.
inline constexpr std::uint8_t agent_timer_first = 32;
inline constexpr std::uint8_t desk_timer_first = 64;

struct WrapUp {
  ChatId chat;
  Instant until;
};

struct Agent {
  AgentIndex index;
  std::string name;
  std::string_view title;  // kept by the roster
  Role role{Role::agent};
  bool named{};     // the policy in force names her
  bool employed{};  // ... as one who serves: not only to look on
  Mask queues{};
  Mask skills{};
  std::int32_t capacity{}, held_max{}, kept_back{}, left_max{};
  std::uint32_t rank{};  // by name; the last word of the total order

  Status status{Status::signed_out};
  Reason status_reason{};
  std::vector<SessionId> sessions;  // those that take part
  std::vector<SessionId> attached;  // all that are signed in as her, resumed or not; oldest first

  std::vector<Chat*> held;  // in order of assignment
  std::vector<Chat*> reserved;
  std::vector<WrapUp> wrapping;
  std::int32_t load{};
  std::int32_t left{};  // of held: left messages
  Instant last_assigned;
  std::int32_t unanswered_offers{};
  Answered answered;      // offers accepted and declined, chats pulled
  std::int32_t places{};  // what Floor::places counts of hers
  std::array<Timer, agent_timers> timers;

  const Timer& timer(AgentTimer purpose) const { return timers[static_cast<std::size_t>(purpose)]; }
  Timer& timer(AgentTimer purpose) { return timers[static_cast<std::size_t>(purpose)]; }
  bool present() const { return !sessions.empty(); }
  Seat seat() const;
  // What follows from her queues and capacity.
  void set_shares(const Rulebook& book);
  // A supervisor's hand, until the next policy. She may hold what the policy lets her hold, or that many.
  void adjust(const Rulebook& book, std::int32_t to_capacity, Mask to_queues);
};

class Roster {
 public:
  // Takes a policy: known agents keep what they hold, new ones join, missing ones are no longer employed.
  void apply(const Rulebook& book);

  // Somebody who is remembered and not employed.
  Agent& remember(std::string_view name);

  Agent* find(std::string_view name);
  Agent& agent(AgentIndex index) { return *agents_[index.value - 1]; }
  const Agent& agent(AgentIndex index) const { return *agents_[index.value - 1]; }
  std::size_t size() const { return agents_.size(); }
  // By index.
  const std::vector<std::unique_ptr<Agent>>& all() const { return agents_; }

 private:
  Agent& add(std::string_view name);
  void rank();

  std::vector<std::unique_ptr<Agent>> agents_;
  std::unordered_map<std::string_view, AgentIndex> by_name_;  // keys live in the agents
  Names titles_;
};

}  // namespace deskd
