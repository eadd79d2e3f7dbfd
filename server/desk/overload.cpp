#include "server/desk/overload.hpp"

#include <algorithm>

#include "server/desk/rights.hpp"
#include "server/desk/seating.hpp"
#include "server/desk/talk.hpp"

namespace deskd::overload {

namespace {

// The place is told when the step that brought the chat here has seated whom it can: most never stand in line.
constexpr Duration first_in_line{1};

// How often a waiting buyer hears the place again. Shorter is noise, longer feels forgotten.
constexpr Duration in_line_every{10'000};

// Automatic surge begins when more wait than three times the places there are, and ends at one times.
constexpr std::int32_t surge_at = 3;

// When a waiting buyer is to be told and asked: the first time, and again for as long as it lasts.
Instant question_due(const Floor& floor, const Chat& chat) {
  const policy::Queue& promise = floor.promise(chat);
  if (chat.told) return *chat.told + promise.queue_wait;
  return chat.lined_up + std::min(promise.ask_beyond, promise.queue_wait);
}

// With those of agents who may be back at any moment: that a server starts is no rush.
std::int32_t places_soon(const Floor& floor) {
  std::int32_t places = floor.places;
  for (const auto& agent : floor.roster.all())
    if (agent->status == Status::available && agent->timer(AgentTimer::grace).armed()) places += agent->capacity;
  return places;
}

}  // namespace

bool sheds(Floor& floor, std::size_t from_percent, Counters::Count& count) {
  const bool left_out = floor.ledger.backlog_bytes() >= floor.backlog_bytes_max * from_percent / 100;
  count += left_out ? 1 : 0;
  return left_out;
}

void look_for_surge(Floor& floor) {
  if (!floor.book->policy().surge_automatic) {
    // What began by itself ends with the policy that let it.
    if (floor.surge && floor.surge_by == Reason::overload) set_surge(floor, false, Reason::overload);
    return;
  }
  const std::int32_t waiting = floor.match.live();
  // A supervisor's word holds: her surge until she ends it, its end until the rush is over.
  const bool by_hand = floor.surge_by == Reason::by_supervisor;
  if (!floor.surge && !by_hand && waiting > surge_at && waiting > surge_at * floor.places &&
      waiting > surge_at * places_soon(floor))
    set_surge(floor, true, Reason::overload);
  if (waiting > floor.places) return;
  if (floor.surge && !by_hand) set_surge(floor, false, Reason::overload);
  if (!floor.surge) floor.surge_by = Reason::none;
}

void on_queued(Floor& floor, Chat& chat) {
  floor.arm(chat, ChatTimer::queue_wait, std::max(floor.now, question_due(floor, chat)));
  floor.arm(chat, ChatTimer::in_line, floor.now + first_in_line);
}

void ask(Floor& floor, Chat& chat) {
  const policy::Queue& promise = floor.promise(chat);
  chat.told = floor.now;
  chat.asked = true;
  ++floor.counters.asked;
  record::Fact fact = floor.fact(chat, FactKind::asked);
  fact.number = (floor.now - chat.lined_up).count();
  floor.persist(fact);
  floor.persist_place(chat);
  floor.arm(chat, ChatTimer::queue_wait, floor.now + promise.queue_wait);
  tell_in_line(floor, chat);
}

void tell_in_line(Floor& floor, Chat& chat) {
  // To the buyer an offer is still waiting: who is first in line may be with an agent in a moment.
  if ((chat.place != Place::waiting && chat.place != Place::reserved) || chat.absent) return;
  floor.arm(chat, ChatTimer::in_line, floor.now + in_line_every);
  const bool in_line = floor.match.need(chat.id) != nullptr;
  tell::InLine told{.chat = chat.id, .ahead = in_line ? floor.match.ahead(chat.id) : 0, .choose = chat.asked};
  const auto forecast = floor.forecasts.find(chat.queue);
  const auto range = forecast == floor.forecasts.end() ? std::nullopt : forecast->second.range(told.ahead, floor.now);
  if (range) {
    told.wait_p50_s = static_cast<std::int32_t>(range->p50.count() / 1000);
    told.wait_p90_s = static_cast<std::int32_t>(range->p90.count() / 1000);
  }
  if (!chat.told && range && range->p50 > floor.promise(chat).ask_beyond) return ask(floor, chat);
  floor.tell(chat.buyer->sessions, told);
}

void on_in_line(Floor& floor, Chat& chat) {
  if (chat.timer(ChatTimer::in_line).due() == chat.placed + first_in_line) talk::tell_state(floor, chat);
  tell_in_line(floor, chat);
}

void on_buyer_back(Floor& floor, Chat& chat) {
  if (chat.place != Place::waiting && chat.place != Place::reserved) return;
  // It fell due while nobody was there to ask; that it did is counted already.
  if (floor.now >= question_due(floor, chat)) return ask(floor, chat);
  tell_in_line(floor, chat);
}

void handle(Floor& floor, Session& session, const ask::Choose& choose) {
  if (!rights::is_buyer(floor, session, choose.id)) return;
  Chat* chat = rights::known_chat(floor, session, choose.chat, choose.id);
  if (chat == nullptr) return;
  if (chat->answered.knows(choose.id)) return floor.done(session, choose.id, chat->id);
  if (chat->place != Place::waiting && chat->place != Place::reserved) {
    return floor.refuse(session, choose.id, Code::wrong_place, "it does not wait any more");
  }
  chat->answered.add(choose.id);
  // To say again that one waits does not put off the next question.
  if (choose.choice == Choice::wait && chat->told && !chat->asked) return floor.done(session, choose.id, chat->id);
  chat->asked = false;
  record::Fact fact = floor.fact(*chat, FactKind::chose);
  fact.ordinal = static_cast<std::int32_t>(choose.choice);
  fact.number = (floor.now - chat->lined_up).count();
  floor.persist(fact);
  floor.done(session, choose.id, chat->id);
  if (choose.choice == Choice::leave_message) {
    if (chat->place == Place::reserved) seating::requeue(floor, *chat, Reason::chosen);
    return seating::leave_message(floor, *chat, Reason::chosen);
  }
  chat->told = floor.now;
  chat->reason = Reason::chosen;
  floor.persist_place(*chat);
  floor.arm(*chat, ChatTimer::queue_wait, floor.now + floor.promise(*chat).queue_wait);
}

void handle(Floor& floor, Session& session, const ask::SetSurge& surge) {
  if (!rights::is_supervisor(floor, session, surge.id)) return;
  set_surge(floor, surge.on, Reason::by_supervisor);
  floor.done(session, surge.id);
}

void set_surge(Floor& floor, bool on, Reason reason) {
  if (floor.surge == on && floor.surge_by == reason) return;
  const bool begins = on && !floor.surge;
  floor.surge = on;
  floor.surge_by = reason;
  floor.persist(record::Fact{.at = floor.now, .kind = FactKind::surge, .reason = reason, .ordinal = on ? 1 : 0});
  if (!begins) return;
  // Wrapping up can wait; the places are needed now.
  for (const auto& agent : floor.roster.all()) {
    for (WrapUp& wrap_up : agent->wrapping) wrap_up.until = floor.now;
    if (!agent->wrapping.empty()) seating::on_wrap_up(floor, *agent);
  }
}

tell::Figures figures(const Floor& floor, std::vector<tell::QueueFigures>& rows) {
  tell::Figures told{
      .now = floor.now, .backlog_bytes = static_cast<std::int64_t>(floor.ledger.backlog_bytes()), .surge = floor.surge};
  rows.assign(floor.book->queue_count(), {});
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].queue = floor.book->policy().queues[i].name;
  for (const auto& [id, chat] : floor.chats) {
    const auto queue = floor.book->queue(chat->queue);
    if (!queue) continue;
    tell::QueueFigures& row = rows[queue->value];
    if (chat->place == Place::waiting || chat->place == Place::reserved) {
      ++(chat->absent ? row.absent : row.waiting);
      row.oldest_wait_ms = std::max(row.oldest_wait_ms, (floor.now - chat->lined_up).count());
    }
    row.left_messages += chat->place == Place::left_message ? 1 : 0;
    told.held += chat->place == Place::held ? 1 : 0;
  }
  for (const auto& agent : floor.roster.all()) {
    if (!agent->seat().takes) continue;
    ++told.agents_available;
    told.places += agent->capacity;
    told.places_taken += std::min(agent->load, agent->capacity);
  }
  told.queues = rows;
  return told;
}

}  // namespace deskd::overload
