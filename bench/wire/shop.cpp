// shop.cpp - Tokens and the policy of the shop that the load makers play.
#include "bench/wire/shop.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace deskd::bench_shop {
namespace {

std::string base64url(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  while (!out.empty() && out.back() == '=') out.pop_back();
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

std::string token(std::string_view secret, const std::string& claims) {
  const std::string text = base64url(R"({"alg":"HS256","typ":"JWT","kid":")" + std::string{kid} + "\"}") + '.' + base64url(claims);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest, &length);
  return text + '.' + base64url({reinterpret_cast<const char*>(digest), length});
}

std::string common_claims(std::string_view person, std::string_view who) {
  const std::int64_t now = std::time(nullptr);
  return R"("sub":")" + std::string{person} + R"(","iss":")" + std::string{who} + R"(","aud":"deskd","iat":)" +
         std::to_string(now) + R"(,"exp":)" + std::to_string(now + 86'400);
}

}  // namespace

std::string buyer_path() { return "/v1/shops/" + std::string{shop} + "/buyer"; }
std::string agent_path() { return "/v1/desks/" + std::string{desk} + "/agent"; }
std::string buyer_name(std::uint64_t n) { return "buyer-" + std::to_string(n); }
std::string agent_name(std::uint64_t n) { return "agent-" + std::to_string(n); }

std::string secret_at(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  std::string secret{std::istreambuf_iterator<char>{in}, {}};
  if (!secret.empty()) return secret;
  unsigned char random[36];
  RAND_bytes(random, sizeof random);
  secret = base64url({reinterpret_cast<const char*>(random), sizeof random});
  std::ofstream{file, std::ios::binary} << secret;
  std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return secret;
}

std::string buyer_token(std::string_view secret, std::string_view buyer) {
  return token(secret, '{' + common_claims(buyer, issuer) + R"(,"shop":")" + std::string{shop} + "\"}");
}

std::string agent_token(std::string_view secret, std::string_view agent, std::string_view role) {
  return token(secret, '{' + common_claims(agent, staff_issuer) + R"(,"desk":")" + std::string{desk} + R"(","role":")" +
                           std::string{role} + "\"}");
}

bool write_policy(const std::string& file, const std::string& secret_file, const PolicyWish&) {
  secret_at(secret_file);
  std::fprintf(stderr, "no policy yet for %s\n", file.c_str());
  return false;
}

}  // namespace deskd::bench_shop
