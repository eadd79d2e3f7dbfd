// recorder.hpp - A desk's events with their instants, and what it decided, as text: enough to run it again elsewhere.
//
//        serve --record DIR ──> DIR/<desk>-<epoch>.rec ──> replay ──> a Desk fed the same events ──> same effects?
//
//   one line an event:     1763760000123 heard {"session":"4294967297","ask":{"type":"say", ...}}
//   its effects, indented:   send 4294967297 {"type":"line", ...}
//
// Words and personal data never reach the file: each such text is replaced by filler of the same length in bytes, the
// same filler for the same text while the recorder lives, so that the desk's own comparisons (is this repeat the same
// command?) come out alike. Off by default. An event is with the kernel before the desk sees it: of a server that dies,
// the recording holds what it died of. A full disk stops the recording and nothing else.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include "server/desk/desk.hpp"

namespace deskd {

class Recorder {
 public:
  // Throws std::runtime_error when the file cannot be opened.
  Recorder(const std::string& folder, const std::string& desk, Epoch epoch);
  ~Recorder();

  // What the desk was made with.
  void begin(DeskId desk, Epoch epoch, const policy::Desk& policy, std::size_t backlog_bytes_max, std::int64_t wall_ms);
  void event(Instant now, const Event& event);
  void effects(const Effects& effects);

 private:
  class File;
  std::unique_ptr<File> file_;
};

// Runs a recording and compares every effect. A server that died leaves a last line without its end, or a last event
// without all of its effects: that is no difference.
struct Replayed {
  std::int64_t events{};
  std::string difference;  // the first one, with its line; empty: every effect was the same
  std::string picks;       // each time the chat that was asked about was offered or given to somebody, and if it still
                           // waits at the end: every agent as she stood before it
};
Replayed replay(std::istream& recording, ChatId explained = {});

// A recording without its effects, read and written again. Throws what is wrong with it.
std::string events_of(std::istream& recording);

}  // namespace deskd
