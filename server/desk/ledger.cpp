#include "server/desk/ledger.hpp"

#include "server/desk/assert.hpp"

namespace deskd {

void Ledger::start_at(Position newest) {
  DESK_ASSERT(size_ == 0);
  newest_ = durable_ = newest;
}

Position Ledger::add(Pending pending) {
  if (size_ == ring_.size()) {
    std::vector<Pending> wider(ring_.empty() ? 64 : 2 * ring_.size());
    for (std::size_t n = 0; n < size_; ++n) wider[n] = at(n);
    ring_.swap(wider);
    first_ = 0;
  }
  pending.position = newest_ = Position{newest_.value + 1};
  backlog_bytes_ += pending.bytes;
  ++size_;
  at(size_ - 1) = pending;
  return newest_;
}

Ledger::Pending* Ledger::find(Position position) {
  if (position <= durable_ || position > newest_) return nullptr;
  return &at(static_cast<std::size_t>(position.value - durable_.value - 1));
}

Ledger::Pending Ledger::take_durable() {
  DESK_ASSERT(size_ > 0);
  const Pending oldest = at(0);
  first_ = (first_ + 1) & (ring_.size() - 1);
  --size_;
  backlog_bytes_ -= oldest.bytes;
  durable_ = oldest.position;
  return oldest;
}

}  // namespace deskd
