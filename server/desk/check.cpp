#include "server/desk/check.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace deskd {

namespace {

template <class... Parts>
std::string say(const Parts&... parts) {
  std::string sentence;
  const auto add = [&](const auto& part) {
    if constexpr (std::is_convertible_v<decltype(part), std::string_view>) {
      sentence += std::string_view{part};
    } else {
      sentence += std::to_string(part);
    }
  };
  (add(parts), ...);
  return sentence;
}

std::string name(const Chat& chat) { return say("chat ", chat.id.value, " (", word_of(chat.place), ")"); }

bool listed(const std::vector<Chat*>& chats, const Chat& chat) {
  return std::find(chats.begin(), chats.end(), &chat) != chats.end();
}

// Every chat is in exactly one place, and whoever has it knows.
std::string check_place(const Floor& floor, const Chat& chat) {
  const bool held = chat.place == Place::held;
  const bool reserved = chat.place == Place::reserved;
  if ((held || reserved) != static_cast<bool>(chat.agent)) return say(name(chat), " and its agent disagree");
  // That no other agent has it too is said where agents are walked.
  if (held && !listed(floor.roster.agent(chat.agent).held, chat)) return say(name(chat), " is held by another agent");
  if (reserved && !listed(floor.roster.agent(chat.agent).reserved, chat))
    return say(name(chat), " is offered to another agent");
  const bool to_be_seated = (chat.place == Place::waiting && !chat.absent) || chat.place == Place::left_message;
  if (to_be_seated != (floor.match.need(chat.id) != nullptr))
    return say(name(chat), " and match disagree on its waiting");
  if (const Need* need = floor.match.need(chat.id); need != nullptr && need->priority_s != floor.priority_s(chat)) {
    return say(name(chat), " stands in line with ", need->priority_s, " s of priority, should be ",
               floor.priority_s(chat));
  }
  if (chat.open() && chat.buyer->chat != &chat) return say(name(chat), " is open and not its buyer's chat");
  if (chat.closed.has_value() != !chat.open()) return say(name(chat), " has a closing time that does not fit");
  return {};
}

// Who waits since when is what the lines say, and the timers that should run do.
std::string check_clocks(const Floor& floor, const Chat& chat, Instant waiting, Seq from) {
  const auto armed = [&](ChatTimer timer) { return chat.timer(timer).armed(); };
  if (!chat.open()) {
    for (std::size_t i = 0; i < chat_timers; ++i) {
      const auto timer = static_cast<ChatTimer>(i);
      if (timer != ChatTimer::forget && timer != ChatTimer::marks && armed(timer))
        return say(name(chat), " has timer ", i, " armed");
    }
    return armed(ChatTimer::forget) ? std::string{} : say(name(chat), " is closed and will never be forgotten");
  }
  if (waiting != chat.waiting_since.value_or(Instant{}))
    return say(name(chat), " waits since something else than its lines say");
  const bool waits = waiting != Instant{};
  if (waits && from != chat.waiting_from) return say(name(chat), " waits from another line");
  if (waits && armed(ChatTimer::idle)) return say(name(chat), " could be closed as idle while the buyer waits");
  if (chat.open() && !waits && !armed(ChatTimer::idle)) return say(name(chat), " would never be closed");
  if ((chat.place == Place::waiting || chat.place == Place::reserved) && !armed(ChatTimer::queue_wait)) {
    return say(name(chat), " waits and nobody will be told");
  }
  if (chat.place == Place::reserved && !armed(ChatTimer::reservation)) return say(name(chat), " is offered for ever");
  if (chat.place == Place::waiting && !chat.buyer->present() && !armed(ChatTimer::grace)) {
    return say(name(chat), " waits for a buyer who is gone, for ever");
  }
  // Told and asked before queue_wait: the clock that asks is never set later than that.
  // (What fell due while no server ran is due at once: in the next step, at this same instant.)
  const Instant since = chat.told.value_or(chat.lined_up);
  if (chat.place == Place::waiting && chat.buyer->present() && floor.now - since > floor.promise(chat).queue_wait &&
      chat.timer(ChatTimer::queue_wait).due() > floor.now) {
    return say(name(chat), " has waited ", (floor.now - since).count(), " ms without having been told and asked");
  }
  return {};
}

std::string check_agent(const Floor& floor, const Agent& agent) {
  std::int32_t load = static_cast<std::int32_t>(agent.reserved.size() + agent.wrapping.size());
  std::int32_t left = 0;
  for (const Chat* chat : agent.reserved)
    if (chat->place != Place::reserved || chat->agent != agent.index)
      return say(name(*chat), " is not offered to ", agent.name);
  for (const Chat* chat : agent.held) {
    if (chat->place != Place::held || chat->agent != agent.index)
      return say(name(*chat), " is not held by ", agent.name);
    if (std::count(agent.held.begin(), agent.held.end(), chat) != 1) return say(name(*chat), " is held twice");
    load += chat->weighs ? 1 : floor.queue(*chat).quiet_weight;
    left += chat->left ? 1 : 0;
  }
  if (load != agent.load) return say("agent ", agent.name, " has load ", agent.load, ", should be ", load);
  if (left != agent.left) return say("agent ", agent.name, " holds ", left, " left messages, counts ", agent.left);
  const Seat* seat = floor.match.seat(agent.index);
  if (seat == nullptr || !(*seat == agent.seat())) return say("agent ", agent.name, " and match disagree");
  if (!agent.present() && !agent.reserved.empty()) return say("agent ", agent.name, " is gone and has offers");
  if (!agent.present() && !agent.held.empty() && !agent.timer(AgentTimer::grace).armed()) {
    return say("agent ", agent.name, " is gone for ever and holds chats");
  }
  return {};
}

// Nobody sits idle beside a waiting buyer, and nobody waits for nobody: the rules, said again from the beginning.
std::string check_idle_beside_waiting(const Floor& floor) {
  const auto places = [&](const Chat& chat, const Agent& agent) {
    return floor.queue(chat).kept_back_pct > 0 ? agent.capacity : agent.capacity - agent.kept_back;
  };
  const auto serves = [&](const Chat& chat, const Agent& agent) {
    return agent.employed && agent.present() && agent.status == Status::available && places(chat, agent) > 0 &&
           (chat.place != Place::left_message || agent.left_max > 0) && (agent.queues & chat.open_queues) != 0 &&
           (chat.needed & ~agent.skills) == 0;
  };
  const auto gave_back = [](const Chat& chat, const Agent& agent) {
    return std::find(chat.declined.begin(), chat.declined.end(), agent.index) != chat.declined.end();
  };
  // Whoever gave it back has it again only after all the others.
  const auto goes_round = [&](const Chat& chat) {
    return std::any_of(floor.roster.all().begin(), floor.roster.all().end(),
                       [&](const auto& agent) { return serves(chat, *agent) && !gave_back(chat, *agent); });
  };
  const auto fits = [&](const Chat& chat, const Agent& agent) {
    return serves(chat, agent) && agent.load < places(chat, agent) &&
           static_cast<std::int32_t>(agent.held.size() + agent.reserved.size()) < agent.held_max &&
           (!chat.wanted || chat.wanted == agent.index) && (!gave_back(chat, agent) || !goes_round(chat));
  };
  const auto may_be_back = [](const Agent& agent) {
    return agent.employed &&
           ((agent.present() && agent.status != Status::signed_out) || agent.timer(AgentTimer::grace).armed());
  };
  const auto could_serve = [&](const Chat& chat, const Agent& agent) {
    const auto has = [&](std::string_view queue) {
      const auto found = floor.book->queue(queue);
      return found && (agent.queues & Rulebook::bit(*found)) != 0;
    };
    return has(chat.queue) ||
           std::ranges::any_of(floor.queue(chat).overflow, [&](const auto& step) { return has(step.queue); });
  };
  std::vector<const Chat*> live, left;
  for (const auto& [id, chat] : floor.chats) {
    if (chat->place == Place::waiting && !chat->absent) live.push_back(chat.get());
    if (chat->place == Place::left_message) left.push_back(chat.get());
  }
  for (const Chat* chat : live)
    if (chat->waiting_since && std::ranges::none_of(floor.roster.all(), [&](const auto& agent) {
          return may_be_back(*agent) && could_serve(*chat, *agent);
        }))
      return say(name(*chat), " waits for nobody");
  for (const auto& agent : floor.roster.all()) {
    for (const Chat* chat : live)
      if (fits(*chat, *agent)) return say(name(*chat), " waits beside agent ", agent->name, ", who has a place");
    for (const Chat* chat : left)
      if (agent->left < agent->left_max && fits(*chat, *agent)) {
        return say(name(*chat), " lies beside agent ", agent->name, ", who has a place");
      }
  }
  return {};
}

std::string check_buyers(const Floor& floor) {
  std::vector<const Buyer*> open, chats, attached;
  for (const auto& [id, chat] : floor.chats) {
    if (chat->open()) open.push_back(chat->buyer);
    chats.push_back(chat->buyer);
  }
  for (const Session& session : floor.sessions)
    if (session.id && session.buyer != nullptr) attached.push_back(session.buyer);
  for (auto* list : {&open, &chats, &attached}) std::ranges::sort(*list);
  if (const auto twice = std::ranges::adjacent_find(open); twice != open.end())
    return say("buyer ", (*twice)->id, " has two open chats");
  const auto count = [](const std::vector<const Buyer*>& list, const Buyer* buyer) {
    const auto [from, to] = std::equal_range(list.begin(), list.end(), buyer);
    return static_cast<std::size_t>(to - from);
  };
  for (const auto& [key, buyer] : floor.buyers) {
    if (count(chats, buyer.get()) != static_cast<std::size_t>(buyer->chats))
      return say("buyer ", buyer->id, " miscounts chats");
    if (count(attached, buyer.get()) != buyer->attached.size()) return say("buyer ", buyer->id, " miscounts sessions");
    if (buyer->attached.empty() && buyer->chats == 0) return say("buyer ", buyer->id, " is remembered for nothing");
  }
  return {};
}

constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t day_ms = 24 * 60 * minute_ms;

// Of the shop's zone.
std::int64_t local_ms(const policy::Calendar& calendar, std::int64_t wall_ms) {
  std::int32_t offset_s = calendar.offsets.front().offset_s;
  for (const policy::Offset& row : calendar.offsets)
    if (row.from_ms <= wall_ms) offset_s = row.offset_s;
  return wall_ms + offset_s * 1000LL;
}

const std::vector<policy::Span>& spans_of(const policy::Calendar& calendar, std::int64_t day) {
  const std::chrono::sys_days date{std::chrono::days{day}};
  for (const policy::Holiday& holiday : calendar.holidays) {
    const auto part = [&](std::size_t from, std::size_t count) { return std::stoi(holiday.date.substr(from, count)); };
    if (std::chrono::year{part(0, 4)} / part(5, 2) / part(8, 2) == std::chrono::year_month_day{date})
      return holiday.open;
  }
  return calendar.week[std::chrono::weekday{date}.iso_encoding() - 1];
}

// A ladder's moments, in their order.
std::array<Duration, 7> moments_of(const policy::Steps& steps) {
  std::array<Duration, 7> moments{steps.target,
                                  steps.limit,
                                  steps.reminder,
                                  steps.breach,
                                  steps.breach * 50 / 100,
                                  steps.breach * 75 / 100,
                                  steps.breach * 90 / 100};
  std::sort(moments.begin(), moments.end());
  return moments;
}

// A clock that counts open hours from `since` is due when they have passed: while the shop is open, and not before.
std::string check_clock(const Floor& floor, const Chat& chat, std::string_view clock, Instant since, Duration open,
                        Instant due) {
  const policy::Calendar* calendar = calendar_of(floor, chat);
  if (due == Instant{}) {
    // Only of a shop that does not open again soon.
    const Instant soon = since + std::chrono::days{8};
    if (calendar != nullptr && open_time(calendar, since, soon, floor.wall_ms) < open) return {};
    return say(name(chat), " waits and its ", clock, " clock does not run");
  }
  const Duration passes = open_time(calendar, since, due, floor.wall_ms);
  if (passes != open)
    return say(name(chat), " has its ", clock, " clock due after ", passes.count(), " ms of open hours, should be ",
               open.count());
  const std::int64_t just_before = ms_of(due) - 1 + floor.wall_ms;
  if (calendar != nullptr && open > Duration{0} && !open_at(*calendar, just_before))
    return say(name(chat), " has its ", clock, " clock due while the shop is closed");
  return {};
}

}  // namespace

