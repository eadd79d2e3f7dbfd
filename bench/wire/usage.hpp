// usage.hpp - What a program has used so far, read from /proc at the two ends of a measurement.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

namespace deskd {

struct Usage {
  double user_s{};
  double system_s{};
  struct Thread {
    std::string name;
    double cpu_s{};
  };
  std::map<pid_t, Thread> threads;
  std::int64_t resident_bytes{};

  double total_s() const { return user_s + system_s; }
};

// One program with all its threads.
Usage usage_of(pid_t pid);
// A program and its children, the ones that have ended too: PostgreSQL.
Usage usage_of_family(pid_t pid);

// Counts that the preloaded hook (bench/hook) keeps for a program: calls of one thread since it started.
struct Calls {
  std::uint64_t sends{};
  std::uint64_t receives{};
  std::uint64_t mallocs{};
};
std::map<pid_t, Calls> calls_of(const std::string& file);

}  // namespace deskd
