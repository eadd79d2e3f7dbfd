// desks.hpp - Which desks a database has.
#pragma once

#include <string>
#include <vector>

namespace deskd {

// By name, in the order of their numbers. Blocks; throws StorageError.
std::vector<std::string> desk_names(const std::string& connection);

}  // namespace deskd
