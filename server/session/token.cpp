// token.cpp - See token.hpp. JWT over OpenSSL's EVP; the JSON of both parts through simdjson's DOM, which checks all of
// a document and not only what is asked for.
#include "server/session/token.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <simdjson.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <stdexcept>

#include "protocol/json.hpp"

namespace deskd {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view audience{"deskd"};

// A token's JSON is flat; `aud` may be a list and other claims somebody's object.
constexpr std::size_t depth_max{8};

// The year 9999: beyond it a number of seconds is a number of something else.
constexpr double seconds_max{253'402'300'799.0};

// A key file is a secret or one PEM block.
constexpr std::size_t key_file_bytes_max{16 * 1024};

constexpr std::string_view base64url{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};

std::string to_base64url(std::string_view bytes) {
  std::string text;
  std::uint32_t held = 0;
  int bits = 0;
  for (const unsigned char byte : bytes) {
    held = held << 8 | byte;
    for (bits += 8; bits >= 6; bits -= 6) text += base64url[held >> (bits - 6) & 63];
  }
  if (bits > 0) text += base64url[held << (6 - bits) & 63];
  return text;
}

// Strict: no padding, no other alphabet, no spare bits. Otherwise one token has many spellings, and a list of revoked
// ones would know only one.
std::optional<std::string> from_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = base64url.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    held = held << 6 | static_cast<std::uint32_t>(value);
    if ((bits += 6) >= 8) bytes += static_cast<char>(held >> (bits -= 8) & 255);
  }
  if ((held & ((1U << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::string hmac_sha256(std::string_view secret, std::string_view text) {
  std::array<unsigned char, 32> sum{};
  unsigned int size = sum.size();
  if (!HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
            reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum.data(), &size))
    return {};
  return {reinterpret_cast<const char*>(sum.data()), size};
}

using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

// The object of one part. Nothing when it is not JSON, not an object, or says a key twice.
std::optional<dom::object> object_of(dom::parser& parser, const std::string& json) {
  dom::object object;
  if (parser.parse(json).get(object) != simdjson::SUCCESS) return std::nullopt;
  for (auto one = object.begin(); one != object.end(); ++one)
    for (auto other = object.begin(); other != one; ++other)
      if (one.key() == other.key()) return std::nullopt;
  return object;
}

std::optional<std::string_view> text_at(const dom::object& object, std::string_view key) {
  std::string_view text;
  if (object[key].get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

bool has(const dom::object& object, std::string_view key) { return object[key].error() == simdjson::SUCCESS; }

// Seconds since 1970, whole or not (RFC 7519 allows both), as milliseconds.
std::optional<std::int64_t> moment_at(const dom::object& object, std::string_view key) {
  double seconds{};
  if (object[key].get(seconds) != simdjson::SUCCESS) return std::nullopt;
  if (!(seconds >= 0 && seconds <= seconds_max)) return std::nullopt;
  return static_cast<std::int64_t>(std::floor(seconds * 1000));
}

bool is_for_us(const dom::object& claims) {
  dom::array several;
  if (claims["aud"].get(several) != simdjson::SUCCESS) return text_at(claims, "aud") == audience;
  for (const dom::element one : several) {
    std::string_view text;
    if (one.get(text) == simdjson::SUCCESS && text == audience) return true;
  }
  return false;
}

// What may stand as a person in rows and on a console.
bool is_person(std::string_view person, Role role) {
  if (person.empty() || person.size() > person_bytes_max) return false;
  for (const unsigned char c : person) {
    if (c < 0x20 || c == 0x7f) return false;
    if (role == Role::guest && !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return role != Role::guest || person.size() == 32;
}

// The rest of the claims, once the signature held.
std::variant<Identity, TokenError> judge(const dom::object& claims, Identity who, std::string_view issuer,
                                         std::int64_t wall_ms) {
  if (text_at(claims, "iss") != issuer) return TokenError::issuer;
  if (!is_for_us(claims)) return TokenError::audience;
  const auto person = text_at(claims, "sub");
  if (!person || !is_person(*person, who.role)) return TokenError::claims;
  who.person = *person;
  const auto expires = moment_at(claims, "exp");
  if (!expires) return TokenError::claims;
  who.expires_wall_ms = *expires;
  if (has(claims, "iat")) {
    const auto issued = moment_at(claims, "iat");
    if (!issued) return TokenError::claims;
    who.issued_wall_ms = *issued;
  }
  if (wall_ms >= *expires + token_leeway_ms) return TokenError::expired;
  if (has(claims, "nbf")) {
    const auto from = moment_at(claims, "nbf");
    if (!from) return TokenError::claims;
    if (wall_ms < *from - token_leeway_ms) return TokenError::early;
  }
  return who;
}

std::optional<std::string> content_of(const std::string& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in{std::fopen(file.c_str(), "rbe"), &std::fclose};
  if (!in) return std::nullopt;
  std::string content(key_file_bytes_max + 1, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), in.get()));
  if (std::ferror(in.get()) || content.size() > key_file_bytes_max) return std::nullopt;
  return content;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits{"0123456789abcdef"};
  std::string text;
  for (const unsigned char byte : bytes) (text += digits[byte >> 4]) += digits[byte & 15];
  return text;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  // Without randomness nothing that follows is safe.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    throw std::runtime_error{"no randomness from the system"};
  return bytes;
}

}  // namespace

std::string_view name_of(TokenError error) {
  static constexpr std::array<std::string_view, token_errors> names{"size",      "form",      "header", "unknown_key",
                                                                    "algorithm", "signature", "claims", "issuer",
                                                                    "audience",  "expired",   "early"};
  return names[static_cast<std::size_t>(error)];
}

std::variant<TokenKey, std::string> TokenKey::read(const policy::Key& key) {
  if (key.kid.empty()) return "a key has no kid: " + key.file;
  auto content = content_of(key.file);
  if (!content) return "key " + key.kid + ": cannot read " + key.file;
  TokenKey read;
  read.kid_ = key.kid;
  read.algorithm_ = key.algorithm;
  if (key.algorithm == policy::Algorithm::hs256) {
    if (!content->empty() && content->back() == '\n') content->pop_back();
    if (content->size() < secret_bytes_min)
      return "key " + key.kid + ": " + key.file + " holds fewer than " + std::to_string(secret_bytes_min) + " bytes";
    // The public half of somebody's pair is no secret: taking it for one is how algorithm confusion gets in.
    if (content->find("-----BEGIN") != std::string::npos)
      return "key " + key.kid + ": " + key.file + " is a PEM file, and hs256 asks for a secret";
    read.secret_ = std::move(*content);
    return read;
  }
  const std::unique_ptr<BIO, int (*)(BIO*)> in{BIO_new_mem_buf(content->data(), static_cast<int>(content->size())),
                                               &BIO_free};
  EVP_PKEY* pkey = nullptr;
  if (content->find("PRIVATE KEY-----") != std::string::npos) {
    // An empty pass phrase, so that an encrypted file fails instead of asking at the terminal.
    pkey = PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, const_cast<char*>(""));
  } else {
    pkey = PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, const_cast<char*>(""));
  }
  if (pkey == nullptr || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519) {
    EVP_PKEY_free(pkey);
    return "key " + key.kid + ": " + key.file + " is not the PEM of an Ed25519 key";
  }
  read.pkey_ = {pkey, &EVP_PKEY_free};
  return read;
}

TokenKey TokenKey::of_secret(std::string kid, std::string secret) {
  TokenKey key;
  key.kid_ = std::move(kid);
  key.algorithm_ = policy::Algorithm::hs256;
  key.secret_ = std::move(secret);
  return key;
}

bool TokenKey::verifies(std::string_view text, std::string_view signature) const {
  if (algorithm_ == policy::Algorithm::hs256) {
    const std::string expected = hmac_sha256(secret_, text);
    return !expected.empty() && same_secret(expected, signature);
  }
  const Context context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
  return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey_.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

std::string TokenKey::sign(std::string_view text) const {
  if (algorithm_ == policy::Algorithm::hs256) return hmac_sha256(secret_, text);
  const Context context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
  std::array<unsigned char, 64> signature{};
  std::size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, pkey_.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, reinterpret_cast<const unsigned char*>(text.data()),
                     text.size()) != 1)
    return {};
  return {reinterpret_cast<const char*>(signature.data()), size};
}

std::variant<KeyRing, std::string> KeyRing::of(const policy::Desk& desk, TokenKey guest) {
  KeyRing ring{desk.name, std::move(guest)};
  std::string wrong;
  const auto take = [&wrong](const std::vector<policy::Key>& keys, const std::string& issuer, Keys& into) {
    for (const policy::Key& key : keys) {
      auto read = TokenKey::read(key);
      if (auto* said = std::get_if<std::string>(&read)) {
        wrong = *said;
      } else if (key.kid == guest_kid) {
        wrong = "key guest: this name is the server's own";
      } else if (!into.try_emplace(key.kid, Holder{std::get<TokenKey>(std::move(read)), issuer}).second) {
        wrong = "key " + key.kid + " is listed twice";
      }
      if (!wrong.empty()) return false;
    }
    return true;
  };
  if (!take(desk.staff_keys, desk.staff_issuer, ring.staff_)) return "staff: " + wrong;
  for (const policy::Shop& shop : desk.shops)
    if (!take(shop.keys, shop.issuer, ring.shops_[shop.name])) return "shop " + shop.name + ": " + wrong;
  return ring;
}

const KeyRing::Holder* KeyRing::find(std::string_view shop, std::string_view kid) const {
  const Keys* keys = &staff_;
  if (!shop.empty()) {
    const auto found = shops_.find(shop);
    if (found == shops_.end()) return nullptr;
    keys = &found->second;
  }
  const auto found = keys->find(kid);
  return found == keys->end() ? nullptr : &found->second;
}

std::string KeyRing::mint_guest(std::string_view shop, std::string_view person, std::int64_t wall_ms) const {
  Identity who;
  who.role = Role::guest;
  who.person = person;
  who.shop = shop;
  who.guest = true;
  who.expires_wall_ms = wall_ms + guest_life_ms;
  return mint(who, guest_, own_issuer, wall_ms);
}

std::variant<Identity, TokenError> verify(std::string_view token, const KeyRing& ring, std::int64_t wall_ms) {
  if (token.empty() || token.size() > token_bytes_max) return TokenError::size;
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == last || token.find('.', first + 1) != last) return TokenError::form;
  const auto header_json = from_base64url(token.substr(0, first));
  const auto claims_json = from_base64url(token.substr(first + 1, last - first - 1));
  const auto signature = from_base64url(token.substr(last + 1));
  if (!header_json || !claims_json || !signature) return TokenError::form;

  dom::parser header_parser{token_bytes_max};
  dom::parser claims_parser{token_bytes_max};
  if (header_parser.allocate(token_bytes_max, depth_max) != simdjson::SUCCESS ||
      claims_parser.allocate(token_bytes_max, depth_max) != simdjson::SUCCESS)
    return TokenError::form;
  const auto header = object_of(header_parser, *header_json);
  const auto claims = object_of(claims_parser, *claims_json);
  if (!header || !claims) return TokenError::form;

  // An extension marked critical must be understood, and we understand none.
  if (has(*header, "crit")) return TokenError::header;
  if (has(*header, "typ")) {
    const auto type = text_at(*header, "typ");
    if (type != "JWT" && type != "jwt") return TokenError::header;
  }
  const auto algorithm = text_at(*header, "alg");
  const auto kid = text_at(*header, "kid");
  if (!algorithm || !kid) return TokenError::header;

  // Which key may speak is settled by what the token claims to be; nothing claimed is believed before the signature.
  Identity who;
  const auto shop = text_at(*claims, "shop");
  const auto desk = text_at(*claims, "desk");
  if (has(*claims, "shop") == has(*claims, "desk") || shop.value_or("").empty() == desk.value_or("").empty())
    return TokenError::claims;
  const TokenKey* key = nullptr;
  std::string_view issuer;
  if (shop && kid == guest_kid) {
    if (!ring.serves(*shop)) return TokenError::unknown_key;
    key = &ring.guest();
    issuer = own_issuer;
    who.guest = true;
    who.role = Role::guest;
    who.shop = *shop;
  } else {
    if (desk && *desk != ring.desk()) return TokenError::unknown_key;
    const KeyRing::Holder* holder = ring.find(shop.value_or(""), *kid);
    if (holder == nullptr) return TokenError::unknown_key;
    key = &holder->key;
    issuer = holder->issuer;
    who.kid = *kid;
    if (shop) {
      who.role = Role::buyer;
      who.shop = *shop;
      const auto level = has(*claims, "level") ? text_at(*claims, "level") : "";
      if (!level || level->size() > level_bytes_max) return TokenError::claims;
      who.level = *level;
    } else {
      const auto role = from_word<Role>(text_at(*claims, "role").value_or(""));
      if (!role || *role == Role::guest || *role == Role::buyer) return TokenError::claims;
      who.role = *role;
      who.desk = *desk;
    }
  }
  if (*algorithm != (key->algorithm() == policy::Algorithm::hs256 ? "HS256" : "EdDSA")) return TokenError::algorithm;
  if (!key->verifies(token.substr(0, last), *signature)) return TokenError::signature;
  return judge(*claims, std::move(who), issuer, wall_ms);
}

std::string mint(const Identity& who, const TokenKey& key, std::string_view issuer, std::int64_t wall_ms) {
  std::string header{R"({"alg":)"};
  json::append_text(header, key.algorithm() == policy::Algorithm::hs256 ? "HS256" : "EdDSA");
  header += R"(,"typ":"JWT","kid":)";
  json::append_text(header, key.kid());
  header += '}';
  std::string claims{'{'};
  const auto say = [&claims](std::string_view name, std::string_view value) {
    json::append_text(claims, name);
    claims += ':';
    json::append_text(claims, value);
    claims += ',';
  };
  say("sub", who.person);
  say("iss", issuer);
  say("aud", audience);
  if (who.desk.empty()) {
    say("shop", who.shop);
    if (!who.level.empty()) say("level", who.level);
  } else {
    say("desk", who.desk);
    say("role", word_of(who.role));
  }
  claims += R"("iat":)";
  json::append_number(claims, wall_ms / 1000);
  claims += R"(,"exp":)";
  json::append_number(claims, who.expires_wall_ms / 1000);
  claims += '}';
  const std::string text = to_base64url(header) + "." + to_base64url(claims);
  const std::string signature = key.sign(text);
  return signature.empty() ? std::string{} : text + "." + to_base64url(signature);
}

std::string new_guest() { return hex(random_bytes(16)); }

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace deskd
