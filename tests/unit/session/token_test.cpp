// token_test.cpp - Goal: a token says who is there only when the right key said so, for us, now; every other token is
// refused. Method: one good token a kind; then a table in which each row is that token with one thing wrong, signed by
// this test's own code over OpenSSL, so that a mistake in mint() cannot hide one in verify().
#include "server/session/token.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

namespace deskd {
namespace {

constexpr std::int64_t now_ms = 1'800'000'000'000;
const std::string shop_secret = "a secret of the shop, 32 bytes or more";
const std::string old_secret = "the secret before that one, still good";
const std::string other_secret = "a secret of the other shop of this desk";
const std::string staff_secret = "a secret of the staff's sign-on, as long";
const std::string guest_secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

// The longest way round: OpenSSL's own base64, then the letters that differ.
std::string to_base64url(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  std::erase(text, '=');
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}
std::string from_base64url(std::string text) {
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  const std::size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string bytes(text.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

std::string hmac(std::string_view secret, std::string_view text, const EVP_MD* hash = EVP_sha256()) {
  std::string sum(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  HMAC(hash, secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), reinterpret_cast<unsigned char*>(sum.data()), &size);
  sum.resize(size);
  return sum;
}

std::string signed_with(std::string_view secret, std::string_view header, std::string_view claims) {
  const std::string text = to_base64url(header) + "." + to_base64url(claims);
  return text + "." + to_base64url(hmac(secret, text));
}

class Token : public testing::Test {
 protected:
  Token() {
    std::string name = (std::filesystem::temp_directory_path() / "deskd-token-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    write("shop", shop_secret + "\n");
    write("old", old_secret);
    write("other", other_secret);
    write("staff", staff_secret);
    // The pair of RFC 8037, appendix A.1.
    const std::string d = from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    EVP_PKEY* pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                                  reinterpret_cast<const unsigned char*>(d.data()), d.size());
    std::FILE* out = std::fopen(path("ed.private").c_str(), "w");
    PEM_write_PrivateKey(out, pair, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    out = std::fopen(path("ed.public").c_str(), "w");
    PEM_write_PUBKEY(out, pair);
    std::fclose(out);
    EVP_PKEY_free(pair);

    desk_.name = "demo";
    desk_.staff_issuer = "https://staff.example";
    desk_.staff_keys = {{"s1", policy::Algorithm::hs256, path("staff")}};
    policy::Shop tea;
    tea.name = "tea";
    tea.issuer = "https://tea.example";
    tea.keys = {{"k1", policy::Algorithm::hs256, path("shop")},
                {"k0", policy::Algorithm::hs256, path("old")},
                {"e1", policy::Algorithm::eddsa, path("ed.public")}};
    policy::Shop cup;
    cup.name = "cup";
    cup.issuer = "https://cup.example";
    cup.keys = {{"k1", policy::Algorithm::hs256, path("other")}};
    desk_.shops = {tea, cup};
  }
  ~Token() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& content) const { std::ofstream{path(name)} << content; }
  KeyRing ring() const {
    auto made = KeyRing::of(desk_, TokenKey::of_secret(std::string{guest_kid}, guest_secret));
    if (auto* said = std::get_if<std::string>(&made)) throw std::runtime_error{*said};
    return std::get<KeyRing>(std::move(made));
  }
  std::string wrong() const {
    auto made = KeyRing::of(desk_, TokenKey::of_secret(std::string{guest_kid}, guest_secret));
    return std::holds_alternative<std::string>(made) ? std::get<std::string>(made) : "";
  }

  std::string folder_;
  policy::Desk desk_;
};

const std::string buyer_header = R"({"alg":"HS256","typ":"JWT","kid":"k1"})";
const std::string staff_header = R"({"alg":"HS256","typ":"JWT","kid":"s1"})";
const std::string buyer_claims =
    R"({"sub":"b1","iss":"https://tea.example","aud":"deskd","exp":1800000600,"nbf":1799999999,"iat":1799999999,"shop":"tea"})";
const std::string staff_claims =
    R"({"sub":"07","iss":"https://staff.example","aud":"deskd","exp":1800000600,"desk":"demo","role":"supervisor"})";

// `text` with one part of it put differently; a part that is not there is a mistake of the test.
std::string with(std::string text, std::string_view part, std::string_view instead) {
  const auto at = text.find(part);
  if (at == std::string::npos) throw std::logic_error{"no such part"};
  return text.replace(at, part.size(), instead);
}

std::string outcome(const std::variant<Identity, TokenError>& result) {
  if (const auto* error = std::get_if<TokenError>(&result)) return std::string{name_of(*error)};
  return "ok";
}

TEST_F(Token, ABuyerIsWhoTheShopSays) {
  const auto result = verify(signed_with(shop_secret, buyer_header, buyer_claims), ring(), now_ms);
  ASSERT_EQ(outcome(result), "ok");
  const Identity expected{Role::buyer, "b1", "tea", "", 1'800'000'600'000, 1'799'999'999'000, false, "k1"};
  EXPECT_EQ(std::get<Identity>(result), expected);
}

TEST_F(Token, ABuyersLevelIsWhatTheShopSaysAndNobodyElseHasOne) {
  const KeyRing keys = ring();
  const auto level_of = [&](std::string_view secret, std::string_view header, std::string claims) {
    claims.insert(claims.size() - 1, R"(,"level":"vip")");
    const auto result = verify(signed_with(secret, header, claims), keys, now_ms);
    return outcome(result) == "ok" ? std::get<Identity>(result).level : outcome(result);
  };
  EXPECT_EQ(level_of(shop_secret, buyer_header, buyer_claims), "vip");
  EXPECT_EQ(level_of(staff_secret, staff_header, staff_claims), "");
}

TEST_F(Token, StaffAreWhoTheMerchantSays) {
  for (const auto* role : {"agent", "supervisor", "ops"}) {
    const auto result =
        verify(signed_with(staff_secret, staff_header, with(staff_claims, "supervisor", role)), ring(), now_ms);
    ASSERT_EQ(outcome(result), "ok") << role;
    const Identity expected{*from_word<Role>(role), "07", "", "demo", 1'800'000'600'000, 0, false, "s1"};
    EXPECT_EQ(std::get<Identity>(result), expected);
  }
}

TEST_F(Token, OldAndNewKeyAreGoodTogether) {
  EXPECT_EQ(outcome(verify(signed_with(old_secret, with(buyer_header, "k1", "k0"), buyer_claims), ring(), now_ms)),
            "ok");
  desk_.shops[0].keys.erase(desk_.shops[0].keys.begin() + 1);
  EXPECT_EQ(outcome(verify(signed_with(old_secret, with(buyer_header, "k1", "k0"), buyer_claims), ring(), now_ms)),
            "unknown_key");
}

TEST_F(Token, WhatIsMintedHolds) {
  Identity buyer{Role::buyer, "买家 \"7\"\\", "tea", "", 1'800'000'600'000, 1'800'000'000'000, false, "k1", "gold"};
  const KeyRing keys = ring();
  auto result = verify(mint(buyer, keys.find("tea", "k1")->key, "https://tea.example", now_ms), keys, now_ms);
  ASSERT_EQ(outcome(result), "ok");
  EXPECT_EQ(std::get<Identity>(result), buyer);

  const auto pair = TokenKey::read({"e1", policy::Algorithm::eddsa, path("ed.private")});
  buyer.kid = "e1";
  result = verify(mint(buyer, std::get<TokenKey>(pair), "https://tea.example", now_ms), keys, now_ms);
  ASSERT_EQ(outcome(result), "ok");
  EXPECT_EQ(std::get<Identity>(result), buyer);
  EXPECT_EQ(mint(buyer, keys.find("tea", "e1")->key, "https://tea.example", now_ms), "") << "a public key cannot sign";

  const std::string id = new_guest();
  EXPECT_EQ(id.size(), 32U);
  EXPECT_NE(id, new_guest());
  result = verify(keys.mint_guest("cup", id, now_ms), keys, now_ms);
  ASSERT_EQ(outcome(result), "ok");
  const Identity guest{Role::guest, id, "cup", "", now_ms + guest_life_ms, now_ms, true};
  EXPECT_EQ(std::get<Identity>(result), guest);
  EXPECT_EQ(outcome(verify(keys.mint_guest("gone", id, now_ms), keys, now_ms)), "unknown_key");
}

// Both ends of both times, with the leeway: good up to, but not at, the moment that ends it.
TEST_F(Token, TimeIsHeldToTheMillisecond) {
  const KeyRing keys = ring();
  const std::string token = signed_with(shop_secret, buyer_header, buyer_claims);
  EXPECT_EQ(outcome(verify(token, keys, 1'800'000'629'999)), "ok");
  EXPECT_EQ(outcome(verify(token, keys, 1'800'000'630'000)), "expired");
  EXPECT_EQ(outcome(verify(token, keys, 1'799'999'969'000)), "ok");
  EXPECT_EQ(outcome(verify(token, keys, 1'799'999'968'999)), "early");
  const std::string fraction = signed_with(shop_secret, buyer_header, with(buyer_claims, "1800000600", "1800000600.5"));
  EXPECT_EQ(outcome(verify(fraction, keys, 1'800'000'630'499)), "ok");
  EXPECT_EQ(outcome(verify(fraction, keys, 1'800'000'630'500)), "expired");
}

struct Bad {
  std::string_view name;
  std::string_view outcome;
  std::function<std::string()> token;
};

TEST_F(Token, EveryBadTokenIsRefused) {
  const KeyRing keys = ring();
  std::ifstream pem{path("ed.public")};
  const std::string public_pem{std::istreambuf_iterator<char>{pem}, {}};
  const std::string good = signed_with(shop_secret, buyer_header, buyer_claims);
  const auto dot = good.rfind('.');
  const auto buyer = [](std::string_view part, std::string_view instead) {
    return [=] { return signed_with(shop_secret, buyer_header, with(buyer_claims, part, instead)); };
  };
  const auto staff = [](std::string_view part, std::string_view instead) {
    return [=] { return signed_with(staff_secret, staff_header, with(staff_claims, part, instead)); };
  };
  const auto header = [](std::string_view part, std::string_view instead) {
    return [=] { return signed_with(shop_secret, with(buyer_header, part, instead), buyer_claims); };
  };
  const std::string long_level = R"(,"level":")" + std::string(level_bytes_max + 1, 'v') + "\"}";
  const std::vector<Bad> table{
      {"nothing", "size", [] { return std::string{}; }},
      {"too long", "size", [&] { return good + std::string(token_bytes_max, 'A'); }},
      {"a level that is no text", "claims", buyer("}", R"(,"level":7})")},
      {"a level without end", "claims", buyer("}", long_level)},
      {"two parts", "form", [&] { return good.substr(0, dot); }},
      {"four parts", "form", [&] { return good + ".AA"; }},
      {"no dots", "form", [] { return std::string(100, 'A'); }},
      {"padding", "form", [&] { return good + "="; }},
      {"the other base64", "form", [&] { return with(good, good.substr(dot + 1, 1), "+"); }},
      {"a blank in it", "form", [&] { return good.substr(0, dot + 5) + " " + good.substr(dot + 5); }},
      {"spare bits", "form",
       [&] {
         std::string spare = good;  // 32 bytes leave two bits over: the last letter may only be one of sixteen
         spare.back() = static_cast<char>(spare.back() + 1);
         return spare;
       }},
      {"alg none, unsigned", "algorithm",
       [] { return to_base64url(R"({"alg":"none","kid":"k1"})") + "." + to_base64url(buyer_claims) + "."; }},
      {"alg None, still signed", "algorithm", header("HS256", "None")},
      {"HS512 over the same secret", "algorithm",
       [] {
         const std::string text = to_base64url(with(buyer_header, "HS256", "HS512")) + "." + to_base64url(buyer_claims);
         return text + "." + to_base64url(hmac(shop_secret, text, EVP_sha512()));
       }},
      {"the public key taken for a secret", "algorithm",
       [&] { return signed_with(public_pem, with(buyer_header, "k1", "e1"), buyer_claims); }},
      {"EdDSA said, HS256 signed", "signature",
       [] { return signed_with(shop_secret, R"({"alg":"EdDSA","kid":"e1"})", buyer_claims); }},
      {"no signature", "signature", [&] { return good.substr(0, dot + 1); }},
      {"a signature cut short", "signature", [&] { return good.substr(0, dot + 1 + 40); }},
      {"claims changed after signing", "signature",
       [&] {
         const auto first = good.find('.');
         return good.substr(0, first + 1) + to_base64url(with(buyer_claims, "b1", "b2")) + good.substr(dot);
       }},
      {"another shop's secret under the same kid", "signature",
       [] { return signed_with(other_secret, buyer_header, buyer_claims); }},
      {"a shop signs for another shop", "signature",
       [] {
         return signed_with(shop_secret, buyer_header, with(buyer_claims, "\"shop\":\"tea\"", "\"shop\":\"cup\""));
       }},
      {"a shop signs for staff", "unknown_key", [] { return signed_with(shop_secret, buyer_header, staff_claims); }},
      {"staff sign for a buyer", "unknown_key", [] { return signed_with(staff_secret, staff_header, buyer_claims); }},
      {"staff of another desk", "unknown_key", staff("demo", "fake")},
      {"unknown kid", "unknown_key", header("k1", "k9")},
      {"kid as a path", "unknown_key", header("k1", "../../../../dev/null")},
      {"kid as SQL", "unknown_key", header("k1", "k1' or '1'='1")},
      {"no kid", "header", header(",\"kid\":\"k1\"", "")},
      {"kid is a number", "header", header("\"k1\"", "1")},
      {"no alg", "header", header("\"alg\":\"HS256\",", "")},
      {"a critical extension", "header", header("\"typ\":\"JWT\"", R"("crit":["b64"],"b64":false)")},
      {"another type", "header", header("JWT", "at+jwt")},
      {"alg said twice", "form", header("{", "{\"alg\":\"none\",")},
      {"sub said twice", "form", buyer("{", "{\"sub\":\"b2\",")},
      {"claims are a list", "form", [] { return signed_with(shop_secret, buyer_header, "[" + buyer_claims + "]"); }},
      {"two documents", "form", [] { return signed_with(shop_secret, buyer_header, buyer_claims + "{}"); }},
      {"broken JSON", "form", buyer("}", ",}")},
      {"too deep", "form", buyer("}", ",\"x\":[[[[[[[[[[[[]]]]]]]]]]]]}")},
      {"not UTF-8", "form", buyer("b1", "\xff")},
      {"no exp", "claims", buyer(R"("exp":1800000600,)", "")},
      {"exp is text", "claims", buyer("1800000600", "\"1800000600\"")},
      {"exp below zero", "claims", buyer("1800000600", "-1")},
      {"exp in milliseconds", "claims", buyer("1800000600", "1800000600000")},
      {"exp beyond numbers", "claims", buyer("1800000600", "1e300")},
      {"expired", "expired", buyer("1800000600", "1799999970")},
      {"not yet", "early", buyer("\"nbf\":1799999999", "\"nbf\":1800000031")},
      {"nbf is text", "claims", buyer("\"nbf\":1799999999", "\"nbf\":\"now\"")},
      {"no iss", "issuer", buyer(R"("iss":"https://tea.example",)", "")},
      {"the other shop's iss", "issuer", buyer("https://tea.example", "https://cup.example")},
      {"no aud", "audience", buyer(R"("aud":"deskd",)", "")},
      {"for somebody else", "audience", buyer("\"deskd\"", "\"deskd2\"")},
      {"for several others", "audience", buyer("\"deskd\"", R"(["a","b",7])")},
      {"no sub", "claims", buyer("\"sub\":\"b1\",", "")},
      {"sub is empty", "claims", buyer("b1", "")},
      {"sub with a newline", "claims", buyer("b1", "b\\n1")},
      {"sub with a NUL", "claims", buyer("b1", "b\\u00001")},
      {"sub too long", "claims",
       [] { return signed_with(shop_secret, buyer_header, with(buyer_claims, "b1", std::string(129, 'b'))); }},
      {"shop and desk", "claims", buyer("}", ",\"desk\":\"demo\",\"role\":\"ops\"}")},
      {"neither shop nor desk", "claims", buyer(",\"shop\":\"tea\"", "")},
      {"shop is empty", "claims", buyer("\"tea\"", "\"\"")},
      {"staff without a role", "claims", staff(",\"role\":\"supervisor\"", "")},
      {"staff as buyer", "claims", staff("supervisor", "buyer")},
      {"staff as anything", "claims", staff("supervisor", "root")},
      {"a shop signs a guest", "signature",
       [] { return signed_with(shop_secret, with(buyer_header, "k1", "guest"), buyer_claims); }},
      {"a guest with a name of its own", "claims",
       [] {
         return signed_with(guest_secret, with(buyer_header, "k1", "guest"),
                            with(buyer_claims, "https://tea.example", "deskd"));
       }},
      {"the guest key signs staff", "unknown_key",
       [] { return signed_with(guest_secret, with(buyer_header, "k1", "guest"), staff_claims); }},
  };
  for (const Bad& bad : table) EXPECT_EQ(outcome(verify(bad.token(), keys, now_ms)), bad.outcome) << bad.name;
}

// Any one bit of a good token changed makes a bad one: there is no second spelling.
TEST_F(Token, NoBitIsSpare) {
  const KeyRing keys = ring();
  std::string token = signed_with(shop_secret, buyer_header, buyer_claims);
  for (char& c : token)
    for (int bit = 0; bit < 8; ++bit) {
      const char before = c;
      c = static_cast<char>(c ^ (1 << bit));
      ASSERT_NE(outcome(verify(token, keys, now_ms)), "ok") << (&c - token.data()) << " bit " << bit;
      c = before;
    }
  EXPECT_EQ(outcome(verify(token, keys, now_ms)), "ok");
}

TEST_F(Token, HoldsRfc7515A1) {
  const auto key = TokenKey::of_secret(
      "", from_base64url("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"));
  const std::string text =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  const std::string signature = from_base64url("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
  EXPECT_TRUE(key.verifies(text, signature));
  EXPECT_EQ(key.sign(text), signature);
}

TEST_F(Token, HoldsRfc8037A4) {
  const auto pair = std::get<TokenKey>(TokenKey::read({"e1", policy::Algorithm::eddsa, path("ed.private")}));
  const std::string text = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
  const std::string signature =
      from_base64url("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
  EXPECT_TRUE(pair.verifies(text, signature));
  EXPECT_EQ(pair.sign(text), signature);
  EXPECT_TRUE(std::get<TokenKey>(TokenKey::read({"e1", policy::Algorithm::eddsa, path("ed.public")}))
                  .verifies(text, signature));
  EXPECT_FALSE(pair.verifies(text + "x", signature));
}

TEST_F(Token, ABadKeyNamesItsFileAndNeverItsContent) {
  const auto says = [this](const policy::Key& key) {
    desk_.shops[0].keys = {key};
    const std::string said = wrong();
    EXPECT_EQ(said.find("tiny-secret"), std::string::npos);
    EXPECT_TRUE(said.starts_with("shop tea: ")) << said;
    return said.find(key.file) != std::string::npos;
  };
  write("short", "tiny-secret");
  EXPECT_TRUE(says({"k1", policy::Algorithm::hs256, path("short")}));
  EXPECT_TRUE(says({"k1", policy::Algorithm::hs256, path("missing")}));
  EXPECT_TRUE(says({"k1", policy::Algorithm::hs256, path("ed.public")}));
  EXPECT_TRUE(says({"k1", policy::Algorithm::eddsa, path("shop")}));
  write("long", std::string(20'000, 'x'));
  EXPECT_TRUE(says({"k1", policy::Algorithm::hs256, path("long")}));
  EXPECT_FALSE(says({"guest", policy::Algorithm::hs256, path("shop")}));
  desk_.shops[0].keys = {{"k1", policy::Algorithm::hs256, path("shop")}, {"k1", policy::Algorithm::hs256, path("old")}};
  EXPECT_EQ(wrong(), "shop tea: key k1 is listed twice");
}

TEST_F(Token, SameSecretComparesAllOfBoth) {
  EXPECT_TRUE(same_secret("", ""));
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "ab"));
  EXPECT_FALSE(same_secret("", "a"));
}

}  // namespace
}  // namespace deskd