bool open_at(const policy::Calendar& calendar, std::int64_t wall_ms) {
  const std::int64_t local = local_ms(calendar, wall_ms);
  const std::int64_t day = local / day_ms, minute = local % day_ms / minute_ms;
  const auto covers = [](const std::vector<policy::Span>& spans, std::int64_t at) {
    return std::any_of(spans.begin(), spans.end(),
                       [&](const policy::Span& span) { return span.from_min <= at && at < span.to_min; });
  };
  return covers(spans_of(calendar, day), minute) || covers(spans_of(calendar, day - 1), minute + day_ms / minute_ms);
}

const policy::Calendar* calendar_of(const Floor& floor, const Chat& chat) {
  for (const Rulebook* book : {chat.book.get(), floor.book.get()})
    for (const policy::Shop& shop : book->policy().shops) {
      if (shop.name != chat.shop) continue;
      for (const policy::Calendar& calendar : book->policy().calendars)
        if (calendar.name == shop.calendar && !calendar.week.empty()) return &calendar;
      return nullptr;
    }
  return nullptr;
}

Duration open_time(const policy::Calendar* calendar, Instant from, Instant to, std::int64_t wall_ms) {
  if (calendar == nullptr) return std::max(Duration{0}, to - from);
  Duration open{};
  for (Instant at = from; at < to;) {
    const std::int64_t wall = ms_of(at) + wall_ms;
    const Instant next = std::min(to, at + Duration{minute_ms - wall % minute_ms});
    if (open_at(*calendar, wall)) open += next - at;
    at = next;
  }
  return open;
}

