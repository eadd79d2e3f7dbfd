// admission.hpp - How many may be here: the listener's counts of connections, in total and per address.
//
// What is scarce is descriptors, and what can be taken from us is the time of those who have not signed in. So two
// things are counted per address and one in total, all generously: a mobile carrier puts thousands of buyers behind one
// address, and an office all of its agents. The last descriptors are for staff alone: when the buyers have filled the
// server, the people who can do something about it still get in.
//
// Anybody may knock at the door of staff. Until they have signed in, those who do are counted by themselves, so that
// strangers there take neither the buyers' room nor all of what is kept for staff. Staff who signed in count nowhere.
//
// Lives on the listener's thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace deskd {

class Admission {
 public:
  struct Limits {
    std::size_t per_address{20'000};  // connections
    std::size_t per_address_not_signed_in{2'000};
    std::size_t not_signed_in{8'000};     // upgraded and silent; each costs about 10 KB for at most 10 s
    std::size_t descriptors{};            // the process's limit
    std::size_t descriptors_for_staff{};  // kept back of it

    // Of the door of staff: half of what is kept back may be strangers, and half of those of one address.
    std::size_t staff_not_signed_in() const { return descriptors_for_staff / 2; }
    std::size_t staff_per_address_not_signed_in() const { return descriptors_for_staff / 4; }
  };
  enum class Answer { welcome, too_many_here, full };

  explicit Admission(const Limits& limits) : limits_{limits} {}

  // `descriptor`: the new socket's number. The kernel gives the lowest free one, so it says how many are taken.
  Answer ask(std::string_view address, bool staff, int descriptor) const;

  void enter(const std::string& address, bool staff);
  void signed_in(const std::string& address, bool staff);
  // As it was when it left.
  void leave(const std::string& address, bool signed_in, bool staff);

  std::size_t addresses() const { return addresses_.size(); }
  std::size_t not_signed_in() const { return not_signed_in_ + staff_not_signed_in_; }
  std::size_t inside() const { return inside_; }

 private:
  struct Count {
    std::size_t inside{};  // staff excepted
    std::size_t not_signed_in{};
    std::size_t staff_not_signed_in{};
    bool operator==(const Count&) const = default;
  };
  void forget_empty(const std::string& address);

  Limits limits_;
  std::unordered_map<std::string, Count> addresses_;
  std::size_t not_signed_in_{};
  std::size_t staff_not_signed_in_{};
  std::size_t inside_{};
};

// What the process opens besides sessions: listeners, the database, the epolls of its threads, the files it records to.
inline constexpr std::size_t descriptors_besides_sessions{64};

// Of the process: the soft limit of open descriptors, and how many of them staff have for themselves: a thirty-second,
// at least 16, at most 512.
std::size_t descriptors_limit();
std::size_t descriptors_for_staff(std::size_t descriptors);

// Raises the soft limit to `wanted`, or as near as the hard one lets it; never lowers it. What it is then.
std::size_t raise_descriptors_limit(std::size_t wanted);

}  // namespace deskd
