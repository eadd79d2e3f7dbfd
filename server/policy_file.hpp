// policy_file.hpp - A policy out of a file that a person wrote, with everything that is wrong with it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "protocol/policy.hpp"

namespace deskd {

// A policy that keeps every rule and whose time zones this machine knows. Otherwise sentences that open with the file's
// name and the way there: "lamp.json: queues[0].reservation: ...".
std::variant<policy::Desk, std::vector<std::string>> read_policy_file(const std::string& file, std::int64_t wall_ms);

}  // namespace deskd