Checker::Clocks Checker::clocks_of(const Floor& floor, const Chat& chat) {
  const auto due = [&](ChatTimer timer) {
    const Timer& of_chat = chat.timer(timer);
    return of_chat.armed() ? of_chat.due() : Instant{};
  };
  return {.shop = due(ChatTimer::shop_clock),
          .agent = due(ChatTimer::agent_clock),
          .complaint = due(ChatTimer::complaint),
          .waiting = chat.waiting_since.value_or(Instant{}),
          .assigned = chat.assigned,
          .left_since = chat.left_since.value_or(Instant{}),
          .book = chat.book.get(),
          .queue = chat.queue,
          .place = chat.place,
          .shop_step = chat.shop_step,
          .agent_step = chat.agent_step,
          .wall_ms = floor.wall_ms,
          .answered = chat.answered_first != Instant{},
          .left = chat.is_left_message(),
          .left_missed = chat.left_missed,
          .complaint_missed = chat.complaint_missed};
}

// The clocks of a reply are due at the next step that has not passed, and no clock runs that nobody waits for.
std::string Checker::check_due(const Floor& floor, const Chat& chat, const Clocks& clocks) {
  const policy::Queue& promise = floor.promise(chat);
  const auto moments = moments_of(clocks.answered ? promise.next_response : promise.first_response);
  const bool waits = clocks.waiting != Instant{};
  const auto check = [&](std::string_view clock, bool runs, Instant since, Duration open, Instant due) {
    if (runs) return check_clock(floor, chat, clock, since, open, due);
    return due == Instant{} ? std::string{} : say(name(chat), " has its ", clock, " clock running for nobody");
  };
  const bool shop = waits && !clocks.left && clocks.shop_step < moments.size();
  const bool left = waits && clocks.left && !clocks.left_missed;
  std::string wrong =
      left ? check("left message's", true, clocks.left_since, promise.left_message_answer, clocks.shop)
           : check("shop's", shop, clocks.waiting, shop ? moments[clocks.shop_step] : Duration{}, clocks.shop);
  if (!wrong.empty()) return wrong;
  const bool agent = waits && !clocks.left && clocks.place == Place::held && clocks.agent_step < moments.size();
  wrong = check("agent's", agent, std::max(clocks.waiting, clocks.assigned),
                agent ? moments[clocks.agent_step] : Duration{}, clocks.agent);
  if (!wrong.empty()) return wrong;

  const bool complains = waits && !clocks.complaint_missed && promise.complaint_answer > Duration{0};
  if (!complains)
    return clocks.complaint == Instant{} ? std::string{} : say(name(chat), " has a complaint's clock for nobody");
  // The time for an answer, or the first moment of another day.
  const policy::Calendar* calendar = calendar_of(floor, chat);
  const auto day = [&](Instant at) {
    const std::int64_t wall = ms_of(at) + floor.wall_ms;
    return (calendar == nullptr ? wall : local_ms(*calendar, wall)) / day_ms;
  };
  const Instant answer = clocks.waiting + promise.complaint_answer;
  const bool in_time = clocks.complaint <= answer && day(clocks.complaint - Duration{1}) == day(clocks.waiting);
  if (!in_time || (clocks.complaint != answer && day(clocks.complaint) == day(clocks.waiting)))
    return say(name(chat), " has its complaint's clock due at another time than its day's end");
  return {};
}

