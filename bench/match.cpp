// How many chats a desk can seat in a second, as far as choosing goes: Match alone, each with its explanation written.
//
// A world has 10,000 agents of capacity 5. `skilled`: each has 3 of 20 skills, each chat needs one of them and one of
// five queues. `alike`: one queue, no skill. Agents serve all five queues, or two of them (`two_queues`, ten times the
// classes).
//   freed     100,000 chats wait and every agent is full; one ends a chat and gets the next, and another chat comes
//   arrives   nobody waits and half the places are free; a chat comes and gets an agent, and some agent ends a chat
//   pairs     100,000 wait when all agents appear at once: pair by pair until every place is taken
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/desk/match.hpp"

namespace {

using namespace deskd;

constexpr std::uint32_t agents{10'000};
constexpr std::int64_t waiting{100'000};
constexpr std::int32_t capacity{5};

struct Shape {
  int skills;
  int queues;
  int queues_each;
};
constexpr Shape skilled{20, 5, 5};
constexpr Shape two_queues{20, 5, 2};
constexpr Shape alike{0, 1, 1};

class World {
 public:
  World(const Shape& shape, std::int32_t load) : shape_{shape}, seats(agents + 1) {
    for (std::uint32_t agent = 1; agent <= agents; ++agent) {
      Seat& seat = seats[agent];
      seat.queues = some_bits(shape.queues, shape.queues_each);
      seat.skills = some_bits(shape.skills, 3);
      seat.load = seat.held = load;
      seat.capacity = capacity;
      seat.held_max = 2 * capacity;
      seat.left_max = 1;
      seat.takes = true;
      seat.rank = agent;
      names.push_back("agent-" + std::to_string(agent));
    }
  }
  void seat_all() {
    for (std::uint32_t agent = 1; agent <= agents; ++agent) match.set_agent({agent}, seats[agent]);
  }
  void wait_all() {
    while (next_chat < waiting) come();
  }

  ChatId come() {
    Need need;
    need.queues = some_bits(shape_.queues, 1);
    need.skills = some_bits(shape_.skills, 1);
    need.joined = instant_of(++now_ms);
    const ChatId chat{++next_chat};
    match.set_chat(chat, need);
    return chat;
  }
  AgentIndex some_agent() { return {1 + static_cast<std::uint32_t>(random() % agents)}; }
  void free_one(AgentIndex agent) {
    Seat& seat = seats[agent.value];
    if (seat.load == 0) return;
    --seat.load;
    --seat.held;
    match.set_agent(agent, seat);
  }
  // What the desk does with a choice: explains it, takes the chat away, raises the load.
  void assign(ChatId chat, AgentIndex agent) {
    const Explanation why = match.explain(chat, agent);
    std::array<std::string_view, 3> shown;
    for (std::size_t i = 0; i < static_cast<std::size_t>(why.shown); ++i)
      shown[i] = names[why.terms[i].agent.value - 1];
    benchmark::DoNotOptimize(format_explanation(why, shown, room));
    match.remove_chat(chat);
    Seat& seat = seats[agent.value];
    ++seat.load;
    ++seat.held;
    seat.last_assigned = instant_of(++now_ms);
    match.set_agent(agent, seat);
    ++assigned;
  }

  std::uint64_t some_bits(int of, int count) {
    std::uint64_t set{0};
    if (of == 0) return set;
    while (count > 0) {
      const std::uint64_t bit = std::uint64_t{1} << (random() % static_cast<unsigned>(of));
      if ((set & bit) != 0) continue;
      set |= bit;
      --count;
    }
    return set;
  }

 private:
  Shape shape_;

 public:
  std::mt19937_64 random{11};
  Match match;
  std::vector<Seat> seats;
  std::vector<std::string> names;
  std::array<char, limits::explanation_bytes_max> room;
  std::int64_t now_ms{1'790'000'000'000};
  std::int64_t next_chat{0};
  std::int64_t assigned{0};
};

void freed(benchmark::State& state, const Shape& shape) {
  World world{shape, capacity};
  world.seat_all();
  world.wait_all();
  for (auto _ : state) {
    const AgentIndex agent = world.some_agent();
    world.free_one(agent);
    if (const auto chat = world.match.best_chat(agent)) world.assign(*chat, agent);
    world.come();
  }
  state.SetItemsProcessed(world.assigned);
}

void arrives(benchmark::State& state, const Shape& shape) {
  World world{shape, 0};
  for (std::uint32_t agent = 1; agent <= agents; ++agent) world.seats[agent].load = world.seats[agent].held = agent % 5;
  world.seat_all();
  for (auto _ : state) {
    const ChatId chat = world.come();
    if (const auto agent = world.match.best_agent(chat)) world.assign(chat, *agent);
    else world.match.remove_chat(chat);
    world.free_one(world.some_agent());
  }
  state.SetItemsProcessed(world.assigned);
}

void pairs(benchmark::State& state, const Shape& shape) {
  std::int64_t assigned{0};
  for (auto _ : state) {
    state.PauseTiming();
    auto world = std::make_unique<World>(shape, 0);
    world->wait_all();
    world->seat_all();
    state.ResumeTiming();
    while (const auto pair = world->match.best_pair()) world->assign(pair->chat, pair->agent);
    assigned += world->assigned;
    state.PauseTiming();
    world.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(assigned);
}

// Every waiting buyer is told the place in line.
void ahead(benchmark::State& state, const Shape& shape) {
  World world{shape, capacity};
  world.seat_all();
  world.wait_all();
  std::int64_t chat{0};
  for (auto _ : state) {
    chat = chat % waiting + 1;
    benchmark::DoNotOptimize(world.match.ahead({chat}));
  }
  state.SetItemsProcessed(state.iterations());
}

#define ALL_SHAPES(what)                           \
  BENCHMARK_CAPTURE(what, skilled, skilled);       \
  BENCHMARK_CAPTURE(what, two_queues, two_queues); \
  BENCHMARK_CAPTURE(what, alike, alike)
ALL_SHAPES(freed);
ALL_SHAPES(arrives);
BENCHMARK_CAPTURE(pairs, skilled, skilled)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(pairs, two_queues, two_queues)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(pairs, alike, alike)->Unit(benchmark::kMillisecond);
ALL_SHAPES(ahead);

}  // namespace
