#include "server/desk/rulebook.hpp"

#include <algorithm>

#include "server/desk/assert.hpp"
#include "server/desk/limits.hpp"

namespace deskd {

namespace {

template <class Index, class Rows>
std::optional<Index> find_named(const Rows& rows, std::string_view name) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].name == name) return Index{static_cast<typename Index::Number>(i)};
  return std::nullopt;
}

}  // namespace

Rulebook::Rulebook(std::shared_ptr<const policy::Desk> policy) : policy_(std::move(policy)) {
  DESK_ASSERT(policy_ && policy_->queues.size() <= limits::queues_max);
  const auto learn = [this](const std::vector<std::string>& names) {
    for (const std::string& name : names)
      if (std::find(skills_.begin(), skills_.end(), name) == skills_.end()) skills_.push_back(name);
  };
  for (const policy::Queue& queue : policy_->queues) learn(queue.skills);
  for (const policy::Agent& agent : policy_->agents) learn(agent.skills);
  DESK_ASSERT(skills_.size() <= limits::skills_max);

  for (const policy::Calendar& calendar : policy_->calendars) calendars_.emplace_back(calendar);
  calendars_.emplace_back(policy::Calendar{});
  for (const policy::Shop& shop : policy_->shops) {
    std::size_t found = calendars_.size() - 1;
    for (std::size_t i = 0; i < policy_->calendars.size(); ++i)
      if (policy_->calendars[i].name == shop.calendar) found = i;
    shop_calendar_.push_back(found);
  }
}

std::optional<ShopIndex> Rulebook::shop(std::string_view name) const {
  return find_named<ShopIndex>(policy_->shops, name);
}
std::optional<QueueIndex> Rulebook::queue(std::string_view name) const {
  return find_named<QueueIndex>(policy_->queues, name);
}

const policy::Level* Rulebook::level(std::string_view of_shop, std::string_view name) const {
  const auto index = shop(of_shop);
  if (!index) return nullptr;
  const std::vector<policy::Level>& levels = shop(*index).levels;
  const auto found =
      std::find_if(levels.begin(), levels.end(), [&](const policy::Level& level) { return level.name == name; });
  return found == levels.end() ? nullptr : &*found;
}

bool Rulebook::serves(QueueIndex queue, ShopIndex at) const {
  const std::vector<std::string>& shops = this->queue(queue).shops;
  return shops.empty() || std::find(shops.begin(), shops.end(), shop(at).name) != shops.end();
}

std::optional<QueueIndex> Rulebook::first_queue(ShopIndex at) const {
  for (std::uint8_t i = 0; i < policy_->queues.size(); ++i)
    if (serves(QueueIndex{i}, at)) return QueueIndex{i};
  return std::nullopt;
}

const Calendar& Rulebook::hours(ShopIndex at) const { return calendars_[shop_calendar_[at.value]]; }

Mask Rulebook::queues(const std::vector<std::string>& names) const {
  Mask mask = 0;
  for (const std::string& name : names)
    if (const auto found = queue(name)) mask |= bit(*found);
  return mask;
}

Mask Rulebook::skill(std::string_view name) const {
  const auto found = std::find(skills_.begin(), skills_.end(), name);
  return found == skills_.end() ? 0 : Mask{1} << (found - skills_.begin());
}

Mask Rulebook::skills(const std::vector<std::string>& names) const {
  Mask mask = 0;
  for (const std::string& name : names) mask |= skill(name);
  return mask;
}

}  // namespace deskd