// Nobody gets more than she may have: what is above her bounds was so before, or the step says why.
std::string Checker::check_bounds(const Agent& agent, const Effects& effects) {
  const Has has{agent.load, static_cast<std::int32_t>(agent.held.size() + agent.reserved.size())};
  const auto [known, is_new] = had_.emplace(agent.index, has);
  const Has had = std::exchange(known->second, has);
  if (is_new) return {};  // as a server before this one left her
  if (has.held > std::max(agent.held_max, had.held)) return say("agent ", agent.name, " was given more than held_max");
  std::int32_t beyond = has.load - std::max(agent.capacity, had.load);
  if (beyond <= 0) return {};
  for (const Effect& effect : effects.list()) {
    const auto* persist = std::get_if<effect::Persist>(&effect);
    const auto* fact = persist == nullptr ? nullptr : std::get_if<record::Fact>(&persist->body);
    if (fact == nullptr) continue;
    // A quiet chat woke, or a supervisor's hand; each says so, and is one more. A policy may give quiet chats weight.
    if (fact->kind == FactKind::overloaded && fact->agent == agent.name) --beyond;
    if (fact->kind == FactKind::policy) return {};
  }
  if (beyond <= 0) return {};
  return say("agent ", agent.name, " has load ", has.load, " of ", agent.capacity, ", had ", had.load,
             ", and nothing says why");
}

