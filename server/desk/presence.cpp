#include "server/desk/presence.hpp"

#include <algorithm>

#include "server/desk/assert.hpp"
#include "server/desk/lifetime.hpp"
#include "server/desk/overload.hpp"
#include "server/desk/seating.hpp"
#include "server/desk/sla.hpp"
#include "server/desk/talk.hpp"

namespace deskd::presence {

namespace {

// The newest few of a person's sessions stay. One that was told to go is among them until it has gone.
void join(Floor& floor, std::vector<SessionId>& attached, SessionId session) {
  constexpr std::size_t most = limits::sessions_per_person_max;
  if (attached.size() >= most) floor.out->add(effect::Close{attached[attached.size() - most], CloseCode::replaced});
  attached.push_back(session);
}

void remove(std::vector<SessionId>& sessions, SessionId session) {
  sessions.erase(std::remove(sessions.begin(), sessions.end(), session), sessions.end());
}

void tell_presence(Floor& floor, const Chat& chat, bool buyer, bool present) {
  floor.out->send(floor.hearing(chat, Stream::main), tell::Presence{chat.id, buyer, present});
}

void on_buyer_back(Floor& floor, Buyer& buyer) {
  if (buyer.chat == nullptr || !buyer.chat->open()) return;
  Chat& chat = *buyer.chat;
  floor.disarm(chat, ChatTimer::grace);
  tell_presence(floor, chat, true, true);
  if (chat.absent) {
    chat.absent = false;
    ++floor.counters.returned;
    floor.persist(floor.fact(chat, FactKind::returned));
    seating::on_need_changed(floor, chat);
  }
}

void on_buyer_gone(Floor& floor, Buyer& buyer) {
  if (buyer.chat == nullptr || !buyer.chat->open()) return;
  Chat& chat = *buyer.chat;
  tell_presence(floor, chat, true, false);
  if (chat.place == Place::waiting || chat.place == Place::reserved) on_queued(floor, chat);
  if (chat.place == Place::held && chat.is_breached()) on_breached(floor, chat);
}

// Whoever has become something better moves up at once, and the other way round.
void set_level(Floor& floor, Buyer& buyer, std::string_view level) {
  const std::string_view before = buyer.level;
  floor.set_level(buyer, level);
  if (buyer.level == before || buyer.chat == nullptr || !buyer.chat->open()) return;
  floor.persist_place(*buyer.chat);
  seating::on_need_changed(floor, *buyer.chat);
}

void on_agent_back(Floor& floor, Agent& agent) {
  floor.timers.disarm(agent.timer(AgentTimer::grace));
  floor.timers.disarm(agent.timer(AgentTimer::grace_waiting));
  // She is here and takes nothing: who waited for her return waits in vain.
  if (agent.status == Status::signed_out) floor.someone_left = true;
  for (const Chat* chat : agent.held) tell_presence(floor, *chat, false, true);
  seating::on_agent_changed(floor, agent);
}

// Sends one chat to a session that holds it up to a line of some epoch.
void resume_chat(Floor& floor, const Chat& chat, const ask::Held& held, SessionId session, bool staff) {
  const auto from = [&](const Transcript& transcript, Seq seq, Seq stored) {
    // A database that was restored has less than it told; what the client holds may be of lines that are no more.
    if (stored > transcript.stored()) return Seq{};
    return std::min(held.epoch == floor.epoch ? seq : stored, transcript.last());
  };
  // What was refused while the session was away it holds as a line on its way to the database.
  const auto tell_refused = [&](const Transcript& transcript, Stream stream, Seq seq, Seq stored) {
    const Seq has = from(transcript, seq, stored);
    if (stored >= transcript.last()) return;  // also of any number that a client may make up
    for (Seq at = next(stored); at <= transcript.last(); at = next(at)) {
      const Transcript::Line& line = transcript.line(at);
      if (!line.refused) continue;
      if (at <= has) floor.tell(session, talk::line_of(floor, chat, stream, at));
      // It may hold a recall above a gap.
      if (line.kind == LineKind::recalled && line.reply_to <= has)
        talk::tell_again(floor, chat, stream, line.reply_to, session);
    }
  };
  if (Session* who = floor.session(session); who != nullptr && !staff) who->follows = chat.id;
  talk::tell_state(floor, chat, session);
  tell_refused(chat.main, Stream::main, held.seq, held.stored);
  if (staff) tell_refused(chat.inside, Stream::inside, held.inside, held.inside_stored);
  talk::replay(floor, chat, Stream::main, from(chat.main, held.seq, held.stored), session);
  if (staff) talk::replay(floor, chat, Stream::inside, from(chat.inside, held.inside, held.inside_stored), session);
}

}  // namespace

void on_session_opened(Floor& floor, const event::SessionOpened& opened) {
  const auto slot = static_cast<std::uint32_t>(opened.session.value);
  if (slot >= floor.sessions.size()) floor.sessions.resize(slot + 1);
  Session& session = floor.sessions[slot];
  DESK_ASSERT(!session.id);
  session = {.id = opened.session, .role = opened.role};
  ++floor.counters.sessions_opened;
  if (opened.role == Role::buyer || opened.role == Role::guest) {
    session.buyer = &floor.buyer(opened.shop, opened.person, opened.role == Role::guest);
    join(floor, session.buyer->attached, session.id);
    return set_level(floor, *session.buyer, opened.level);
  }
  Agent* agent = floor.roster.find(opened.person);
  if (agent == nullptr || !agent->named) {
    // The token is true, but the policy in force does not name this person.
    session = {};
    floor.out->add(effect::Close{opened.session, CloseCode::revoked});
    return;
  }
  session.agent = agent->index;
  join(floor, agent->attached, session.id);
}

void on_session_closed(Floor& floor, SessionId id) {
  Session* session = floor.session(id);
  if (session == nullptr) return;
  ++floor.counters.sessions_closed;
  for (const ChatId watched : session->watched)
    if (Chat* chat = floor.chat(watched)) remove(chat->watchers, id);
  if (Buyer* buyer = session->buyer) {
    const bool was_present = buyer->present();
    remove(buyer->sessions, id);
    remove(buyer->attached, id);
    *session = {};
    if (was_present && buyer->sessions.empty()) on_buyer_gone(floor, *buyer);
    floor.forget_if_gone(*buyer);
    return;
  }
  Agent& agent = floor.roster.agent(session->agent);
  const bool was_present = agent.present();
  remove(agent.sessions, id);
  remove(agent.attached, id);
  *session = {};
  if (was_present && agent.sessions.empty()) start_agent_grace(floor, agent);
}

void start_agent_grace(Floor& floor, Agent& agent) {
  while (!agent.reserved.empty()) seating::requeue(floor, *agent.reserved.back(), Reason::session_lost);
  seating::on_agent_changed(floor, agent);
  for (const Chat* chat : agent.held) tell_presence(floor, *chat, false, false);
  if (agent.status == Status::signed_out && agent.held.empty() && !floor.starting) return;
  floor.timers.arm(agent.timer(AgentTimer::grace_waiting), floor.now + floor.book->policy().agent_grace_waiting);
  floor.timers.arm(agent.timer(AgentTimer::grace), floor.now + floor.book->policy().agent_grace);
}

void on_agent_grace_waiting(Floor& floor, Agent& agent) {
  const std::vector<Chat*> held = agent.held;
  for (Chat* chat : held)
    if (chat->waiting_since) seating::requeue(floor, *chat, Reason::presence_lost);
}

void on_agent_grace(Floor& floor, Agent& agent) {
  floor.someone_left = true;
  // After a start, one who had nothing to come back for.
  if (agent.status == Status::signed_out && agent.held.empty()) return;
  set_status(floor, agent, Status::signed_out, Reason::presence_lost);
}

void set_status(Floor& floor, Agent& agent, Status status, Reason reason) {
  // Who is signed out and took a chat over by hand leaves that one behind too.
  if (agent.status == status && agent.status_reason == reason && (status != Status::signed_out || agent.held.empty()))
    return;
  agent.status = status;
  agent.status_reason = reason;
  if (status == Status::available) agent.unanswered_offers = 0;
  floor.persist(record::Fact{.at = floor.now,
                             .kind = FactKind::status,
                             .reason = reason,
                             .agent = agent.name,
                             .ordinal = static_cast<std::int32_t>(status)});
  if (status == Status::signed_out) {
    // Nobody waits for her any more, whether her sockets are gone or not.
    floor.timers.disarm(agent.timer(AgentTimer::grace));
    floor.timers.disarm(agent.timer(AgentTimer::grace_waiting));
    // Whoever goes leaves nobody behind: every chat goes back at its age.
    const std::vector<Chat*> held = agent.held;
    for (Chat* chat : held) seating::requeue(floor, *chat, reason);
    floor.someone_left = true;
    agent.wrapping.clear();
    floor.timers.disarm(agent.timer(AgentTimer::wrap_up));
  }
  if (status != Status::available) {
    while (!agent.reserved.empty()) seating::requeue(floor, *agent.reserved.back(), reason);
  }
  seating::on_agent_changed(floor, agent, true);
}

void handle(Floor& floor, Session& session, const ask::SetStatus& status) {
  if (session.buyer != nullptr || session.role == Role::ops) {
    return floor.refuse(session, status.id, Code::not_allowed, "for agents");
  }
  set_status(floor, floor.roster.agent(session.agent), status.status, Reason::by_agent);
  floor.done(session, status.id);
}

void handle(Floor& floor, Session& session, const ask::Resume& resume) {
  if (resume.chats.size() > limits::resume_chats_max) return floor.refuse(session, {}, Code::too_many, "chats");
  const bool staff = session.buyer == nullptr;
  if (session.role == Role::ops) {
    // Who looks on takes no part: she hears no chat, and her wallboard is nobody's presence at the desk.
    session.resumed = true;
    for (const ask::Held& held : resume.chats) floor.tell(session.id, tell::Released{held.chat, Reason::none});
    return;
  }
  std::vector<SessionId>& sessions = staff ? floor.roster.agent(session.agent).sessions : session.buyer->sessions;
  const bool was_present = !sessions.empty();
  if (!session.resumed) sessions.push_back(session.id);
  session.resumed = true;

  std::vector<Chat*> own;
  if (!staff) {
    if (Chat* chat = session.buyer->chat) own.push_back(chat);
  } else {
    const Agent& agent = floor.roster.agent(session.agent);
    seating::tell_agent(floor, agent, session.id);
    own.assign(agent.held.begin(), agent.held.end());
  }
  for (const ask::Held& held : resume.chats) {
    if (std::any_of(own.begin(), own.end(), [&](const Chat* chat) { return chat->id == held.chat; })) continue;
    // A chat the client remembers and that is its own no more, or never was: both are answered alike.
    floor.tell(session.id, tell::Released{held.chat, Reason::none});
  }
  for (Chat* chat : own) {
    if (!chat->open() && std::none_of(resume.chats.begin(), resume.chats.end(),
                                      [&](const ask::Held& held) { return held.chat == chat->id; })) {
      continue;
    }
    ask::Held from{.chat = chat->id};
    for (const ask::Held& held : resume.chats)
      if (held.chat == chat->id) from = held;
    resume_chat(floor, *chat, from, session.id, staff);
  }
  if (staff) {
    for (const Chat* chat : floor.roster.agent(session.agent).reserved) {
      floor.tell(session.id, tell::Offer{chat->id, chat->queue, chat->timer(ChatTimer::reservation).due(),
                                         (floor.now - chat->lined_up).count()});
    }
    for (const WrapUp& wrap_up : floor.roster.agent(session.agent).wrapping)
      floor.tell(session.id, tell::WrapUp{wrap_up.chat, wrap_up.until});
  }
  if (staff) {
    if (!was_present) on_agent_back(floor, floor.roster.agent(session.agent));
    return;
  }
  if (!was_present) on_buyer_back(floor, *session.buyer);
  if (session.buyer->chat != nullptr) overload::on_buyer_back(floor, *session.buyer->chat);
}

void on_queued(Floor& floor, Chat& chat) {
  // Moved while its buyer is absent: the time until it becomes a left message runs on.
  if (chat.absent && chat.timer(ChatTimer::grace).armed()) return;
  if (!chat.buyer->present()) floor.arm(chat, ChatTimer::grace, floor.now + floor.book->policy().buyer_grace);
}

void on_assigned(Floor& floor, Chat& chat) {
  floor.disarm(chat, ChatTimer::grace);
  // The breach goes with the chat to whoever has it next.
  if (chat.is_breached()) on_breached(floor, chat);
}

void on_answered(Floor& floor, Chat& chat) {
  if (chat.place == Place::held) floor.disarm(chat, ChatTimer::grace);
}

void on_breached(Floor& floor, Chat& chat) {
  if (chat.place != Place::held || chat.buyer->present()) return;
  // Long after the breach, loading the page again must still not end the chat.
  const Duration back_within = floor.book->policy().buyer_grace;
  floor.arm(chat, ChatTimer::grace,
            std::max(floor.now + back_within, *chat.breached + floor.queue(chat).left_unanswered));
}

void on_buyer_grace(Floor& floor, Chat& chat) {
  if (chat.buyer->present()) return;
  if (chat.place == Place::held) return lifetime::close(floor, chat, Reason::left_unanswered);
  if (chat.place == Place::reserved) return floor.arm(chat, ChatTimer::grace, chat.timer(ChatTimer::reservation).due());
  if (chat.place != Place::waiting) return;
  if (chat.absent && chat.was_answered()) return floor.arm(chat, ChatTimer::grace, chat.timer(ChatTimer::idle).due());
  if (chat.absent) return seating::leave_message(floor, chat, Reason::session_lost);
  chat.absent = true;
  ++floor.counters.absent;
  floor.persist(floor.fact(chat, FactKind::absent));
  seating::on_need_changed(floor, chat);
  const policy::Desk& policy = floor.book->policy();
  floor.arm(chat, ChatTimer::grace, floor.now + std::max(Duration{0}, policy.buyer_gone - policy.buyer_grace));
}

void on_identified(Floor& floor, const event::Identified& identified) {
  Session* session = floor.session(identified.session);
  if (session == nullptr || session->buyer == nullptr) return;
  Buyer& guest = *session->buyer;
  Buyer& named = floor.buyer(identified.shop, identified.buyer, false);
  if (&guest == &named) return;
  set_level(floor, named, identified.level);
  Chat* chat = guest.chat != nullptr && guest.chat->open() ? guest.chat : nullptr;
  if (chat != nullptr && named.chat != nullptr && named.chat->open()) {
    chat->other = named.chat->id;
    lifetime::close(floor, *chat, Reason::identified);
    chat = nullptr;
  }
  // The guest is nobody any more: the session that showed the token is the buyer's, the guest's others end, also those that
  // have not resumed yet, and a later server must not let the guest in either.
  floor.persist(record::Fact{.at = floor.now,
                             .kind = FactKind::revoked,
                             .reason = Reason::identified,
                             .shop = guest.shop,
                             .detail = guest.id});
  // Who the guest became stands beside it, and which chat goes on: nothing else joins what the two of them said.
  floor.persist(record::Fact{.at = floor.now,
                             .kind = FactKind::identified,
                             .shop = named.shop,
                             .number = guest.chat != nullptr ? guest.chat->other.value : 0,
                             .detail = named.id});
  const bool was_present = named.present();
  const std::vector<SessionId> others = named.sessions;
  for (const Session& tab : floor.sessions)
    if (tab.buyer == &guest && tab.id != session->id) floor.out->add(effect::Close{tab.id, CloseCode::revoked});
  remove(guest.sessions, session->id);
  remove(guest.attached, session->id);
  join(floor, named.attached, session->id);
  session->buyer = &named;
  session->role = Role::buyer;
  if (session->resumed) named.sessions.push_back(session->id);

  if (chat != nullptr) {
    // A chat of theirs that could still be reopened leaves: this one goes on instead.
    if (named.chat != nullptr) floor.arm(*named.chat, ChatTimer::forget, floor.now);
    guest.chat = nullptr;
    --guest.chats;
    named.chat = chat;
    ++named.chats;
    chat->buyer = &named;
    if (chat->last_agent != nobody) named.last_agent = chat->last_agent;
    seating::on_need_changed(floor, *chat);
    floor.persist(floor.fact(*chat, FactKind::identified));
    floor.persist_place(*chat);
    for (const SessionId other : others) resume_chat(floor, *chat, {.chat = chat->id}, other, false);
    talk::note(floor, *chat, LineKind::identified, Origin::system);
    talk::tell_state(floor, *chat);
  } else if (session->resumed && named.chat != nullptr && named.chat->open()) {
    resume_chat(floor, *named.chat, {.chat = named.chat->id}, session->id, false);
  }
  if (named.present() && (chat != nullptr || !was_present)) on_buyer_back(floor, named);
  if (named.present() && named.chat != nullptr) overload::on_buyer_back(floor, *named.chat);
  if (!named.present() && chat != nullptr) on_buyer_gone(floor, named);
  floor.forget_if_gone(guest);
}

void on_revoked(Floor& floor, const event::Revoked& revoked) {
  const bool buyer = revoked.role == Role::buyer || revoked.role == Role::guest;
  record::Fact fact{.at = floor.now, .kind = FactKind::revoked, .shop = revoked.shop};
  (buyer ? fact.detail : fact.agent) = revoked.person;
  fact.ordinal = revoked.lifted ? 1 : 0;
  floor.persist(fact);
  if (revoked.lifted) return;
  for (const Session& session : floor.sessions) {
    if (!session.id) continue;
    const bool is_it =
        buyer ? session.buyer != nullptr && session.buyer->shop == revoked.shop && session.buyer->id == revoked.person
              : session.buyer == nullptr && floor.roster.agent(session.agent).name == revoked.person;
    if (is_it) floor.out->add(effect::Close{session.id, CloseCode::revoked});
  }
  if (revoked.role == Role::agent || revoked.role == Role::supervisor) {
    if (Agent* agent = floor.roster.find(revoked.person))
      set_status(floor, *agent, Status::signed_out, Reason::revoked);
  }
}

}  // namespace deskd::presence
