// recording.cpp - Any bytes as a recording.
//
// Goal: no input breaks reading it, and what was read is written as it was meant: it is the same when it is read again.
// The desk is not run, because a desk that is told what no server tells it stops with a failed assert, and should.
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>

#include "server/shard/recorder.hpp"

namespace {

std::string events_of(std::string text) {
  std::istringstream recording{std::move(text)};
  return deskd::events_of(recording);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string events;
  try {
    events = events_of({reinterpret_cast<const char*>(bytes), size});
  } catch (const std::runtime_error&) { return 0; }
  if (events_of(events) != events) std::abort();
  return 0;
}