std::string Checker::check_lines(const Chat& chat, Read& read) {
  if (read.excused != chat.excused) read = {.excused = chat.excused};  // said afterwards of lines already read
  for (const Stream stream : {Stream::main, Stream::inside}) {
    const Transcript& transcript = chat.transcript(stream);
    Seq& seen = stream == Stream::main ? read.main : read.inside;
    if (transcript.stored() > transcript.last()) return say(name(chat), " has stored more than was said");
    while (seen < transcript.last()) {
      const Instant before = seen ? transcript.line(seen).at : Instant{};
      const Seq seq = seen = next(seen);
      const Transcript::Line& line = transcript.line(seq);
      if (line.at < before) return say(name(chat), " line ", seq.value, " is older than the one before");
      if (line.id && transcript.find(line.id) != seq)
        return say(name(chat), " line ", seq.value, " is not found by its id");
      if (stream == Stream::inside) continue;
      const bool person = line.origin == Origin::human || line.origin == Origin::assist;
      const bool words = line.kind == LineKind::words || line.kind == LineKind::refused;
      bool asks = line.origin == Origin::buyer && words;
      if (line.kind == LineKind::order_answer) asks = !std::get<record::OrderAnswer>(*chat.deed(seq)).confirmed;
      if (asks && read.waiting == Instant{} && seq > chat.excused) {
        read.waiting = line.at;
        read.from = seq;
      }
      if (person && (words || line.kind == LineKind::order)) read.waiting = {};
      if (line.kind == LineKind::closed || seq == chat.excused) read.waiting = {};
    }
  }
  return {};
}

std::string Checker::check(const Desk& desk, const Effects& effects) {
  const Floor& floor = desk.floor();
  if (floor.recovering) return {};
  for (const auto& [id, chat] : floor.chats) {
    Read& read = read_[id];
    if (std::string wrong = check_lines(*chat, read); !wrong.empty()) return wrong;
    if (std::string wrong = check_place(floor, *chat); !wrong.empty()) return wrong;
    if (std::string wrong = check_clocks(floor, *chat, read.waiting, read.from); !wrong.empty()) return wrong;
    if (!chat->open()) continue;
    if (const Clocks clocks = clocks_of(floor, *chat); !(clocks == read.clocks)) {
      if (std::string wrong = check_due(floor, *chat, clocks); !wrong.empty()) return wrong;
      read.clocks = clocks;
    }
  }
  for (const auto& agent : floor.roster.all()) {
    if (std::string wrong = check_agent(floor, *agent); !wrong.empty()) return wrong;
    if (std::string wrong = check_bounds(*agent, effects); !wrong.empty()) return wrong;
  }
  if (std::string wrong = check_buyers(floor); !wrong.empty()) return wrong;
  return check_idle_beside_waiting(floor);
}

}  // namespace deskd
