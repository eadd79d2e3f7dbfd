// What it costs to move a clock while a million are armed.
//
// Each measurement runs beside its controls, in turns of a few thousand, so that a busy machine slows both: `store`
// writes one deadline into the same timers in the same order, the least any such thing can do; `tree` keeps them in a
// std::multimap. Read the ratios; the nanoseconds are this machine's.
#include <benchmark/benchmark.h>

#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "server/desk/timers.hpp"

namespace {

using namespace deskd;

constexpr std::size_t armed{1'000'000};
constexpr std::size_t turn{8192};
// A chat's clocks are moved by every line: so often they were before, in the cases that say so.
constexpr int often{6};
constexpr std::int64_t horizon_ms{600'000};
constexpr std::int64_t start_ms{1'790'000'000'000};

// A timer with an owner around it, as in a chat: the wheel finds it as cold as the desk would.
struct Owner {
  Timer timer;
  std::int64_t plain{};
};

class World {
 public:
  World() : owners{std::make_unique<Owner[]>(armed)}, order(turn) {
    wheel.fire(instant_of(start_ms));
    for (std::size_t i = 0; i < armed; ++i) {
      const std::int64_t due = start_ms + 1 + some(horizon_ms);
      wheel.arm(owners[i].timer, instant_of(due));
    }
  }
  std::int64_t some(std::int64_t end) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(end)); }
  void shuffle(bool in_order) {
    for (auto& at : order) at = in_order ? next++ % armed : static_cast<std::size_t>(some(armed));
  }

  std::mt19937_64 random{7};
  Timers wheel;
  std::unique_ptr<Owner[]> owners;
  std::vector<std::size_t> order;
  std::size_t next{0};
};

template <class F>
double nanoseconds_each(const World& world, F&& act) {
  const auto from = std::chrono::steady_clock::now();
  for (const std::size_t at : world.order) act(at);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - from;
  return took.count() / static_cast<double>(turn);
}

// later: every clock moves forward from now, as a chat's do with each line. anywhere: it may as well come nearer, which
// takes a clock out of its slot only if that slot comes too late: half of the first moves, few of the seventh.
void rearm(benchmark::State& state, bool later, bool in_order, int moved_before) {
  World world;
  for (int round = 0; round < moved_before; ++round)
    for (std::size_t i = 0; i < armed; ++i)
      world.wheel.arm(world.owners[i].timer, instant_of(start_ms + 1 + world.some(horizon_ms)));
  std::multimap<std::int64_t, std::size_t> tree;
  std::vector<std::multimap<std::int64_t, std::size_t>::iterator> in_tree(armed);
  for (std::size_t i = 0; i < armed; ++i) in_tree[i] = tree.emplace(ms_of(world.owners[i].timer.due()), i);
  double wheel_ns{0}, store_ns{0}, tree_ns{0};
  std::int64_t now = start_ms;
  for (auto _ : state) {
    // A few turns a millisecond; what falls due is armed again, outside the measurement.
    ++now;
    while (Timer* fired = world.wheel.fire(instant_of(now))) world.wheel.arm(*fired, instant_of(now + horizon_ms));
    world.shuffle(in_order);
    std::vector<std::int64_t> due(turn);
    for (auto& at : due) at = now + (later ? horizon_ms : 1 + world.some(horizon_ms));
    const std::int64_t* next = due.data();
    store_ns += nanoseconds_each(world, [&](std::size_t at) { world.owners[at].plain = *next++; });
    benchmark::ClobberMemory();
    world.shuffle(in_order);
    next = due.data();
    wheel_ns +=
        nanoseconds_each(world, [&](std::size_t at) { world.wheel.arm(world.owners[at].timer, instant_of(*next++)); });
    next = due.data();
    tree_ns += nanoseconds_each(world, [&](std::size_t at) {
      auto node = tree.extract(in_tree[at]);
      node.key() = *next++;
      in_tree[at] = tree.insert(std::move(node));
    });
  }
  const auto turns = static_cast<double>(state.iterations());
  state.counters["rearm_ns"] = wheel_ns / turns;
  state.counters["store_ns"] = store_ns / turns;
  state.counters["tree_ns"] = tree_ns / turns;
  state.counters["of_store"] = wheel_ns / store_ns;
  state.counters["of_tree"] = wheel_ns / tree_ns;
}

BENCHMARK_CAPTURE(rearm, later_random, true, false, 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rearm, later_in_order, true, true, 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rearm, anywhere_random, false, false, 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rearm, anywhere_in_order, false, true, 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rearm, anywhere_often_random, false, false, often)->Unit(benchmark::kMillisecond);

// A whole life: armed, and fired on its millisecond.
void arm_and_fire(benchmark::State& state) {
  World world;
  std::int64_t now = start_ms;
  std::int64_t fired_count{0};
  for (auto _ : state) {
    ++now;
    while (Timer* fired = world.wheel.fire(instant_of(now))) {
      world.wheel.arm(*fired, instant_of(now + 1 + world.some(horizon_ms)));
      ++fired_count;
    }
    benchmark::DoNotOptimize(world.wheel.next());
  }
  state.SetItemsProcessed(fired_count);
}
BENCHMARK(arm_and_fire)->Unit(benchmark::kMicrosecond);

void next(benchmark::State& state) {
  World world;
  for (auto _ : state) benchmark::DoNotOptimize(world.wheel.next());
}
BENCHMARK(next);

}  // namespace
