// admin_call.hpp - One call to the admin API of the server that runs on these settings.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/options.hpp"
#include "server/session/http_client.hpp"

namespace deskd {

// With the word of admin_key_file. Nothing: nobody listens there. Throws std::runtime_error when somebody does and
// gives no whole answer, or when the word cannot be read.
std::optional<CallAnswer> call_admin(const Settings& settings, std::string_view method, const std::string& target,
                                     std::string body = {});

// Of an answer that refuses: "stale_policy: version 4 is in force".
std::string refusal_of(const CallAnswer& answer);

}  // namespace deskd
