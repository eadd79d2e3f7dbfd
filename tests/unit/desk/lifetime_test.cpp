// The longest chat: whatever clients do, its transcript stays within its bound, and no desk stops for it.
#include "server/desk/lifetime.hpp"

#include <gtest/gtest.h>

#include "tests/support/desk_builder.hpp"

namespace deskd {
namespace {

class LongChat : public testing::Test {
 protected:
  LongChat() {
    agent_ = scene_.arrive("01", Role::agent, "01", "");
    scene_.ask(agent_, ask::SetStatus{scene_.next_id(), Status::available});
    buyer_ = scene_.arrive("Li", Role::buyer, "Li");
  }

  static policy::Desk shop() {
    policy::Desk desk = a_desk();
    desk.shops.front().greeting = "welcome";
    desk.agents = {an_agent("01", 1), an_agent("02", 1), an_agent("boss", 0, Role::supervisor)};
    return desk;
  }
  ChatId open() {
    scene_.ask(buyer_, ask::Open{scene_.next_id(), {}, {}, {}});
    return scene_.floor().buyers.begin()->second->chat->id;
  }
  const Chat& chat(ChatId id) const { return *scene_.floor().chats.at(id); }

  Scene scene_{shop()};
  SessionId agent_, buyer_;
};

// Opening and closing adds lines and asks nobody. Once this went on until an assertion ended the server.
TEST_F(LongChat, OpeningAndClosingEndsInANewChat) {
  const ChatId first = open();
  ChatId now = first;
  for (std::uint32_t i = 0; i < limits::lines_max && now == first; ++i) {
    scene_.ask(buyer_, ask::Close{scene_.next_id(), now});
    scene_.advance(scene_.now() + Duration{1});
    now = open();
  }
  EXPECT_NE(now, first);
  EXPECT_TRUE(chat(first).main.full());
  EXPECT_FALSE(chat(first).open());
}

// Saying goes on until the chat is closed as too long; to rate it then is refused. Once the rating closed it again.
TEST_F(LongChat, RatingAChatThatWasTooLongIsRefused) {
  const ChatId id = open();
  while (chat(id).open()) scene_.ask(buyer_, ask::Say{scene_.next_id(), id, "x", {}, false, false});
  EXPECT_EQ(chat(id).reason, Reason::too_long);
  scene_.ask(buyer_, ask::Rate{scene_.next_id(), id, {5, "fine"}});
  EXPECT_FALSE(chat(id).rating);
  EXPECT_EQ(chat(id).main.last().value, limits::lines_max + 1);
}

// A close that finds the chat ended makes no line, and names none: a client once took the one it named, the chat's last,
// for its own, and a rating became a close on its screen.
TEST_F(LongChat, ACloseOfAnEndedChatNamesNoLine) {
  const ChatId id = open();
  scene_.ask(buyer_, ask::Say{scene_.next_id(), id, "x", {}, false, false});
  scene_.ask(buyer_, ask::Close{scene_.next_id(), id});
  scene_.ask(buyer_, ask::Rate{scene_.next_id(), id, {5, {}}});
  scene_.ask(buyer_, ask::Close{scene_.next_id(), id});
  ASSERT_FALSE(scene_.heard().empty());
  EXPECT_EQ(scene_.heard().back().text.substr(0, 5), "done ");
  EXPECT_EQ(scene_.heard().back().text.find("seq="), std::string::npos) << scene_.heard().back().text;
}

// What must not stand there can be taken back in a full chat too, once. It used to end the chat, and was refused.
TEST_F(LongChat, ALineOfAFullChatCanBeTakenBack) {
  const SessionId boss = scene_.arrive("boss", Role::supervisor, "boss", "");
  const ChatId id = open();
  while (chat(id).main.last().value < limits::lines_max)
    scene_.ask(buyer_, ask::Say{scene_.next_id(), id, "x", {}, false, false});
  scene_.ask(boss, ask::Recall{scene_.next_id(), id, {5}, false});
  EXPECT_TRUE(chat(id).open());
  EXPECT_TRUE(chat(id).main.line({5}).hidden);
  scene_.ask(buyer_, ask::Say{scene_.next_id(), id, "x", {}, false, false});
  EXPECT_EQ(chat(id).reason, Reason::too_long);
  for (int twice = 0; twice < 2; ++twice) scene_.ask(boss, ask::Recall{scene_.next_id(), id, {6}, false});
  EXPECT_TRUE(chat(id).main.line({6}).hidden);
  EXPECT_EQ(chat(id).main.last().value, limits::lines_max + 3);
}

// The words that a refused recall had hidden are told again, also when the desk has dropped them from memory: once everyone
// heard the line without them.
TEST_F(LongChat, ARefusedRecallShowsWordsThatOnlyTheDatabaseHas) {
  const SessionId boss = scene_.arrive("boss", Role::supervisor, "boss", "");
  const ChatId id = open();
  const std::string page(limits::words_bytes_max, 'x');
  while (chat(id).main.kept_from() <= Seq{2})
    scene_.ask(buyer_, ask::Say{scene_.next_id(), id, page, {}, false, false});
  scene_.stall();
  scene_.ask(boss, ask::Recall{scene_.next_id(), id, {2}, false});
  Position recall;
  for (const auto& [position, text] : scene_.on_their_way())
    if (text.find("recalled") != std::string::npos) recall = position;
  scene_.forget();
  scene_.step(event::Refused{recall});
  bool reads = false;
  for (const Scene::Heard& heard : scene_.heard()) {
    reads |= heard.to == buyer_ && heard.text.find("read_lines") != std::string::npos;
    EXPECT_EQ(heard.text.find(" seq=2 "), std::string::npos) << heard.text;
  }
  EXPECT_TRUE(reads);
}

// An agent who comes and goes sends the chat round, a line each time, and nobody need say a word for it.
TEST_F(LongChat, GoingRoundEndsItToo) {
  const ChatId id = open();
  while (chat(id).main.last().value < limits::lines_max - 4)
    scene_.ask(buyer_, ask::Say{scene_.next_id(), id, "x", {}, false, false});
  const SessionId other = scene_.arrive("02", Role::agent, "02", "");
  scene_.ask(other, ask::SetStatus{scene_.next_id(), Status::available});
  for (int i = 0; i < 10 && chat(id).open(); ++i) {
    ASSERT_EQ(chat(id).place, Place::held);
    const SessionId holder =
        chat(id).agent == scene_.floor().sessions[static_cast<std::uint32_t>(agent_.value)].agent ? agent_ : other;
    scene_.ask(holder, ask::SetStatus{scene_.next_id(), Status::signed_out});
    scene_.ask(holder, ask::SetStatus{scene_.next_id(), Status::available});
  }
  EXPECT_FALSE(chat(id).open());
  EXPECT_EQ(chat(id).reason, Reason::too_long);
  EXPECT_EQ(chat(id).main.last().value, limits::lines_max + 1);
}

// A left message goes round like a live chat. Once it did so until an assertion ended the server, and every later one.
TEST_F(LongChat, ALeftMessageThatGoesRoundEndsToo) {
  const ChatId id = open();
  while (chat(id).main.last().value < limits::lines_max - 4)
    scene_.ask(buyer_, ask::Say{scene_.next_id(), id, "x", {}, false, false});
  scene_.advance(scene_.now() + std::chrono::minutes{2});
  scene_.ask(agent_, ask::SetStatus{scene_.next_id(), Status::signed_out});
  ASSERT_EQ(chat(id).place, Place::left_message);
  for (int i = 0; i < 10 && chat(id).open(); ++i) {
    scene_.ask(agent_, ask::SetStatus{scene_.next_id(), Status::available});
    scene_.ask(agent_, ask::SetStatus{scene_.next_id(), Status::signed_out});
  }
  EXPECT_EQ(chat(id).reason, Reason::too_long);
  EXPECT_EQ(chat(id).main.last().value, limits::lines_max + 1);
}

// Anybody can be a guest as often as they like. Once nothing bounded how many chats they left in memory and in the database.
TEST(Guests, OpenNoMoreChatsThanADeskRemembers) {
  policy::Desk policy = a_desk();
  policy.queues.push_back(policy.queues.front());
  policy.queues.back().name = "other";
  Desk desk{DeskOptions{DeskId{1}, Epoch{1}, std::make_shared<policy::Desk>(policy), limits::backlog_bytes_max}};
  Effects effects;
  Instant now = Scene::start_of_day;
  std::uint64_t number{};
  const auto step = [&](const Event& event) -> std::optional<Code> {
    effects.clear();
    desk.step(now, event, effects);
    for (const Effect& effect : effects.list())
      if (const auto* send = std::get_if<effect::Send>(&effect))
        if (const auto* error = std::get_if<tell::Error>(&send->message)) return error->code;
    return {};
  };
  const auto opens = [&](Role role) {
    const std::string person = std::to_string(++number);
    step(event::SessionOpened{.session = SessionId{1}, .role = role, .person = person, .shop = "demo"});
    const std::optional<Code> refused = step(event::Heard{SessionId{1}, ask::Open{.id = CommandId{1, number}}});
    step(event::SessionClosed{SessionId{1}});
    step(event::Durable{Position{static_cast<std::int64_t>(desk.floor().counters.records)}});
    return refused;
  };
  step(event::RecoveryDone{});
  while (desk.floor().chats.size() < limits::guest_chats_max) ASSERT_FALSE(opens(Role::guest));
  EXPECT_EQ(opens(Role::guest), Code::overloaded);
  EXPECT_FALSE(opens(Role::buyer));
  EXPECT_EQ(desk.floor().chats.size(), limits::guest_chats_max + 1);
  EXPECT_EQ(desk.floor().counters.shed_guests, 1u);
  // Nor does one whose chat has ended, in another queue; but that chat may go on.
  const ChatId ended = desk.floor().chats.begin()->first;
  const std::string guest = desk.floor().chats.begin()->second->buyer->id;
  step(event::SessionOpened{.session = SessionId{1}, .role = Role::guest, .person = guest, .shop = "demo"});
  step(event::Heard{SessionId{1}, ask::Close{CommandId{2, 1}, ended}});
  EXPECT_EQ(step(event::Heard{SessionId{1}, ask::Open{.id = CommandId{2, 2}, .queue = "other"}}), Code::overloaded);
  EXPECT_FALSE(step(event::Heard{SessionId{1}, ask::Open{.id = CommandId{2, 3}}}));
  EXPECT_TRUE(desk.floor().chats.begin()->second->open());
}

// Once a guest's frame could name one skill sixteen thousand times, and the chat kept them all.
TEST(Open, NamesNoMoreSkillsThanADeskKnows) {
  policy::Desk policy = a_desk();
  policy.agents = {an_agent("01", 1)};
  policy.agents.front().skills = {"fr"};
  Scene scene{policy};
  const SessionId buyer = scene.arrive("Li", Role::buyer, "Li");
  ask::Open open{.id = scene.next_id()};
  open.skills.assign(limits::skills_max + 1, "fr");
  scene.ask(buyer, open);
  EXPECT_NE(scene.heard().back().text.find("too_many"), std::string::npos) << scene.heard().back().text;
  EXPECT_TRUE(scene.floor().chats.empty());
}

}  // namespace
}  // namespace deskd
