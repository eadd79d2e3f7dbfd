// policy_rules.hpp - Whether a policy can be worked with, before it comes into force.
//
// The desk trusts what has passed here: names are unique, what they refer to exists, steps ascend, numbers lie in their
// bounds. All problems are found at once, each with its path, so that one look at the answer mends the file. What only
// the machine knows is not asked: whether a key's file can be read, whether a time zone exists.
#pragma once

#include <vector>

#include "protocol/policy.hpp"
#include "protocol/policy_codec.hpp"

namespace deskd::policy {

// Routing compares sets of queues and skills as 64 bits.
inline constexpr std::size_t policy_queues_max{64};
inline constexpr std::size_t policy_skills_max{64};

// A desk is one merchant's team on one thread. Ten thousand agents are what it is measured with; a hundred storefronts
// of one merchant would be a lot.
inline constexpr std::size_t policy_agents_max{10'000};
inline constexpr std::size_t policy_shops_max{100};
inline constexpr std::size_t policy_calendars_max{100};

// Chats one agent may hold: a resume names 256 at most, and a supervisor's must have room for those that are watched.
inline constexpr std::int32_t policy_held_max{192};

// A problem found is a line to read; nobody reads more at once, and a policy that is all wrong costs no more than this.
inline constexpr std::size_t policy_problems_max{100};

// Empty: the policy may come into force.
std::vector<Problem> validate(const Desk& desk);

}  // namespace deskd::policy
