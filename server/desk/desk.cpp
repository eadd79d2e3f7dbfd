#include "server/desk/desk.hpp"

#include <algorithm>

#include "server/desk/assert.hpp"
#include "server/desk/candidates.hpp"
#include "server/desk/lifetime.hpp"
#include "server/desk/order.hpp"
#include "server/desk/overload.hpp"
#include "server/desk/presence.hpp"
#include "server/desk/rating.hpp"
#include "server/desk/recovery.hpp"
#include "server/desk/reservation.hpp"
#include "server/desk/seating.hpp"
#include "server/desk/sla.hpp"
#include "server/desk/supervise.hpp"
#include "server/desk/talk.hpp"
#include "server/desk/transfer.hpp"

namespace deskd {

namespace edge {

// These three are answered by the session's edge; a desk that hears one has a person already.
void handle(Floor& floor, Session& session, const ask::SignIn&) { floor.refuse(session, {}, Code::already_signed_in); }
void handle(Floor&, Session&, const ask::Refresh&) {}
void handle(Floor&, Session&, const ask::Pong&) {}

}  // namespace edge

Desk::Desk(DeskOptions options) {
  floor_.epoch = options.epoch;
  floor_.backlog_bytes_max = options.backlog_bytes_max;
  floor_.wall_ms = options.wall_ms;
  floor_.traced = options.traced;
  floor_.book = std::make_shared<Rulebook>(std::move(options.policy));
  floor_.roster.apply(*floor_.book);
  floor_.recovering = true;
}

void Desk::step(Instant now, const Event& event, Effects& effects) {
  DESK_ASSERT(now >= floor_.now);
  AssertContext context{"step", static_cast<std::int64_t>(floor_.counters.steps++)};
  floor_.now = now;
  floor_.out = &effects;
  floor_.stored_lines.clear();
  floor_.warned.clear();
  floor_.texts.clear();
  floor_.gone_chats.clear();
  floor_.gone_buyers.clear();
  if (!floor_.recovering) {
    while (Timer* due = floor_.timers.fire(now)) fire(*due);
  }
  std::visit([this](const auto& happened) { on(happened); }, event);
  if (!floor_.recovering) seating::settle(floor_);
}

void Desk::on(const event::SessionOpened& event) { presence::on_session_opened(floor_, event); }
void Desk::on(const event::SessionClosed& event) { presence::on_session_closed(floor_, event.session); }
void Desk::on(const event::Identified& event) { presence::on_identified(floor_, event); }
void Desk::on(const event::Revoked& event) { presence::on_revoked(floor_, event); }
void Desk::on(const event::Durable& event) { talk::on_durable(floor_, event.position); }
void Desk::on(const event::Refused& event) { talk::on_refused(floor_, event.position); }
void Desk::on(const event::Drain&) { floor_.draining = true; }
void Desk::on(const event::Tick&) {}
void Desk::on(const event::RecoveredAgent& event) { recovery::on_agent(floor_, event); }
void Desk::on(const event::RecoveredSurge& event) { recovery::on_surge(floor_, event); }
void Desk::on(const event::RecoveredChat& event) { recovery::on_chat(floor_, event); }
void Desk::on(const event::RecoveredPolicy& event) { recovery::on_policy(floor_, event); }
void Desk::on(const event::RecoveryDone& event) { recovery::on_done(floor_, event); }

void Desk::on(const event::Heard& event) {
  Session* session = floor_.session(event.session);
  if (session == nullptr) return;  // its end and its last words crossed
  using edge::handle;
  using lifetime::handle;
  using order::handle;
  using overload::handle;
  using presence::handle;
  using rating::handle;
  using reservation::handle;
  using seating::handle;
  using sla::handle;
  using supervise::handle;
  using talk::handle;
  using transfer::handle;
  if (!session->resumed && !std::holds_alternative<ask::Resume>(event.ask)) handle(floor_, *session, ask::Resume{});
  std::visit([&](const auto& said) { handle(floor_, *session, said); }, event.ask);
}

void Desk::on(const event::PolicyChanged& event) {
  floor_.book_before = std::move(floor_.book);
  floor_.book = std::make_shared<Rulebook>(event.policy);
  floor_.roster.apply(*floor_.book);
  floor_.persist(record::Fact{.at = floor_.now, .kind = FactKind::policy, .number = event.policy->version});
  for (const auto& agent : floor_.roster.all()) {
    // Also who is signed out may hold one: she took it over by hand.
    if (!agent->employed && (agent->status != Status::signed_out || !agent->held.empty())) {
      presence::set_status(floor_, *agent, Status::signed_out, Reason::policy);
    }
    if (!agent->named)
      for (const SessionId session : agent->attached) floor_.out->add(effect::Close{session, CloseCode::revoked});
    seating::on_agent_changed(floor_, *agent);
  }
  for (const auto& [id, chat] : floor_.chats) {
    if (chat->open() && chat->place != Place::greeted) seating::on_policy(floor_, *chat);
  }
  floor_.someone_left = true;
}

void Desk::on(const event::WallOffset& event) {
  floor_.wall_ms = event.offset_ms;
  for (const auto& [id, chat] : floor_.chats) sla::set_clocks(floor_, *chat);
}

void Desk::fire(Timer& timer) {
  ++floor_.counters.timers_fired;
  if (timer.purpose < agent_timer_first) {
    Chat* chat = floor_.chat(ChatId{timer.owner});
    DESK_ASSERT(chat != nullptr);
    return fire(*chat, static_cast<ChatTimer>(timer.purpose));
  }
  if (timer.purpose < desk_timer_first) {
    Agent& agent = floor_.roster.agent(AgentIndex{static_cast<std::uint32_t>(timer.owner)});
    return fire(agent, static_cast<AgentTimer>(timer.purpose - agent_timer_first));
  }
  if (&timer == &floor_.accepted_timer) return talk::on_accepted_due(floor_);
  DESK_ASSERT(&timer == &floor_.figures_timer);
  supervise::on_figures(floor_);
}

void Desk::fire(Chat& chat, ChatTimer purpose) {
  switch (purpose) {
    case ChatTimer::shop_clock: return sla::on_shop_clock(floor_, chat);
    case ChatTimer::agent_clock: return sla::on_agent_clock(floor_, chat);
    case ChatTimer::queue_wait: return sla::on_queue_wait(floor_, chat);
    case ChatTimer::reservation: return reservation::on_lapsed(floor_, chat);
    case ChatTimer::grace: return presence::on_buyer_grace(floor_, chat);
    case ChatTimer::quiet: return sla::on_quiet(floor_, chat);
    case ChatTimer::idle: return sla::on_idle(floor_, chat);
    case ChatTimer::relax: return seating::on_relax(floor_, chat);
    case ChatTimer::wanted: return seating::on_wanted_long_enough(floor_, chat);
    case ChatTimer::complaint: return sla::on_complaint(floor_, chat);
    case ChatTimer::in_line: return overload::on_in_line(floor_, chat);
    case ChatTimer::marks: return talk::on_marks_due(floor_, chat);
    case ChatTimer::forget: return lifetime::on_forget(floor_, chat);
  }
}

void Desk::fire(Agent& agent, AgentTimer purpose) {
  switch (purpose) {
    case AgentTimer::grace_waiting: return presence::on_agent_grace_waiting(floor_, agent);
    case AgentTimer::grace: return presence::on_agent_grace(floor_, agent);
    case AgentTimer::wrap_up: return seating::on_wrap_up(floor_, agent);
    case AgentTimer::warn: return sla::on_warn(floor_, agent);
  }
}

tell::Figures Desk::figures(std::vector<tell::QueueFigures>& rows) const { return overload::figures(floor_, rows); }

std::string Desk::explain(ChatId id) {
  const Chat* chat = floor_.chat(id);
  return chat == nullptr ? std::string{} : std::string{supervise::why(floor_, *chat)};
}

std::vector<tell::Candidate> Desk::candidates(ChatId chat) const { return candidates::of_waiting(floor_, chat); }

std::vector<std::string> Desk::in_use(const policy::Desk& policy) const {
  std::vector<std::string> held;
  const auto drop = [&](std::string_view what, std::string_view name, const auto& rows) {
    if (name.empty() || std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; }))
      return;
    std::string sentence = std::string{what} + " " + std::string{name};
    if (std::find(held.begin(), held.end(), sentence) == held.end()) held.push_back(std::move(sentence));
  };
  for (const auto& [id, chat] : floor_.chats) {
    if (!chat->open()) continue;
    drop("queue", chat->queue, policy.queues);
    drop("shop", chat->shop, policy.shops);
    if (chat->place == Place::held) drop("agent", floor_.roster.agent(chat->agent).name, policy.agents);
  }
  return held;
}

}  // namespace deskd
