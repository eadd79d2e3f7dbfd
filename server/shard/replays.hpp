// replays.hpp - What sessions have still to hear of their resumes, in order, given out as they read.
//
//      desk ── more than fits an outbox ──> [ frame | frame | lines 1-3000 of a chat | frame ... ] ── as there is room ──> session
//                                                                  │  ^
//                                                    asks for a page  a page becomes frames
//                                                                  v  │
//                                                                 reader
//
// A long chat told from its beginning is more than an outbox may hold, and being told much is no reason to be closed as
// a slow reader. Lines that only the database has hold back whatever follows them, so that lines stay in order; one page
// of a session is read at a time.
//
// It is one of the loop's outboxes: the last part of a turn, after the sockets have sent, is when there may be room.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "server/session/loop.hpp"
#include "server/session/session.hpp"
#include "storage/reader.hpp"

namespace deskd {

class Shard;

// Frames that wait for one session: the longest chat whole, ten thousand lines of 300 bytes and their words twice. Who
// is to hear more has heard some of it when the session is closed, and resumes from there.
inline constexpr std::size_t replay_bytes_max{4 * 1024 * 1024};
// The same for all sessions of a thread, so that many who ask and do not read cost no more than one backlog. Beyond it
// the one that is owed the most makes room.
inline constexpr std::size_t replays_bytes_max{64 * 1024 * 1024};
// Who takes none of the frames that wait for so long reads nothing at all: the slowest of phones takes one a second.
inline constexpr Duration replay_stuck_after{std::chrono::seconds{30}};

class Replays final : public Loop::Outbox {
 public:
  explicit Replays(Shard& shard) : shard_{shard} {}

  bool empty() const { return replays_.empty(); }
  bool holds(SessionId session) const { return replays_.contains(session.value); }

  // Follows all that waits for the session already. One that is owed too much is closed as slow_reader, and so is one that
  // takes nothing of it.
  void hold(LiveSession& session, std::string frame);
  void hold(LiveSession& session, query::Lines lines);
  // The page that was asked for: these frames come first, then the rest of the lines, if there are `more`.
  void read(SessionId session, std::vector<std::string> page, bool more, Seq last);
  void forget(SessionId session);

  void flush() override;

 private:
  struct Replay {
    std::deque<std::variant<std::string, query::Lines>> rest;
    std::size_t bytes{};  // of its frames
    Instant moved;        // when it began, was given a page, or gave out a frame
    bool is_reading{};    // its first are lines, and the reader has been asked for them
  };

  Replay& replay(SessionId session);
  void make_room();
  bool give_out(SessionId session);

  Shard& shard_;
  std::unordered_map<std::uint64_t, Replay> replays_;
  std::size_t bytes_{};
};

}  // namespace deskd
