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
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  while (!out.empty() && out.back() == '=') out.pop_back();
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

std::string token(std::string_view secret, const std::string& claims) {
  const std::string text =
      base64url(R"({"alg":"HS256","typ":"JWT","kid":")" + std::string{kid} + "\"}") + '.' + base64url(claims);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &length);
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

std::string queue_name(std::uint32_t n) { return "queue-" + std::to_string(n); }

bool write_policy(const std::string& file, const std::string& secret_file, const PolicyWish& wish) {
  secret_at(secret_file);
  const auto quoted = [](std::string_view text) { return '"' + std::string{text} + '"'; };
  // Lengths below a second are refused for most of these, and a second is still a promise one can watch.
  const auto length = [&](double seconds) {
    const double compressed = seconds / wish.pace;
    return '"' + std::to_string(static_cast<long>(compressed < 1 ? 1000 : compressed * 1000)) + "ms\"";
  };
  const std::string key = R"([{"kid":)" + quoted(kid) + R"(,"algorithm":"hs256","file":)" +
                          quoted(std::filesystem::absolute(secret_file).string()) + "}]";
  const std::string steps = R"({"target":)" + length(10) + R"(,"limit":)" + length(30) + R"(,"reminder":)" +
                            length(100) + R"(,"breach":)" + length(180) + "}";
  std::string out = R"({"name":)" + quoted(desk) + R"(,"staff_issuer":)" + quoted(staff_issuer) + R"(,"staff_keys":)" +
                    key + R"(,"agent_grace":)" + length(60) + R"(,"agent_grace_waiting":)" + length(20) +
                    R"(,"buyer_grace":)" + length(60) + R"(,"buyer_gone":)" + length(600) + R"(,"reopen_within":)" +
                    length(600) + R"(,"shops":[{"name":)" + quoted(shop) + R"(,"title":"压测小店","issuer":)" +
                    quoted(issuer) + R"(,"keys":)" + key + "}],\n\"queues\":[";
  for (std::uint32_t n = 0; n < wish.queues; ++n) {
    const bool offered = n < wish.offered_share * wish.queues;
    out += (n ? ",\n{\"name\":" : "{\"name\":") + quoted(queue_name(n)) + R"(,"auto_accept":)" +
           (offered ? "false" : "true") + R"(,"reservation":)" + length(5) +
           R"(,"offers_unanswered_max":3,"wrap_up":"0s","quiet_after":)" + length(120) + R"(,"quiet_weight":)" +
           std::to_string(wish.quiet_weight) + R"(,"first_response":)" + steps + R"(,"next_response":)" + steps +
           R"(,"queue_wait":)" + length(180) + R"(,"ask_beyond":)" + length(120) + R"(,"queue_max":)" +
           std::to_string(wish.queue_max) + R"(,"idle_close":)" + length(600) + R"(,"left_unanswered":)" + length(600) +
           R"(,"left_message_answer":)" + length(1800) + "}";
  }
  out += "],\n\"agents\":[";
  for (std::uint32_t n = 0; n < wish.agents; ++n) {
    out += (n ? ",\n{\"name\":" : "{\"name\":") + quoted(agent_name(n)) + R"(,"title":"客服)" + std::to_string(n) +
           R"(","queues":[)" + quoted(queue_name(n % wish.queues));
    if (wish.queues > 1) out += ',' + quoted(queue_name((n + 1) % wish.queues));
    out += R"(],"capacity":)" + std::to_string(wish.capacity) + R"(,"held_max":)" + std::to_string(wish.held_max) + "}";
  }
  out += "]}\n";
  std::ofstream written{file};
  written << out;
  return written.good();
}

}  // namespace deskd::bench_shop
