#include "server/session/loop.hpp"

#include <algorithm>

namespace deskd {

// UNSAFE_IO leaves out the locks around each socket, which only this thread touches; the queue of handlers keeps its
// own, so that another thread may still post.
Loop::Loop() : context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO}, work_{context_.get_executor()} {}

void Loop::run() {
  while (turn()) {}
}

void Loop::stop() { context_.stop(); }

bool Loop::turn() {
  if (context_.run_one() == 0) return false;
  for (std::size_t handlers = 1; handlers < turn_handlers_max && context_.poll_one() != 0; ++handlers) {}
  ++counters_.turns;
  if (at_turn_end_) at_turn_end_();
  // A flush may end a session, and what follows from that may be sent to others: they join this round.
  for (std::size_t i = 0; i < outboxes_.size(); ++i) {
    Outbox* outbox = outboxes_[i];
    if (outbox == nullptr) continue;
    outbox->listed_ = false;
    outbox->flush();
  }
  outboxes_.clear();
  return !context_.stopped();
}

void Loop::flush_later(Outbox& outbox) {
  if (outbox.listed_) return;
  outbox.listed_ = true;
  outboxes_.push_back(&outbox);
}

void Loop::forget(Outbox& outbox) {
  if (!outbox.listed_) return;
  outbox.listed_ = false;
  std::replace(outboxes_.begin(), outboxes_.end(), &outbox, static_cast<Outbox*>(nullptr));
}

std::string Loop::take_buffer() {
  std::string buffer;
  if (spare_.empty()) {
    buffer.reserve(new_buffer_bytes);
  } else {
    buffer = std::move(spare_.back());
    spare_.pop_back();
    spare_bytes_ -= buffer.capacity();
  }
  return buffer;
}

void Loop::give_buffer(std::string&& buffer) {
  if (buffer.capacity() > spare_buffer_bytes_max || spare_bytes_ + buffer.capacity() > spare_bytes_max) return;
  buffer.clear();
  spare_bytes_ += buffer.capacity();
  spare_.push_back(std::move(buffer));
}

}  // namespace deskd
