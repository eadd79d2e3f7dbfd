// shop.hpp - The shop that the load makers play: one desk, one shop, keys that they hold, a policy of the size asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace deskd::bench_shop {

inline constexpr std::string_view desk = "bench";
inline constexpr std::string_view shop = "bench-shop";
inline constexpr std::string_view issuer = "bench-shop";
inline constexpr std::string_view staff_issuer = "bench-staff";
inline constexpr std::string_view kid = "bench";
inline constexpr std::string_view subprotocol = "deskd.v1";

std::string buyer_path();
std::string agent_path();

std::string buyer_name(std::uint64_t n);
std::string agent_name(std::uint64_t n);

// Reads the secret, or makes one of 48 random characters when there is no such file.
std::string secret_at(const std::string& file);

// HS256, good for a day.
std::string buyer_token(std::string_view secret, std::string_view buyer);
std::string agent_token(std::string_view secret, std::string_view agent, std::string_view role = "agent");

struct PolicyWish {
  std::uint32_t agents{};
  std::uint32_t capacity{1};
  std::uint32_t held_max{0};  // 0: as the desk has it by default
  std::uint32_t queues{1};    // agent n serves queue n and the one after it
  double pace{1};             // a day compressed: every time of the policy is divided by this
  int quiet_weight{0};
  std::uint32_t queue_max{10'000};
  double offered_share{0};  // share of the queues whose agents accept by hand
};
std::string queue_name(std::uint32_t n);
// Writes the policy as `deskd apply` reads it.
bool write_policy(const std::string& file, const std::string& secret_file, const PolicyWish& wish);

}  // namespace deskd::bench_shop
