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
  std::uint32_t held_max{0};       // 0: as the desk has it by default
  std::uint32_t queues{1};         // each with an equal part of the agents
  // A day compressed: every time of a policy is divided by this.
  double pace{1};
  std::uint32_t queue_max{100'000};
  bool auto_accept{true};
  bool asks{true};                 // false: waits are never cut short by a question (pairs)
};
// Writes the policy as `deskd apply` reads it.
bool write_policy(const std::string& file, const std::string& secret_file, const PolicyWish& wish);

}  // namespace deskd::bench_shop
