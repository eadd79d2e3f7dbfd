#include "server/desk/recovery.hpp"

#include <algorithm>

#include "server/desk/assert.hpp"
#include "server/desk/order.hpp"
#include "server/desk/overload.hpp"
#include "server/desk/presence.hpp"
#include "server/desk/rating.hpp"
#include "server/desk/seating.hpp"
#include "server/desk/sla.hpp"

namespace deskd::recovery {

namespace {

// Also somebody whom the policy does not name any more: what she said and did is hers all the same.
AgentIndex agent_of(Floor& floor, std::string_view name) {
  if (name.empty()) return nobody;
  if (const Agent* known = floor.roster.find(name)) return known->index;
  Agent& former = floor.roster.remember(name);
  seating::on_agent_changed(floor, former);
  return former.index;
}

std::uint64_t content(const Chat& chat, const stored::Line& line) {
  if (const Chat::Deed* deed = line.stream == Stream::main ? chat.deed(line.seq) : nullptr) {
    if (const auto* order = std::get_if<record::Order>(deed)) return order::content(*order);
    if (const auto* answer = std::get_if<record::OrderAnswer>(deed)) return order::content(*answer);
    return rating::content(std::get<record::Rating>(*deed));
  }
  return content_of(line.kind, line.reply_to, line.text);
}

bool is_answer(const stored::Line& line) {
  return (line.origin == Origin::human || line.origin == Origin::assist) &&
         (line.kind == LineKind::words || line.kind == LineKind::order || line.kind == LineKind::refused);
}

// What a line of the main stream says about the chat's state, as the running desk drew it from the same line.
void fold(Chat& chat, const stored::Line& line) {
  chat.last_line = line.at;
  if (sla::begins_wait(chat, line.seq, line.origin, line.kind) && !chat.waiting_since) {
    chat.waiting_from = line.seq;
    if (line.seq > chat.excused) chat.waiting_since = line.at;
  }
  if (is_answer(line)) {
    if (chat.answered_first == Instant{}) chat.answered_first = line.at;
    chat.waiting_since.reset();
  }
  switch (line.kind) {
    case LineKind::joined: chat.joined = line.seq; break;
    case LineKind::closed: chat.waiting_since.reset(); break;
    case LineKind::rating: chat.rating = line.seq; break;
    default: break;
  }
}

// All that was said, and what follows from it.
void append_lines(Floor& floor, Chat& chat, const stored::Chat& stored) {
  chat.last_line = stored.opened;
  for (const stored::Line& line : stored.lines) {
    Transcript& transcript = chat.transcript(line.stream);
    DESK_ASSERT(line.seq == next(transcript.last()));
    transcript.append({.at = line.at,
                       .id = line.id,
                       .content = content(chat, line),
                       .reply_to = line.reply_to,
                       .author = line.origin == Origin::buyer ? nobody : agent_of(floor, line.person),
                       .origin = line.origin,
                       .kind = line.kind,
                       .reason = line.reason,
                       .hidden = line.kind == LineKind::refused,
                       .refused = line.kind == LineKind::refused},
                      line.text);
    if (line.kind == LineKind::recalled && line.reply_to) transcript.hide(line.reply_to);
    if (line.stream == Stream::main) fold(chat, line);
  }
  chat.main.set_stored(chat.main.last());
  chat.inside.set_stored(chat.inside.last());
  if (chat.place == Place::closed) chat.waiting_since.reset();
}

// The agent who had it has it still, unless the policy names her no more: then settle_place finds it without one.
void keep_holding(Floor& floor, Chat& chat, const stored::Chat& stored) {
  Agent* agent = floor.roster.find(stored.agent);
  if (agent == nullptr || !agent->employed) return;
  chat.left = chat.left_since.has_value();
  chat.agent = agent->index;
  agent->held.push_back(&chat);
  agent->last_assigned = std::max(agent->last_assigned, chat.assigned);
}

// As when she is dismissed while the server runs.
void lose_agent(Floor& floor, Chat& chat) {
  chat.place = Place::waiting;
  seating::line_up(floor, chat);
  seating::set_need(floor, chat);
  if (chat.left_since) {
    seating::leave_message(floor, chat, Reason::policy);
  } else {
    seating::enqueue(floor, chat, Reason::policy);
  }
  sla::set_clocks(floor, chat);
}

void settle_place(Floor& floor, Chat& chat) {
  if (chat.place == Place::held && chat.agent == nobody) return lose_agent(floor, chat);
  if (chat.open() && chat.place != Place::greeted) seating::set_need(floor, chat);
  switch (chat.place) {
    case Place::greeted: sla::set_clocks(floor, chat); break;
    case Place::held:
      sla::set_clocks(floor, chat);
      if (chat.is_breached()) presence::on_breached(floor, chat);
      break;
    case Place::reserved:
      // An offer does not outlive the server that made it.
      chat.place = Place::waiting;
      [[fallthrough]];
    case Place::waiting:
      chat.agent = nobody;
      seating::enqueue(floor, chat, Reason::recovered);
      sla::set_clocks(floor, chat);
      break;
    case Place::left_message:
      sla::set_clocks(floor, chat);
      seating::on_need_changed(floor, chat);
      break;
    case Place::closed: floor.arm(chat, ChatTimer::forget, *chat.closed + floor.book->policy().reopen_within); break;
  }
}

}  // namespace

void on_policy(Floor& floor, const event::RecoveredPolicy& policy) {
  floor.older_books[policy.policy->version] = std::make_shared<Rulebook>(policy.policy);
}

void on_agent(Floor& floor, const event::RecoveredAgent& stored) {
  DESK_ASSERT(floor.recovering);
  Agent* agent = floor.roster.find(stored.agent);
  if (agent == nullptr || !agent->employed) return;
  agent->status = stored.status;
  agent->status_reason = stored.reason;
  const bool stands = stored.adjusted_under != 0 && stored.adjusted_under == floor.book->version();
  if (stands) agent->adjust(*floor.book, stored.capacity, floor.book->queues(stored.queues));
}

void on_surge(Floor& floor, const event::RecoveredSurge& surge) {
  DESK_ASSERT(floor.recovering);
  floor.surge = surge.on;
  floor.surge_by = surge.by;
}

void on_chat(Floor& floor, const event::RecoveredChat& stored) {
  const bool read_back = !floor.recovering;
  DESK_ASSERT(!read_back || stored.closed);
  // Two commands can have named it before it came.
  if (Chat* known = read_back ? floor.chat(stored.chat) : nullptr) {
    if (!known->open() && known->timer(ChatTimer::forget).due() < floor.now + limits::read_back_for)
      floor.arm(*known, ChatTimer::forget, floor.now + limits::read_back_for);
    return;
  }
  DESK_ASSERT(floor.chats.count(stored.chat) == 0);
  Chat& chat = floor.add_chat(stored.chat, floor.buyer(stored.shop, stored.buyer, stored.guest));
  floor.last_chat = std::max(floor.last_chat, chat.id);
  const auto book = floor.older_books.find(stored.policy_version);
  chat.book = book == floor.older_books.end() ? floor.book : book->second;
  // Of two chats of one buyer the open one is theirs; the other is only remembered until it is forgotten.
  Buyer& buyer = *chat.buyer;
  const Chat* other = buyer.chat;
  if (read_back) {
    floor.arm(chat, ChatTimer::forget, floor.now + limits::read_back_for);
  } else if (other == nullptr || !stored.closed || (!other->open() && other->id < chat.id)) {
    buyer.chat = &chat;
    floor.set_level(buyer, stored.level);
  }
  chat.shop = stored.shop;
  chat.queue = floor.names.keep(stored.queue);
  chat.skills = stored.skills;
  chat.place = stored.place;
  chat.reason = stored.reason;
  chat.opened = stored.opened;
  chat.queued = stored.queued;
  chat.lined_up = stored.lined_up;
  chat.placed = chat.assigned = stored.placed;
  chat.left_since = stored.left_since;
  chat.closed = stored.closed;
  chat.excused = stored.excused;
  chat.told = stored.told;
  chat.asked = stored.asked;
  // Nobody waits for somebody who is no longer here.
  if (const Agent* wanted = floor.roster.find(stored.wanted); wanted != nullptr && wanted->employed)
    chat.wanted = wanted->index;
  chat.last_agent = agent_of(floor, stored.agent);
  if (!read_back && chat.last_agent != nobody && (buyer.chat == &chat || buyer.last_agent == nobody))
    buyer.last_agent = chat.last_agent;
  for (const stored::Deed& deed : stored.deeds) chat.deeds.emplace_back(deed.seq, deed.body);

  append_lines(floor, chat, stored);
  if (chat.place == Place::held) keep_holding(floor, chat, stored);
  for (const stored::Clock& fired : stored.fired) sla::recovered(floor, chat, fired);
}

void on_done(Floor& floor, const event::RecoveryDone& done) {
  DESK_ASSERT(floor.recovering);
  floor.recovering = false;
  floor.starting = true;
  floor.ledger.start_at(done.position);
  floor.accepted = done.position;
  floor.persist(record::Fact{
      .at = floor.now, .kind = FactKind::took_desk, .reason = Reason::recovered, .number = floor.epoch.value});
  // Everyone may be back in a moment: until then nobody who waits has nobody to wait for.
  for (const auto& agent : floor.roster.all()) {
    seating::on_agent_changed(floor, *agent);
    if (agent->employed) presence::start_agent_grace(floor, *agent);
  }
  for (const auto& [id, chat] : floor.chats) settle_place(floor, *chat);
  floor.starting = false;
}

}  // namespace deskd::recovery
