// Sessions come and go: what a scenario's table cannot say, because its people always resume.
#include "server/desk/presence.hpp"

#include <gtest/gtest.h>

#include "tests/support/desk_builder.hpp"

namespace deskd {
namespace {

// Goal: a guest who has become a named buyer is nobody any more, in every tab. Method: one tab has signed in and not yet
// said what it holds; left alone, it could open a chat as the guest who is gone.
TEST(Presence, IdentifyingEndsTheGuestsTabsThatHaveNotResumedToo) {
  Scene scene{a_desk()};
  const SessionId shows = scene.arrive("shows", Role::guest, "guest-7");
  const SessionId resumed = scene.arrive("resumed", Role::guest, "guest-7");
  const SessionId silent = scene.arrive("silent", Role::guest, "guest-7");
  const SessionId other = scene.arrive("other", Role::guest, "guest-8");
  for (const SessionId tab : {shows, resumed, other}) scene.ask(tab, ask::Resume{});
  scene.step(event::Identified{"demo", "guest-7", "Li", shows});
  EXPECT_TRUE(scene.alive(shows));
  EXPECT_FALSE(scene.alive(resumed));
  EXPECT_FALSE(scene.alive(silent));
  EXPECT_TRUE(scene.alive(other));
  for (const Scene::Dropped& dropped : scene.dropped()) EXPECT_EQ(dropped.code, CloseCode::revoked);
  EXPECT_EQ(scene.wrong(), "");
}

// A session counts from its sign_in: one that never resumes is a session too.
TEST(Presence, TheOldestOfTooManySessionsIsReplacedResumedOrNot) {
  policy::Desk policy = a_desk();
  policy.agents.push_back(an_agent("01", 5));
  Scene scene{std::move(policy)};
  for (const Role role : {Role::buyer, Role::agent}) {
    const std::string who = role == Role::buyer ? "Li" : "01";
    std::vector<SessionId> tabs;
    for (std::size_t i = 0; i < limits::sessions_per_person_max; ++i)
      tabs.push_back(scene.arrive(who + std::to_string(i), role, who));
    scene.ask(tabs[1], ask::Resume{});
    for (const SessionId tab : tabs) EXPECT_TRUE(scene.alive(tab));
    for (std::size_t i = 0; i < 3; ++i) {
      scene.arrive(who + " again", role, who);
      EXPECT_FALSE(scene.alive(tabs[i]));
      EXPECT_TRUE(scene.alive(tabs[i + 1]));
    }
  }
  for (const Scene::Dropped& dropped : scene.dropped()) EXPECT_EQ(dropped.code, CloseCode::replaced);
  EXPECT_EQ(scene.wrong(), "");
}

// Whom a policy no longer names goes, resumed or not.
TEST(Presence, ADismissedAgentsSessionsEndResumedOrNot) {
  policy::Desk policy = a_desk();
  policy.agents = {an_agent("01", 5), an_agent("02", 5)};
  Scene scene{policy};
  const SessionId silent = scene.arrive("silent", Role::agent, "02");
  const SessionId other = scene.arrive("other", Role::agent, "01");
  policy.version = 2;
  policy.agents.pop_back();
  scene.change_policy(policy);
  EXPECT_FALSE(scene.alive(silent));
  EXPECT_TRUE(scene.alive(other));
  EXPECT_EQ(scene.wrong(), "");
}

// A buyer who has said one thing, which is stored, and what a second session then hears.
class Resumes : public testing::Test {
 protected:
  std::string heard() const {
    std::string all;
    for (const Scene::Heard& heard : scene_.heard()) all += heard.text + '\n';
    return all;
  }

  Scene scene_{a_desk()};
  SessionId tab_{scene_.arrive("Li", Role::buyer, "Li")};
  ChatId chat_{opens()};

