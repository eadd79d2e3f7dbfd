#include "server/desk/match.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <deque>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "server/desk/assert.hpp"
#include "server/desk/ranked.hpp"

namespace deskd {
namespace {

struct Demand;
struct Lane;
struct Supply;
struct View;

struct Chat {
  ChatId id;
  Need need;
  std::int64_t place_ms{};      // the place key
  RankedLink<Chat> in_class{};  // of its Demand, or of the agent it wants
  RankedLink<Chat> in_lane{};
  Demand* demand{nullptr};
  Lane* lane{nullptr};
};

bool before(const Chat& a, const Chat& b) { return a.place_ms != b.place_ms ? a.place_ms < b.place_ms : a.id < b.id; }

// Chats with equal needs, but for the one agent they may want: those lie with that agent.
struct Asked {
  std::uint64_t queues;
  std::uint64_t skills;
  bool left_message;
  bool uses_kept_back;
  auto operator<=>(const Asked&) const = default;
};
struct Demand : Asked {
  explicit Demand(const Asked& asked) : Asked{asked} {}
  std::size_t listed_at{};
  Chat* first{nullptr};
  Ranked<Chat, &Chat::in_class> chats{};
};

// Live chats with equal queues, whatever else they need: the line that a buyer stands in.
struct Lane {
  explicit Lane(std::uint64_t of) : queues{of} {}
  std::uint64_t queues;
  Ranked<Chat, &Chat::in_lane> chats{};
};

// Where an agent stands, apart from any chat. Of a free place: may any chat have it or only one that uses kept-back
// places, and does she still have room in her share of left messages.
enum class Standing : std::uint8_t {
  not_available,
  full,
  held_max,
  free,
  free_kept_back,
  free_no_left,
  free_kept_back_no_left
};
constexpr std::size_t standings{7};
constexpr std::size_t free_kinds{standings - static_cast<std::size_t>(Standing::free)};

constexpr bool is_free(Standing standing) { return standing >= Standing::free; }
constexpr std::size_t free_kind(Standing standing) {
  return static_cast<std::size_t>(standing) - static_cast<std::size_t>(Standing::free);
}
constexpr bool only_kept_back(std::size_t kind) { return (kind & 1) != 0; }
constexpr bool no_left(std::size_t kind) { return (kind & 2) != 0; }
// The kinds of free place that such a chat may have.
constexpr bool may_have(bool left_message, bool uses_kept_back, std::size_t kind) {
  return (uses_kept_back || !only_kept_back(kind)) && (!left_message || !no_left(kind));
}

bool has_no_left_place(const Seat& seat) { return seat.left >= seat.left_max; }

Standing standing_of(const Seat& seat) {
  if (!seat.takes) return Standing::not_available;
  if (seat.load >= seat.capacity) return Standing::full;
  if (seat.held >= seat.held_max) return Standing::held_max;
  const bool kept = seat.load >= seat.capacity - seat.kept_back;
  return static_cast<Standing>(static_cast<std::size_t>(Standing::free) + (kept ? 1u : 0u) +
                               (has_no_left_place(seat) ? 2u : 0u));
}

// What orders the eligible agents of a chat.
struct LoadOrder {
  std::int32_t load{};
  std::int32_t capacity{};
  Instant last_assigned{};
  std::uint32_t rank{};
  AgentIndex agent{};
};

bool before(const LoadOrder& a, const LoadOrder& b) {
  const std::int64_t mine = std::int64_t{a.load} * b.capacity;
  const std::int64_t other = std::int64_t{b.load} * a.capacity;
  if (mine != other) return mine < other;
  if (a.last_assigned != b.last_assigned) return a.last_assigned < b.last_assigned;
  if (a.rank != b.rank) return a.rank < b.rank;
  return a.agent < b.agent;
}

struct Agent {
  LoadOrder order{};  // of `seat`; beside the link, where trees look
  RankedLink<Agent> by_load{};
  AgentIndex index;
  bool set{false};
  Standing standing{};
  Supply* supply{nullptr};
  Seat seat{};
  Ranked<Chat, &Chat::in_class> wanted_by{};  // chats that wait for her and no other
};

bool before(const Agent& a, const Agent& b) { return before(a.order, b.order); }

struct Masks {
  std::uint64_t queues;
  std::uint64_t skills;
  auto operator<=>(const Masks&) const = default;
};

// Agents with equal queues and skills. A choice walks over many classes and looks at most of them no further than at
// their head, so that comes first and fits a cache line.
struct FreePlaces {
  LoadOrder head{};  // the first of `agents`, when there is one
  Ranked<Agent, &Agent::by_load> agents{};
};
struct alignas(64) Supply : Masks {
  explicit Supply(const Masks& masks) : Masks{masks} {}
  std::int32_t agents{0};
  std::uint32_t free_kinds_set{0};  // bit set: some agent has a free place of that kind
  std::array<FreePlaces, free_kinds> free{};
  std::array<std::int32_t, standings> counts{};
  std::size_t listed_at{};
  std::size_t free_at{};  // only while any is free
  std::vector<View*> views{};
};

// The agents as chats with these queues and skills see them: how many are in no queue of theirs, lack a skill, or stand
// how; and the classes that fit. Kept up to date, so that an explanation counts nobody and a choice looks at nobody who
// cannot be chosen. A view is only a memory of what all classes say: it may be forgotten at any time.
struct View : Masks {
  explicit View(const Masks& masks) : Masks{masks} {}
  std::int32_t not_in_queue{0};
  std::int32_t lacks_skill{0};
  std::array<std::int32_t, standings> counts{};
  std::vector<Supply*> fitting{};
};

// Views remembered. A shop's queues and skills give some dozens of needs, a hundred where queues overflow and skills
// relax; buyers who ask for odd sets of skills may not grow this.
constexpr std::size_t views_max{256};

// Lists of classes are walked in whatever order they have; nothing that is answered may depend on it.
template <class Class>
void enlist(std::vector<Class*>& list, Class& one, std::size_t Class::*place) {
  one.*place = list.size();
  list.push_back(&one);
}
template <class Class>
void delist(std::vector<Class*>& list, Class& one, std::size_t Class::*place) {
  list[one.*place] = list.back();
  list[one.*place]->*place = one.*place;
  list.pop_back();
}

// Both sides by their masks: a queue in common, and every skill.
template <class Has, class Needs>
bool fits(const Has& has, const Needs& needs) {
  return (has.queues & needs.queues) != 0 && (needs.skills & ~has.skills) == 0;
}

constexpr std::size_t at(FellOut reason) { return static_cast<std::size_t>(reason); }

bool excludes(const Need& need, AgentIndex agent) {
  return std::ranges::find(need.excluded, agent) != need.excluded.end();
}

// The rule as far as it looks at the agent alone and not at which chat this is.
FellOut before_exclusion(const Need& need, const Seat& seat) {
  if ((seat.queues & need.queues) == 0) return FellOut::not_in_queue;
  if ((need.skills & ~seat.skills) != 0) return FellOut::lacks_skill;
  if (!seat.takes) return FellOut::not_available;
  if (seat.load >= seat.capacity) return FellOut::full;
  if (seat.held >= seat.held_max) return FellOut::held_max;
  if (!need.uses_kept_back && seat.load >= seat.capacity - seat.kept_back) return FellOut::kept_back;
  return FellOut::nothing;
}

}  // namespace

bool could_have(const Need& need, Seat seat) {
  seat.load = seat.held = seat.left = 0;
  return before_exclusion(need, seat) == FellOut::nothing && !(need.left_message && has_no_left_place(seat));
}

class Match::State {
 public:
  Agent* agent(AgentIndex index) {
    return index.value == 0 || index.value > agents_.size() ? nullptr : &agents_[index.value - 1];
  }
  // An agent whom a chat may want before she is set has a place all the same.
  Agent& agent_place(AgentIndex index) {
    DESK_ASSERT(index);
    while (agents_.size() < index.value) {
      Agent& made = agents_.emplace_back();
      made.index.value = static_cast<std::uint32_t>(agents_.size());
    }
    return agents_[index.value - 1];
  }
  Agent* known(AgentIndex index) {
    Agent* found = agent(index);
    return found != nullptr && found->set ? found : nullptr;
  }
  Chat* chat(ChatId id) {
    const auto found = chats_.find(id.value);
    return found == chats_.end() ? nullptr : &found->second;
  }
  Chat& waiting(ChatId id) {
    Chat* found = chat(id);
    DESK_ASSERT(found != nullptr);
    return *found;
  }

