#include "server/session/sign_in.hpp"

#include <algorithm>

namespace deskd {

namespace {

std::variant<Welcome, NotWelcome> new_guest_of(const SignInDoor& door, const KeyRing& keys, std::int64_t wall_ms) {
  Welcome welcome;
  Identity& who = welcome.who;
  who.role = Role::guest;
  who.guest = true;
  who.person = new_guest();
  who.shop = door.name;
  who.issued_wall_ms = wall_ms;
  who.expires_wall_ms = wall_ms + guest_life_ms;
  welcome.token = keys.mint_guest(who.shop, who.person, wall_ms);
  return welcome;
}

std::variant<Welcome, NotWelcome> staff(Identity who, const SignInDoor& door, const policy::Desk& policy) {
  if (!door.name.empty() && who.desk != door.name) return SignInError::door;
  const auto agent = std::ranges::find(policy.agents, who.person, &policy::Agent::name);
  if (agent == policy.agents.end()) return SignInError::unknown_agent;
  who.role = lesser(who.role, agent->role);
  const bool serves = who.role == Role::agent || who.role == Role::supervisor;
  const bool looks_on = who.role == Role::ops || who.role == Role::supervisor;
  if (door.entrance == Entrance::agent ? !serves : !looks_on) return SignInError::role;
  return Welcome{std::move(who), {}};
}

}  // namespace

std::variant<Welcome, NotWelcome> sign_in(std::string_view token, const SignInDoor& door, const KeyRing& keys,
                                          const policy::Desk& policy, std::int64_t wall_ms) {
  const bool is_buyers = door.entrance == Entrance::buyer;
  if (token.empty()) {
    if (!is_buyers) return SignInError::no_token;
    if (!door.has_origin) return SignInError::no_origin;
    return new_guest_of(door, keys, wall_ms);
  }
  auto read = verify(token, keys, wall_ms);
  if (const auto* wrong = std::get_if<TokenError>(&read)) return *wrong;
  Identity& who = std::get<Identity>(read);
  const bool is_buyer = who.role == Role::buyer || who.role == Role::guest;
  if (is_buyer != is_buyers) return SignInError::door;
  if (!is_buyer) return staff(std::move(who), door, policy);
  if (who.shop != door.name) return SignInError::door;
  if (who.guest && !door.has_origin) return SignInError::no_origin;
  Welcome welcome{std::move(who), {}};
  if (welcome.who.guest && wall_ms - welcome.who.issued_wall_ms >= guest_renewed_after_ms) {
    welcome.token = keys.mint_guest(welcome.who.shop, welcome.who.person, wall_ms);
    welcome.who.issued_wall_ms = wall_ms;
    welcome.who.expires_wall_ms = wall_ms + guest_life_ms;
  }
  return welcome;
}

}  // namespace deskd
