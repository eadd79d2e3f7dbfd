// desk.hpp - One merchant's team: everything that is decided about its chats.
//
//                     now ─┐
//      sessions ─ event ──>│ Desk::step ├─ effects ──> sends, records, closes
//      database ───────────┘     │
//      timer <── next_deadline ──┘
//
// Pure and deterministic: a desk knows what its events told it, and the same events at the same instants give the same
// effects, byte for byte. It has no clock, no thread, no socket, no randomness; a failure in the field is a file of
// events away from being a test.
//
// To be used by one thread at a time. Time may stand still between steps but never goes back. The host gives
// Recovered... events first, if there are any, then RecoveryDone, always; nothing else before it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/desk/effect.hpp"
#include "server/desk/event.hpp"
#include "server/desk/floor.hpp"

namespace deskd {

struct DeskOptions {
  DeskId id;
  Epoch epoch;
  std::shared_ptr<const policy::Desk> policy;  // the newest
  std::size_t backlog_bytes_max{limits::backlog_bytes_max};
  std::int64_t wall_ms{0};  // wall clock minus desk time
  ChatId traced{};          // each pick for this chat is kept, see Floor; for a recording that runs again
};

class Desk {
 public:
  explicit Desk(DeskOptions options);
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // Applies one event at `now`, after everything that fell due until then, and appends what must follow, in order.
  void step(Instant now, const Event& event, Effects& effects);
  // The host wakes then and sends Tick. May be early, never late.
  std::optional<Instant> next_deadline() const { return floor_.timers.next(); }

  const Counters& counters() const { return floor_.counters; }
  const Waited& waited() const { return floor_.waited; }
  // Live figures; `rows` is filled and pointed into.
  tell::Figures figures(std::vector<tell::QueueFigures>& rows) const;
  // Why this chat is where it is, as JSON text or a word; empty when the desk does not hold it in memory.
  std::string explain(ChatId chat);
  // Of a chat that waits, every agent of the policy and why she has it not; else none. Names live as long as the desk.
  std::vector<tell::Candidate> candidates(ChatId chat) const;
  // What a new policy would drop although it still holds chats: "queue after-sales", "agent 07", "shop demo".
  std::vector<std::string> in_use(const policy::Desk& policy) const;

  // For check.hpp, tests and the recorder; nobody decides by it.
  const Floor& floor() const { return floor_; }

 private:
  void on(const event::SessionOpened& event);
  void on(const event::SessionClosed& event);
  void on(const event::Heard& event);
  void on(const event::Identified& event);
  void on(const event::Durable& event);
  void on(const event::Refused& event);
  void on(const event::PolicyChanged& event);
  void on(const event::WallOffset& event);
  void on(const event::Revoked& event);
  void on(const event::Drain& event);
  void on(const event::Tick& event);
  void on(const event::RecoveredAgent& event);
  void on(const event::RecoveredSurge& event);
  void on(const event::RecoveredChat& event);
  void on(const event::RecoveredPolicy& event);
  void on(const event::RecoveryDone& event);

  void fire(Timer& timer);
  void fire(Chat& chat, ChatTimer purpose);
  void fire(Agent& agent, AgentTimer purpose);

  Floor floor_;
};

}  // namespace deskd
