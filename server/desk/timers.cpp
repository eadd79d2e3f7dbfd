#include "server/desk/timers.hpp"

#include <algorithm>
#include <bit>

#include "server/desk/assert.hpp"

namespace deskd {

Timers::~Timers() {
  while (ready_ != nullptr) ready_->unlink();
  for (auto& level : heads_)
    for (Timer*& head : level)
      while (head != nullptr) head->unlink();
}

void Timers::arm(Timer& timer, Instant due) {
  // It is looked at when its slot comes: with a deadline no earlier than that it may stay where it is.
  const bool stays = timer.armed() && ms_of(due) >= timer.slot_ms_;
  timer.due_ = due;
  timer.arming_ = ++armings_;
  if (stays) return;
  timer.unlink();
  place(timer);
}

std::optional<Instant> Timers::next() const {
  if (ready_ != nullptr) return instant_of(now_ms_);
  const auto slot = first_slot();
  if (!slot) return std::nullopt;
  return instant_of(slot->from_ms);
}

Timer* Timers::fire(Instant now) {
  DESK_ASSERT(ms_of(now) >= now_ms_);
  for (;;) {
    while (ready_ != nullptr) {
      Timer* first = ready_;
      first->unlink();
      if (first->arming_ <= ready_armings_) return first;
      place(*first);  // armed again by one that fired at the same instant
    }
    const auto slot = first_slot();
    if (!slot || slot->from_ms > ms_of(now)) {
      now_ms_ = ms_of(now);
      return nullptr;
    }
    enter(*slot);
  }
}

// All slots of a level lie before the next slot of the level above, so the lowest level with a bit has the first slot.
std::optional<Timers::Slot> Timers::first_slot() const {
  for (unsigned level = 0; level < levels; ++level) {
    if (maybe_[level] == 0) continue;
    const auto index = static_cast<unsigned>(std::countr_zero(maybe_[level]));
    const unsigned above = digit_bits * (level + 1);
    return Slot{level, index, now_ms_ >> above << above | std::int64_t{index} << (digit_bits * level)};
  }
  return std::nullopt;
}

void Timers::place(Timer& timer) {
  const std::int64_t at = std::clamp(ms_of(timer.due_), now_ms_, end_ms);
  const auto differs = static_cast<std::uint64_t>(at ^ now_ms_);
  const unsigned level = (static_cast<unsigned>(std::bit_width(differs | 1)) - 1) / digit_bits;
  const auto index = static_cast<unsigned>(at >> (digit_bits * level)) % slots;
  timer.slot_ms_ = at >> (digit_bits * level) << (digit_bits * level);
  Timer*& head = heads_[level][index];
  timer.next_ = head;
  timer.at_ = &head;
  if (head != nullptr) head->at_ = &timer.next_;
  head = &timer;
  maybe_[level] |= std::uint64_t{1} << index;
}

// Time comes to a slot. In level 0 what is due there becomes ready; everything else finds its place again.
void Timers::enter(Slot slot) {
  now_ms_ = slot.from_ms;
  maybe_[slot.level] &= ~(std::uint64_t{1} << slot.index);
  sorting_.clear();
  Timer* rest = heads_[slot.level][slot.index];
  heads_[slot.level][slot.index] = nullptr;
  while (rest != nullptr) {
    Timer& timer = *rest;
    rest = timer.next_;
    if (slot.level == 0 && ms_of(timer.due_) <= now_ms_) sorting_.push_back(&timer);
    else place(timer);
  }
  std::ranges::sort(sorting_, {}, &Timer::arming_);
  Timer** tail = &ready_;
  for (Timer* timer : sorting_) {
    *tail = timer;
    timer->at_ = tail;
    timer->next_ = nullptr;
    tail = &timer->next_;
  }
  ready_armings_ = armings_;
}

}  // namespace deskd
