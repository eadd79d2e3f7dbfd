// Goal: no text, however it is built, passes as a token that nobody signed, and none trips the parser. Method: the
// bytes once as they come, and once as header and claims of a token signed with a key of the ring, so that the fuzzer
// reaches what stands behind the signature.
#include "server/session/token.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

std::string to_base64url(std::string_view bytes) {
  constexpr std::string_view letters{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};
  std::string text;
  std::uint32_t held = 0;
  int bits = 0;
  for (const unsigned char byte : bytes) {
    held = held << 8 | byte;
    for (bits += 8; bits >= 6; bits -= 6) text += letters[held >> (bits - 6) & 63];
  }
  if (bits > 0) text += letters[held << (6 - bits) & 63];
  return text;
}

const deskd::KeyRing& ring() {
  static const deskd::KeyRing made = [] {
    deskd::policy::Desk desk;
    desk.name = "demo";
    desk.shops.emplace_back().name = "demo";
    const auto guest = deskd::TokenKey::of_secret(std::string{deskd::guest_kid}, std::string(32, 'g'));
    return std::get<deskd::KeyRing>(deskd::KeyRing::of(desk, guest));
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input{reinterpret_cast<const char*>(bytes), size};
  constexpr std::int64_t now_ms = 1'800'000'000'000;
  if (std::holds_alternative<deskd::Identity>(deskd::verify(input, ring(), now_ms))) std::abort();

  const auto middle = input.find('\n');
  const std::string_view header =
      middle == std::string_view::npos ? R"({"alg":"HS256","kid":"guest"})" : input.substr(0, middle);
  const std::string_view claims = middle == std::string_view::npos ? input : input.substr(middle + 1);
  const std::string text = to_base64url(header) + "." + to_base64url(claims);
  const auto result = deskd::verify(text + "." + to_base64url(ring().guest().sign(text)), ring(), now_ms);
  if (const auto* who = std::get_if<deskd::Identity>(&result)) {
    const bool whole = who->role == deskd::Role::guest && who->guest && who->shop == "demo" && who->desk.empty() &&
                       who->person.size() == 32 && who->expires_wall_ms > now_ms - deskd::token_leeway_ms;
    if (!whole) std::abort();
  }
  return 0;
}
