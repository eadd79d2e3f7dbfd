#include "server/desk/supervise.hpp"

#include <algorithm>

#include "server/desk/candidates.hpp"
#include "server/desk/overload.hpp"
#include "server/desk/presence.hpp"
#include "server/desk/rights.hpp"
#include "server/desk/seating.hpp"
#include "server/desk/talk.hpp"

namespace deskd::supervise {

namespace {

// Live figures leave this often.
constexpr Duration figures_every{1'000};
// What a supervisor may set by hand: more than anyone can serve, less than a slip of the keyboard.
constexpr std::int32_t capacity_max = 100;

void persist_adjusted(Floor& floor, const Agent& agent) {
  std::string& queues = floor.texts.emplace_back();
  for (std::uint8_t i = 0; i < floor.book->queue_count(); ++i) {
    if ((agent.queues & Rulebook::bit(QueueIndex{i})) == 0) continue;
    (queues += queues.empty() ? "" : ",") += floor.book->queue(QueueIndex{i}).name;
  }
  floor.persist(record::Fact{.at = floor.now,
                             .kind = FactKind::adjusted,
                             .reason = Reason::by_supervisor,
                             .agent = agent.name,
                             .ordinal = agent.capacity,
                             .number = floor.book->version(),
                             .detail = queues});
}

}  // namespace

void handle(Floor& floor, Session& session, const ask::Watch& watch) {
  if (!rights::is_supervisor(floor, session, watch.id)) return;
  Chat* chat = rights::known_chat(floor, session, watch.chat, watch.id);
  if (chat == nullptr) return;
  const auto seen = std::find(chat->watchers.begin(), chat->watchers.end(), session.id);
  if (!watch.on) {
    if (seen != chat->watchers.end()) {
      chat->watchers.erase(seen);
      session.watched.erase(std::remove(session.watched.begin(), session.watched.end(), chat->id),
                            session.watched.end());
    }
    return floor.done(session, watch.id, chat->id);
  }
  if (!chat->open()) return floor.refuse(session, watch.id, Code::chat_closed);
  if (seen == chat->watchers.end()) {
    if (session.watched.size() >= limits::watched_max)
      return floor.refuse(session, watch.id, Code::too_many, "watched_max");
    chat->watchers.push_back(session.id);
    session.watched.push_back(chat->id);
    record::Fact fact = floor.fact(*chat, FactKind::watched);
    fact.agent = floor.roster.agent(session.agent).name;
    floor.persist(fact);
  }
  floor.done(session, watch.id, chat->id);
  talk::tell_state(floor, *chat, session.id);
  talk::replay(floor, *chat, Stream::main, {}, session.id);
  talk::replay(floor, *chat, Stream::inside, {}, session.id);
}

void handle(Floor& floor, Session& session, const ask::SetAgent& set) {
  if (!rights::is_supervisor(floor, session, set.id)) return;
  Agent* agent = floor.roster.find(set.agent);
  if (agent == nullptr || !agent->employed) return floor.refuse(session, set.id, Code::unknown_agent);
  if (set.capacity && (*set.capacity < 0 || *set.capacity > capacity_max)) {
    return floor.refuse(session, set.id, Code::bad_message, "capacity: 0 to 100");
  }
  Mask queues = set.queues ? 0 : agent->queues;
  for (const std::string_view name : set.queues.value_or(std::vector<std::string_view>{})) {
    const auto queue = floor.book->queue(name);
    if (!queue) return floor.refuse(session, set.id, Code::unknown_queue);
    queues |= Rulebook::bit(*queue);
  }
  if (set.queues || set.capacity) {
    agent->adjust(*floor.book, set.capacity.value_or(agent->capacity), queues);
    seating::on_agent_changed(floor, *agent);
    persist_adjusted(floor, *agent);
  }
  if (set.status) presence::set_status(floor, *agent, *set.status, Reason::by_supervisor);
  floor.done(session, set.id);
}

std::string_view why(Floor& floor, const Chat& chat) {
  if (chat.place == Place::held && !chat.explained.empty()) return chat.explained;
  if (floor.match.need(chat.id) == nullptr) return word_of(chat.place);
  return seating::text_of(floor, floor.match.why_waiting(chat.id));
}

void handle(Floor& floor, Session& session, const ask::Explain& explain) {
  const Chat* chat = session.role == Role::supervisor ? rights::known_chat(floor, session, explain.chat, explain.id)
                                                      : rights::held_chat(floor, session, explain.chat, explain.id);
  if (chat == nullptr) return;
  tell::Explained explained{explain.id, chat->id, why(floor, *chat), {}};
  // An agent asks about chats that she holds: those have no candidates, so she is told nobody's load.
  if (explain.all) explained.candidates = candidates::of_waiting(floor, chat->id);
  if (explained.candidates.size() > limits::candidates_max) explained.candidates.resize(limits::candidates_max);
  floor.tell(session.id, std::move(explained));
}

void handle(Floor& floor, Session& session, const ask::Figures& figures) {
  if (session.role != Role::supervisor && session.role != Role::ops) {
    return floor.refuse(session, figures.id, Code::not_allowed, "for supervisors and ops");
  }
  session.figures = figures.on;
  floor.done(session, figures.id);
  if (figures.on && !floor.figures_timer.armed()) floor.timers.arm(floor.figures_timer, floor.now);
}

void on_figures(Floor& floor) {
  floor.listeners.clear();
  for (const Session& session : floor.sessions)
    if (session.id && session.figures) floor.listeners.push_back(session.id);
  if (floor.listeners.empty()) return;
  if (!overload::sheds(floor, limits::Shed::figures, floor.counters.shed_figures)) {
    const std::vector<SessionId> listeners = floor.listeners;
    floor.tell(listeners, overload::figures(floor, floor.queue_figures));
  }
  floor.timers.arm(floor.figures_timer, floor.now + figures_every);
}

void handle(Floor& floor, Session& session, const ask::ReadHistory& history) {
  if (overload::sheds(floor, limits::Shed::history, floor.counters.shed_history)) {
    return floor.refuse(session, history.id, Code::storage_behind, "history can wait", limits::storage_behind_retry_ms);
  }
  if (history.before_seq && !history.before)
    return floor.refuse(session, history.id, Code::bad_message, "before_seq: of which chat");
  if (session.buyer != nullptr) {
    floor.out->add(effect::ReadHistory{session.id, history.id, session.buyer->shop, session.buyer->id, history.before,
                                       history.before_seq});
    return;
  }
  // Staff read what came before a chat they may see, of the shop it belongs to.
  const Chat* chat = rights::chat_or_stored(floor, session, history.chat, history.id);
  if (chat == nullptr) return;
  const ChatId before = history.before ? std::min(history.before, chat->id) : chat->id;
  floor.out->add(effect::ReadHistory{session.id, history.id, chat->shop, chat->buyer->id, before, history.before_seq});
}

}  // namespace deskd::supervise
