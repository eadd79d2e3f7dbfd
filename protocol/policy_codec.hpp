// policy_codec.hpp - A desk's policy as the JSON that a person writes, that the database keeps, and back.
//
//        {"name":"demo","shops":[{"name":"lamps", ...}],"queues":[{"name":"presale","queue_wait":"3min", ...}], ...}
//
// Members are those of policy.hpp under their names. Lengths of time carry their unit ("250ms", "30s", "5min", "2h"),
// open hours are "09:00-23:00" and may pass midnight ("20:00-26:00" ends at two). Whatever is left out has its default.
// A key that does not exist is refused with its path: a setting misspelt would otherwise be a promise silently not
// made. `offsets` of a calendar are not written: the edge reads them from the time zone data of the machine.
//
// What parses may still break a rule: policy_rules.hpp.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "protocol/policy.hpp"

namespace deskd::policy {

// Ten thousand agents at 300 bytes each, and room. A policy comes from an admin, and still has an end.
inline constexpr std::size_t policy_bytes_max{8 * 1024 * 1024};

// Where, and what is wrong there: "queues[2].reservation", "a length of time ... is wanted".
struct Problem {
  std::string path;
  std::string message;
  std::string text() const { return path.empty() ? message : path + ": " + message; }
  bool operator==(const Problem&) const = default;
};

std::variant<Desk, Problem> decode(std::string_view json);

// Every member, also those at their default: what is stored must not change its meaning when a default does.
std::string encode(const Desk& desk);

}  // namespace deskd::policy
