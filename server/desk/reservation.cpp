#include "server/desk/reservation.hpp"

#include <algorithm>

#include "server/desk/candidates.hpp"
#include "server/desk/overload.hpp"
#include "server/desk/presence.hpp"
#include "server/desk/rights.hpp"
#include "server/desk/seating.hpp"
#include "server/desk/talk.hpp"

namespace deskd::reservation {

void offer(Floor& floor, Chat& chat, Agent& agent) {
  // Kept until she answers: by then her own offer would be among the reasons.
  chat.offered = std::make_unique<Explanation>(floor.match.explain(chat.id, agent.index));
  if (chat.id == floor.traced)
    candidates::keep(floor, *floor.match.need(chat.id), FactKind::offered, chat.offered->by, agent);
  floor.match.remove_chat(chat.id);
  floor.disarm(chat, ChatTimer::in_line);
  chat.place = Place::reserved;
  chat.placed = floor.now;
  chat.agent = agent.index;
  agent.reserved.push_back(&chat);
  floor.arm(chat, ChatTimer::reservation, floor.now + floor.queue(chat).reservation);
  record::Fact fact = floor.fact(chat, FactKind::offered);
  fact.number = (floor.now - chat.lined_up).count();
  floor.persist(fact);
  floor.persist_place(chat);
  ++floor.counters.offered;
  floor.tell(agent.sessions, tell::Offer{chat.id, chat.queue, chat.timer(ChatTimer::reservation).due(), fact.number});
  seating::on_agent_changed(floor, agent);
  talk::tell_state(floor, chat);
}

// Gives an offered chat back to its queue; the agent does not get it again until all have had it.
void end(Floor& floor, Chat& chat, Reason reason) {
  Agent& agent = floor.roster.agent(chat.agent);
  record::Fact fact = floor.fact(chat, FactKind::declined, reason);
  fact.number = (floor.now - chat.placed).count();
  floor.persist(fact);
  floor.disarm(chat, ChatTimer::reservation);
  std::erase(agent.reserved, &chat);
  chat.offered.reset();
  chat.agent = nobody;
  chat.place = Place::waiting;
  chat.placed = floor.now;
  chat.reason = reason;
  const bool gave_back = reason == Reason::declined || reason == Reason::lapsed;
  // Whoever was wanted and does not take it is nobody to wait for.
  if (gave_back && chat.wanted == agent.index) {
    chat.wanted = nobody;
    floor.disarm(chat, ChatTimer::wanted);
  }
  floor.persist_place(chat);
  floor.tell(agent.sessions, tell::OfferEnded{chat.id, reason});
  talk::tell_state(floor, chat);
  if (gave_back) {
    chat.declined.push_back(agent.index);
    const std::int32_t most = floor.queue(chat).offers_unanswered_max;
    if (++agent.unanswered_offers >= most && agent.status == Status::available) {
      presence::set_status(floor, agent, Status::on_break, Reason::unanswered_offers);
    }
  }
  seating::on_agent_changed(floor, agent);
  seating::on_need_changed(floor, chat);
  overload::tell_in_line(floor, chat);
}

void on_lapsed(Floor& floor, Chat& chat) {
  ++floor.counters.lapsed;
  end(floor, chat, Reason::lapsed);
}

void handle(Floor& floor, Session& session, const ask::Accept& accept) {
  if (!rights::is_staff(floor, session, accept.id)) return;
  Chat* chat = floor.chat(accept.chat);
  Agent& agent = floor.roster.agent(session.agent);
  if (chat != nullptr && chat->place == Place::held && chat->agent == session.agent) {
    return floor.done(session, accept.id, chat->id, chat->joined);
  }
  // One that comes again must not accept what was offered since.
  if (agent.answered.knows(accept.id)) return floor.done(session, accept.id, accept.chat);
  if (chat == nullptr || chat->place != Place::reserved || chat->agent != session.agent) {
    return floor.refuse(session, accept.id, Code::not_offered);
  }
  agent.answered.add(accept.id);
  floor.tell(agent.sessions, tell::OfferEnded{chat->id, Reason::none});
  seating::assign(floor, *chat, agent, false);
  floor.done(session, accept.id, chat->id, chat->joined);
}

void handle(Floor& floor, Session& session, const ask::Decline& decline) {
  if (!rights::is_staff(floor, session, decline.id)) return;
  Chat* chat = floor.chat(decline.chat);
  // One that comes again must not decline what was offered since.
  Agent& agent = floor.roster.agent(session.agent);
  if (agent.answered.knows(decline.id)) return floor.done(session, decline.id, decline.chat);
  if (chat == nullptr || chat->place != Place::reserved || chat->agent != session.agent) {
    return floor.refuse(session, decline.id, Code::not_offered);
  }
  agent.answered.add(decline.id);
  ++floor.counters.declined;
  floor.done(session, decline.id, chat->id);
  end(floor, *chat, Reason::declined);
}

}  // namespace deskd::reservation
