// mailbox.hpp - The one door into a shard from other threads. Only values go through it.
//
// The receiver is woken once however many letters lie there, because waking a sleeping thread costs more than a letter.
// Letters of one sender arrive in the order of posting. The lock is held for one push or one swap.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace deskd {

template <class Letter>
class Mailbox {
 public:
  // `read` is called on the receiver's thread, once a letter; `rest` after the last one of each time.
  Mailbox(boost::asio::io_context& receiver, std::function<void(Letter&&)> read, std::function<void()> rest)
      : receiver_{receiver}, read_{std::move(read)}, rest_{std::move(rest)} {}

  // Any thread.
  void post(Letter letter) {
    bool was_empty;
    {
      const std::lock_guard lock{mutex_};
      was_empty = letters_.empty();
      letters_.push_back(std::move(letter));
    }
    if (was_empty) boost::asio::post(receiver_, [this] { empty(); });
  }

 private:
  void empty() {
    {
      const std::lock_guard lock{mutex_};
      reading_.swap(letters_);
    }
    for (Letter& letter : reading_) read_(std::move(letter));
    reading_.clear();
    rest_();
  }

  boost::asio::io_context& receiver_;
  std::function<void(Letter&&)> read_;
  std::function<void()> rest_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
  std::vector<Letter> reading_;
};

}  // namespace deskd
