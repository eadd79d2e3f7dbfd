// Which token opens which door, and as whom: the whole table, with a policy of one shop and three people.
#include <gtest/gtest.h>

#include "server/session/bucket.hpp"
#include "server/session/sign_in.hpp"

namespace deskd {
namespace {

constexpr std::int64_t now{1'763'760'000'000};
constexpr std::int64_t hour{3'600'000};

class SignIn : public testing::Test {
 protected:
  SignIn() : guest_key_{TokenKey::of_secret(std::string{guest_kid}, std::string(32, 'g'))} {
    policy_.name = "lamp";
    policy_.staff_issuer = "lamp-staff";
    policy_.shops.resize(2);
    policy_.shops[0].name = "lamps";
    policy_.shops[1].name = "bulbs";
    const std::pair<const char*, Role> people[]{{"07", Role::agent}, {"boss", Role::supervisor}, {"eye", Role::ops}};
    for (const auto& [name, role] : people) {
      policy::Agent& agent = policy_.agents.emplace_back();
      agent.name = name;
      agent.role = role;
    }
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string file = testing::TempDir() + "sign_in_key_" + std::to_string(i);
      std::FILE* out = std::fopen(file.c_str(), "w");
      std::fputs(std::string(64, static_cast<char>('a' + i)).c_str(), out);
      std::fclose(out);
      files_[i] = file;
    }
    policy_.shops[0].issuer = policy_.shops[1].issuer = "back-end";
    policy_.shops[0].keys = {{"k0", policy::Algorithm::hs256, files_[0]}};
    policy_.shops[1].keys = {{"k1", policy::Algorithm::hs256, files_[1]}};
    policy_.staff_keys = {{"k2", policy::Algorithm::hs256, files_[2]}};
    keys_.emplace(std::get<KeyRing>(KeyRing::of(policy_, guest_key_)));
  }
  ~SignIn() override {
    for (const std::string& file : files_) std::remove(file.c_str());
  }

  std::string token_of(Role role, const std::string& person, int key, const std::string& issuer,
                       std::int64_t expires = now + hour) {
    Identity who;
    who.role = role;
    who.person = person;
    who.expires_wall_ms = expires;
    if (key == 2) who.desk = "lamp";
    else who.shop = policy_.shops[static_cast<std::size_t>(key)].name;
    const policy::Key row{"k" + std::to_string(key), policy::Algorithm::hs256, files_[key]};
    return mint(who, std::get<TokenKey>(TokenKey::read(row)), issuer, now);
  }

  std::variant<Welcome, NotWelcome> at(Entrance entrance, const std::string& name, const std::string& token,
                                       bool has_origin = true, std::int64_t when = now) {
    return sign_in(token, {entrance, name, has_origin}, *keys_, policy_, when);
  }
  static Role role_of(const std::variant<Welcome, NotWelcome>& judged) { return std::get<Welcome>(judged).who.role; }
  static std::string_view error_of(const std::variant<Welcome, NotWelcome>& judged) {
    return std::visit([](auto error) { return name_of(error); }, std::get<NotWelcome>(judged));
  }

