#include "server/desk/seating.hpp"

#include <algorithm>

#include "server/desk/assert.hpp"
#include "server/desk/candidates.hpp"
#include "server/desk/lifetime.hpp"
#include "server/desk/overload.hpp"
#include "server/desk/presence.hpp"
#include "server/desk/reservation.hpp"
#include "server/desk/rights.hpp"
#include "server/desk/sla.hpp"
#include "server/desk/talk.hpp"

namespace deskd::seating {

namespace {

// How often a chat is taken from an agent who never answered before it stays and a supervisor is asked instead: twice
// shows that it is not the agent, and a chat that goes round is answered by nobody.
constexpr std::int32_t hops_max = 2;

bool waits(const Chat& chat) { return chat.place == Place::waiting || chat.place == Place::left_message; }

std::int32_t weight(const Floor& floor, const Chat& chat) {
  return chat.place == Place::reserved || chat.weighs ? 1 : floor.queue(chat).quiet_weight;
}

// She is on duty, or was until just now and may be back at any moment.
bool is_there(const Agent& agent) {
  return agent.employed &&
         ((agent.present() && agent.status != Status::signed_out) || agent.timer(AgentTimer::grace).armed());
}

// Its queue, and those that join in within this time.
Mask queues_within(const Floor& floor, const Chat& chat, Duration waited) {
  Mask queues = Rulebook::bit(*floor.book->queue(chat.queue));
  for (const policy::Overflow& step : floor.queue(chat).overflow) {
    const auto other = floor.book->queue(step.queue);
    if (step.after <= waited && other) queues |= Rulebook::bit(*other);
  }
  return queues;
}

// Nobody of those who could ever take it is there, not even of a queue that joins in later. Also who has no places today
// might take it: by a hand, hers or a supervisor's.
bool nobody_there(const Floor& floor, const Chat& chat) {
  const Mask queues = queues_within(floor, chat, Duration::max());
  return std::none_of(floor.roster.all().begin(), floor.roster.all().end(),
                      [&](const auto& agent) { return is_there(*agent) && (agent->queues & queues) != 0; });
}

// Why nobody can take it live before the shop or somebody is back; none when somebody can.
Reason why_not_now(const Floor& floor, const Chat& chat) {
  if (!floor.hours(chat).open_at(floor.now, floor.wall_ms)) return Reason::after_hours;
  return nobody_there(floor, chat) ? Reason::nobody_there : Reason::none;
}

// Waiting for an agent who is not there, or never serves such a chat, is waiting for nobody.
bool waits_in_vain(const Floor& floor, const Chat& chat) {
  if (chat.wanted == nobody) return false;
  const Agent& agent = floor.roster.agent(chat.wanted);
  return !is_there(agent) || (agent.queues & chat.open_queues) == 0 || (chat.needed & ~agent.skills) != 0;
}

Need need_of(const Floor& floor, const Chat& chat) {
  return {.queues = chat.open_queues,
          .skills = chat.needed,
          .left_message = chat.place == Place::left_message,
          .uses_kept_back = floor.queue(chat).kept_back_pct > 0,
          .wanted = chat.wanted,
          .preferred = chat.last_agent != nobody ? chat.last_agent : chat.buyer->last_agent,
          .excluded = chat.declined,
          .joined = chat.queued,
          .priority_s = floor.priority_s(chat)};
}

// Those who gave it back are asked again once all who could have it have had it.
void forget_declined_by_all(const Floor& floor, Chat& chat) {
  if (chat.declined.empty()) return;
  const Need need = need_of(floor, chat);
  const bool all_had_it = std::all_of(floor.roster.all().begin(), floor.roster.all().end(), [&](const auto& agent) {
    return !could_have(need, agent->seat()) ||
           std::find(need.excluded.begin(), need.excluded.end(), agent->index) != need.excluded.end();
  });
  if (all_had_it) chat.declined.clear();
}

// Whom does it wait for? Agents may have gone, or been given other queues, since it was put here.
void look_again(Floor& floor, Chat& chat) {
  if (chat.place == Place::waiting && !chat.was_answered() && nobody_there(floor, chat))
    leave_message(floor, chat, Reason::nobody_there);
  if (!waits(chat)) return;
  const bool in_vain = waits_in_vain(floor, chat);
  if (in_vain) {
    floor.disarm(chat, ChatTimer::wanted);
    chat.wanted = nobody;
    floor.persist_place(chat);
  }
  const std::size_t had = chat.declined.size();
  forget_declined_by_all(floor, chat);
  if (in_vain || chat.declined.size() != had) on_need_changed(floor, chat);
}

// An agent who takes no more concerns all who wait; otherwise those do who came back in line.
void look_again(Floor& floor) {
  if (floor.someone_left) {
    for (const auto& [id, chat] : floor.chats) look_again(floor, *chat);
  } else {
    const std::size_t came = floor.seekers.size();
    for (std::size_t i = 0; i < came; ++i)
      if (Chat* chat = floor.chat(floor.seekers[i])) look_again(floor, *chat);
  }
  floor.someone_left = false;
}

// The next requirement that falls or queue that joins in, whichever is sooner.
void arm_relax(Floor& floor, Chat& chat) {
  const policy::Queue& queue = floor.queue(chat);
  std::optional<Duration> after;
  if (chat.relaxed < queue.relax.size()) after = queue.relax[chat.relaxed].after;
  if (chat.overflowed < queue.overflow.size()) {
    const Duration overflow = queue.overflow[chat.overflowed].after;
    after = after ? std::min(*after, overflow) : overflow;
  }
  if (after) {
    floor.arm(chat, ChatTimer::relax, chat.lined_up + *after);
  } else {
    floor.disarm(chat, ChatTimer::relax);
  }
}

// What it asks for before any of it is dropped.
Mask skills_asked(const Floor& floor, const Chat& chat) {
  return floor.book->skills(floor.queue(chat).skills) | floor.book->skills(chat.skills);
}

// By how long it stands in line, or stood there before an agent had it or it became a left message. A left message that
// is given a new place in line has not stood there.
void take_steps(const Floor& floor, Chat& chat) {
  const policy::Queue& queue = floor.queue(chat);
  const bool in_line = chat.place != Place::held && chat.place != Place::left_message;
  const Duration waited = std::max((in_line ? floor.now : chat.placed) - chat.lined_up, Duration{});
  for (; chat.relaxed < queue.relax.size() && queue.relax[chat.relaxed].after <= waited; ++chat.relaxed) {
    chat.needed &= ~floor.book->skill(queue.relax[chat.relaxed].skill);
  }
  chat.open_queues = queues_within(floor, chat, waited);
  while (chat.overflowed < queue.overflow.size() && queue.overflow[chat.overflowed].after <= waited) ++chat.overflowed;
}

// There are chats that she could have had before, or that wait for her to be back from a break, and cannot have now. Her
// share of left messages goes with a policy alone, and then everyone in line is looked at.
bool takes_less(const Seat& now, const Seat& before) {
  const auto loses = [&](bool uses_kept_back) {
    const Need any{.queues = before.queues, .uses_kept_back = uses_kept_back};
    return could_have(any, before) && !could_have(any, now);
  };
  return (before.queues & ~now.queues) != 0 || (before.skills & ~now.skills) != 0 || loses(true) || loses(false);
}

void seat(Floor& floor, Chat& chat, Agent& agent) {
  if (chat.place == Place::waiting && !floor.queue(chat).auto_accept) return reservation::offer(floor, chat, agent);
  assign(floor, chat, agent, false);
}

}  // namespace

std::string_view text_of(Floor& floor, const Explanation& explanation) {
  std::array<std::string_view, 3> names;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (explanation.terms[i].agent) names[i] = floor.roster.agent(explanation.terms[i].agent).name;
  std::array<char, limits::explanation_bytes_max> text;
  return floor.texts.emplace_back(format_explanation(explanation, names, text));
}

void set_need(Floor& floor, Chat& chat) {
  auto queue = floor.book->queue(chat.queue);
  if (!queue) {
    // The policy that dropped its queue was in force before anyone saw the chat: it goes on in its shop's first.
    const auto shop = floor.book->shop(chat.shop);
    queue = (shop ? floor.book->first_queue(*shop) : std::nullopt).value_or(QueueIndex{0});
    sla::move_to(floor, chat, floor.book->queue(*queue).name);
    sla::set_clocks(floor, chat);
    if (chat.timer(ChatTimer::queue_wait).armed()) overload::on_queued(floor, chat);
    floor.persist(floor.fact(chat, FactKind::requeued, Reason::policy));
    floor.persist_place(chat);
  }
  chat.needed = skills_asked(floor, chat);
  chat.relaxed = chat.overflowed = 0;
  take_steps(floor, chat);
}

void on_policy(Floor& floor, Chat& chat) {
  set_need(floor, chat);
  if (chat.place == Place::waiting || chat.place == Place::reserved) arm_relax(floor, chat);
  if (chat.place != Place::held) return on_need_changed(floor, chat);
  // What it weighs is its queue's to say.
  on_agent_changed(floor, floor.roster.agent(chat.agent));
}

void on_need_changed(Floor& floor, Chat& chat) {
  if (!waits(chat) || chat.absent) return floor.match.remove_chat(chat.id);
  floor.match.set_chat(chat.id, need_of(floor, chat));
  floor.seekers.push_back(chat.id);
}

void on_agent_changed(Floor& floor, Agent& agent, bool tell) {
  agent.load = static_cast<std::int32_t>(agent.reserved.size() + agent.wrapping.size());
  agent.left = 0;
  for (const Chat* chat : agent.held) {
    agent.load += weight(floor, *chat);
    agent.left += chat->left ? 1 : 0;
  }
  const Seat seat = agent.seat();
  const Seat* known = floor.match.seat(agent.index);
  const bool changed = known == nullptr || !(*known == seat);
  if (changed) {
    if (known != nullptr && takes_less(seat, *known)) floor.someone_left = true;
    floor.match.set_agent(agent.index, seat);
    floor.roomy.push_back(agent.index);
    floor.places -= agent.places;
    agent.places = seat.takes ? seat.capacity : 0;
    floor.places += agent.places;
  }
  if (!changed && !tell) return;
  for (const SessionId session : agent.sessions) tell_agent(floor, agent, session);
}

void tell_agent(Floor& floor, const Agent& agent, SessionId to) {
  floor.tell(to, tell::AgentState{.agent = agent.name,
                                  .title = agent.title,
                                  .status = agent.status,
                                  .reason = agent.status_reason,
                                  .capacity = agent.capacity,
                                  .held_max = agent.held_max,
                                  .load = agent.load,
                                  .held = static_cast<std::int32_t>(agent.held.size()),
                                  .wrapping = static_cast<std::int32_t>(agent.wrapping.size())});
}

void set_weighs(Floor& floor, Chat& chat, bool weighs) {
  if (chat.weighs == weighs) return;
  chat.weighs = weighs;
  if (chat.place != Place::held) return;
  Agent& agent = floor.roster.agent(chat.agent);
  on_agent_changed(floor, agent);
  if (weighs && agent.load > agent.capacity) {
    ++floor.counters.over_capacity;
    record::Fact fact = floor.fact(chat, FactKind::overloaded);
    fact.number = agent.load;
    floor.persist(fact);
  }
}

namespace {

void seat_all(Floor& floor) {
  look_again(floor);
  // One chat that came, or one agent who has a place, looks at the other side once. Where more has changed in a step the
  // oldest goes first over everyone.
  if (floor.seekers.size() + floor.roomy.size() > 1) {
    while (const auto pair = floor.match.best_pair())
      seat(floor, *floor.chat(pair->chat), floor.roster.agent(pair->agent));
  } else if (!floor.seekers.empty()) {
    const ChatId id = floor.seekers.front();
    const auto agent = floor.match.need(id) == nullptr ? std::nullopt : floor.match.best_agent(id);
    if (agent) seat(floor, *floor.chat(id), floor.roster.agent(*agent));
  } else if (!floor.roomy.empty()) {
    const AgentIndex index = floor.roomy.front();
    while (const auto id = floor.match.best_chat(index)) seat(floor, *floor.chat(*id), floor.roster.agent(index));
  }
  floor.seekers.clear();
  floor.roomy.clear();
}

}  // namespace

void settle(Floor& floor) {
  do {
    seat_all(floor);
    // Surge frees the places of those who wrap up, and somebody may be waiting for one.
    overload::look_for_surge(floor);
  } while (!floor.seekers.empty() || !floor.roomy.empty());
}

void line_up(Floor& floor, Chat& chat) {
  chat.lined_up = floor.now;
  chat.told.reset();
  chat.asked = false;
}

void enqueue(Floor& floor, Chat& chat, Reason reason) {
  // Each time round adds a line, and nobody need say a word for it.
  if (chat.main.full()) return lifetime::close(floor, chat, Reason::too_long);
  // Who stood in line when a server ended stands there: closing time came while they waited.
  Reason not_now = reason == Reason::recovered ? Reason::none : why_not_now(floor, chat);
  const bool is_new = reason == Reason::none;
  if (not_now == Reason::none && is_new &&
      floor.match.live_in(Rulebook::bit(*floor.book->queue(chat.queue))) >= floor.queue(chat).queue_max) {
    not_now = Reason::overload;
  }
  // A visitor who is to be seated before the first line has left no message yet: that comes with the line.
  if (not_now != Reason::none && chat.place == Place::greeted && !chat.waiting_from) return;
  if (not_now != Reason::none && !chat.was_answered()) return leave_message(floor, chat, not_now);
  if (waits_in_vain(floor, chat)) chat.wanted = nobody;
  chat.left_since.reset();
  chat.place = Place::waiting;
  chat.placed = floor.now;
  chat.reason = reason;
  ++floor.counters.queued;
  record::Fact fact = floor.fact(chat, reason == Reason::none ? FactKind::queued : FactKind::requeued, reason);
  fact.number = (floor.now - chat.queued).count();
  floor.persist(fact);
  floor.persist_place(chat);
  arm_relax(floor, chat);
  if (chat.wanted != nobody) floor.arm(chat, ChatTimer::wanted, chat.lined_up + floor.queue(chat).wanted_agent_wait);
  overload::on_queued(floor, chat);
  presence::on_queued(floor, chat);
  on_need_changed(floor, chat);
}

void leave_message(Floor& floor, Chat& chat, Reason reason) {
  if (chat.main.full()) return lifetime::close(floor, chat, Reason::too_long);
  // Whoever said nothing left nothing.
  if (!chat.waiting_from) return lifetime::close(floor, chat, Reason::not_reached);
  observe_line(floor, chat, floor.waited.line_to_left_message);
  if (chat.place == Place::waiting) leave_queue(floor, chat);
  chat.place = Place::left_message;
  chat.placed = floor.now;
  chat.reason = reason;
  chat.absent = chat.asked = false;
  chat.wanted = nobody;
  if (chat.left_since) {
    floor.persist(floor.fact(chat, FactKind::requeued, reason));
  } else {
    chat.left_since = floor.now;
    ++floor.counters.left_messages;
    floor.persist(floor.fact(chat, FactKind::left_message, reason));
  }
  floor.persist_place(chat);
  sla::on_left_message(floor, chat);
  talk::tell_state(floor, chat);
  on_need_changed(floor, chat);
}

void observe_line(Floor& floor, const Chat& chat, Waits& to) {
  // Who is handed over, or never came to the line, did not stand in it.
  if (chat.timer(ChatTimer::queue_wait).armed()) to.observe((floor.now - chat.lined_up).count());
}

void leave_queue(Floor& floor, Chat& chat) {
  floor.match.remove_chat(chat.id);
  for (const ChatTimer timer :
       {ChatTimer::queue_wait, ChatTimer::relax, ChatTimer::wanted, ChatTimer::in_line, ChatTimer::grace}) {
    floor.disarm(chat, timer);
  }
}

void release(Floor& floor, Chat& chat, Reason reason) {
  if (chat.place == Place::reserved) return reservation::end(floor, chat, reason);
  if (chat.place != Place::held) return;
  Agent& agent = floor.roster.agent(chat.agent);
  floor.tell(agent.sessions, tell::Released{chat.id, reason});
  std::erase(agent.held, &chat);
  chat.last_agent = chat.agent;
  chat.agent = nobody;
  chat.left = false;
  chat.weighs = true;
  chat.place = Place::waiting;
  line_up(floor, chat);
  sla::on_unassigned(floor, chat);
  on_agent_changed(floor, agent);
}

void requeue(Floor& floor, Chat& chat, Reason reason) {
  if (chat.place == Place::reserved) return reservation::end(floor, chat, reason);
  const bool left = chat.left;
  release(floor, chat, reason);
  set_need(floor, chat);
  ++floor.counters.requeued;
  if (left) return leave_message(floor, chat, reason);
  enqueue(floor, chat, reason);
  talk::tell_state(floor, chat);
}

void assign(Floor& floor, Chat& chat, Agent& agent, bool hand, SessionId session, CommandId id) {
  Explanation explanation = chat.offered ? *chat.offered : floor.match.explain(need_of(floor, chat), agent.index);
  if (hand) explanation.by = ChosenBy::hand;
  // Of an offer that she took the choice is known already.
  if (chat.id == floor.traced && !chat.offered)
    candidates::keep(floor, need_of(floor, chat), FactKind::assigned, explanation.by, agent);
  chat.offered.reset();
  const bool was_left = chat.place == Place::left_message;
  observe_line(floor, chat, floor.waited.line_to_agent);
  if (chat.place == Place::reserved) {
    floor.disarm(chat, ChatTimer::reservation);
    std::erase(floor.roster.agent(chat.agent).reserved, &chat);
  }
  leave_queue(floor, chat);
  chat.place = Place::held;
  chat.placed = chat.assigned = floor.now;
  chat.agent = chat.last_agent = chat.buyer->last_agent = agent.index;
  chat.wanted = nobody;
  chat.left = was_left;
  chat.absent = chat.asked = false;
  chat.weighs = true;
  // Of a left message the reason stays: by it a later server knows it for one.
  if (!was_left) chat.reason = Reason::none;
  chat.declined.clear();
  agent.held.push_back(&chat);
  agent.last_assigned = floor.now;
  agent.unanswered_offers = 0;
  ++floor.counters.assigned;

  record::Fact fact = floor.fact(chat, FactKind::assigned);
  fact.number = (floor.now - chat.queued).count();
  fact.detail = chat.explained = text_of(floor, explanation);
  floor.persist(fact);
  floor.persist_place(chat);
  // A person's hand says nothing about how fast the line moves.
  if (!was_left && !hand) floor.forecasts[chat.queue].seated(floor.now);

  // Her sessions learn the chat from its beginning; `joined` then reaches everyone.
  for (const SessionId to : agent.sessions) {
    talk::tell_state(floor, chat, to);
    talk::replay(floor, chat, Stream::main, {}, to);
    talk::replay(floor, chat, Stream::inside, {}, to);
  }
  chat.joined =
      talk::note(floor, chat, LineKind::joined, Origin::system, agent.title, agent.index, Reason::none, id, session);
  sla::on_assigned(floor, chat);
  for (const SessionId to : chat.buyer->sessions) talk::tell_state(floor, chat, to);
  for (const SessionId to : chat.watchers) talk::tell_state(floor, chat, to);
  presence::on_assigned(floor, chat);
  on_agent_changed(floor, agent);
  if (hand && agent.load > agent.capacity) {
    ++floor.counters.over_capacity;
    record::Fact over = floor.fact(chat, FactKind::overloaded, Reason::by_supervisor);
    over.number = agent.load;
    floor.persist(over);
  }
}

void on_buyer_words(Floor& floor, Chat& chat) {
  sla::on_buyer_words(floor, chat);
  if (chat.place == Place::held && chat.left) {
    // The buyer of the left message is here: from now on it is a chat like any other.
    chat.left = false;
    chat.left_since.reset();
    chat.reason = Reason::none;
    floor.persist_place(chat);
    floor.disarm(chat, ChatTimer::shop_clock);
    sla::set_clocks(floor, chat);
    on_agent_changed(floor, floor.roster.agent(chat.agent));
  }
  if (chat.place == Place::held) {
    // The short grace of an agent who is gone has passed, and now somebody waits.
    Agent& agent = floor.roster.agent(chat.agent);
    const bool is_gone = !agent.present() && !agent.timer(AgentTimer::grace_waiting).armed();
    if (is_gone) requeue(floor, chat, Reason::presence_lost);
    return;
  }
  if (chat.place == Place::greeted) {
    chat.queued = floor.now;
    line_up(floor, chat);
    set_need(floor, chat);
    return enqueue(floor, chat, Reason::none);
  }
  if ((chat.place == Place::waiting || chat.place == Place::reserved) && chat.waiting_since == floor.now) {
    // It had been answered and lost its agent; now there is something to leave.
    const Reason not_now = why_not_now(floor, chat);
    if (not_now == Reason::none) return;
    if (chat.place == Place::reserved) requeue(floor, chat, not_now);
    return leave_message(floor, chat, not_now);
  }
  if (chat.place == Place::left_message && chat.reason != Reason::overload && chat.reason != Reason::chosen) {
    // The buyer is here again, or the shop is: perhaps it can be a live chat after all.
    if (why_not_now(floor, chat) != Reason::none) return;
    floor.match.remove_chat(chat.id);
    floor.disarm(chat, ChatTimer::shop_clock);
    line_up(floor, chat);
    set_need(floor, chat);
    floor.persist(floor.fact(chat, FactKind::returned));
    enqueue(floor, chat, Reason::by_buyer);
    sla::set_clocks(floor, chat);
    talk::tell_state(floor, chat);
  }
}

void on_agent_breached(Floor& floor, Chat& chat) {
  if (chat.left) return;
  const AgentIndex silent = chat.agent;
  // Only when somebody else can have it now: a chat that waits again would be no better off.
  Need need = need_of(floor, chat);
  need.queues = Rulebook::bit(*floor.book->queue(chat.queue));
  need.skills = skills_asked(floor, chat);
  need.excluded.push_back(silent);
  if (chat.hops >= hops_max || !floor.match.best_agent(need)) {
    return floor.alarm(chat, ClockKind::agent_response, Reason::none);
  }
  ++chat.hops;
  chat.declined.push_back(silent);
  requeue(floor, chat, Reason::lapsed);
}

void on_relax(Floor& floor, Chat& chat) {
  take_steps(floor, chat);
  floor.persist(floor.fact(chat, FactKind::relaxed));
  arm_relax(floor, chat);
  on_need_changed(floor, chat);
}

void on_wanted_long_enough(Floor& floor, Chat& chat) {
  chat.wanted = nobody;
  floor.persist(floor.fact(chat, FactKind::relaxed, Reason::expired));
  floor.persist_place(chat);
  on_need_changed(floor, chat);
}

void on_wrap_up(Floor& floor, Agent& agent) {
  std::optional<Instant> next;
  for (std::size_t i = 0; i < agent.wrapping.size();) {
    if (agent.wrapping[i].until <= floor.now) {
      floor.persist(record::Fact{
          .chat = agent.wrapping[i].chat, .at = floor.now, .kind = FactKind::wrapped_up, .agent = agent.name});
      agent.wrapping.erase(agent.wrapping.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    next = next ? std::min(*next, agent.wrapping[i].until) : agent.wrapping[i].until;
    ++i;
  }
  if (next) {
    floor.timers.arm(agent.timer(AgentTimer::wrap_up), *next);
  } else {
    floor.timers.disarm(agent.timer(AgentTimer::wrap_up));
  }
  on_agent_changed(floor, agent);
}

void handle(Floor& floor, Session& session, const ask::Pull& pull) {
  if (!rights::is_staff(floor, session, pull.id)) return;
  Agent& agent = floor.roster.agent(session.agent);
  // A repeat is not another chat: it finds the line with which the first one came, as long as that chat is remembered.
  for (const auto& [id, chat] : floor.chats) {
    const Seq joined = chat->main.find(pull.id);
    if (joined && chat->main.line(joined).author == agent.index) return floor.done(session, pull.id, id, joined);
  }
  if (agent.answered.knows(pull.id)) return floor.done(session, pull.id);
  // An agent who is not available may still ask for work herself: she is looked at as if she were.
  const Seat seat = agent.seat();
  Seat willing = seat;
  willing.takes = agent.employed && agent.present() && agent.status != Status::signed_out;
  floor.match.set_agent(agent.index, willing);
  std::optional<ChatId> found;
  if (!pull.chat) {
    found = floor.match.best_chat(agent.index);
  } else if (floor.match.need(pull.chat) != nullptr && floor.match.eligible(pull.chat, agent.index)) {
    found = pull.chat;
  }
  if (found) {
    Chat& chat = *floor.chat(*found);
    agent.answered.add(pull.id);
    assign(floor, chat, agent, false, {}, pull.id);
    floor.done(session, pull.id, chat.id, chat.joined);
  } else {
    floor.refuse(session, pull.id, Code::nothing_waiting);
  }
  floor.match.set_agent(agent.index, agent.seat());
}

void handle(Floor& floor, Session& session, const ask::WrapUpDone& done) {
  if (!rights::is_staff(floor, session, done.id)) return;
  Agent& agent = floor.roster.agent(session.agent);
  for (WrapUp& wrap_up : agent.wrapping)
    if (wrap_up.chat == done.chat) wrap_up.until = floor.now;
  floor.done(session, done.id, done.chat);
  on_wrap_up(floor, agent);
}

}  // namespace deskd::seating
