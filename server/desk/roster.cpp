#include "server/desk/roster.hpp"

#include <algorithm>

namespace deskd {

namespace {

// At most a share of the capacity; but a share of anything is at least one place.
std::int32_t share(std::int32_t capacity, std::int32_t percent) {
  return percent == 0 || capacity == 0 ? 0 : std::max(1, capacity * percent / 100);
}

std::int32_t held_max_of(const policy::Agent& row) { return row.held_max > 0 ? row.held_max : 2 * row.capacity; }

}  // namespace

Seat Agent::seat() const {
  return {.queues = queues,
          .skills = skills,
          .load = load,
          .capacity = capacity,
          .held = static_cast<std::int32_t>(held.size() + reserved.size()),
          .held_max = held_max,
          .kept_back = kept_back,
          .left = left,
          .left_max = left_max,
          .takes = employed && present() && status == Status::available,
          .last_assigned = last_assigned,
          .rank = rank};
}

void Agent::set_shares(const Rulebook& book) {
  kept_back = left_max = 0;
  for (std::uint8_t i = 0; i < book.queue_count(); ++i) {
    if ((queues & Rulebook::bit(QueueIndex{i})) == 0) continue;
    const policy::Queue& queue = book.queue(QueueIndex{i});
    kept_back = std::max(kept_back, share(capacity, queue.kept_back_pct));
    left_max = std::max(left_max, share(capacity, queue.left_message_share_pct));
  }
}

void Agent::adjust(const Rulebook& book, std::int32_t to_capacity, Mask to_queues) {
  for (const policy::Agent& row : book.policy().agents)
    if (row.name == name) held_max = std::max(held_max_of(row), to_capacity);
  capacity = to_capacity;
  queues = to_queues;
  set_shares(book);
}

Agent* Roster::find(std::string_view name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : agents_[found->second.value - 1].get();
}

Agent& Roster::add(std::string_view name) {
  Agent& agent = *agents_.emplace_back(std::make_unique<Agent>());
  agent.index = AgentIndex{static_cast<std::uint32_t>(agents_.size())};
  for (std::size_t i = 0; i < agent_timers; ++i) {
    agent.timers[i].owner = agent.index.value;
    agent.timers[i].purpose = static_cast<std::uint8_t>(agent_timer_first + i);
  }
  agent.name = name;
  by_name_.emplace(agent.name, agent.index);
  return agent;
}

Agent& Roster::remember(std::string_view name) {
  Agent& former = add(name);
  // Behind all others: she is given nothing, and nobody else's rank may move but with a policy.
  former.rank = static_cast<std::uint32_t>(agents_.size() - 1);
  return former;
}

void Roster::apply(const Rulebook& book) {
  for (const auto& agent : agents_) agent->named = agent->employed = false;
  for (const policy::Agent& row : book.policy().agents) {
    Agent* agent = find(row.name);
    if (agent == nullptr) agent = &add(row.name);
    agent->title = titles_.keep(row.title);
    agent->role = row.role;
    agent->named = true;
    agent->employed = row.role != Role::ops;
    agent->queues = book.queues(row.queues);
    agent->skills = book.skills(row.skills);
    agent->capacity = row.capacity;
    agent->held_max = held_max_of(row);
    agent->set_shares(book);
  }
  rank();
}

void Roster::rank() {
  std::vector<Agent*> by_name;
  for (const auto& agent : agents_) by_name.push_back(agent.get());
  std::sort(by_name.begin(), by_name.end(), [](const Agent* a, const Agent* b) { return a->name < b->name; });
  for (std::uint32_t rank = 0; rank < by_name.size(); ++rank) by_name[rank]->rank = rank;
}

}  // namespace deskd
