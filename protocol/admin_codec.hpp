// admin_codec.hpp - What the admin API says in JSON besides policies: who is to be revoked, and why something was
// refused.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "protocol/words.hpp"

namespace deskd::admin {

// Three short words, and room.
inline constexpr std::size_t admin_body_bytes_max{4096};

// {"role":"buyer","shop":"demo","person":"b1"}; staff without a shop. With "lift":true it is taken back.
struct Revocation {
  Role role{};
  std::string shop;
  std::string person;
  bool lift{};
  bool operator==(const Revocation&) const = default;
};
// The string says what is wrong.
std::variant<Revocation, std::string> read_revocation(std::string_view json);

// {"error":"stale_policy","message":"version 4 is in force"}
std::string refusal(std::string_view error, std::string_view message);

// "stale_policy: version 4 is in force" out of that; empty when `json` is something else.
std::string read_refusal(std::string_view json);

}  // namespace deskd::admin
