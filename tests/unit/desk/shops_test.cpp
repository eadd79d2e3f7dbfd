// One team, two shops. Goal: a buyer's id means something in its own shop only. Method: two buyers of one name, one in each.
#include <gtest/gtest.h>

#include "tests/support/desk_builder.hpp"

namespace deskd {
namespace {

struct TwoShops : Scene {
  TwoShops() : Scene{policy()} {
    agent = arrive("01", Role::agent, "01");
    Scene::ask(agent, ask::Resume{});
    Scene::ask(agent, ask::SetStatus{.id = next_id(), .status = Status::available});
    here = open("demo");
    there = open("lamps");
  }

  static policy::Desk policy() {
    policy::Desk desk = a_desk();
    desk.shops.emplace_back().name = "lamps";
    desk.agents.push_back(an_agent("01"));
    return desk;
  }
  SessionId open(std::string_view shop) {
    const SessionId session = arrive("Li of " + std::string{shop}, Role::buyer, "Li", shop);
    Scene::ask(session, ask::Resume{});
    Scene::ask(session, ask::Open{.id = next_id()});
    return session;
  }

  SessionId agent, here, there;
};

TEST(Shops, BuyersOfOneNameHaveAChatEach) {
  TwoShops scene;
  ASSERT_EQ(scene.floor().chats.size(), 2u);
  const Chat& first = *scene.floor().chats.begin()->second;
  const Chat& second = *scene.floor().chats.rbegin()->second;
  EXPECT_EQ(first.shop, "demo");
  EXPECT_EQ(second.shop, "lamps");
  scene.forget();
  scene.ask(scene.here, ask::Say{.id = scene.next_id(), .chat = first.id, .text = "secret"});
  EXPECT_EQ(second.main.last(), Seq{});
  for (const Scene::Heard& heard : scene.heard()) EXPECT_NE(heard.to, scene.there) << heard.text;
  EXPECT_EQ(scene.wrong(), "");
}

TEST(Shops, RevokingABuyerConcernsOneShop) {
  TwoShops scene;
  scene.step(event::Revoked{Role::buyer, "demo", "Li"});
  EXPECT_FALSE(scene.alive(scene.here));
  EXPECT_TRUE(scene.alive(scene.there));
  EXPECT_EQ(scene.wrong(), "");
}

}  // namespace
}  // namespace deskd
