// simulation [--seeds N] [--first SEED] [--hours H] [--agents A] [--chats C] [--jobs J]
//
// Runs N worlds, J at a time, each of H desk-hours from its own seed, and prints what happened. A world that breaks a promise is named
// with its seed; `simulation --first SEED --seeds 1` plays it again. Exit 1 when a promise broke or a mark was never met.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/simulation/world.hpp"

int main(int argc, char** argv) {
  using namespace deskd::simulation;
  Knobs knobs;
  std::uint64_t seeds = 100, first = 1;
  long long jobs = 1;
  bool all_must_be_met = true;
  for (int i = 1; i + 1 < argc; i += 2) {
    const long long value = std::atoll(argv[i + 1]);
    if (std::strcmp(argv[i], "--seeds") == 0) seeds = static_cast<std::uint64_t>(value);
    else if (std::strcmp(argv[i], "--first") == 0) first = static_cast<std::uint64_t>(value);
    else if (std::strcmp(argv[i], "--hours") == 0) knobs.hours = static_cast<int>(value);
    else if (std::strcmp(argv[i], "--agents") == 0) knobs.agents = static_cast<int>(value);
    else if (std::strcmp(argv[i], "--chats") == 0) knobs.chats_per_hour = static_cast<int>(value);
    else if (std::strcmp(argv[i], "--jobs") == 0) jobs = value;
    else return std::fprintf(stderr, "unknown argument %s\n", argv[i]), 2;
  }
  if (seeds < 10) all_must_be_met = false;  // one world cannot meet everything

  Outcome sum{.marks = all_marks()};
  int broken = 0;
  std::mutex adding;
  std::atomic<std::uint64_t> next{first};
  const auto play = [&] {
    for (std::uint64_t seed; (seed = next++) < first + seeds;) {
      Knobs own = knobs;
      own.seed = seed;
      const Outcome one = run(own);
      const std::lock_guard lock{adding};
      if (!one.wrong.empty()) {
        ++broken;
        std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), one.wrong.c_str());
        std::fflush(stdout);
      }
      sum.steps += one.steps;
      sum.chats += one.chats;
      sum.lines += one.lines;
      sum.breaches += one.breaches;
      sum.crashes += one.crashes;
      sum.sessions += one.sessions;
      sum.digest ^= one.digest;
      sum.marks.add(one.marks);
    }
  };
  std::vector<std::thread> threads;
  for (long long i = 1; i < jobs; ++i) threads.emplace_back(play);
  play();
  for (std::thread& thread : threads) thread.join();
  // The same seed is the same day, effect by effect.
  knobs.seed = first;
  const bool same = run(knobs).digest == run(knobs).digest;

  std::printf(
      "seeds %llu..%llu, %d desk-hours each: %llu steps, %llu chats, %llu lines, %llu breaches, %llu crashes, %llu "
      "sessions\n",
      static_cast<unsigned long long>(first), static_cast<unsigned long long>(first + seeds - 1), knobs.hours,
      static_cast<unsigned long long>(sum.steps), static_cast<unsigned long long>(sum.chats),
      static_cast<unsigned long long>(sum.lines), static_cast<unsigned long long>(sum.breaches),
      static_cast<unsigned long long>(sum.crashes), static_cast<unsigned long long>(sum.sessions));
  int unmet = 0;
  for (const auto& [name, times] : sum.marks.met()) {
    std::printf("  %-32s %llu\n", name.c_str(), static_cast<unsigned long long>(times));
    if (times == 0) ++unmet;
  }
  if (!same) std::printf("two runs of seed %llu differ\n", static_cast<unsigned long long>(first));
  if (unmet > 0) std::printf("%d marks never met\n", unmet);
  std::printf("%d broken of %llu\n", broken, static_cast<unsigned long long>(seeds));
  return broken > 0 || !same || (unmet > 0 && all_must_be_met) ? 1 : 0;
}
