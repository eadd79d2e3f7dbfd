// rulebook.hpp - One version of a policy, ready to be asked: names turned into indices, skills into bits, hours into
// calendars.
//
// Routing asks the newest book; the promises of a chat are read from the book it was opened under, which it holds on to.
// Indices mean something within one book only, so a chat names its queue and shop, and is looked up again when a new book
// comes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/policy.hpp"
#include "server/desk/calendar.hpp"

namespace deskd {

using Mask = std::uint64_t;
using QueueIndex = Id<struct QueueIndexTag, std::uint8_t>;
using ShopIndex = Id<struct ShopIndexTag, std::uint8_t>;

class Rulebook {
 public:
  // The policy has passed protocol/policy_rules: names are unique, references resolve, bounds hold.
  explicit Rulebook(std::shared_ptr<const policy::Desk> policy);

  const policy::Desk& policy() const { return *policy_; }
  std::int64_t version() const { return policy_->version; }

  std::optional<ShopIndex> shop(std::string_view name) const;
  std::optional<QueueIndex> queue(std::string_view name) const;
  const policy::Shop& shop(ShopIndex shop) const { return policy_->shops[shop.value]; }
  const policy::Queue& queue(QueueIndex queue) const { return policy_->queues[queue.value]; }
  // Null when the shop's policy names no such level.
  const policy::Level* level(std::string_view shop, std::string_view name) const;
  // The first queue that serves the shop: where a buyer who names none goes.
  std::optional<QueueIndex> first_queue(ShopIndex shop) const;
  bool serves(QueueIndex queue, ShopIndex shop) const;
  // The shop's hours; always open when it names no calendar.
  const Calendar& hours(ShopIndex shop) const;

  static Mask bit(QueueIndex queue) { return Mask{1} << queue.value; }
  Mask queues(const std::vector<std::string>& names) const;
  // The bit of a skill; 0 for one that nobody has and no queue asks for.
  Mask skill(std::string_view name) const;
  Mask skills(const std::vector<std::string>& names) const;
  std::size_t queue_count() const { return policy_->queues.size(); }

 private:
  std::shared_ptr<const policy::Desk> policy_;
  std::vector<std::string> skills_;         // bit n is skills_[n]
  std::vector<Calendar> calendars_;         // as policy().calendars, then the one that is always open
  std::vector<std::size_t> shop_calendar_;  // into calendars_
};

}  // namespace deskd
