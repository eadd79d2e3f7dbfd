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

}  // namespace
}  // namespace deskd