  void seat(AgentIndex index, const Seat& seat);
  void unseat(Agent& agent);
  void place(ChatId id, const Need& need);
  void take(Chat& chat);
  void forget(Chat& chat) {
    take(chat);
    chats_.erase(chat.id.value);
  }

  FellOut fell_out(const Need& need, Agent& agent);
  Chat* best_chat(Agent& agent) {
    Chat* live_one = first_for(agent, false);
    return live_one != nullptr ? live_one : first_for(agent, true);
  }
  Agent* best_agent(const Need& need);
  std::optional<Pair> best_pair() {
    if (free_.empty()) return std::nullopt;
    const auto live_one = best_pair_of(false);
    return live_one ? live_one : best_pair_of(true);
  }
  Explanation explain(const Need& need, AgentIndex chosen);
  std::vector<Candidate> candidates(const Need& need);

  std::int32_t ahead(const Chat& chat) const {
    std::size_t sum{0};
    for (const auto& [queues, lane] : lanes_)
      if ((queues & chat.need.queues) != 0) sum += lane.chats.ahead_of(chat);
    return static_cast<std::int32_t>(sum);
  }
  std::int32_t live_in(std::uint64_t queues) const {
    std::size_t sum{0};
    for (const auto& [of, lane] : lanes_)
      if ((of & queues) != 0) sum += lane.chats.size();
    return static_cast<std::int32_t>(sum);
  }

