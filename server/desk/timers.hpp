// timers.hpp - All that a desk must do later, kept in a wheel of wheels.
//
//   level 6   one slot = 2.2 years   [ . . . . x . . ]      a timer lies in the slot of the highest base-64 digit in
//     ...                                                  which its deadline differs from the wheel's time; when time
//   level 1   one slot = 64 ms       [ . x . . . x . ]      enters that slot, its timers move down; in level 0 a slot
//   level 0   one slot = 1 ms        [ . . x . . . . ]      is one millisecond, and what lies there is due
//
// One bit a slot says whether anything may lie in it, so the next slot is found by find-first-set and empty time costs
// nothing, a millisecond or a year. Seven levels reach to the year 2109 from any instant of desk time; a later deadline
// waits there. The wheel is under 4 KB: two thousand quiet desks are 8 MB.
//
// A timer that is armed again for no earlier than its slot comes, which is what nearly every line of a chat does to its
// clocks, only stores the new deadline: it stays there and is looked at when the slot comes. So next() may be early, by
// what has been moved or disarmed since; a host that wakes for nothing calls fire() and is told a later instant.
//
// Units: milliseconds of desk time. Time never goes back. Not for two threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/ids.hpp"

namespace deskd {

// One thing to do later. It lies inside its owner (a chat, an agent) and is not copied or moved, since the wheel points
// at it; when the owner goes, the timer has never been. Armed or not, it holds one deadline: arming again replaces it.
class Timer {
 public:
  Timer() = default;
  Timer(std::uint8_t for_what, std::int64_t of_whom) : owner{of_whom}, purpose{for_what} {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { unlink(); }

  bool armed() const { return at_ != nullptr; }
  // The instant it was armed for, also while and after it fires: `now - due()` is how late it was.
  Instant due() const { return due_; }

  // The wheel looks at neither. `owner` is a chat's id or an agent's index, `purpose` says which clock of it.
  std::int64_t owner{};
  std::uint8_t purpose{};

 private:
  friend class Timers;

  void unlink() {
    if (at_ == nullptr) return;
    *at_ = next_;
    if (next_ != nullptr) next_->at_ = at_;
    next_ = nullptr;
    at_ = nullptr;
  }

  // Arming for later touches these four and no more, so they lie side by side.
  Instant due_{};
  std::int64_t slot_ms_{0};  // of an armed one: when its slot comes
  std::uint64_t arming_{0};  // the number of the arm() that set due_
  Timer** at_{nullptr};      // the pointer that points here: the slot's head or the one before's next_
  Timer* next_{nullptr};
};

// The wheel. When it goes, what is armed in it is disarmed.
class Timers {
 public:
  Timers() = default;
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;
  ~Timers();

  // Sets the timer to fire at `due`, whatever it was set to before. An instant that has passed is due at once: it comes
  // after what is already due.
  void arm(Timer& timer, Instant due);
  void disarm(Timer& timer) { timer.unlink(); }

  // The host wakes then, at the latest. Never later than the first deadline; earlier only as said above. Nothing armed
  // and nothing left to look at: none.
  std::optional<Instant> next() const;

  // Takes the first timer that is due at `now`, or none: order of deadline, and of arming where deadlines are equal.
  // It is no longer armed and may be armed again, by its own handler too. Call until it gives none; `now` may not be
  // earlier than in the last call. Until the first call the wheel stands at 1970, so deadlines that passed while no
  // server ran still come in their order.
  Timer* fire(Instant now);

 private:
  static constexpr unsigned digit_bits{6};
  static constexpr unsigned slots{1u << digit_bits};
  static constexpr unsigned levels{7};
  static constexpr std::int64_t end_ms{(std::int64_t{1} << (digit_bits * levels)) - 1};

  struct Slot {
    unsigned level;
    unsigned index;
    std::int64_t from_ms;
  };

  std::optional<Slot> first_slot() const;
  void place(Timer& timer);
  void enter(Slot slot);

  std::array<std::uint64_t, levels> maybe_{};  // bit set: something may lie in the slot
  std::array<std::array<Timer*, slots>, levels> heads_{};
  Timer* ready_{nullptr};  // due at now_ms_, in order
  std::int64_t now_ms_{0};
  std::uint64_t armings_{0};
  std::uint64_t ready_armings_{0};  // armings_ when ready_ was filled
  std::vector<Timer*> sorting_;     // kept so that firing allocates nothing once warm
};

}  // namespace deskd
