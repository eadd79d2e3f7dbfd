// loop.hpp - One thread's loop, in turns.
//
//      ┌─> wait for the first ready handler
//      │   run what else is ready, up to turn_handlers_max        <- sessions read, the desk steps, outboxes fill
//      │   at_turn_end()                                          <- the shard sums up what came by mail
//      └── every outbox that was written to is sent, once         <- one send() however many messages
//
// The number of send() calls decides what a relayed message costs, so nothing is sent while there is still something to
// do that may add to it. A turn is bounded, because under an open load the ready queue need never run dry, and because
// a turn that touches thousands of sessions leaves none of them in the cache by the time it sends.
//
// A Loop and everything made on it belong to the thread that calls run(). Two things may be called from any thread:
// stop(), and boost::asio::post to context().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace deskd {

// Handlers of one turn. Fewer means less to send at once with many messages in flight; more means cold caches with many
// sessions. A few hundred is where several pairs of one turn share a send() and their sessions still lie in the cache.
inline constexpr std::size_t turn_handlers_max{512};

// Buffers kept for the next turn: a commit that tells ten thousand authors at once writes to as many sessions in one.
inline constexpr std::size_t spare_bytes_max{8 * 1024 * 1024};
// Larger ones are not kept; a new one has room for a line, its marks and an acknowledgement.
inline constexpr std::size_t spare_buffer_bytes_max{32 * 1024};
inline constexpr std::size_t new_buffer_bytes{512};

class Loop {
 public:
  // What was done since the start.
  struct Counters {
    std::uint64_t turns{};
    std::uint64_t sends{};  // send() calls
    std::uint64_t bytes_sent{};
  };

  // Somebody who collects bytes during a turn and sends them at its end.
  class Outbox {
   public:
    virtual void flush() = 0;

   protected:
    Outbox() = default;
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;
    ~Outbox() = default;

   private:
    friend class Loop;
    bool listed_{};
  };

  Loop();
  boost::asio::io_context& context() { return context_; }

  // Until stop(). An exception of a handler ends it and leaves to the caller: nothing here expects one.
  void run();
  void stop();

  // One whole turn; waits for its first handler. False: stopped.
  bool turn();

  // `outbox` is flushed when this turn ends, or earlier by itself; it calls forget() before it dies.
  void flush_later(Outbox& outbox);
  void forget(Outbox& outbox);

  // An empty buffer for an outbox, and back: a session has one only while it has something to send.
  std::string take_buffer();
  void give_buffer(std::string&& buffer);

  Counters& counters() { return counters_; }

  // Called at the end of every turn, before anything is sent.
  void at_turn_end(std::function<void()> hook) { at_turn_end_ = std::move(hook); }

 private:
  std::function<void()> at_turn_end_;
  std::vector<Outbox*> outboxes_;  // null where one was forgotten
  std::vector<std::string> spare_;
  std::size_t spare_bytes_{};
  Counters counters_;
  // Last, so that it goes first: the handlers that die with it may hold outboxes.
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
};

}  // namespace deskd