  std::int32_t agents{0};
  std::int32_t free_agents{0};
  std::int32_t live{0};
  std::int32_t left{0};

 private:
  static constexpr std::size_t shortlist_max{Explanation{}.terms.size() + 1};
  struct Shortlist {
    std::array<Agent*, shortlist_max> agents{};
    std::size_t size{0};
  };

  void stand(Agent& agent);
  void unstand(Agent& agent);
  void count(Agent& agent, std::int32_t more);
  static void count_unfit(const Supply& supply, View& view, std::int32_t more);
  static void show(Supply& supply, View& view);
  View& view(const Need& need);
  Chat* first_for(Agent& agent, bool left_message);
  std::optional<Pair> best_pair_of(bool left_message);
  Shortlist shortlist(const Need& need, std::size_t most);
  bool live_waits_for(Agent& agent) { return live > 0 && first_for(agent, false) != nullptr; }
  template <class Visit>
  void walk_free(const Need& need, Visit&& visit);

  std::deque<Agent> agents_;  // never moves what it holds
  std::map<Masks, Supply> supplies_;
  std::vector<Supply*> all_;
  std::vector<Supply*> free_;
  std::map<Masks, View> views_;

  std::unordered_map<std::int64_t, Chat> chats_;  // looked up, never walked
  std::map<Asked, Demand> demands_;
  std::array<std::vector<Demand*>, 2> listed_;  // live, left messages
  std::map<std::uint64_t, Lane> lanes_;
  std::vector<Agent*> wanted_;     // agents whom some chat wants
  std::vector<Demand*> by_first_;  // best_pair's own, kept for its memory
};

// ---- Changes.

void Match::State::stand(Agent& agent) {
  agent.standing = standing_of(agent.seat);
  count(agent, 1);
  if (!is_free(agent.standing)) return;
  Supply& supply = *agent.supply;
  const std::size_t kind = free_kind(agent.standing);
  FreePlaces& free = supply.free[kind];
  agent.order = {agent.seat.load, agent.seat.capacity, agent.seat.last_assigned, agent.seat.rank, agent.index};
  if (free.agents.empty() || before(agent.order, free.head)) free.head = agent.order;
  free.agents.insert(agent, agent.index.value);
  if (supply.free_kinds_set == 0) enlist(free_, supply, &Supply::free_at);
  supply.free_kinds_set |= 1u << kind;
  ++free_agents;
}

void Match::State::unstand(Agent& agent) {
  count(agent, -1);
  if (!is_free(agent.standing)) return;
  Supply& supply = *agent.supply;
  const std::size_t kind = free_kind(agent.standing);
  FreePlaces& free = supply.free[kind];
  free.agents.erase(agent);
  if (free.agents.empty()) supply.free_kinds_set &= ~(1u << kind);
  else if (free.head.agent == agent.index) free.head = free.agents.first()->order;
  if (supply.free_kinds_set == 0) delist(free_, supply, &Supply::free_at);
  --free_agents;
}

void Match::State::count(Agent& agent, std::int32_t more) {
  const auto standing = static_cast<std::size_t>(agent.standing);
  agent.supply->counts[standing] += more;
  for (View* view : agent.supply->views) view->counts[standing] += more;
}

// Agents of a class come or go, as views see it whom the class does not fit.
void Match::State::count_unfit(const Supply& supply, View& view, std::int32_t more) {
  if ((supply.queues & view.queues) == 0) view.not_in_queue += more;
  else if (!fits(supply, view)) view.lacks_skill += more;
}

void Match::State::show(Supply& supply, View& view) {
  count_unfit(supply, view, supply.agents);
  if (!fits(supply, view)) return;
  for (std::size_t standing = 0; standing < standings; ++standing) view.counts[standing] += supply.counts[standing];
  view.fitting.push_back(&supply);
  supply.views.push_back(&view);
}

View& Match::State::view(const Need& need) {
  const Masks masks{need.queues, need.skills};
  if (const auto found = views_.find(masks); found != views_.end()) return found->second;
  if (views_.size() == views_max) {
    views_.clear();
    for (Supply* supply : all_) supply->views.clear();
  }
  View& made = views_.try_emplace(masks, masks).first->second;
  for (Supply* supply : all_) show(*supply, made);
  return made;
}

void Match::State::seat(AgentIndex index, const Seat& seat) {
  Agent& agent = agent_place(index);
  if (agent.set && agent.seat == seat) return;
  DESK_ASSERT(seat.load >= 0 && seat.capacity >= 0);
  if (agent.set && agent.seat.queues == seat.queues && agent.seat.skills == seat.skills) {
    unstand(agent);
    agent.seat = seat;
    stand(agent);
    return;
  }
  unseat(agent);
  const Masks masks{seat.queues, seat.skills};
  const auto [at, made] = supplies_.try_emplace(masks, masks);
  Supply& supply = at->second;
  if (made) {
    enlist(all_, supply, &Supply::listed_at);
    for (auto& [unused, view] : views_) show(supply, view);
  }
  ++supply.agents;
  for (auto& [unused, view] : views_) count_unfit(supply, view, 1);
  ++agents;
  agent.set = true;
  agent.seat = seat;
  agent.supply = &supply;
  stand(agent);
}

void Match::State::unseat(Agent& agent) {
  if (!agent.set) return;
  unstand(agent);
  Supply& supply = *agent.supply;
  agent.set = false;
  agent.supply = nullptr;
  --agents;
  --supply.agents;
  for (auto& [unused, view] : views_) count_unfit(supply, view, -1);
  if (supply.agents > 0) return;
  for (View* view : supply.views) std::erase(view->fitting, &supply);
  delist(all_, supply, &Supply::listed_at);
  supplies_.erase(supplies_.find(supply));
}

void Match::State::place(ChatId id, const Need& need) {
  const auto [at, made] = chats_.try_emplace(id.value);
  Chat& chat = at->second;
  if (!made) {
    if (chat.need == need) return;
    take(chat);
  }
  chat.id = id;
  chat.need = need;
  chat.place_ms = ms_of(need.joined) - std::int64_t{need.priority_s} * 1000;
  const auto number = static_cast<std::uint64_t>(id.value);

  if (need.wanted) {
    Agent& agent = agent_place(need.wanted);
    if (agent.wanted_by.empty()) wanted_.push_back(&agent);
    agent.wanted_by.insert(chat, number);
  } else {
    const Asked asked{need.queues, need.skills, need.left_message, need.uses_kept_back};
    const auto [demand_at, demand_made] = demands_.try_emplace(asked, asked);
    Demand& demand = demand_at->second;
    if (demand_made) enlist(listed_[need.left_message], demand, &Demand::listed_at);
    demand.chats.insert(chat, number);
    if (demand.first == nullptr || before(chat, *demand.first)) demand.first = &chat;
    chat.demand = &demand;
  }

  ++(need.left_message ? left : live);
  if (need.left_message) return;
  Lane& lane = lanes_.try_emplace(need.queues, need.queues).first->second;
  lane.chats.insert(chat, number);
  chat.lane = &lane;
}

void Match::State::take(Chat& chat) {
  const bool left_message = chat.need.left_message;
  --(left_message ? left : live);
  if (chat.demand != nullptr) {
    Demand& demand = *std::exchange(chat.demand, nullptr);
    demand.chats.erase(chat);
    if (demand.first == &chat) demand.first = demand.chats.first();
    if (demand.chats.empty()) {
      delist(listed_[left_message], demand, &Demand::listed_at);
      demands_.erase(demands_.find(demand));
    }
  } else {
    Agent& agent = *this->agent(chat.need.wanted);
    agent.wanted_by.erase(chat);
    if (agent.wanted_by.empty()) std::erase(wanted_, &agent);
  }
  if (chat.lane != nullptr) {
    Lane& lane = *std::exchange(chat.lane, nullptr);
    lane.chats.erase(chat);
    if (lane.chats.empty()) lanes_.erase(lane.queues);
  }
}

// ---- The rule.

FellOut Match::State::fell_out(const Need& need, Agent& agent) {
  if (const FellOut reason = before_exclusion(need, agent.seat); reason != FellOut::nothing) return reason;
  if (excludes(need, agent.index)) return FellOut::excluded;
  if (need.wanted && need.wanted != agent.index) return FellOut::other_agent_wanted;
  if (!need.left_message) return FellOut::nothing;
  if (has_no_left_place(agent.seat)) return FellOut::left_share;
  return live_waits_for(agent) ? FellOut::live_first : FellOut::nothing;
}

// The first live chat, or left message, that she may have; of left messages as if no live chat waited.
Chat* Match::State::first_for(Agent& agent, bool left_message) {
  if (!agent.set || !is_free(agent.standing)) return nullptr;
  const std::size_t kind = free_kind(agent.standing);
  Chat* best = nullptr;
  const auto beats = [&](const Chat& chat) { return best == nullptr || before(chat, *best); };
  for (const Demand* demand : listed_[left_message]) {
    if (!fits(agent.seat, *demand) || !may_have(left_message, demand->uses_kept_back, kind)) continue;
    if (!beats(*demand->first)) continue;
    Chat* found = demand->first;
    if (excludes(found->need, agent.index)) {
      found = demand->chats.find([&](Chat& chat) { return !beats(chat) || !excludes(chat.need, agent.index); });
      if (found == nullptr || !beats(*found)) continue;
    }
    best = found;
  }
  Chat* waits_for_her = agent.wanted_by.find([&](Chat& chat) {
    const Need& need = chat.need;
    if (!beats(chat)) return true;
    return need.left_message == left_message && fits(agent.seat, need) &&
           may_have(left_message, need.uses_kept_back, kind) && !excludes(need, agent.index);
  });
  return waits_for_her != nullptr && beats(*waits_for_her) ? waits_for_her : best;
}

// Visits the free places that such a chat may have until `visit` says true. Whom the chat excludes is not looked at.
template <class Visit>
void Match::State::walk_free(const Need& need, Visit&& visit) {
  const View& seen = view(need);
  // Whichever list is shorter: of a full house few classes have a free place, of an empty one few fit.
  for (const Supply* supply : free_.size() < seen.fitting.size() ? free_ : seen.fitting) {
    if (!fits(*supply, need)) continue;
    for (std::uint32_t kinds = supply->free_kinds_set; kinds != 0; kinds &= kinds - 1) {
      const auto kind = static_cast<std::size_t>(std::countr_zero(kinds));
      if (may_have(need.left_message, need.uses_kept_back, kind) && visit(supply->free[kind])) return;
    }
  }
}

// The first eligible agents in order, at most so many.
Match::State::Shortlist Match::State::shortlist(const Need& need, std::size_t most) {
  Shortlist list;
  const auto beaten = [&](const LoadOrder& order) {
    return list.size == most && !before(order, list.agents[most - 1]->order);
  };
  const auto add = [&](Agent& agent) {
    std::size_t place = list.size < most ? list.size++ : most - 1;
    for (; place > 0 && before(agent, *list.agents[place - 1]); --place) list.agents[place] = list.agents[place - 1];
    list.agents[place] = &agent;
  };
  if (need.wanted) {
    Agent* wanted = known(need.wanted);
    if (wanted != nullptr && fell_out(need, *wanted) == FellOut::nothing) add(*wanted);
    return list;
  }
  walk_free(need, [&](const FreePlaces& free) {
    if (beaten(free.head)) return false;
    free.agents.find([&](Agent& agent) {
      if (beaten(agent.order)) return true;
      if (!excludes(need, agent.index) && !(need.left_message && live_waits_for(agent))) add(agent);
      return false;
    });
    return false;
  });
  return list;
}

Agent* Match::State::best_agent(const Need& need) {
  if (Agent* preferred = known(need.preferred); preferred != nullptr && fell_out(need, *preferred) == FellOut::nothing)
    return preferred;
  return shortlist(need, 1).agents[0];
}

std::optional<Match::Pair> Match::State::best_pair_of(bool left_message) {
  std::optional<Pair> pair;
  const Chat* best = nullptr;
  const auto offer = [&](const Chat& chat) {
    if (best != nullptr && !before(chat, *best)) return true;
    const Agent* agent = best_agent(chat.need);
    if (agent == nullptr) return false;
    best = &chat;
    pair = Pair{chat.id, agent->index};
    return true;
  };
  // A heap, since mostly the first or second class gives the chat.
  by_first_ = listed_[left_message];
  const auto later = [](const Demand* a, const Demand* b) { return before(*b->first, *a->first); };
  std::ranges::make_heap(by_first_, later);
  while (!by_first_.empty()) {
    std::ranges::pop_heap(by_first_, later);
    const Demand& demand = *by_first_.back();
    by_first_.pop_back();
    if (best != nullptr && !before(*demand.first, *best)) break;
    bool served{false};
    walk_free(demand.first->need, [&](const FreePlaces&) { return served = true; });
    if (served) demand.chats.find(offer);
  }
  for (Agent* agent : wanted_)
    if (agent->set && is_free(agent->standing))
      agent->wanted_by.find([&](const Chat& chat) { return chat.need.left_message == left_message && offer(chat); });
  return pair;
}

// ---- Explanations.

Explanation Match::State::explain(const Need& need, AgentIndex chosen) {
  Explanation why;
  why.rule = rule_version;
  auto& out = why.fell_out;

  // All alike first. `pool` has passed what before_exclusion() asks; `no_left_of_pool` of them have no room for a left
  // message.
  const View& seen = view(need);
  out[at(FellOut::not_in_queue)] = seen.not_in_queue;
  out[at(FellOut::lacks_skill)] = seen.lacks_skill;
  out[at(FellOut::not_available)] = seen.counts[static_cast<std::size_t>(Standing::not_available)];
  out[at(FellOut::full)] = seen.counts[static_cast<std::size_t>(Standing::full)];
  out[at(FellOut::held_max)] = seen.counts[static_cast<std::size_t>(Standing::held_max)];
  std::int32_t pool{0};
  std::int32_t no_left_of_pool{0};
  for (std::size_t kind = 0; kind < free_kinds; ++kind) {
    const std::int32_t of_kind = seen.counts[static_cast<std::size_t>(Standing::free) + kind];
    const bool may = may_have(false, need.uses_kept_back, kind);
    (may ? pool : out[at(FellOut::kept_back)]) += of_kind;
    if (may && no_left(kind)) no_left_of_pool += of_kind;
  }

  // Then those whom this chat names.
  const auto in_pool = [&](const Agent* agent) {
    return agent != nullptr && before_exclusion(need, agent->seat) == FellOut::nothing;
  };
  for (auto each = need.excluded.begin(); each != need.excluded.end(); ++each) {
    const Agent* agent = known(*each);
    if (!in_pool(agent) || std::find(need.excluded.begin(), each, *each) != each) continue;
    ++out[at(FellOut::excluded)];
    --pool;
    if (has_no_left_place(agent->seat)) --no_left_of_pool;
  }
  if (need.wanted) {
    const Agent* agent = known(need.wanted);
    const bool stays = in_pool(agent) && !excludes(need, need.wanted);
    out[at(FellOut::other_agent_wanted)] = pool - stays;
    pool = stays;
    no_left_of_pool = stays && has_no_left_place(agent->seat);
  }
  if (need.left_message) {
    out[at(FellOut::left_share)] = no_left_of_pool;
    pool -= no_left_of_pool;
    if (live > 0 && pool > 0) {
      std::int32_t& live_first = out[at(FellOut::live_first)];
      walk_free(need, [&](const FreePlaces& free) {
        free.agents.find([&](Agent& agent) {
          if (!excludes(need, agent.index) && (!need.wanted || need.wanted == agent.index))
            live_first += live_waits_for(agent);
          return false;
        });
        return false;
      });
      pool -= live_first;
    }
  }
  out[at(FellOut::nothing)] = pool;

  // The chosen one and who would have been next. One more than shown, since the chosen one may be among them.
  const Shortlist list = shortlist(need, shortlist_max);
  const auto show = [&](const Agent& agent) {
    if (why.shown == static_cast<std::int32_t>(why.terms.size())) return;
    why.terms[static_cast<std::size_t>(why.shown++)] = {agent.index, agent.seat.load, agent.seat.capacity,
                                                        agent.seat.last_assigned, agent.seat.rank};
  };
  if (chosen) {
    Agent* agent = known(chosen);
    DESK_ASSERT(agent != nullptr);
    const bool is_eligible = fell_out(need, *agent) == FellOut::nothing;
    why.by = is_eligible && need.wanted == chosen      ? ChosenBy::wanted
             : is_eligible && need.preferred == chosen ? ChosenBy::preferred
             : list.agents[0] == agent                 ? ChosenBy::load
                                                       : ChosenBy::hand;
    show(*agent);
  }
  for (std::size_t i = 0; i < list.size; ++i)
    if (list.agents[i]->index != chosen) show(*list.agents[i]);
  return why;
}

std::vector<Match::Candidate> Match::State::candidates(const Need& need) {
  std::vector<Candidate> all;
  for (Agent& agent : agents_)
    if (agent.set) all.push_back({agent.index, fell_out(need, agent)});
  const auto told = [this](const Candidate& one) {
    return std::tuple{one.fell_out, agent(one.agent)->seat.rank, one.agent};
  };
  std::sort(all.begin(), all.end(), [&](const Candidate& a, const Candidate& b) {
    const bool fits = a.fell_out == FellOut::nothing;
    if (fits != (b.fell_out == FellOut::nothing)) return fits;
    if (!fits) return told(a) < told(b);
    if ((a.agent == need.preferred) != (b.agent == need.preferred)) return a.agent == need.preferred;
    return before(*agent(a.agent), *agent(b.agent));
  });
  return all;
}

std::string_view format_explanation(const Explanation& explanation, std::span<const std::string_view> names,
                                    std::span<char, limits::explanation_bytes_max> out) {
  std::size_t size{0};
  const auto text = [&](std::string_view words) {
    DESK_ASSERT(words.size() <= out.size() - size);
    std::ranges::copy(words, out.begin() + static_cast<std::ptrdiff_t>(size));
    size += words.size();
  };
  const auto number = [&](std::int64_t value) {
    const auto end = std::to_chars(out.data() + size, out.data() + out.size(), value);
    DESK_ASSERT(end.ec == std::errc{});
    size = static_cast<std::size_t>(end.ptr - out.data());
  };
  const auto field = [&](std::string_view name, std::int64_t value) {
    text(name);
    number(value);
  };
  const auto terms = [&](std::size_t i) {
    const Explanation::Terms& of = explanation.terms[i];
    DESK_ASSERT(i < names.size() && names[i].size() <= limits::name_bytes_max);
    text(R"({"agent":")");
    text(names[i]);
    field(R"(","load":)", of.load);
    field(R"(,"capacity":)", of.capacity);
    field(R"(,"last":)", ms_of(of.last_assigned));
    field(R"(,"rank":)", of.rank);
    text("}");
  };

  const auto shown = static_cast<std::size_t>(explanation.shown);
  const bool chosen = explanation.by != ChosenBy::nobody && shown > 0;
  field(R"({"rule":)", explanation.rule);
  text(R"(,"by":")");
  text(word_of(explanation.by));
  text("\"");
  if (chosen) {
    text(R"(,"chosen":)");
    terms(0);
  }
  text(R"(,"next":[)");
  for (std::size_t i = chosen ? 1 : 0; i < shown; ++i) {
    if (i > (chosen ? 1u : 0u)) text(",");
    terms(i);
  }
  text(R"(],"out":{)");
  bool first{true};
  for (std::size_t reason = 0; reason < at(FellOut::nothing); ++reason) {
    if (explanation.fell_out[reason] == 0) continue;
    text(first ? "\"" : ",\"");
    first = false;
    text(words::fell_out[reason]);
    field("\":", explanation.fell_out[reason]);
  }
  field(R"(},"eligible":)", explanation.fell_out[at(FellOut::nothing)]);
  text("}");
  return {out.data(), size};
}

// ---- The outside.

Match::Match() : state_{std::make_unique<State>()} {}
Match::~Match() = default;

void Match::set_agent(AgentIndex agent, const Seat& seat) { state_->seat(agent, seat); }

void Match::remove_agent(AgentIndex agent) {
  if (Agent* found = state_->agent(agent)) state_->unseat(*found);
}

const Seat* Match::seat(AgentIndex agent) const {
  const Agent* found = state_->known(agent);
  return found == nullptr ? nullptr : &found->seat;
}

void Match::set_chat(ChatId chat, const Need& need) { state_->place(chat, need); }

void Match::remove_chat(ChatId chat) {
  if (Chat* found = state_->chat(chat)) state_->forget(*found);
}

const Need* Match::need(ChatId chat) const {
  const Chat* found = state_->chat(chat);
  return found == nullptr ? nullptr : &found->need;
}

FellOut Match::fell_out(const Need& need, AgentIndex agent) const {
  Agent* found = state_->known(agent);
  DESK_ASSERT(found != nullptr);
  return state_->fell_out(need, *found);
}

std::optional<ChatId> Match::best_chat(AgentIndex agent) const {
  Agent* found = state_->known(agent);
  const Chat* best = found == nullptr ? nullptr : state_->best_chat(*found);
  return best == nullptr ? std::nullopt : std::optional{best->id};
}

std::optional<AgentIndex> Match::best_agent(const Need& need) const {
  const Agent* best = state_->best_agent(need);
  return best == nullptr ? std::nullopt : std::optional{best->index};
}

std::optional<Match::Pair> Match::best_pair() const { return state_->best_pair(); }

Explanation Match::explain(const Need& need, AgentIndex chosen) const { return state_->explain(need, chosen); }
std::vector<Match::Candidate> Match::candidates(const Need& need) const { return state_->candidates(need); }

const Need& Match::need_of(ChatId chat) const { return state_->waiting(chat).need; }

std::int32_t Match::ahead(ChatId chat) const { return state_->ahead(state_->waiting(chat)); }
std::int32_t Match::live_in(std::uint64_t queues) const { return state_->live_in(queues); }
std::int32_t Match::live() const { return state_->live; }
std::int32_t Match::left() const { return state_->left; }
std::int32_t Match::agents() const { return state_->agents; }
std::int32_t Match::free_agents() const { return state_->free_agents; }

}  // namespace deskd
