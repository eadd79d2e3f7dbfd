// What a policy may not drop: whatever an open chat is in, of or with. The desk names each, once.
#include <gtest/gtest.h>

#include "tests/support/desk_builder.hpp"

namespace deskd {
namespace {

class InUse : public testing::Test {
 protected:
  InUse() {
    for (const char* agent : {"01", "02"}) {
      const SessionId session = scene_.arrive(agent, Role::agent, agent, "");
      scene_.ask(session, ask::SetStatus{scene_.next_id(), Status::available});
    }
    for (const char* buyer : {"Li", "Wang"}) {
      buyers_.push_back(scene_.arrive(buyer, Role::buyer, buyer));
      scene_.ask(buyers_.back(), ask::Open{scene_.next_id(), {}, {}, {}});
      scene_.ask(buyers_.back(), ask::Say{scene_.next_id(), chat(buyer), "hello", {}, false, false});
    }
  }

  static policy::Desk shop() {
    policy::Desk desk = a_desk();
    desk.queues.emplace_back().name = "empty";
    desk.agents = {an_agent("01"), an_agent("02"), an_agent("03")};
    return desk;
  }
  ChatId chat(const std::string& buyer) const { return scene_.floor().buyers.at({"demo", buyer})->chat->id; }

  Scene scene_{shop()};
  std::vector<SessionId> buyers_;
  policy::Desk next_{shop()};
};

TEST_F(InUse, NothingThatTheNewPolicyStillNames) { EXPECT_TRUE(scene_.desk().in_use(next_).empty()); }

TEST_F(InUse, NotWhatNoChatNeeds) {
  next_.queues.pop_back();
  next_.agents.pop_back();
  EXPECT_TRUE(scene_.desk().in_use(next_).empty());
}

TEST_F(InUse, NamesQueueShopAndAgentsOnce) {
  next_.queues.erase(next_.queues.begin());
  next_.shops.clear();
  next_.agents.clear();
  EXPECT_EQ(scene_.desk().in_use(next_), (std::vector<std::string>{"queue chat", "shop demo", "agent 01", "agent 02"}));
}

TEST_F(InUse, NotWhatOnlyChatsThatHaveEndedWereIn) {
  scene_.ask(buyers_[0], ask::Close{scene_.next_id(), chat("Li")});
  next_.queues.erase(next_.queues.begin());
  next_.agents.clear();
  EXPECT_EQ(scene_.desk().in_use(next_), (std::vector<std::string>{"queue chat", "agent 02"}));
  scene_.ask(buyers_[1], ask::Close{scene_.next_id(), chat("Wang")});
  EXPECT_TRUE(scene_.desk().in_use(next_).empty());
}

// The queue went while a chat was being opened in it, after the question what is in use: it goes on in the shop's first, and
// is promised what that one promises. Once its clocks stayed as the queue that went had set them, and fired early.
TEST(QueueGone, AChatWhoseQueueWentIsPromisedWhatItsNextQueueDoes) {
  policy::Desk policy = a_desk();
  policy.agents = {an_agent("01", 1)};
  policy.queues.push_back(policy.queues.front());
  policy.queues.back().name = "fast";
  policy.queues.front().first_response.target = std::chrono::seconds{20};
  policy.queues.back().first_response.target = std::chrono::seconds{5};
  policy.agents.front().queues = {policy.queues.front().name, "fast"};
  Scene scene{policy};
  const SessionId agent = scene.arrive("01", Role::agent, "01", "");
  scene.ask(agent, ask::SetStatus{scene.next_id(), Status::on_break});
  const SessionId buyer = scene.arrive("Li", Role::buyer, "Li");
  scene.ask(buyer, ask::Open{.id = scene.next_id(), .queue = "fast"});
  const ChatId chat = scene.floor().chats.begin()->first;
  scene.ask(buyer, ask::Say{.id = scene.next_id(), .chat = chat, .text = "hello"});
  policy.version = 2;
  policy.queues.pop_back();
  policy.agents.front().queues.pop_back();
  scene.change_policy(policy);
  EXPECT_EQ(scene.floor().chats.begin()->second->queue, policy.queues.front().name);
  EXPECT_EQ(scene.floor().chats.begin()->second->place, Place::waiting);
  scene.forget();
  scene.advance(scene.now() + std::chrono::seconds{19});
  for (const std::string& written : scene.written())
    EXPECT_EQ(written.find("kind=missed"), std::string::npos) << written;
  EXPECT_EQ(scene.wrong(), "");
}

}  // namespace
}  // namespace deskd
