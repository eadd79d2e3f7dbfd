// counts.hpp - The page that the hook shares with whoever measures: one row a thread, written by that thread alone.
#pragma once

#include <cstdint>

namespace deskd::hook {

struct Thread {
  std::uint64_t tid;
  std::uint64_t mallocs;
  std::uint64_t sends;
  std::uint64_t receives;
};

// A server has a handful of threads; those beyond the last row share it.
struct Counts {
  Thread threads[64];
};

}  // namespace deskd::hook