  policy::Desk policy_;
  TokenKey guest_key_;
  std::string files_[3];
  std::optional<KeyRing> keys_;
};

TEST_F(SignIn, makes_a_guest_for_a_page_of_the_shop_only) {
  const auto first = at(Entrance::buyer, "lamps", "");
  const Welcome& guest = std::get<Welcome>(first);
  EXPECT_EQ(guest.who.role, Role::guest);
  EXPECT_EQ(guest.who.person.size(), 32u);
  EXPECT_FALSE(guest.token.empty());
  EXPECT_EQ(error_of(at(Entrance::buyer, "lamps", "", false)), "no_origin");
  EXPECT_EQ(error_of(at(Entrance::agent, "lamp", "")), "no_token");
  const auto again = at(Entrance::buyer, "lamps", guest.token);
  EXPECT_EQ(std::get<Welcome>(again).who.person, guest.who.person);
  EXPECT_TRUE(std::get<Welcome>(again).token.empty());
  EXPECT_EQ(error_of(at(Entrance::buyer, "lamps", guest.token, false)), "no_origin");
  EXPECT_EQ(error_of(at(Entrance::buyer, "bulbs", guest.token)), "door");
}

TEST_F(SignIn, renews_a_guest_who_comes_back) {
  const auto guest = at(Entrance::buyer, "lamps", "");
  const std::string first = std::get<Welcome>(guest).token;
  const auto later = at(Entrance::buyer, "lamps", first, true, now + 29 * 24 * hour);
  ASSERT_TRUE(std::holds_alternative<Welcome>(later));
  const std::string second = std::get<Welcome>(later).token;
  EXPECT_FALSE(second.empty());
  const auto last = at(Entrance::buyer, "lamps", second, true, now + 50 * 24 * hour);
  ASSERT_TRUE(std::holds_alternative<Welcome>(last));
  EXPECT_EQ(std::get<Welcome>(later).who.person, std::get<Welcome>(guest).who.person);
  EXPECT_EQ(std::get<Welcome>(last).who.person, std::get<Welcome>(guest).who.person);
  EXPECT_EQ(error_of(at(Entrance::buyer, "lamps", first, true, now + 50 * 24 * hour)), "expired");
}

TEST_F(SignIn, lets_a_named_buyer_in_without_a_page) {
  const std::string token = token_of(Role::buyer, "b1", 0, "back-end");
  EXPECT_EQ(role_of(at(Entrance::buyer, "lamps", token, false)), Role::buyer);
  EXPECT_EQ(error_of(at(Entrance::buyer, "bulbs", token)), "door");
  EXPECT_EQ(error_of(at(Entrance::agent, "lamp", token)), "door");
  EXPECT_EQ(error_of(at(Entrance::buyer, "lamps", token, true, now + 2 * hour)), "expired");
  EXPECT_EQ(error_of(at(Entrance::buyer, "lamps", token_of(Role::buyer, "b1", 0, "somebody"))), "issuer");
}

TEST_F(SignIn, gives_staff_the_lesser_of_both_roles) {
  const auto staff = [this](Role role, const char* person) { return token_of(role, person, 2, "lamp-staff"); };
  EXPECT_EQ(role_of(at(Entrance::agent, "lamp", staff(Role::agent, "07"), false)), Role::agent);
  EXPECT_EQ(role_of(at(Entrance::agent, "lamp", staff(Role::supervisor, "07"))), Role::agent);
  EXPECT_EQ(role_of(at(Entrance::agent, "lamp", staff(Role::supervisor, "boss"))), Role::supervisor);
  EXPECT_EQ(role_of(at(Entrance::agent, "lamp", staff(Role::agent, "boss"))), Role::agent);
  EXPECT_EQ(role_of(at(Entrance::ops, "lamp", staff(Role::ops, "eye"))), Role::ops);
  EXPECT_EQ(role_of(at(Entrance::ops, "", staff(Role::supervisor, "boss"))), Role::supervisor);
  // Ops is no rank above the others: whoever is it, by token or by policy, looks at figures and does nothing else.
  EXPECT_EQ(role_of(at(Entrance::ops, "lamp", staff(Role::supervisor, "eye"))), Role::ops);
  EXPECT_EQ(role_of(at(Entrance::ops, "lamp", staff(Role::ops, "boss"))), Role::ops);
  EXPECT_EQ(error_of(at(Entrance::agent, "lamp", staff(Role::supervisor, "eye"))), "role");
  EXPECT_EQ(error_of(at(Entrance::agent, "lamp", staff(Role::ops, "eye"))), "role");
  EXPECT_EQ(error_of(at(Entrance::ops, "lamp", staff(Role::agent, "07"))), "role");
  EXPECT_EQ(error_of(at(Entrance::agent, "lamp", staff(Role::agent, "99"))), "unknown_agent");
  EXPECT_EQ(error_of(at(Entrance::agent, "other", staff(Role::agent, "07"))), "door");
  EXPECT_EQ(error_of(at(Entrance::buyer, "lamps", staff(Role::agent, "07"))), "door");
}

// Goal: a client a little too fast is slowed and kept; one that does not listen is found out soon.
TEST(Bucket, slows_the_fast_and_finds_the_flood) {
  constexpr Rate rate{20, 2};
  Bucket fast;
  int served = 0;
  for (int i = 0; i < 3000; ++i) served += fast.take(instant_of(now + i * 400), rate);  // 2.5 a second
  EXPECT_FALSE(fast.is_flooding());
  EXPECT_NEAR(served, 20 + 2 * 1200, 3);
  Bucket flood;
  int sent = 0;
  while (!flood.is_flooding() && sent < 10'000) flood.take(instant_of(now + sent++ * 10), rate);
  EXPECT_LT(sent, 100);
  EXPECT_GT(flood.wait_ms(rate), 0);
  EXPECT_LE(flood.wait_ms(rate), 500);
}

// Goal: a client that comes back with more than its burst and then slows down is never let go. Method: bursts that are
// refused as often as is allowed at once, between them the wait that was told.
TEST(Bucket, forgives_a_burst_to_whom_waits_as_told) {
  constexpr Rate rate{20, 2};
  Bucket bucket;
  Instant at = instant_of(now);
  for (int burst = 0; burst < 5; ++burst) {
    int refused = 0;
    while (refused < Bucket::refusals_max - 1) refused += bucket.take(at, rate) ? 0 : 1;
    EXPECT_FALSE(bucket.is_flooding());
    at += Duration{bucket.wait_ms(rate)};
    EXPECT_TRUE(bucket.take(at, rate));
  }
  // Ten times too fast and never waiting.
  for (int i = 0; i < 80; ++i) bucket.take(at += Duration{50}, rate);
  EXPECT_TRUE(bucket.is_flooding());
}

}  // namespace
}  // namespace deskd
