#include "server/desk/transfer.hpp"

#include "server/desk/overload.hpp"
#include "server/desk/rights.hpp"
#include "server/desk/seating.hpp"
#include "server/desk/sla.hpp"
#include "server/desk/talk.hpp"

namespace deskd::transfer {

namespace {

struct Target {
  Agent* agent{};
  std::optional<QueueIndex> queue;
};

// Exactly one of the two, and it exists; else answers what is wrong.
std::optional<Target> target_of(Floor& floor, const Session& session, CommandId id, const Chat& chat,
                                std::string_view agent, std::string_view queue) {
  if (agent.empty() == queue.empty()) {
    floor.refuse(session, id, Code::bad_message, "exactly one of agent and queue");
    return std::nullopt;
  }
  Target target;
  if (!agent.empty()) {
    target.agent = floor.roster.find(agent);
    if (target.agent == nullptr || !target.agent->employed) {
      floor.refuse(session, id, Code::unknown_agent);
      return std::nullopt;
    }
    return target;
  }
  target.queue = floor.book->queue(queue);
  const auto shop = floor.book->shop(chat.shop);
  if (!target.queue || !shop || !floor.book->serves(*target.queue, *shop)) {
    floor.refuse(session, id, Code::unknown_queue);
    return std::nullopt;
  }
  return target;
}

// One more chat would be more than she may ever hold, whoever says so.
bool holds_most(const Agent& agent) {
  const Seat seat = agent.seat();
  return seat.held >= seat.held_max;
}

bool has_place(const Agent& agent) {
  const Seat seat = agent.seat();
  return seat.takes && seat.load < seat.capacity && seat.held < seat.held_max;
}

// From whoever has it to this agent. A left message stays one.
void hand_over(Floor& floor, Chat& chat, Agent& agent, Reason reason, CommandId id = {}) {
  const bool left = chat.is_left_message();
  seating::release(floor, chat, reason);
  if (left) chat.place = Place::left_message;
  seating::assign(floor, chat, agent, true, {}, id);
}

void move(Floor& floor, Chat& chat, Target target, bool hand, CommandId id, SessionId session, AgentIndex by) {
  ++floor.counters.transferred;
  const AgentIndex from = chat.place == Place::held ? chat.agent : nobody;
  record::Fact fact = floor.fact(chat, FactKind::transferred, hand ? Reason::by_supervisor : Reason::by_agent);
  if (target.queue) fact.queue = floor.book->queue(*target.queue).name;
  fact.detail = {};
  fact.number = chat.waiting_since ? (floor.now - *chat.waiting_since).count() : 0;
  floor.persist(fact);
  const std::string_view name = target.agent != nullptr ? std::string_view{target.agent->name}
                                                        : std::string_view{floor.book->queue(*target.queue).name};
  talk::note(floor, chat, LineKind::transferred, Origin::system, name, by, Reason::none, id, session);
  if (target.agent != nullptr) return hand_over(floor, chat, *target.agent, Reason::transferred);
  const bool left = chat.is_left_message();
  seating::release(floor, chat, Reason::transferred);
  if (chat.place == Place::left_message) {
    floor.match.remove_chat(chat.id);
    seating::line_up(floor, chat);
  }
  sla::move_to(floor, chat, floor.book->queue(*target.queue).name);
  chat.wanted = nobody;
  floor.disarm(chat, ChatTimer::wanted);
  chat.declined.clear();
  if (from != nobody) chat.declined.push_back(from);
  chat.hops = 0;
  seating::set_need(floor, chat);
  sla::set_clocks(floor, chat);
  if (left) return seating::leave_message(floor, chat, Reason::transferred);
  seating::enqueue(floor, chat, Reason::transferred);
  talk::tell_state(floor, chat);
}

// What has happened is not done again, whatever became of the chat since: a repeat finds its own line, or that it was
// answered without one.
bool repeated(Floor& floor, const Session& session, const Chat& chat, CommandId id) {
  const Seq seq = chat.main.find(id);
  const bool own = seq && chat.main.line(seq).author == session.agent;
  if (!own && !chat.answered.knows(id)) return false;
  floor.done(session, id, chat.id, own ? seq : Seq{});
  return true;
}

}  // namespace

void handle(Floor& floor, Session& session, const ask::Transfer& transfer) {
  if (!rights::is_staff(floor, session, transfer.id)) return;
  if (const Chat* chat = floor.chat(transfer.chat))
    if (repeated(floor, session, *chat, transfer.id)) return;
  Chat* chat = rights::held_chat(floor, session, transfer.chat, transfer.id);
  if (chat == nullptr) return;
  const auto target = target_of(floor, session, transfer.id, *chat, transfer.agent, transfer.queue);
  if (!target) return;
  if (target->agent != nullptr && (target->agent->index == session.agent || !has_place(*target->agent))) {
    return floor.refuse(session, transfer.id, Code::no_place);
  }
  if (!rights::has_room(floor, session, *chat, Stream::main, transfer.id)) return;
  move(floor, *chat, *target, false, transfer.id, session.id, session.agent);
}

void handle(Floor& floor, Session& session, const ask::TakeOver& take_over) {
  if (!rights::is_supervisor(floor, session, take_over.id)) return;
  Chat* chat = rights::chat_or_stored(floor, session, take_over.chat, take_over.id);
  if (chat == nullptr) return;
  if (repeated(floor, session, *chat, take_over.id)) return;
  if (!chat->open() || chat->place == Place::greeted) return floor.refuse(session, take_over.id, Code::wrong_place);
  Agent& supervisor = floor.roster.agent(session.agent);
  if (chat->place != Place::held || chat->agent != supervisor.index) {
    if (holds_most(supervisor)) return floor.refuse(session, take_over.id, Code::no_place, "held_max");
    if (!rights::has_room(floor, session, *chat, Stream::main, take_over.id)) return;
    ++floor.counters.taken_over;
    floor.persist(floor.fact(*chat, FactKind::taken_over, Reason::by_supervisor));
    hand_over(floor, *chat, supervisor, Reason::by_supervisor, take_over.id);
  } else {
    chat->answered.add(take_over.id);
  }
  floor.done(session, take_over.id, chat->id, chat->joined);
}

void handle(Floor& floor, Session& session, const ask::Reassign& reassign) {
  if (!rights::is_supervisor(floor, session, reassign.id)) return;
  Chat* chat = rights::chat_or_stored(floor, session, reassign.chat, reassign.id);
  if (chat == nullptr) return;
  if (repeated(floor, session, *chat, reassign.id)) return;
  if (!chat->open() || chat->place == Place::greeted) return floor.refuse(session, reassign.id, Code::wrong_place);
  const auto target = target_of(floor, session, reassign.id, *chat, reassign.agent, reassign.queue);
  if (!target) return;
  if (target->agent != nullptr) {
    if (!target->agent->present() || target->agent->status == Status::signed_out) {
      return floor.refuse(session, reassign.id, Code::no_place, "the agent is not there");
    }
    if (chat->place == Place::held && chat->agent == target->agent->index) {
      chat->answered.add(reassign.id);
      return floor.done(session, reassign.id, chat->id);
    }
    if (holds_most(*target->agent)) return floor.refuse(session, reassign.id, Code::no_place, "held_max");
  }
  if (!rights::has_room(floor, session, *chat, Stream::main, reassign.id)) return;
  move(floor, *chat, *target, true, reassign.id, session.id, session.agent);
}

}  // namespace deskd::transfer
