#include "server/desk/sla.hpp"

#include <algorithm>
#include <array>

#include "server/desk/assert.hpp"
#include "server/desk/lifetime.hpp"
#include "server/desk/overload.hpp"
#include "server/desk/presence.hpp"
#include "server/desk/rights.hpp"
#include "server/desk/seating.hpp"
#include "server/desk/talk.hpp"

namespace deskd::sla {

namespace {

// What happens at one moment of a wait.
struct Step {
  Duration after{};
  std::int32_t miss{};  // 1 target, 2 limit, 3 reminder, 4 breach; 0: only a warning
};
constexpr std::int32_t misses = 4;
// A miss is stored as the line that began the wait and its step. There is room for more steps than there are.
constexpr std::int32_t steps_of_a_line = 16;
using Ladder = std::array<Step, 7>;

Ladder ladder_of(const policy::Steps& steps) {
  Ladder ladder{Step{steps.target, 1},        Step{steps.limit, 2},          Step{steps.reminder, 3},
                Step{steps.breach, 4},        Step{steps.breach * 50 / 100}, Step{steps.breach * 75 / 100},
                Step{steps.breach * 90 / 100}};
  // Of steps at one moment the misses come first, in their order. Not stable_sort, which allocates at every line.
  const auto order = [](const Step& step) { return std::pair{step.after, step.miss == 0 ? misses + 1 : step.miss}; };
  std::sort(ladder.begin(), ladder.end(), [&](const Step& a, const Step& b) { return order(a) < order(b); });
  return ladder;
}

const policy::Steps& promised(const Floor& floor, const Chat& chat) {
  const policy::Queue& queue = floor.promise(chat);
  return chat.answered_first == Instant{} ? queue.first_response : queue.next_response;
}

ClockKind shop_clock(const Chat& chat) {
  return chat.answered_first == Instant{} ? ClockKind::first_response : ClockKind::next_response;
}

// A miss is named by the line that began the wait, so a later server gives it the same name.
std::int32_t ordinal_of(Seq began, std::int32_t miss) {
  return static_cast<std::int32_t>(began.value) * steps_of_a_line + miss - 1;
}

// How many steps lie behind a miss and before what follows it. They pass in order; 0 is before all.
std::size_t after_miss(const Ladder& ladder, std::int32_t miss) {
  for (std::size_t i = 0; i < ladder.size(); ++i)
    if (miss != 0 && ladder[i].miss == miss) return i + 1;
  return 0;
}

Seq agent_began(const Chat& chat) { return std::max(chat.waiting_from, chat.joined); }
Instant agent_since(const Chat& chat) { return std::max(*chat.waiting_since, chat.assigned); }

void arm_step(Floor& floor, Chat& chat, ChatTimer timer, Instant since, const Ladder& ladder, std::size_t step) {
  if (step >= ladder.size()) return floor.disarm(chat, timer);
  const auto due = floor.hours(chat).add_open(since, ladder[step].after, floor.wall_ms);
  if (due) {
    floor.arm(chat, timer, *due);
  } else {
    floor.disarm(chat, timer);
  }
}

void arm_shop(Floor& floor, Chat& chat) {
  arm_step(floor, chat, ChatTimer::shop_clock, *chat.waiting_since, ladder_of(promised(floor, chat)), chat.shop_step);
}

void arm_agent(Floor& floor, Chat& chat) {
  arm_step(floor, chat, ChatTimer::agent_clock, agent_since(chat), ladder_of(promised(floor, chat)), chat.agent_step);
}

void arm_idle(Floor& floor, Chat& chat) {
  if (chat.waiting_since || !chat.open()) return floor.disarm(chat, ChatTimer::idle);
  floor.arm(chat, ChatTimer::idle, chat.last_line + floor.promise(chat).idle_close);
}

// Quiet is who has been answered and says nothing; a new assignment is looked at again.
void arm_quiet(Floor& floor, Chat& chat) {
  if (chat.place != Place::held || chat.waiting_since || !chat.weighs) return floor.disarm(chat, ChatTimer::quiet);
  floor.arm(chat, ChatTimer::quiet, chat.last_line + floor.queue(chat).quiet_after);
}

// A left message's own clock; it is nobody's when nobody waits for an answer.
void arm_left(Floor& floor, Chat& chat) {
  const Duration answer = floor.promise(chat).left_message_answer;
  const auto due = chat.waiting_since && !chat.left_missed && chat.left_since
                       ? floor.hours(chat).add_open(*chat.left_since, answer, floor.wall_ms)
                       : std::nullopt;
  if (due) {
    floor.arm(chat, ChatTimer::shop_clock, *due);
  } else {
    floor.disarm(chat, ChatTimer::shop_clock);
  }
}

// A complaint is answered on the day it was made, and within its time where that is sooner; also after hours.
void arm_complaint(Floor& floor, Chat& chat) {
  const Duration answer = floor.promise(chat).complaint_answer;
  if (!chat.waiting_since || chat.complaint_missed || answer == Duration{0})
    return floor.disarm(chat, ChatTimer::complaint);
  const Instant day_ends = floor.hours(chat).end_of_local_day(*chat.waiting_since, floor.wall_ms);
  floor.arm(chat, ChatTimer::complaint, std::min(*chat.waiting_since + answer, day_ends));
}

void miss(Floor& floor, const Chat& chat, ClockKind clock, std::int32_t ordinal, Instant due) {
  record::Fact fact = floor.fact(chat, FactKind::missed);
  fact.clock = clock;
  fact.ordinal = ordinal;
  fact.number = (floor.now - due).count();
  floor.persist(fact);
}

void count_miss(Counters& counters, std::int32_t miss) {
  switch (miss) {
    case 1: ++counters.missed_target; break;
    case 2: ++counters.missed_limit; break;
    case 3: ++counters.missed_reminder; break;
    case 4: ++counters.missed_breach; break;
    default: break;
  }
}

void warn(Floor& floor, const Chat& chat) {
  if (chat.place != Place::held) return;
  Timer& timer = floor.roster.agent(chat.agent).timer(AgentTimer::warn);
  if (!timer.armed()) floor.timers.arm(timer, floor.now + limits::warn_every);
}

// The buyer waits for an answer to this line: the clocks begin.
void begin_round(Floor& floor, Chat& chat, Seq from, Instant since) {
  const Seq agent_clock = agent_began(chat);
  chat.waiting_since = since;
  chat.waiting_from = from;
  chat.shop_step = 0;
  // An agent who came after both lines has the same wait before her as before.
  if (agent_began(chat) != agent_clock) chat.agent_step = 0;
  chat.left_missed = chat.complaint_missed = false;
  if (chat.is_left_message()) {
    // Its promise counts from the words that it is about.
    chat.left_since = since;
    floor.persist_place(chat);
    arm_left(floor, chat);
  } else {
    arm_shop(floor, chat);
    if (chat.place == Place::held) arm_agent(floor, chat);
  }
  arm_complaint(floor, chat);
}

void stop_waiting(Floor& floor, Chat& chat) {
  chat.waiting_since.reset();
  chat.breached.reset();
  chat.left_missed = chat.complaint_missed = false;
  chat.hops = 0;
  floor.disarm(chat, ChatTimer::shop_clock);
  floor.disarm(chat, ChatTimer::agent_clock);
  floor.disarm(chat, ChatTimer::complaint);
  presence::on_answered(floor, chat);
}

}  // namespace

bool begins_wait(const Chat& chat, Seq seq, Origin origin, LineKind kind) {
  if (origin != Origin::buyer) return false;
  // Of a line that the database would not hold, nothing is left but that somebody spoke.
  if (kind == LineKind::words || kind == LineKind::refused) return true;
  const Chat::Deed* deed = chat.deed(seq);
  const auto* answer = deed == nullptr ? nullptr : std::get_if<record::OrderAnswer>(deed);
  return answer != nullptr && !answer->confirmed;
}

void on_buyer_words(Floor& floor, Chat& chat) {
  if (!chat.waiting_since) begin_round(floor, chat, chat.main.last(), floor.now);
  floor.disarm(chat, ChatTimer::idle);
  floor.disarm(chat, ChatTimer::quiet);
  seating::set_weighs(floor, chat, true);
}

void on_answer(Floor& floor, Chat& chat) {
  if (chat.waiting_since) {
    Waits& waits = chat.is_left_message()             ? floor.waited.left_message
                   : chat.answered_first == Instant{} ? floor.waited.first_response
                                                      : floor.waited.next_response;
    waits.observe(floor.hours(chat).open_between(*chat.waiting_since, floor.now, floor.wall_ms).count());
  }
  if (chat.answered_first == Instant{}) chat.answered_first = floor.now;
  if (chat.waiting_since || chat.left) stop_waiting(floor, chat);
  arm_idle(floor, chat);
  arm_quiet(floor, chat);
}

void on_assigned(Floor& floor, Chat& chat) {
  floor.disarm(chat, ChatTimer::queue_wait);
  chat.agent_step = 0;
  if (chat.waiting_since && !chat.left) {
    arm_shop(floor, chat);
    arm_agent(floor, chat);
  }
  chat.last_line = floor.now;
  arm_idle(floor, chat);
  arm_quiet(floor, chat);
}

void on_unassigned(Floor& floor, Chat& chat) {
  floor.disarm(chat, ChatTimer::agent_clock);
  floor.disarm(chat, ChatTimer::quiet);
  arm_idle(floor, chat);
}

void on_left_message(Floor& floor, Chat& chat) {
  on_unassigned(floor, chat);
  floor.disarm(chat, ChatTimer::queue_wait);
  arm_left(floor, chat);
}

void on_closed(Floor& floor, Chat& chat) {
  floor.counters.waits_unanswered += chat.waiting_since ? 1 : 0;
  chat.waiting_since.reset();
  chat.breached.reset();
  chat.left_missed = chat.complaint_missed = false;
  chat.hops = 0;
  for (const ChatTimer timer : {ChatTimer::shop_clock, ChatTimer::agent_clock, ChatTimer::queue_wait, ChatTimer::quiet,
                                ChatTimer::idle, ChatTimer::complaint}) {
    floor.disarm(chat, timer);
  }
}

void move_to(Floor& floor, Chat& chat, std::string_view queue) {
  std::int32_t missed{};
  const Ladder before = ladder_of(promised(floor, chat));
  for (std::size_t i = 0; i < chat.shop_step; ++i) missed = std::max(missed, before[i].miss);
  chat.queue = floor.names.keep(queue);
  // A queue that its own policy does not know: what holds for it from now on is what the one in force promises, if that
  // knows its shop's hours.
  if (!chat.book->queue(chat.queue) && floor.book->shop(chat.shop)) chat.book = floor.book;
  chat.shop_step = after_miss(ladder_of(promised(floor, chat)), missed);
}

void set_clocks(Floor& floor, Chat& chat) {
  if (chat.place == Place::closed) return;
  arm_complaint(floor, chat);
  if (chat.place == Place::left_message) return on_left_message(floor, chat);
  if (chat.left) {
    arm_left(floor, chat);
  } else if (chat.waiting_since) {
    arm_shop(floor, chat);
    if (chat.place == Place::held) arm_agent(floor, chat);
  }
  arm_idle(floor, chat);
  arm_quiet(floor, chat);
}

void on_shop_clock(Floor& floor, Chat& chat) {
  const Instant due = chat.timer(ChatTimer::shop_clock).due();
  if (chat.is_left_message()) {
    chat.left_missed = true;
    miss(floor, chat, ClockKind::left_message, ordinal_of(chat.waiting_from, 1), due);
    return floor.alarm(chat, ClockKind::left_message, chat.reason);
  }
  DESK_ASSERT(chat.waiting_since);
  const Step step = ladder_of(promised(floor, chat))[chat.shop_step++];
  warn(floor, chat);
  if (step.miss != 0) {
    miss(floor, chat, shop_clock(chat), ordinal_of(chat.waiting_from, step.miss), due);
    count_miss(floor.counters, step.miss);
  }
  arm_shop(floor, chat);
  if (step.miss == misses) {
    chat.breached = floor.now;
    seating::on_need_changed(floor, chat);
    floor.alarm(chat, shop_clock(chat), Reason::none);
    presence::on_breached(floor, chat);
  }
}

void on_agent_clock(Floor& floor, Chat& chat) {
  DESK_ASSERT(chat.waiting_since && chat.place == Place::held);
  const Instant due = chat.timer(ChatTimer::agent_clock).due();
  const Step step = ladder_of(promised(floor, chat))[chat.agent_step++];
  if (step.miss != 0) miss(floor, chat, ClockKind::agent_response, ordinal_of(agent_began(chat), step.miss), due);
  arm_agent(floor, chat);
  if (step.miss == misses) seating::on_agent_breached(floor, chat);
}

void on_queue_wait(Floor& floor, Chat& chat) {
  // First the question, then, if nobody came all the same, the miss; and the question again for as long as it lasts.
  if (chat.told) {
    miss(floor, chat, ClockKind::queue_wait, ++chat.queue_misses, chat.timer(ChatTimer::queue_wait).due());
    ++floor.counters.missed_queue_wait;
    floor.alarm(chat, ClockKind::queue_wait, chat.reason);
  }
  if (chat.buyer->present()) return overload::ask(floor, chat);
  // Who is not there cannot be asked: that comes first when the buyer is back.
  floor.arm(chat, ChatTimer::queue_wait, floor.now + floor.promise(chat).queue_wait);
}

void on_complaint(Floor& floor, Chat& chat) {
  DESK_ASSERT(chat.waiting_since);
  chat.complaint_missed = true;
  miss(floor, chat, ClockKind::complaint, ordinal_of(chat.waiting_from, 1), chat.timer(ChatTimer::complaint).due());
  floor.alarm(chat, ClockKind::complaint, chat.reason);
}

void on_quiet(Floor& floor, Chat& chat) { seating::set_weighs(floor, chat, floor.queue(chat).quiet_weight != 0); }

void on_idle(Floor& floor, Chat& chat) {
  DESK_ASSERT(!chat.waiting_since);
  // A line that is no word may have been said since.
  const Instant due = chat.last_line + floor.promise(chat).idle_close;
  if (due > floor.now) return floor.arm(chat, ChatTimer::idle, due);
  lifetime::close(floor, chat, chat.waiting_from ? Reason::idle : Reason::not_reached);
}

void on_warn(Floor& floor, Agent& agent) {
  std::vector<tell::WarnedChat>& warned = floor.warned.emplace_back();
  for (const Chat* chat : agent.held) {
    if (!chat->waiting_since || chat->left) continue;
    const Duration breach = promised(floor, *chat).breach;
    const Duration waited = floor.hours(*chat).open_between(*chat->waiting_since, floor.now, floor.wall_ms);
    const auto percent = static_cast<std::int32_t>(std::min<std::int64_t>(999, waited.count() * 100 / breach.count()));
    warned.push_back({chat->id, *chat->waiting_since, shop_clock(*chat), percent, chat->is_breached()});
  }
  if (warned.empty()) return;
  std::sort(warned.begin(), warned.end(), [](const tell::WarnedChat& a, const tell::WarnedChat& b) {
    return std::tie(a.waiting_since, a.chat) < std::tie(b.waiting_since, b.chat);
  });
  floor.tell(agent.sessions, tell::Warning{warned});
}

void recovered(const Floor& floor, Chat& chat, const stored::Clock& fired) {
  const Seq began{static_cast<std::uint32_t>(fired.ordinal / steps_of_a_line)};
  const std::int32_t miss = fired.ordinal % steps_of_a_line + 1;
  const std::size_t passed = after_miss(ladder_of(promised(floor, chat)), miss);
  const bool this_round = began == chat.waiting_from;
  switch (fired.clock) {
    case ClockKind::first_response:
    case ClockKind::next_response:
      if (!this_round) break;
      chat.shop_step = std::max(chat.shop_step, passed);
      if (miss == misses && chat.waiting_since) chat.breached = fired.at;
      break;
    case ClockKind::agent_response:
      if (began == agent_began(chat)) chat.agent_step = std::max(chat.agent_step, passed);
      break;
    case ClockKind::queue_wait: chat.queue_misses = std::max(chat.queue_misses, fired.ordinal); break;
    case ClockKind::left_message: chat.left_missed = chat.left_missed || this_round; break;
    case ClockKind::complaint: chat.complaint_missed = chat.complaint_missed || this_round; break;
    case ClockKind::idle_close: break;
  }
}

void handle(Floor& floor, Session& session, const ask::NoAnswerNeeded& ask) {
  Chat* chat = rights::held_chat(floor, session, ask.chat, ask.id);
  if (chat == nullptr) return;
  if (ask.seq > chat->main.last()) return floor.refuse(session, ask.id, Code::unknown_line, "seq");
  // What the agent had not seen is not excused; so one that comes again excuses nothing new.
  if (chat->waiting_since && ask.seq >= chat->waiting_from) {
    record::Fact fact = floor.fact(*chat, FactKind::no_answer_needed);
    fact.number = (floor.now - *chat->waiting_since).count();
    floor.persist(fact);
    ++floor.counters.waits_excused;
    stop_waiting(floor, *chat);
    chat->excused = ask.seq;
    for (Seq seq = next(ask.seq); seq <= chat->main.last() && !chat->waiting_since; seq = next(seq)) {
      const Transcript::Line& line = chat->main.line(seq);
      if (begins_wait(*chat, seq, line.origin, line.kind)) begin_round(floor, *chat, seq, line.at);
    }
    floor.persist_place(*chat);
    arm_idle(floor, *chat);
    arm_quiet(floor, *chat);
    // No line says so.
    talk::tell_state(floor, *chat);
  }
  floor.done(session, ask.id, chat->id);
}

}  // namespace deskd::sla