 private:
  ChatId opens() {
    scene_.ask(tab_, ask::Open{.id = scene_.next_id()});
    const ChatId chat = scene_.floor().chats.begin()->first;
    scene_.ask(tab_, ask::Say{.id = scene_.next_id(), .chat = chat, .text = "first"});
    return chat;
  }
};

// A database that was restored from a copy has less than it told. Once a client that held more was told only what lay above
// its own last line, and kept lines of its number that are no more.
TEST_F(Resumes, WhoHoldsMoreThanThereIsHearsAllOfIt) {
  // The last is what nobody holds, and anybody can say: it once ended the server.
  for (const Seq stored : {Seq{40}, Seq{UINT32_MAX}}) {
    for (const Epoch epoch : {Epoch{9}, scene_.floor().epoch}) {
      const SessionId other = scene_.arrive("other", Role::buyer, "Li");
      scene_.forget();
      scene_.ask(other, ask::Resume{{{.chat = chat_, .epoch = epoch, .seq = Seq{UINT32_MAX}, .stored = stored}}});
      EXPECT_NE(heard().find("text=first"), std::string::npos) << epoch.value << ' ' << stored.value;
      scene_.leave(other);
    }
  }
}

// The same with lines that are not stored yet: those are not what it was told of either.
TEST_F(Resumes, WhoHoldsMoreThanIsStoredHearsAllOfIt) {
  scene_.stall();
  for (const char* text : {"second", "third"})
    scene_.ask(tab_, ask::Say{.id = scene_.next_id(), .chat = chat_, .text = text});
  const SessionId other = scene_.arrive("other", Role::buyer, "Li");
  scene_.forget();
  scene_.ask(other, ask::Resume{{{.chat = chat_, .epoch = Epoch{9}, .seq = Seq{2}, .stored = Seq{2}}}});
  const std::string told = heard();
  for (const char* text : {"text=first", "text=second", "text=third"})
    EXPECT_NE(told.find(text), std::string::npos) << told;
}

// A refused recall that the session holds above a gap had hidden a line below it. Once that was not told again.
TEST_F(Resumes, ARefusedRecallAboveAGapShowsWhatItHid) {
  scene_.stall();
  scene_.ask(tab_, ask::Say{.id = scene_.next_id(), .chat = chat_, .text = "second"});
  scene_.ask(tab_, ask::Recall{scene_.next_id(), chat_, Seq{1}, false});
  scene_.step(event::Refused{scene_.on_their_way().rbegin()->first});
  const SessionId other = scene_.arrive("other", Role::buyer, "Li");
  scene_.forget();
  const Epoch epoch = scene_.floor().epoch;
  scene_.ask(other, ask::Resume{{{.chat = chat_, .epoch = epoch, .seq = Seq{1}, .stored = Seq{1}}}});
  const std::string told = heard();
  EXPECT_NE(told.find("text=first"), std::string::npos) << told;
  EXPECT_NE(told.find("kind=refused"), std::string::npos) << told;
}

// Who is remembered for an old chat takes nobody's rank. Once it moved those of the others, and the choice knew the old ones.
TEST(Presence, WhoIsRememberedMovesNobodysRank) {
  policy::Desk policy = a_desk();
  policy.agents = {an_agent("02", 1), an_agent("03", 1)};
  Roster roster;
  roster.apply(Rulebook{std::make_shared<policy::Desk>(policy)});
  const std::uint32_t second = roster.find("02")->rank, third = roster.find("03")->rank;
  roster.remember("01");
  EXPECT_EQ(roster.find("02")->rank, second);
  EXPECT_EQ(roster.find("03")->rank, third);
  EXPECT_GT(roster.find("01")->rank, third);
}

// A wallboard is nobody's presence. Once an agent's look at the figures, with a token that lets her do no more, heard the words
// of her chats and kept them hers when her console was gone.
TEST(Presence, WhoLooksOnIsNotThere) {
  policy::Desk policy = a_desk();
  policy.agents.push_back(an_agent("01", 5));
  Scene scene{std::move(policy)};
  const SessionId wall = scene.arrive("wall", Role::ops, "01");
  scene.ask(wall, ask::Resume{});
  scene.ask(wall, ask::Figures{scene.next_id(), true});
  const Agent& agent = *scene.floor().roster.all().front();
  EXPECT_FALSE(agent.present());
  const SessionId console = scene.arrive("console", Role::agent, "01");
  scene.ask(console, ask::SetStatus{scene.next_id(), Status::available});
  const SessionId buyer = scene.arrive("Li", Role::buyer, "Li");
  scene.ask(buyer, ask::Open{.id = scene.next_id()});
  const ChatId chat = scene.floor().chats.begin()->first;
  scene.ask(buyer, ask::Say{.id = scene.next_id(), .chat = chat, .text = "secret"});
  for (const Scene::Heard& heard : scene.heard())
    EXPECT_FALSE(heard.to == wall && heard.text.find("secret") != std::string::npos) << heard.text;
  scene.leave(console);
  scene.advance(scene.now() + std::chrono::minutes{2});
  EXPECT_EQ(agent.status, Status::signed_out);
  EXPECT_EQ(scene.floor().chats.begin()->second->place, Place::left_message);
  EXPECT_EQ(scene.wrong(), "");
}

}  // namespace
}  // namespace deskd
