// Which door, whose page, whose address: the judgements made before anything is built for a client.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <limits>

#include "server/session/admission.hpp"
#include "server/session/request.hpp"

namespace deskd {
namespace {

TEST(Request, finds_its_door) {
  EXPECT_EQ(door_of("/v1/shops/tea/buyer"), (Door{Entrance::buyer, "tea"}));
  EXPECT_EQ(door_of("/v1/desks/main-1/agent"), (Door{Entrance::agent, "main-1"}));
  EXPECT_EQ(door_of("/v1/desks/main/ops"), (Door{Entrance::ops, "main"}));
  EXPECT_EQ(door_of("/v1/ops"), (Door{Entrance::ops, ""}));
  for (const char* path : {"", "/", "/v1/shops//buyer", "/v1/shops/buyer", "/v1/shops/a/b/buyer",
                           "/v1/shops/tea/buyer/", "/v1/shops/Tea/buyer", "/v1/shops/../buyer", "/v2/shops/tea/buyer",
                           "/v1/shops/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/buyer"})
    EXPECT_FALSE(door_of(path)) << path;
  EXPECT_EQ(path_of("/v1/ops?token=x#y"), "/v1/ops");
}

// Goal: a page of another site never gets in by looking like the shop's.
TEST(Request, knows_an_origin_exactly) {
  const std::vector<std::string> origins{"https://shop.example", "https://m.shop.example:8443"};
  EXPECT_TRUE(is_listed(origins, "https://shop.example"));
  EXPECT_TRUE(is_listed(origins, "https://m.shop.example:8443"));
  for (const char* origin :
       {"", "null", "https://evil.example", "https://shop.example.evil.example", "https://evilshop.example",
        "http://shop.example", "https://shop.example:443", "https://SHOP.example", "https://shop.example/",
        "https://m.shop.example", "https://shop.example https://evil.example", "*"})
    EXPECT_FALSE(is_listed(origins, origin)) << origin;
  const std::vector<std::string> careless{"null", ""};
  EXPECT_FALSE(is_listed(careless, "null"));
  EXPECT_FALSE(is_listed(careless, ""));
  EXPECT_TRUE(is_same_host("http://127.0.0.1:8080", "127.0.0.1:8080"));
  EXPECT_FALSE(is_same_host("http://127.0.0.1:8080.evil", "127.0.0.1:8080"));
  EXPECT_FALSE(is_same_host("null", "null"));
  EXPECT_FALSE(is_same_host("http://", ""));
}

TEST(Request, finds_words_in_a_list) {
  EXPECT_TRUE(has_word("keep-alive, Upgrade", "upgrade"));
  EXPECT_TRUE(has_word("websocket", "websocket"));
  EXPECT_FALSE(has_word("upgrades", "upgrade"));
  EXPECT_FALSE(has_word("", "upgrade"));
  EXPECT_FALSE(has_word("abc", "abcd"));
}

// Goal: nobody can choose the address that counts for them, unless a proxy of ours vouches for it.
TEST(Request, believes_only_trusted_proxies) {
  const auto address = [](const char* text) { return boost::asio::ip::make_address(text); };
  const std::vector<Network> proxies{*Network::parse("10.0.0.0/8"), *Network::parse("::1")};
  EXPECT_EQ(peer_of(address("203.0.113.9"), "1.2.3.4", proxies), "203.0.113.9");
  EXPECT_EQ(peer_of(address("10.1.1.1"), "1.2.3.4", proxies), "1.2.3.4");
  EXPECT_EQ(peer_of(address("10.1.1.1"), "6.6.6.6, 1.2.3.4, 10.2.2.2", proxies), "1.2.3.4");
  EXPECT_EQ(peer_of(address("10.1.1.1"), "", proxies), "10.1.1.1");
  EXPECT_EQ(peer_of(address("10.1.1.1"), "nonsense", proxies), "10.1.1.1");
  EXPECT_EQ(peer_of(address("::1"), "2001:db8::7", proxies), "2001:db8::7");
  EXPECT_EQ(peer_of(address("::ffff:10.1.1.1"), "1.2.3.4", proxies), "1.2.3.4");
  EXPECT_FALSE(Network::parse("10.0.0.0/33"));
  EXPECT_FALSE(Network::parse("10.0.0/8"));
  EXPECT_FALSE(Network::parse("10.0.0.0/"));
  EXPECT_TRUE(Network::parse("192.168.16.0/20")->holds(address("192.168.31.255")));
  EXPECT_FALSE(Network::parse("192.168.16.0/20")->holds(address("192.168.32.0")));
}

TEST(Admission, counts_and_forgets) {
  Admission::Limits limits;
  limits.per_address = 3;
  limits.per_address_not_signed_in = 2;
  limits.not_signed_in = 4;
  limits.descriptors = 100;
  limits.descriptors_for_staff = 10;
  Admission admission{limits};
  using Answer = Admission::Answer;
  EXPECT_EQ(admission.ask("a", false, 89), Answer::welcome);
  EXPECT_EQ(admission.ask("a", false, 90), Answer::full);
  EXPECT_EQ(admission.ask("a", true, 99), Answer::welcome);
  admission.enter("a", false);
  admission.enter("a", false);
  EXPECT_EQ(admission.ask("a", false, 5), Answer::too_many_here);
  EXPECT_EQ(admission.ask("b", false, 5), Answer::welcome);
  admission.signed_in("a", false);
  EXPECT_EQ(admission.ask("a", false, 5), Answer::welcome);
  admission.enter("a", false);
  EXPECT_EQ(admission.ask("a", false, 5), Answer::too_many_here);
  admission.enter("b", false);
  admission.enter("b", false);
  EXPECT_EQ(admission.ask("d", false, 5), Answer::full);
  admission.leave("a", true, false);
  admission.leave("a", false, false);
  admission.leave("a", false, false);
  admission.leave("b", false, false);
  admission.leave("b", false, false);
  EXPECT_EQ(admission.addresses(), 0u);
  EXPECT_EQ(admission.not_signed_in(), 0u);
  EXPECT_EQ(admission.inside(), 0u);
}

// Goal: strangers at the door of staff take neither the buyers' room nor all of the staff's. Method: two addresses fill
// what strangers may have there; buyers come in, and agents do as soon as strangers have signed in or gone.
TEST(Admission, strangers_at_the_staff_door_are_counted_by_themselves) {
  Admission::Limits limits;
  limits.per_address = 1;
  limits.not_signed_in = 1;
  limits.descriptors = 100;
  limits.descriptors_for_staff = 16;
  Admission admission{limits};
  using Answer = Admission::Answer;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(admission.ask("a", true, 5), Answer::welcome);
    admission.enter("a", true);
  }
  EXPECT_EQ(admission.ask("a", true, 5), Answer::too_many_here);
  EXPECT_EQ(admission.ask("a", false, 5), Answer::welcome) << "a buyer of that address is no part of it";
  for (int i = 0; i < 4; ++i) admission.enter("b", true);
  EXPECT_EQ(admission.ask("c", true, 5), Answer::full);
  EXPECT_EQ(admission.ask("c", false, 5), Answer::welcome);
  admission.signed_in("a", true);
  EXPECT_EQ(admission.ask("a", true, 5), Answer::welcome) << "who has signed in counts nowhere";
  admission.leave("b", false, true);
  admission.leave("a", true, true);
  for (int i = 0; i < 3; ++i) {
    admission.leave("a", false, true);
    admission.leave("b", false, true);
  }
  EXPECT_EQ(admission.addresses(), 0u);
  EXPECT_EQ(admission.not_signed_in(), 0u);
  EXPECT_EQ(admission.inside(), 0u);
}

// Goal: the limit is raised as far as it can be, to what is wanted, and never lowered.
TEST(Descriptors, are_raised_to_what_is_wanted) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_GE(before.rlim_max, 200u);
  rlimit low = before;
  low.rlim_cur = 100;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_descriptors_limit(150), 150u);
  EXPECT_EQ(raise_descriptors_limit(120), 150u);
  EXPECT_EQ(raise_descriptors_limit(std::numeric_limits<std::size_t>::max()), before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace deskd
