// desks.hpp - What people at a terminal ask a database: which desks it has, and what was decided about a chat.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.hpp"

namespace deskd {

// By name, in the order of their numbers. Blocks; throws StorageError.
std::vector<std::string> desk_names(const std::string& connection);

// Every decision about this chat that is stored, a line each, oldest first: when, what, why, and of an assignment its
// explanation. No words and nothing personal: there is none in a fact. Blocks; throws StorageError.
std::vector<std::string> read_decisions(const std::string& connection, std::string_view desk, ChatId chat);

}  // namespace deskd
