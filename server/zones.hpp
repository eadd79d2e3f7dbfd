// zones.hpp - From a zone's name to the plain offsets that a desk can add.
//
// A desk's calendar is arithmetic over rows (from, offset). Where a zone changes its offset is read here, from the time
// zone data of this machine, for some years around a policy's coming into force.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/policy.hpp"

namespace deskd {

// A chat keeps the calendar of its opening, and a policy may stay in force for years.
inline constexpr std::int64_t zone_years_ahead{10};

// Fills `offsets` of every calendar that has hours, from a year before `wall_ms` on. Returns what is wrong, as
// sentences: a zone that this machine does not know.
std::vector<std::string> fill_offsets(policy::Desk& desk, std::int64_t wall_ms);

}  // namespace deskd
