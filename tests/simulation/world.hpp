// world.hpp - A shop's day in a minute: buyers, agents, a supervisor, wires that break, a database that stalls, a server
// that dies; one seed, one thread, no clock.
//
//      buyers ┐        ┌── latency, drops ──┐              ┌── stalls, unknown outcomes ──┐
//      agents ┼─ wire ─┤                    ├── Desk ──────┤                              ├── Database
//      boss   ┘        └────────────────────┘   │          └──────────────────────────────┘
//                                               └── check() after every step
#pragma once

#include <cstdint>
#include <string>

#include "tests/simulation/marks.hpp"

namespace deskd::simulation {

struct Knobs {
  std::uint64_t seed{1};
  int hours{10};
  int agents{20};
  int chats_per_hour{200};
  bool faults{true};
};

struct Outcome {
  std::uint64_t steps{}, chats{}, lines{}, breaches{}, crashes{}, sessions{};
  std::uint64_t digest{};  // of every effect, to compare two runs of one seed
  std::string wrong;       // the first promise that was broken; empty when all were kept
  Marks marks;
};

// Every mark there is; all must be met over a whole run.
Marks all_marks();

Outcome run(const Knobs& knobs);

}  // namespace deskd::simulation
