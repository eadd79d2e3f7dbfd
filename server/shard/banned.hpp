// banned.hpp - Who may not come in any more, and for how long that is remembered.
//
// A token cannot be taken back: whoever may still hold one is turned away by name until it has run out.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "protocol/ids.hpp"
#include "server/session/token.hpp"

namespace deskd {

// As long as the longest pass that this server gives: a guest's, and that of `deskd token`. A shop or a merchant who
// signs for longer takes the key out of the policy.
inline constexpr Duration banned_for{guest_life_ms + token_leeway_ms};

// About 200 bytes each. Beyond it the oldest is forgotten early: somebody who revokes so many in a month wants the key
// out of the policy, too.
inline constexpr std::size_t banned_max{50'000};

class Banned {
 public:
  using Person = std::pair<std::string, std::string>;  // shop (empty: staff), person

  // `at` does not go back.
  void add(const Person& who, Instant at) {
    since_[who] = at;
    order_.emplace_back(at, who);
    while (order_.size() > banned_max || order_.front().first + banned_for <= at) {
      const auto oldest = since_.find(order_.front().second);
      if (oldest != since_.end() && oldest->second == order_.front().first) since_.erase(oldest);
      order_.pop_front();
    }
  }
  void lift(const Person& who) { since_.erase(who); }
  void set(const Person& who, bool lifted, Instant at) { lifted ? lift(who) : add(who, at); }
  bool holds(const Person& who, Instant now) const {
    const auto found = since_.find(who);
    return found != since_.end() && now < found->second + banned_for;
  }
  std::size_t size() const { return since_.size(); }

 private:
  std::map<Person, Instant> since_;
  std::deque<std::pair<Instant, Person>> order_;  // oldest first
};

}  // namespace deskd
