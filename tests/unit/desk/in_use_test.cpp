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

// What became of chats whose queue went all the same: with a policy that was put in force where no server ran, or after the
// question what is in use.
class QueueGone : public testing::Test {
 protected:
  // "fast" goes with the second policy, and agent 02 of its own.
  static policy::Desk before() {
    policy::Desk policy = a_desk();
    policy.queues.push_back(policy.queues.front());
    policy.queues.front().first_response.target = std::chrono::seconds{20};
    policy.queues.back().name = "fast";
    policy.queues.back().first_response.target = std::chrono::seconds{5};
    policy.agents = {an_agent("01", 1), an_agent("02", 1)};
    policy.agents.front().queues = {"chat", "fast"};
    policy.agents.back().queues = {"fast"};
    return policy;
  }
  static policy::Desk after(policy::Desk policy) {
    policy.queues.pop_back();
    policy.agents.front().queues = {"chat"};
    policy.agents.back().queues = {"chat"};
    return policy;
  }
  static SessionId comes(Scene& scene, const std::string& agent) {
    const SessionId session = scene.arrive(agent, Role::agent, agent, "");
    scene.ask(session, ask::SetStatus{scene.next_id(), Status::available});
    return session;
  }
  static ChatId opens_in_fast(Scene& scene, const std::string& name) {
    const SessionId buyer = scene.arrive(name, Role::buyer, name);
    scene.ask(buyer, ask::Open{.id = scene.next_id(), .queue = "fast"});
    const ChatId chat = scene.floor().chats.rbegin()->first;
    scene.ask(buyer, ask::Say{.id = scene.next_id(), .chat = chat, .text = "hello"});
    return chat;
  }
  static const Chat& chat(const Scene& scene, ChatId id) { return *scene.floor().chats.at(id); }
};

// It goes on in the shop's first queue, and is promised what that one promises. Once its clocks stayed as the queue that went
// had set them, and fired early.
TEST_F(QueueGone, AChatIsPromisedWhatItsNextQueuePromises) {
  Scene scene{before()};
  const SessionId agent = comes(scene, "01");
  scene.ask(agent, ask::SetStatus{scene.next_id(), Status::on_break});
  const ChatId id = opens_in_fast(scene, "Li");
  scene.change_policy(after(before()));
  EXPECT_EQ(chat(scene, id).queue, "chat");
  EXPECT_EQ(chat(scene, id).place, Place::waiting);
  scene.forget();
  scene.advance(scene.now() + std::chrono::seconds{19});
  for (const std::string& written : scene.written())
    EXPECT_EQ(written.find("kind=missed"), std::string::npos) << written;
  EXPECT_EQ(scene.wrong(), "");
}

// Once whoever had waited longer than the next queue lets anyone wait was asked when the queue that went would have asked.
TEST_F(QueueGone, WhoHasWaitedTooLongForTheNextIsAskedAtOnce) {
  policy::Desk policy = before();
  policy.queues.back().ask_beyond = policy.queues.back().queue_wait = std::chrono::minutes{10};
  Scene scene{policy};
  const SessionId agent = comes(scene, "01");
  scene.ask(agent, ask::SetStatus{scene.next_id(), Status::on_break});
  const ChatId id = opens_in_fast(scene, "Li");
  scene.advance(scene.now() + std::chrono::minutes{5});
  EXPECT_FALSE(chat(scene, id).told);
  scene.change_policy(after(policy));
  scene.advance(scene.now() + std::chrono::milliseconds{1});
  EXPECT_TRUE(chat(scene, id).told);
  EXPECT_EQ(scene.wrong(), "");
}

// Her load is what the next queue makes of it. Once she counted a quiet chat as the queue that went did, and was given one more.
TEST_F(QueueGone, AnAgentsLoadIsWhatTheNextQueueMakesOfIt) {
  policy::Desk policy = before();
  policy.queues.front().quiet_weight = 1;
  policy.queues.back().quiet_weight = 0;
  Scene scene{policy};
  const SessionId agent = comes(scene, "02");
  const ChatId id = opens_in_fast(scene, "Li");
  scene.ask(agent, ask::Say{.id = scene.next_id(), .chat = id, .text = "hello"});
  scene.advance(scene.now() + policy.queues.back().quiet_after);
  EXPECT_FALSE(chat(scene, id).weighs);
  scene.change_policy(after(policy));
  EXPECT_EQ(scene.floor().roster.agent(chat(scene, id).agent).load, 1);
  EXPECT_EQ(scene.wrong(), "");
}

