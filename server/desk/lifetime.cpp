#include "server/desk/lifetime.hpp"

#include <algorithm>

#include "server/desk/assert.hpp"
#include "server/desk/overload.hpp"
#include "server/desk/rights.hpp"
#include "server/desk/seating.hpp"
#include "server/desk/sla.hpp"
#include "server/desk/talk.hpp"

namespace deskd::lifetime {

namespace {

// Whom the buyer asked for.
AgentIndex wanted(Floor& floor, const ask::Open& open) {
  const Agent* agent = floor.roster.find(open.agent);
  return agent == nullptr ? nobody : agent->index;
}

// The newest chat id: desk time above a counter, and above every id given before.
ChatId next_chat_id(Floor& floor) {
  const ChatId by_time{ms_of(floor.now) << 16};
  return floor.last_chat = std::max(by_time, ChatId{floor.last_chat.value + 1});
}

Chat& new_chat(Floor& floor, Buyer& buyer, std::string_view queue, const ask::Open& open) {
  Chat& chat = floor.add_chat(next_chat_id(floor), buyer);
  chat.book = floor.book;
  buyer.chat = &chat;
  chat.shop = buyer.shop;
  chat.queue = floor.names.keep(queue);
  chat.skills.assign(open.skills.begin(), open.skills.end());
  chat.opened = chat.queued = chat.lined_up = chat.placed = chat.last_line = floor.now;
  chat.wanted = wanted(floor, open);
  ++floor.counters.chats_opened;
  return chat;
}

void greet(Floor& floor, Chat& chat) {
  floor.arm(chat, ChatTimer::idle, floor.now + floor.promise(chat).idle_close);
  const auto shop = floor.book->shop(chat.shop);
  if (!shop || floor.surge || floor.book->shop(*shop).greeting.empty()) return;
  talk::note(floor, chat, LineKind::words, Origin::automatic, floor.book->shop(*shop).greeting);
}

// It goes on where it ended, unless it moved to another chat, is full, its queue is gone, or another queue is asked for.
bool can_reopen(const Floor& floor, const Chat& chat, std::string_view queue) {
  if (!queue.empty() && queue != chat.queue) return false;
  return chat.reason != Reason::identified && !chat.main.full() && !chat.inside.full() && floor.book->queue(chat.queue);
}

void reopen(Floor& floor, Chat& chat, const ask::Open& open) {
  floor.disarm(chat, ChatTimer::forget);
  chat.place = Place::greeted;
  chat.placed = floor.now;
  chat.closed.reset();
  chat.reason = Reason::none;
  chat.left = false;
  chat.left_since.reset();
  chat.told.reset();
  chat.asked = false;
  chat.declined.clear();
  if (!open.skills.empty()) chat.skills.assign(open.skills.begin(), open.skills.end());
  chat.wanted = wanted(floor, open);
  ++floor.counters.chats_reopened;
  floor.persist(floor.fact(chat, FactKind::reopened));
  floor.persist_place(chat);
  // A page that was loaded since has not heard of it.
  for (const SessionId to : chat.buyer->sessions) {
    Session* session = floor.session(to);
    if (session->follows == chat.id) continue;
    session->follows = chat.id;
    talk::tell_state(floor, chat, to);
    talk::replay(floor, chat, Stream::main, {}, to);
  }
  talk::note(floor, chat, LineKind::reopened, Origin::buyer);
  greet(floor, chat);
}

}  // namespace

void close(Floor& floor, Chat& chat, Reason reason, Origin by, AgentIndex agent, CommandId id, SessionId session) {
  DESK_ASSERT(chat.open());
  talk::note(floor, chat, LineKind::closed, by, {}, agent, reason, id, session);
  const auto heard = floor.hearing(chat, Stream::main);
  const std::vector<SessionId> everyone(heard.begin(), heard.end());
  record::Fact fact = floor.fact(chat, FactKind::closed, reason);
  fact.number = (floor.now - chat.opened).count();

  seating::observe_line(floor, chat, floor.waited.line_to_close);
  seating::leave_queue(floor, chat);
  Agent* holder = nullptr;
  if (chat.place == Place::reserved) {
    holder = &floor.roster.agent(chat.agent);
    floor.disarm(chat, ChatTimer::reservation);
    chat.offered.reset();
    std::erase(holder->reserved, &chat);
    floor.tell(holder->sessions, tell::OfferEnded{chat.id, reason});
  } else if (chat.place == Place::held) {
    holder = &floor.roster.agent(chat.agent);
    std::erase(holder->held, &chat);
    const Duration wrap_up = floor.queue(chat).wrap_up;
    // A quiet chat had given its place away: there is one to wrap up in only while she has one free.
    const bool has_place = chat.weighs || holder->load < holder->capacity;
    if (wrap_up > Duration{0} && has_place && !floor.surge && holder->status != Status::signed_out) {
      holder->wrapping.push_back({chat.id, floor.now + wrap_up});
      floor.tell(holder->sessions, tell::WrapUp{chat.id, floor.now + wrap_up});
      Timer& timer = holder->timer(AgentTimer::wrap_up);
      if (!timer.armed() || timer.due() > floor.now + wrap_up) floor.timers.arm(timer, floor.now + wrap_up);
    }
    chat.last_agent = chat.agent;
  }
  chat.agent = nobody;
  chat.place = Place::closed;
  chat.placed = floor.now;
  chat.closed = floor.now;
  chat.reason = reason;
  chat.absent = chat.left = chat.asked = false;
  chat.left_since.reset();
  chat.weighs = true;
  sla::on_closed(floor, chat);
  ++floor.counters.chats_closed;
  floor.persist(fact);
  floor.persist_place(chat);
  for (const SessionId to : everyone) talk::tell_state(floor, chat, to);
  for (const SessionId watcher : chat.watchers)
    if (Session* who = floor.session(watcher)) std::erase(who->watched, chat.id);
  chat.watchers.clear();
  floor.arm(chat, ChatTimer::forget, floor.now + floor.book->policy().reopen_within);
  if (holder != nullptr) seating::on_agent_changed(floor, *holder);
}

void on_forget(Floor& floor, Chat& chat) {
  const bool stored = chat.main.stored() == chat.main.last() && chat.inside.stored() == chat.inside.last();
  if (!stored) return floor.arm(chat, ChatTimer::forget, floor.now + limits::accepted_after);
  Buyer& buyer = *chat.buyer;
  if (buyer.chat == &chat) buyer.chat = nullptr;
  --buyer.chats;
  for (Timer& timer : chat.timers) floor.timers.disarm(timer);
  const auto known = floor.chats.find(chat.id);
  floor.gone_chats.push_back(std::move(known->second));
  floor.chats.erase(known);
  floor.forget_if_gone(buyer);
}

void handle(Floor& floor, Session& session, const ask::Open& open) {
  if (!rights::is_buyer(floor, session, open.id)) return;
  Buyer& buyer = *session.buyer;
  if (buyer.chat != nullptr && buyer.chat->open()) {
    floor.done(session, open.id, buyer.chat->id);
    return talk::tell_state(floor, *buyer.chat, session.id);
  }
  if (floor.draining) return floor.refuse(session, open.id, Code::draining, {}, 1000);
  if (overload::sheds(floor, limits::Shed::chats, floor.counters.shed_chats) ||
      (buyer.guest && overload::sheds(floor, limits::Shed::guests, floor.counters.shed_guests))) {
    return floor.refuse(session, open.id, Code::storage_behind, {}, limits::storage_behind_retry_chat_ms);
  }
  const bool reopens = buyer.chat != nullptr && can_reopen(floor, *buyer.chat, open.queue);
  if (buyer.guest && !reopens && floor.chats.size() >= limits::guest_chats_max) {
    ++floor.counters.shed_guests;
    return floor.refuse(session, open.id, Code::overloaded, {}, limits::overloaded_retry_ms);
  }
  const auto shop = floor.book->shop(buyer.shop);
  if (!shop) return floor.refuse(session, open.id, Code::unknown_queue, "the shop is gone");
  const auto queue = open.queue.empty() ? floor.book->first_queue(*shop) : floor.book->queue(open.queue);
  if (!queue || !floor.book->serves(*queue, *shop)) return floor.refuse(session, open.id, Code::unknown_queue);
  if (!open.agent.empty()) {
    const Agent* agent = floor.roster.find(open.agent);
    if (agent == nullptr || !agent->employed) return floor.refuse(session, open.id, Code::unknown_agent);
  }
  if (open.skills.size() > limits::skills_max) return floor.refuse(session, open.id, Code::too_many, "skills");
  for (const std::string_view skill : open.skills)
    if (floor.book->skill(skill) == 0)
      return floor.refuse(session, open.id, Code::bad_message, "skills: nobody has it");
  if (reopens) {
    Chat& chat = *buyer.chat;
    reopen(floor, chat, open);
    floor.done(session, open.id, chat.id);
    return talk::tell_state(floor, chat);
  }
  Chat& chat = new_chat(floor, buyer, floor.book->queue(*queue).name, open);
  floor.persist_place(chat);
  floor.persist(floor.fact(chat, FactKind::opened));
  floor.done(session, open.id, chat.id);
  for (const SessionId to : buyer.sessions) floor.session(to)->follows = chat.id;
  talk::tell_state(floor, chat);
  greet(floor, chat);
  if (floor.queue(chat).seat_visitors) {
    seating::set_need(floor, chat);
    seating::enqueue(floor, chat, Reason::none);
  }
}

void handle(Floor& floor, Session& session, const ask::Close& ask) {
  if (session.role == Role::ops) return floor.refuse(session, ask.id, Code::not_allowed, "for buyers and agents");
  Chat* chat = rights::chat_or_stored(floor, session, ask.chat, ask.id);
  if (chat == nullptr) return;
  // A close that comes again after the buyer has reopened the chat has been carried out long ago.
  if (!chat->open()) chat->answered.add(ask.id);
  if (chat->answered.knows(ask.id)) return floor.done(session, ask.id, chat->id, chat->main.find(ask.id));
  if (talk::repeated(floor, session, *chat, Stream::main, ask.id, content_of(LineKind::closed, {}, {}))) return;
  if (session.buyer != nullptr) return close(floor, *chat, Reason::by_buyer, Origin::buyer, nobody, ask.id, session.id);
  const bool holds = chat->place == Place::held && chat->agent == session.agent;
  if (!holds && session.role != Role::supervisor)
    return floor.refuse(session, ask.id, Code::not_allowed, "you do not hold this chat");
  const Reason reason = !holds                               ? Reason::by_supervisor
                        : chat->left && !chat->waiting_since ? Reason::answered
                                                             : Reason::by_agent;
  close(floor, *chat, reason, Origin::human, session.agent, ask.id, session.id);
}

}  // namespace deskd::lifetime
