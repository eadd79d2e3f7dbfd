#include "storage/recovery.hpp"

#include <gtest/gtest.h>

#include "storage/migrate.hpp"
#include "tests/unit/storage/script.hpp"

namespace deskd {
namespace {

using namespace test;

class RecoveryTest : public testing::Test {
 protected:
  Cluster& cluster_{Cluster::shared()};
  const std::string database_{cluster_.make_database()};
  const std::string connection_{cluster_.connection(database_)};
  Ears ears_;

  void write(std::span<const Record> step) {
    Writer writer{{.connection = connection_}, ears_.tell()};
    writer.append(step);
    ASSERT_TRUE(writer.drain(at_last));
    ASSERT_TRUE(ears_.all<outcome::Refused>().empty());
  }
};

TEST_F(RecoveryTest, TakingMakesADeskAndRaisesItsEpoch) {
  const Taken first = take_desk(connection_, "desk");
  EXPECT_EQ(first.epoch, Epoch{1});
  EXPECT_EQ(first.position, Position{0});
  EXPECT_TRUE(first.policies.empty());
  const Taken other = take_desk(connection_, "other");
  EXPECT_NE(other.desk, first.desk);
  const Taken again = take_desk(connection_, "desk");
  EXPECT_EQ(again.desk, first.desk);
  EXPECT_EQ(again.epoch, Epoch{2});
  EXPECT_EQ(take_desk(connection_, "third").desk.value, other.desk.value + 1);
}

// Making a desk and asking who serves are for those who do not serve: the server that has it goes on.
TEST_F(RecoveryTest, MakingADeskTakesNothing) {
  const DeskId made = make_desk(connection_, "desk");
  EXPECT_EQ(make_desk(connection_, "desk"), made);
  EXPECT_FALSE(is_served(connection_));
  const Taken taken = take_desk(connection_, "desk");
  EXPECT_EQ(taken.desk, made);
  EXPECT_EQ(taken.epoch, Epoch{1});
  Script script{taken};
  Writer writer{{.connection = connection_}, ears_.tell()};
  EXPECT_EQ(make_desk(connection_, "desk"), made);
  writer.append(script.chat(chat_no(1), Place::waiting));
  ASSERT_TRUE(writer.drain(at_last));
  EXPECT_TRUE(ears_.all<outcome::Fenced>().empty());
  EXPECT_TRUE(is_served(connection_));
}

// Goal: what comes back equals what was written, field by field. Method: one open chat that uses every field, both
// streams and every deed; its stored form is written down here by hand.
TEST_F(RecoveryTest, AnOpenChatComesBackWhole) {
  const Taken taken = take_desk(connection_, "desk");
  Script script{taken};
  const ChatId id = chat_no(1);
  const Instant at = instant_of(day_ms);

  record::Chat chat{};
  chat.chat = id;
  chat.shop = "main";
  chat.buyer = "买家-1";
  chat.guest = true;
  chat.level = "vip";
  chat.place = Place::held;
  chat.queue = "pre-sale";
  chat.agent = "07";
  chat.wanted = "08";
  chat.opened = at;
  chat.queued = at + Duration{1};
  chat.placed = at + Duration{2};
  chat.priority_s = -30;
  chat.policy_version = 4;
  chat.reason = Reason::transferred;
  chat.answered_first = at + Duration{3};
  chat.lined_up = at + Duration{4};
  chat.left_since = at + Duration{5};
  chat.told = at + Duration{6};
  chat.asked = true;
  chat.excused = {2};
  chat.skills = {"vip", "english"};

  record::Line words{};
  words.chat = id;
  words.seq = {1};
  words.at = at;
  words.origin = Origin::buyer;
  words.person = "买家-1";
  words.id = {0xfedcba9876543210, 0x0123456789abcdef};
  words.text = "您好 \"quoted\" \\ {1,2} \n NULL 😀";
  record::Line order_line{};
  order_line.chat = id;
  order_line.seq = {2};
  order_line.at = at + Duration{5};
  order_line.origin = Origin::human;
  order_line.kind = LineKind::order;
  order_line.person = "07";
  record::Line answer_line = order_line;
  answer_line.seq = {3};
  answer_line.kind = LineKind::order_answer;
  answer_line.reply_to = {2};
  record::Line closed{};
  closed.chat = id;
  closed.seq = {4};
  closed.at = at + Duration{9};
  closed.origin = Origin::system;
  closed.kind = LineKind::transferred;
  closed.reason = Reason::by_supervisor;
  record::Line whisper = words;
  whisper.stream = Stream::inside;
  whisper.origin = Origin::human;
  whisper.id = {};
  whisper.text = "";
  const record::Order order{"A-1", {{"coat", "M", "blue", 2}}, "上海", "张三", "138", "gift", "7 days", at, 1};
  const record::OrderAnswer answer{{2}, 1, false, {{"address", "北京"}}};

  const std::vector<Record> step{script.record(chat),
                                 script.record(words),
                                 script.record(order_line),
                                 script.record(record::Deed{id, {2}, at, order}),
                                 script.record(answer_line),
                                 script.record(record::Deed{id, {3}, at, answer}),
                                 script.record(closed),
                                 script.record(whisper),
                                 script.missed(id, ClockKind::next_response, 2),
                                 script.missed(id, ClockKind::first_response, 1),
                                 script.fact(id, FactKind::assigned),
                                 script.fact({}, FactKind::status)};
  write(step);

  const auto at_of = [](const Record& record) { return std::get<record::Fact>(record.body).at; };
  stored::Chat expected;
  expected.chat = id;
  expected.shop = "main";
  expected.buyer = "买家-1";
  expected.queue = "pre-sale";
  expected.agent = "07";
  expected.wanted = "08";
  expected.guest = true;
  expected.level = "vip";
  expected.place = Place::held;
  expected.opened = at;
  expected.queued = at + Duration{1};
  expected.placed = at + Duration{2};
  expected.answered_first = at + Duration{3};
  expected.priority_s = -30;
  expected.policy_version = 4;
  expected.reason = Reason::transferred;
  expected.excused = {2};
  expected.skills = {"vip", "english"};
  for (const record::Line& line : {words, order_line, answer_line, closed, whisper})
    expected.lines.push_back({line.stream, line.seq, line.at, line.origin, line.kind, std::string{line.person}, line.id,
                              line.reply_to, line.reason, std::string{line.text}, false});
  expected.lined_up = at + Duration{4};
  expected.left_since = at + Duration{5};
  expected.told = at + Duration{6};
  expected.asked = true;
  expected.fired = {{ClockKind::first_response, 1, at_of(step[9])}, {ClockKind::next_response, 2, at_of(step[8])}};
  expected.deeds = {{{2}, order}, {{3}, answer}};

  const Open open = read_open(connection_, taken.desk, Instant::max());
  ASSERT_EQ(open.chats.size(), 1u);
  EXPECT_EQ(open.chats[0], expected);

  const Taken next = take_desk(connection_, "desk");
  EXPECT_EQ(next.position, script.position);
  EXPECT_GE(next.newest, at + Duration{9});
}

// Many chats, in and out of the partitions, open, closed just now and closed long ago, and of two desks.
TEST_F(RecoveryTest, GivesOpenChatsAndThoseClosedAMomentAgo) {
  EXPECT_TRUE(make_partitions(connection_, instant_of(day_ms)).empty());
  Script script{take_desk(connection_, "desk")};
  Script other{take_desk(connection_, "other")};
  std::vector<Record> step;
  constexpr int chats{2500};
  for (int n = 1; n <= chats; ++n) {
    step.push_back(script.chat(chat_no(n), Place::waiting));
    step.push_back(script.line(chat_no(n), 1, "line 1"));
    step.push_back(script.line(chat_no(n), 2, "line 2"));
  }
  step.push_back(script.chat({5}, Place::waiting));  // older than every partition
  step.push_back(script.line({5}, 1, "line 1"));
  step.push_back(script.chat(chat_no(1), Place::closed));
  const Instant since = script.now();
  step.push_back(script.chat(chat_no(2), Place::closed));
  step.push_back(other.chat(chat_no(1), Place::held));
  write(step);

  const Open open = read_open(connection_, script.desk, since);
  ASSERT_EQ(open.chats.size(), static_cast<std::size_t>(chats));
  EXPECT_EQ(open.chats[0].chat, ChatId{5});
  EXPECT_EQ(open.chats[0].lines.size(), 1u);
  EXPECT_EQ(open.chats[1].chat, chat_no(2));
  EXPECT_TRUE(open.chats[1].closed.has_value());
  for (int n = 2; n <= chats; ++n) {
    const stored::Chat& chat = open.chats[static_cast<std::size_t>(n - 1)];
    EXPECT_EQ(chat.chat, chat_no(n));
    ASSERT_EQ(chat.lines.size(), 2u);
    EXPECT_EQ(chat.lines[1].text, "line 2");
    EXPECT_EQ(chat.closed.has_value(), n == 2);
  }
  EXPECT_EQ(read_open(connection_, other.desk, since).chats.size(), 1u);
  // The default partitions are not for living in: somebody is told.
  EXPECT_EQ(make_partitions(connection_, instant_of(day_ms)), std::vector<std::string>{"message_default"});
}

// One line that was missing in one chat ended every start, and with it the whole shop's desk: the chat is left out and named.
TEST_F(RecoveryTest, AChatWithAGapIsLeftOut) {
  Script script{take_desk(connection_, "desk")};
  std::vector<Record> step;
  for (int n = 1; n <= 4; ++n) {
    step.push_back(script.chat(chat_no(n), Place::waiting));
    for (std::uint32_t seq = 1; seq <= 3; ++seq)
      for (const Stream stream : {Stream::main, Stream::inside})
        step.push_back(script.line(chat_no(n), seq, "words", stream));
  }
  write(step);
  const auto lose = [&](int n, const std::string& what) {
    test::ask(cluster_.connection(database_, "deskd"),
              "delete from message where chat = " + std::to_string(chat_no(n).value) + " and " + what + " returning 1");
  };
  lose(1, "stream = 0 and seq = 2");
  lose(2, "stream = 1 and seq = 1");
  lose(3, "stream = 1");
  const Open open = read_open(connection_, script.desk, Instant::max());
  ASSERT_EQ(open.chats.size(), 2u);
  EXPECT_EQ(open.chats[0].chat, chat_no(3));
  EXPECT_EQ(open.chats[0].lines.size(), 3u);
  EXPECT_EQ(open.chats[1].lines.size(), 6u);
  EXPECT_EQ(open.torn, (std::vector{chat_no(1), chat_no(2)}));
}

// A chat that is reopened is open again.
TEST_F(RecoveryTest, AReopenedChatIsOpen) {
  Script script{take_desk(connection_, "desk")};
  write(std::vector{script.chat(chat_no(1), Place::closed)});
  EXPECT_TRUE(read_open(connection_, script.desk, Instant::max()).chats.empty());
  write(std::vector{script.chat(chat_no(1), Place::waiting)});
  const Open open = read_open(connection_, script.desk, Instant::max());
  ASSERT_EQ(open.chats.size(), 1u);
  EXPECT_FALSE(open.chats[0].closed.has_value());
}

// An agent is what the newest fact about her says, and no other desk's facts count.
TEST_F(RecoveryTest, AgentsAreWhatTheyLastWere) {
  Script script{take_desk(connection_, "desk")};
  Script other{take_desk(connection_, "other")};
  const auto became = [](Script& desk, std::string_view agent, Status status, Reason reason) {
    Record record = desk.fact({}, FactKind::status);
    auto& fact = std::get<record::Fact>(record.body);
    fact.agent = agent;
    fact.ordinal = static_cast<std::int32_t>(status);
    fact.reason = reason;
    return record;
  };
  const auto adjusted = [&](std::string_view agent, std::int32_t capacity, std::string_view queues) {
    Record record = script.fact({}, FactKind::adjusted);
    auto& fact = std::get<record::Fact>(record.body);
    fact.agent = agent;
    fact.ordinal = capacity;
    fact.number = 4;
    fact.detail = queues;
    return record;
  };
  write(std::vector{became(script, "07", Status::available, Reason::by_agent),
                    became(script, "03", Status::away, Reason::by_agent),
                    became(other, "07", Status::away, Reason::by_agent), script.fact({}, FactKind::policy),
                    became(script, "07", Status::on_break, Reason::unanswered_offers), adjusted("07", 9, "a"),
                    adjusted("07", 3, "a,b"), adjusted("08", 0, "")});
  const std::vector<stored::Agent> expected{
      {"03", Status::away, Reason::by_agent, instant_of(day_ms + 1)},
      {"07", Status::on_break, Reason::unanswered_offers, instant_of(day_ms + 3), 4, 3, {"a", "b"}},
      {"08", Status::signed_out, Reason::none, Instant{}, 4, 0, {}}};
  EXPECT_EQ(read_open(connection_, script.desk, Instant::max()).agents, expected);
}

// A watched chat, whose fact may be the newest of all, is neither surge nor an agent.
TEST_F(RecoveryTest, SurgeIsWhatItLastWas) {
  Script script{take_desk(connection_, "desk")};
  Record surge = script.fact({}, FactKind::surge);
  auto& fact = std::get<record::Fact>(surge.body);
  fact.ordinal = 1;
  fact.reason = Reason::by_supervisor;
  write(std::vector{surge, script.fact({}, FactKind::watched)});
  const Open open = read_open(connection_, script.desk, Instant::max());
  EXPECT_EQ(open.surge, (stored::Surge{true, Reason::by_supervisor}));
  EXPECT_TRUE(open.agents.empty());
}

TEST_F(RecoveryTest, WhoWasRevokedStaysSo) {
  Script script{take_desk(connection_, "desk")};
  Script other{take_desk(connection_, "other")};
  const auto revoked = [](Script& desk, std::string_view shop, std::string_view person, std::int32_t lifted = 0,
                          Reason reason = Reason::none) {
    Record record = desk.fact({}, FactKind::revoked);
    auto& fact = std::get<record::Fact>(record.body);
    fact.shop = shop;
    fact.ordinal = lifted;
    fact.reason = reason;
    (shop.empty() ? fact.agent : fact.detail) = person;
    return record;
  };
  write(std::vector{revoked(script, "", "03"), revoked(script, "lamps", "买家-1"), revoked(other, "", "09"),
                    script.fact({}, FactKind::policy), revoked(script, "", "07", 1),
                    revoked(script, "lamps", "guest-1", 0, Reason::identified)});
  const std::vector<stored::Revoked> all{{"", "03", instant_of(day_ms)},
                                         {"lamps", "买家-1", instant_of(day_ms + 1)},
                                         {"", "07", instant_of(day_ms + 3), true},
                                         {"lamps", "guest-1", instant_of(day_ms + 4), false, true}};
  EXPECT_EQ(read_revoked(connection_, script.desk, {}), all);
  EXPECT_EQ(read_revoked(connection_, script.desk, instant_of(day_ms + 1)), (std::vector{all[1], all[2], all[3]}));
}

TEST_F(RecoveryTest, PoliciesGrowOneVersionAtATime) {
  const Taken taken = take_desk(connection_, "desk");
  EXPECT_TRUE(read_policy(connection_, "desk").empty());
  EXPECT_FALSE(add_policy(connection_, taken.desk, 1, {0, "{}", "ann", instant_of(1)}));
  EXPECT_TRUE(add_policy(connection_, taken.desk, 0, {0, R"({"name": "桌"})", "ann", instant_of(1)}));
  EXPECT_FALSE(add_policy(connection_, taken.desk, 0, {0, "{}", "bob", instant_of(2)}));
  EXPECT_TRUE(add_policy(connection_, taken.desk, 1, {0, R"({"name": "2"})", "bob", instant_of(2)}));
  EXPECT_TRUE(add_policy(connection_, taken.desk, 2, {0, R"({"name": "3"})", "bob", instant_of(3)}));
  const auto newest = read_policy(connection_, "desk");
  ASSERT_EQ(newest.size(), 1u);
  EXPECT_EQ(newest[0].version, 3);
  EXPECT_EQ(newest[0].body, R"({"name": "3"})");
  EXPECT_EQ(newest[0].by, "bob");
  EXPECT_EQ(newest[0].at, instant_of(3));
  EXPECT_EQ(take_desk(connection_, "desk").policies.at(0).version, 3);
  EXPECT_THROW(add_policy(connection_, taken.desk, 3, {0, "no json", "bob", instant_of(3)}), StorageError);

  // Open chats bring along the older versions that they keep.
  Script script{take_desk(connection_, "desk")};
  Record old = script.chat(chat_no(1), Place::held);
  std::get<record::Chat>(old.body).policy_version = 1;
  Record current = script.chat(chat_no(2), Place::held);
  std::get<record::Chat>(current.body).policy_version = 3;
  write(std::vector{old, current});
  const Open open = read_open(connection_, taken.desk, Instant::max());
  ASSERT_EQ(open.policies.size(), 1u);
  EXPECT_EQ(open.policies[0].version, 1);
  EXPECT_EQ(open.policies[0].body, R"({"name": "桌"})");
}

TEST_F(RecoveryTest, ADatabaseThatIsAwayIsAnError) {
  EXPECT_THROW(take_desk("host=/nowhere dbname=none", "desk"), StorageError);
  EXPECT_THROW(take_desk(cluster_.connection("postgres"), "desk"), StorageError);
}

}  // namespace
}  // namespace deskd
