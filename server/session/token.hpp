// token.hpp - Who is there: the signed pass that a buyer or an agent shows when signing in.
//
//        shop's back end ── signs {sub, iss, aud, exp, shop} ──> buyer's page ──> sign_in ──> verify() ──> Identity
//        merchant's own  ── signs {sub, iss, aud, exp, desk, role} ──> console ──┘
//        this server     ── signs a guest's pass itself, and asks for it back
//
// A token is a JWT in compact form. Three rules keep it from being turned against us:
//   - the key decides the algorithm and never the token: each key pins the one it was given for (HS256 or EdDSA with
//     Ed25519), and a token that says another is refused;
//   - `kid` is looked up in a map and used for nothing else, and what a key may say is bound to where it was listed: a
//     shop's key signs buyers of that shop, the desk's keys sign its staff, the server's own key signs guests;
//   - every bad token is one answer to whoever showed it, `bad_token`. TokenError is for a counter and a log line.
//
// Claims: `sub` (the buyer's id or the agent's name), `iss` (as the policy says), `aud` ("deskd", alone or in a list),
// `exp`; `nbf` and `iat` if there; `shop` for a buyer, and perhaps `level`; `desk` and `role` (agent, supervisor, ops) for staff. Times are
// seconds since 1970 by the wall clock, and 30 s of difference between two clocks are forgiven. Unknown claims are
// ignored; a key said twice is refused, because two readers could take two different values.
//
// Nothing here reads a clock, and nothing is shared: verify() may be called from any thread on a ring of its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "protocol/policy.hpp"
#include "protocol/words.hpp"

struct evp_pkey_st;

namespace deskd {

// A pass is a few hundred bytes; more is somebody's whole profile, or an attack on the parser.
inline constexpr std::size_t token_bytes_max{4096};

// How far two honest clocks may stand apart.
inline constexpr std::int64_t token_leeway_ms{30'000};

// A guest comes back within a month or is somebody new. Renewed at every sign-in.
inline constexpr std::int64_t guest_life_ms{std::int64_t{30} * 24 * 3600 * 1000};

// A buyer's id as the shop's back end says it: a uuid, a number, a hash; more fits no row and no console.
inline constexpr std::size_t person_bytes_max{128};

// As the policy's names of levels.
inline constexpr std::size_t level_bytes_max{32};

// RFC 7518 asks for a secret at least as long as the hash.
inline constexpr std::size_t secret_bytes_min{32};

// `kid` and `iss` of the server's own key. No policy may list a key of this name.
inline constexpr std::string_view guest_kid{"guest"};
inline constexpr std::string_view own_issuer{"deskd"};

// Whom a token speaks for.
struct Identity {
  Role role{};
  std::string person;              // a buyer's id, an agent's name, or a guest's 32 hex digits
  std::string shop;                // of buyers and guests; else empty
  std::string desk;                // of staff; else empty
  std::int64_t expires_wall_ms{};  // the session ends then, unless refreshed
  std::int64_t issued_wall_ms{};   // 0: the token does not say
  bool guest{};
  std::string kid;    // the key that vouches; empty for guests, whom this server's own does
  std::string level;  // of a buyer: what the shop's back end says they are, "vip"; the policy says what it is worth
  bool operator==(const Identity&) const = default;
};

// Why a token was refused. Never for whoever showed it.
enum class TokenError : std::uint8_t {
  size,         // empty or above token_bytes_max
  form,         // not three parts of strict base64url, or a part is not the JSON it must be
  header,       // a critical extension, or a type that is not JWT
  unknown_key,  // no key of this name for this shop or this desk's staff
  algorithm,    // not the one that the key pins; `none` is here too
  signature,
  claims,  // one is missing or out of its range
  issuer,
  audience,
  expired,
  early,
};
inline constexpr std::size_t token_errors{11};
std::string_view name_of(TokenError error);

// One key. A secret both signs and verifies; the PEM of an Ed25519 public key verifies, that of a private key does
// both.
class TokenKey {
 public:
  // Reads key.file. A secret is the file's bytes without one newline at the end. The string says what is wrong and
  // names the file, never what is in it.
  static std::variant<TokenKey, std::string> read(const policy::Key& key);
  static TokenKey of_secret(std::string kid, std::string secret);

  const std::string& kid() const { return kid_; }
  policy::Algorithm algorithm() const { return algorithm_; }
  bool verifies(std::string_view text, std::string_view signature) const;
  // Empty when this key cannot sign.
  std::string sign(std::string_view text) const;

 private:
  std::string kid_;
  policy::Algorithm algorithm_{};
  std::string secret_;                 // hs256
  std::shared_ptr<evp_pkey_st> pkey_;  // eddsa
};

// The keys of one desk under one version of its policy. Made anew with every version, so that an old key ends when the
// policy no longer lists it.
class KeyRing {
 public:
  // `guest` is the server's own key, of name guest_kid; all servers of one database need the same, or a guest is
  // somebody new on each of them. The string says what is wrong: a file that cannot be read, a secret that is too
  // short, two keys of one name.
  static std::variant<KeyRing, std::string> of(const policy::Desk& desk, TokenKey guest);

  // A pass for a guest of this shop, good for guest_life_ms from now.
  std::string mint_guest(std::string_view shop, std::string_view person, std::int64_t wall_ms) const;

  // The key of this name that may speak for `shop`, or for the desk's staff when `shop` is empty. Null: none.
  struct Holder {
    TokenKey key;
    std::string issuer;
  };
  const Holder* find(std::string_view shop, std::string_view kid) const;
  const TokenKey& guest() const { return guest_; }
  const std::string& desk() const { return desk_; }
  bool serves(std::string_view shop) const { return shops_.contains(shop); }

 private:
  KeyRing(std::string desk, TokenKey guest) : desk_{std::move(desk)}, guest_{std::move(guest)} {}
  using Keys = std::map<std::string, Holder, std::less<>>;
  std::string desk_;
  TokenKey guest_;
  Keys staff_;
  std::map<std::string, Keys, std::less<>> shops_;
};

// The one door. The caller still compares `shop` or `desk` with the address that the session came in by, and asks the
// policy whether it knows the agent.
std::variant<Identity, TokenError> verify(std::string_view token, const KeyRing& ring, std::int64_t wall_ms);

// A token for `who`, good from now until who.expires_wall_ms. Empty when the key cannot sign.
std::string mint(const Identity& who, const TokenKey& key, std::string_view issuer, std::int64_t wall_ms);

// 128 random bits as 32 hex digits: a new guest.
std::string new_guest();

// Whether two secrets are the same, in a time that does not tell where they part.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace deskd
