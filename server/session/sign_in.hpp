// sign_in.hpp - Whether a token opens this door, and as whom. Pure: what was shown in, who it is out.
//
//   no token      a guest's first visit: only from a page of the shop; a guest's id and pass are made
//   guest's pass  the same guest again, in every tab; only from a page of the shop; renewed by use
//   buyer's token signed by the shop's back end; with or without a page
//   staff's token signed by the merchant; the policy must know the name, and the lesser of both roles holds
//
// The shop or the desk of the token must be the one of the address. Whatever is wrong is one answer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/policy.hpp"
#include "server/session/arrival.hpp"
#include "server/session/token.hpp"

namespace deskd {

// A guest's pass is good for 30 days; one older than this is replaced, so that who comes once a week stays for ever.
inline constexpr std::int64_t guest_renewed_after_ms{std::int64_t{24} * 3600 * 1000};

struct SignInDoor {
  Entrance entrance{};
  std::string_view name;  // as in Arrival
  bool has_origin{};      // the listener has found it on the shop's list
};

struct Welcome {
  Identity who;
  std::string token;  // a new guest's pass, or a renewed one; else empty
};

// What a good token, or none, does not open here.
enum class SignInError : std::uint8_t { no_token, door, no_origin, unknown_agent, role };
constexpr std::string_view name_of(SignInError error) {
  constexpr std::string_view names[]{"no_token", "door", "no_origin", "unknown_agent", "role"};
  return names[static_cast<std::size_t>(error)];
}
// Why not. For a counter and a log line; the client is told bad_token whatever it was.
using NotWelcome = std::variant<SignInError, TokenError>;

// What both allow, of a member of the staff. Ops stands beside the others and not above them: it only looks at figures,
// so with anything else it is all that is left.
constexpr Role lesser(Role a, Role b) { return a == Role::ops || b == Role::ops ? Role::ops : std::min(a, b); }

std::variant<Welcome, NotWelcome> sign_in(std::string_view token, const SignInDoor& door, const KeyRing& keys,
                                          const policy::Desk& policy, std::int64_t wall_ms);

}  // namespace deskd
