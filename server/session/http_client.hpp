// http_client.hpp - One request to a server of ours, and its answer: for the commands that talk to a running deskd.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace deskd {

// A policy of ten thousand agents has been checked and stored by then.
inline constexpr std::chrono::seconds call_within{20};

struct CallAnswer {
  unsigned status{};
  std::string body;
};

// Nothing: nobody listens there. Throws std::runtime_error when somebody does and gives no whole answer in time.
std::optional<CallAnswer> call(const std::string& host, std::uint16_t port, std::string_view method,
                               std::string_view target, std::string_view bearer, std::string body = {});

}  // namespace deskd
