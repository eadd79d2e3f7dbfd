// shard.hpp - One thread: its loop, the desks placed on it, the sessions of their people, one timer for all of them.
//
//      mailbox ──> read(letter) ──┐
//      sockets ──> session ───────┼──> Room::step ──> Desk
//      one timer ──> Timers ──────┘
//
// Nothing here is shared. What other threads want, they post; what they are told, they are told by a function they gave
// along. place() comes before run(), from the thread that then calls run() or one that has finished with it; later,
// mail::Place does.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>

#include "protocol/codec.hpp"
#include "server/desk/timers.hpp"
#include "server/session/loop.hpp"
#include "server/session/session.hpp"
#include "server/shard/clock.hpp"
#include "server/shard/mail.hpp"
#include "server/shard/mailbox.hpp"
#include "server/shard/replays.hpp"
#include "server/shard/room.hpp"

namespace deskd {

struct ShardOptions {
  std::size_t number{};
  SessionOptions sessions;
  std::size_t sessions_max{20'000};
  std::size_t backlog_bytes_max{limits::backlog_bytes_max};
  Duration replay_stuck_after{deskd::replay_stuck_after};
  std::string record_dir;  // empty: nothing is recorded
};

class Shard {
 public:
  // Whom a timer of this thread's wheel wakes.
  enum class Wakes : std::uint8_t { room, session, wall };

  // What this thread has done since it started.
  struct Tallies {
    std::uint64_t messages_in{};
    std::uint64_t frames_out{};
    std::uint64_t sign_ins_refused{};
    std::uint64_t turns{};  // of the loop
    std::uint64_t sends{};  // send() calls
    std::uint64_t bytes_out{};
    std::uint64_t sessions{};   // now, signed in or not
    double timer_late_s_max{};  // since the last report
  };

  // `lost` is called on this thread for a desk that another server has taken; the desk is forgotten then. `drained`,
  // after a Drain, when the last session is gone.
  struct Listeners {
    std::function<void(DeskId)> lost;
    std::function<void()> drained;
  };

  Shard(ShardOptions options, const Clock& clock, Writer& writer, Reader& reader, Listeners listeners);
  ~Shard();

  void place(Placement placement);
  void run();

  // Any thread.
  void post(Mail letter) { mailbox_.post(std::move(letter)); }

  // Any thread: how long ago this one was last seen turning. It turns at least once a second.
  Duration silent() const { return clock_.now() - instant_of(turned_ms_.load(std::memory_order_relaxed)); }

  // The rest is for Room, on this thread.
  const ShardOptions& options() const { return options_; }
  const Clock& clock() const { return clock_; }
  Timers& timers() { return timers_; }
  Writer& writer() { return writer_; }
  Reader& reader() { return reader_; }
  Decoder& decoder() { return decoder_; }
  Loop& loop() { return loop_; }
  Replays& replays() { return replays_; }
  Tallies& tallies() { return tallies_; }
  void count_close(CloseCode code);
  // Null when it is gone; a session's number is never used twice.
  LiveSession* session(SessionId id);
  void each_session(const Room& room, const std::function<void(LiveSession&)>& act);
  void forget(LiveSession& session);

 private:
  struct Slot {
    std::unique_ptr<LiveSession> session;
    Room* room{};
    std::uint32_t users{};  // how many have had this slot
  };
  using Alarm =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                        boost::asio::io_context::executor_type>;

  void read(Mail&& letter);
  void read(mail::Place&& letter);
  void read(mail::Arrive&& letter);
  void read(mail::Stored&& letter);
  void read(mail::Read&& letter);
  void read(mail::NewPolicy&& letter);
  void read(mail::Revoke&& letter);
  void read(mail::WouldDrop&& letter);
  void read(mail::Explain&& letter);
  void read(mail::Report&& letter);
  void read(mail::Drain&& letter);
  void read(mail::Stop&& letter);
  void on_outcome(const outcome::Durable& durable);
  void on_outcome(const outcome::Refused& refused);
  void on_outcome(const outcome::Fenced& fenced);
  void on_outcome(const outcome::Health&) {}
  void after_letters();

  Room* room(DeskId id);
  void fire();
  void fire(Timer& timer);
  void arm();
  void watch_wall();

  ShardOptions options_;
  const Clock& clock_;
  Writer& writer_;
  Reader& reader_;
  Listeners listeners_;
  Loop loop_;
  Mailbox<Mail> mailbox_;
  Alarm alarm_;
  std::optional<Instant> armed_;  // what the alarm is set to
  Timers timers_;                 // before what holds a Timer, so that it outlives them
  Timer wall_timer_{static_cast<std::uint8_t>(Wakes::wall), 0};
  Decoder decoder_;
  Replays replays_{*this};
  std::map<DeskId, std::unique_ptr<Room>> rooms_;
  std::vector<std::unique_ptr<Room>> lost_rooms_;  // until the end: a server loses a desk once, if ever
  std::vector<Room*> durable_rooms_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::size_t sessions_{};
  bool draining_{};
  Tallies tallies_;
  std::array<std::uint64_t, close_table.size()> closes_{};
  Duration late_max_{};
  std::atomic<std::int64_t> turned_ms_;
};

}  // namespace deskd