// With its agent, while no server ran. Once her clock was armed for a chat that nobody held, and ended the server when it fell
// due.
TEST_F(QueueGone, WithTheAgentOverARestart) {
  Scene scene{before()};
  comes(scene, "02");
  const ChatId id = opens_in_fast(scene, "Li");
  EXPECT_EQ(chat(scene, id).place, Place::held);
  comes(scene, "01");
  scene.stall();
  policy::Desk policy = after(before());
  policy.agents.pop_back();
  scene.change_policy(policy);
  scene.die();
  scene.start_again();
  EXPECT_EQ(chat(scene, id).place, Place::waiting);
  EXPECT_EQ(scene.wrong(), "");
  scene.advance(scene.now() + std::chrono::hours{1});
  EXPECT_EQ(scene.wrong(), "");
}

// With its agent, and nobody is left to wait for. Once a left message that she held counted as one that had stood in line.
TEST_F(QueueGone, WithTheAgentOfALeftMessageIsNoWaitInLine) {
  policy::Desk policy = before();
  policy.agents = {an_agent("02", 1)};
  policy.agents.back().queues = {"fast"};
  Scene scene{policy};
  scene.advance(scene.now() + std::chrono::minutes{10});
  const ChatId id = opens_in_fast(scene, "Li");
  EXPECT_EQ(chat(scene, id).place, Place::left_message);
  comes(scene, "02");
  EXPECT_EQ(chat(scene, id).place, Place::held);
  policy.queues.pop_back();
  policy.agents = {an_agent("01", 1)};
  scene.change_policy(policy);
  EXPECT_EQ(chat(scene, id).place, Place::left_message);
  for (const auto count : scene.floor().waited.line_to_left_message.counts) EXPECT_EQ(count, 0u);
  EXPECT_EQ(scene.wrong(), "");
}

// With its shop: it keeps the hours it was opened in. Once it took those of another shop.
TEST_F(QueueGone, WithItsShopKeepsItsHours) {
  policy::Desk policy = before();
  policy.shops.push_back(policy.shops.front());
  policy.shops.back().name = "other";
  policy.queues.back().shops = {"other"};
  Scene scene{policy};
  comes(scene, "02");
  const SessionId buyer = scene.arrive("Li", Role::buyer, "Li", "other");
  scene.ask(buyer, ask::Open{.id = scene.next_id()});
  const ChatId id = scene.floor().chats.begin()->first;
  scene.ask(buyer, ask::Say{.id = scene.next_id(), .chat = id, .text = "hello"});
  policy = after(policy);
  policy.shops.pop_back();
  policy.queues.front().name = "new";
  for (policy::Agent& agent : policy.agents) agent.queues = {"new"};
  policy::Calendar& day = policy.calendars.emplace_back();
  day.name = "day";
  day.week.assign(7, {policy::Span{18 * 60, 19 * 60}});
  day.offsets = {policy::Offset{0, 0}};
  policy.shops.front().calendar = "day";
  scene.change_policy(policy);
  scene.advance(scene.now() + std::chrono::minutes{10});
  EXPECT_EQ(chat(scene, id).queue, "new");
  EXPECT_EQ(scene.wrong(), "");
}

// A queue that is younger than the chat promises what it did when the chat came to it. Once each policy since changed it.
TEST_F(QueueGone, AYoungerQueueKeepsItsPromise) {
  policy::Desk policy = before();
  policy.agents.push_back(an_agent("boss", 0));
  policy.agents.back().role = Role::supervisor;
  Scene scene{after(policy)};
  const SessionId boss = scene.arrive("boss", Role::supervisor, "boss", "");
  scene.ask(comes(scene, "01"), ask::SetStatus{scene.next_id(), Status::on_break});
  const SessionId buyer = scene.arrive("Li", Role::buyer, "Li");
  scene.ask(buyer, ask::Open{.id = scene.next_id()});
  const ChatId id = scene.floor().chats.begin()->first;
  scene.ask(buyer, ask::Say{.id = scene.next_id(), .chat = id, .text = "hello"});
  policy.queues.back().ask_beyond = policy.queues.back().queue_wait = std::chrono::minutes{10};
  scene.change_policy(policy);
  scene.ask(boss, ask::Reassign{.id = scene.next_id(), .chat = id, .queue = "fast"});
  EXPECT_EQ(chat(scene, id).queue, "fast");
  policy.queues.back().ask_beyond = policy.queues.back().queue_wait = std::chrono::minutes{1};
  scene.change_policy(policy);
  scene.advance(scene.now() + std::chrono::minutes{9});
  EXPECT_EQ(scene.wrong(), "");
  EXPECT_FALSE(chat(scene, id).told);
  scene.advance(scene.now() + std::chrono::minutes{2});
  EXPECT_TRUE(chat(scene, id).told);
  EXPECT_EQ(scene.wrong(), "");
}

}  // namespace
}  // namespace deskd
