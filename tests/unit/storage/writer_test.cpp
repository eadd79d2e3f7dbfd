#include "storage/writer.hpp"

#include <gtest/gtest.h>

#include <future>
#include <pqxx/pqxx>
#include <thread>

#include "storage/migrate.hpp"
#include "tests/support/cut.hpp"
#include "tests/unit/storage/script.hpp"

namespace deskd {
namespace {

using namespace test;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;

class WriterTest : public testing::Test {
 protected:
  Cluster& cluster_{Cluster::shared()};
  const std::string database_{cluster_.make_database()};
  const std::string connection_{cluster_.connection(database_)};
  Ears ears_;

  WriterOptions options() const { return {.connection = connection_}; }
  Script take(std::string_view name = "desk") { return Script{take_desk(connection_, name)}; }

  std::vector<std::string> ask(const std::string& sql) const { return test::ask(connection_, sql); }
  std::string one(const std::string& sql) const { return ask(sql).at(0); }
  std::string writer_waits_for_a_lock() const {
    return "select count(*) from pg_stat_activity where datname = '" + database_ +
           "' and application_name = 'deskd-writer' and wait_event_type = 'Lock'";
  }
  // Every line of the chat once, in order, without a gap.
  void expect_whole(ChatId chat, int lines, const std::string& connection) const {
    EXPECT_EQ(test::ask(connection,
                        "select count(*) || ' ' || count(distinct seq) || ' ' || max(seq) || ' ' || bool_and(text "
                        "= 'line ' || seq) from message where chat = " +
                            std::to_string(chat.value))
                  .at(0),
              std::to_string(lines) + " " + std::to_string(lines) + " " + std::to_string(lines) + " true");
  }
};

TEST_F(WriterTest, WritesEveryKindInOneTransaction) {
  Script script = take();
  Writer writer{options(), ears_.tell()};
  record::Order order;
  order.order_no = "A-1";
  order.address = "上海";
  Record line = script.line(chat_no(1), 1, "您好 😀");
  std::get<record::Line>(line.body).kind = LineKind::order;
  const std::vector<Record> step{line, script.record(record::Deed{chat_no(1), {1}, script.now(), order}),
                                 script.fact(chat_no(1), FactKind::opened), script.chat(chat_no(1), Place::waiting)};
  writer.append(step);
  ASSERT_TRUE(ears_.durable(script));
  EXPECT_EQ(one("select text from message"), "您好 😀");
  EXPECT_EQ(one("select body->>'address' from deed"), "上海");
  EXPECT_EQ(one("select kind from fact"), "0");
  EXPECT_EQ(one("select place from chat"), "1");
  EXPECT_EQ(one("select position from desk_owner"), "4");
  EXPECT_EQ(
      one("select count(distinct xmin::text) from (select xmin from message union all select xmin from deed union "
          "all select xmin from fact union all select xmin from chat union all select xmin from desk_owner) x"),
      "1");
}

// Goal: Durable never comes before the commit. Method: another connection looks at the moment it is told.
TEST_F(WriterTest, DurableMeansCommitted) {
  Script script = take();
  std::atomic<int> early{};
  const auto tell = ears_.tell();
  Writer writer{options(), [&](const Outcome& outcome) {
                  if (const auto* durable = std::get_if<outcome::Durable>(&outcome))
                    if (std::stoll(one("select max(position) from message")) < durable->position.value) ++early;
                  tell(outcome);
                }};
  for (std::uint32_t i = 1; i <= 50; ++i) writer.append(script.line(chat_no(1), i, "line " + std::to_string(i)));
  ASSERT_TRUE(ears_.durable(script));
  EXPECT_EQ(early, 0);
  EXPECT_TRUE(ears_.in_order());
  expect_whole(chat_no(1), 50, connection_);
}

TEST_F(WriterTest, TheLastRoutingOfABatchHolds) {
  Script script = take();
  Writer writer{options(), ears_.tell()};
  const std::vector<Record> step{script.chat(chat_no(1), Place::waiting), script.chat(chat_no(2), Place::held),
                                 script.chat(chat_no(1), Place::reserved), script.chat(chat_no(1), Place::held)};
  writer.append(step);
  writer.append(script.chat(chat_no(2), Place::closed));
  ASSERT_TRUE(ears_.durable(script));
  EXPECT_EQ(ask("select place || ' ' || (closed_ms is not null) from chat order by chat"),
            (std::vector<std::string>{"3 false", "5 true"}));
}

// Goal: the outcome of a commit is unknown, and the line is stored once all the same. Method: the answer to the
// statement is thrown away after PostgreSQL has carried it out; in the other case the statement itself is.
TEST_F(WriterTest, AnUnknownOutcomeStoresOnce) {
  for (const CutAt where : {CutAt::before_answer, CutAt::before_statement}) {
    Cut cut{cluster_.folder()};
    Script script = take();
    Ears ears;
    WriterOptions through = options();
    through.connection = Cluster::connection_at(cut.folder(), database_);
    Writer writer{through, ears.tell()};
    const ChatId chat = chat_no(where == CutAt::before_answer ? 1 : 2);
    // The first of its kinds prepares the statement, so that the next answer is the commit's.
    writer.append(std::vector{script.line(chat, 1, "line 1"), script.missed(chat, ClockKind::first_response, 1)});
    ASSERT_TRUE(ears.durable(script));
    cut.arm(where);
    writer.append(std::vector{script.line(chat, 2, "line 2"), script.missed(chat, ClockKind::first_response, 2)});
    ASSERT_TRUE(ears.durable(script));
    EXPECT_EQ(cut.cuts(), 1);
    expect_whole(chat, 2, connection_);
    EXPECT_EQ(one("select count(*) from fact where chat = " + std::to_string(chat.value)), "2");
    EXPECT_TRUE(ears.all<outcome::Refused>().empty());
    EXPECT_TRUE(ears.in_order());
  }
}

// Goal: sessions that die at random moments lose and double nothing.
TEST_F(WriterTest, SurvivesItsSessionsBeingEnded) {
  Script script = take();
  WriterOptions small = options();
  small.rows_max = 20;
  small.pace = 0ms;
  Writer writer{small, ears_.tell()};
  pqxx::connection admin{cluster_.connection(database_, "super")};
  constexpr int lines{2000};
  int ended{};
  for (std::uint32_t i = 1; i <= lines; ++i) {
    writer.append(script.line(chat_no(1), i, "line " + std::to_string(i)));
    if (i % 100 != 0) continue;
    // Wait until there is one to end.
    while (pqxx::nontransaction{admin}
               .exec("select pg_terminate_backend(pid) from pg_stat_activity where datname = '" + database_ +
                     "' and application_name = 'deskd-writer'")
               .empty()) {}
    ++ended;
  }
  ASSERT_TRUE(ears_.durable(script));
  EXPECT_EQ(ended, 20);
  EXPECT_TRUE(ears_.in_order());
  EXPECT_TRUE(ears_.all<outcome::Refused>().empty());
  expect_whole(chat_no(1), lines, connection_);
}

// Goal: of one batch, the rows of a desk that another server has taken stay out, and those of another desk go in.
TEST_F(WriterTest, AFencedDeskIsLeftOutOfItsBatch) {
  Script lost = take("lost");
  Script ours = take("ours");
  WriterOptions slow = options();
  slow.pace = 500ms;  // both desks' lines gather into the batch after the first
  Writer writer{slow, ears_.tell()};
  writer.append(lost.line(chat_no(1), 1, "line 1"));
  ASSERT_TRUE(ears_.durable(lost));

  const Taken newcomer = take_desk(connection_, "lost");
  EXPECT_EQ(newcomer.position, lost.position);
  writer.append(lost.line(chat_no(1), 2, "late"));
  writer.append(std::vector{ours.line(chat_no(2), 1, "line 1"), ours.chat(chat_no(2), Place::held)});
  writer.append(std::vector{lost.chat(chat_no(1), Place::closed), lost.fact(chat_no(1), FactKind::closed)});
  ASSERT_TRUE(ears_.durable(ours));
  ASSERT_TRUE(
      ears_.hears<outcome::Fenced>([&](const auto& f) { return f.desk == lost.desk && f.epoch == lost.epoch; }));

  // What comes after the fence is not even tried.
  writer.append(lost.line(chat_no(1), 3, "later"));
  writer.append(ours.line(chat_no(2), 2, "line 2"));
  ASSERT_TRUE(ears_.durable(ours));
  EXPECT_EQ(ears_.all<outcome::Fenced>().size(), 1u);
  EXPECT_EQ(ears_.durable_of(lost.desk), Position{1});
  EXPECT_EQ(one("select count(*) from message where desk = " + std::to_string(lost.desk.value)), "1");
  EXPECT_EQ(one("select count(*) from fact"), "0");
  EXPECT_EQ(one("select count(*) from chat"), "1");
  EXPECT_EQ(one("select position from desk_owner where name = 'lost'"), "1");
  expect_whole(chat_no(2), 2, connection_);
}

// A writer that had nothing to write for a desk never learned that it was another server's, and that server's sessions stayed
// where nothing was decided any more. Another desk that keeps the writer busy does not keep it from asking.
TEST_F(WriterTest, AFencedDeskThatIsQuietIsToldToo) {
  Script lost = take("lost");
  Script busy = take("busy");
  Writer writer{options(), ears_.tell()};
  writer.append(lost.line(chat_no(1), 1, "line 1"));
  ASSERT_TRUE(ears_.durable(lost));
  take_desk(connection_, "lost");
  std::atomic<bool> stop{};
  std::thread load{[&] {
    while (!stop) {
      writer.append(busy.fact(chat_no(2), FactKind::opened));
      std::this_thread::sleep_for(1ms);
    }
  }};
  EXPECT_TRUE(
      ears_.hears<outcome::Fenced>([&](const auto& f) { return f.desk == lost.desk && f.epoch == lost.epoch; }));
  stop = true;
  load.join();
  ASSERT_TRUE(ears_.durable(busy));
  take_desk(connection_, "busy");
  EXPECT_TRUE(ears_.hears<outcome::Fenced>([&](const auto& f) { return f.desk == busy.desk; }));
  writer.append(lost.line(chat_no(1), 2, "late"));
  EXPECT_TRUE(writer.drain(at_last));
  EXPECT_EQ(ears_.all<outcome::Fenced>().size(), 2u);
  EXPECT_EQ(one("select count(*) from message"), "1");
}

// Goal: there is no moment between a newcomer's epoch and our rows. Method: the newcomer's raise of the epoch is not
// committed yet; our batch must wait for it, and then stay out.
TEST_F(WriterTest, ABatchWaitsForANewcomerAndStaysOut) {
  Script script = take();
  Writer writer{options(), ears_.tell()};
  pqxx::connection other{connection_};
  {
    pqxx::work newcomer{other};
    newcomer.exec("update desk_owner set epoch = epoch + 1");
    writer.append(script.line(chat_no(1), 1, "late"));
    ASSERT_TRUE(comes_to(connection_, writer_waits_for_a_lock(), "1"));
    newcomer.commit();
  }
  ASSERT_TRUE(ears_.hears<outcome::Fenced>());
  EXPECT_EQ(one("select count(*) from message"), "0");
}

// ... and the other way round: a batch that is under way holds the newcomer up, who then finds its rows.
TEST_F(WriterTest, ANewcomerWaitsForABatchAndFindsItsRows) {
  Script script = take();
  Writer writer{options(), ears_.tell()};
  pqxx::connection other{connection_};
  Taken newcomer;
  std::thread taking;
  {
    // A row that is not committed yet and has the same key holds our batch in its middle.
    pqxx::work blocker{other};
    blocker.exec(
        "insert into message (desk, chat, stream, seq, position, at_ms, origin, kind, reason, reply_to, person, "
        "text) values (" +
        std::to_string(script.desk.value) + ", " + std::to_string(chat_no(1).value) +
        ", 0, 1, 1, 0, 0, 0, 0, 0, '', '')");
    writer.append(script.line(chat_no(1), 1, "line 1"));
    ASSERT_TRUE(comes_to(connection_, writer_waits_for_a_lock(), "1"));
    taking = std::thread{[&] { newcomer = take_desk(connection_, "desk"); }};
    ASSERT_TRUE(comes_to(connection_,
                         "select count(*) from pg_stat_activity where datname = '" + database_ +
                             "' and application_name = 'deskd-recovery' and wait_event_type = 'Lock'",
                         "1"));
    blocker.abort();
  }
  taking.join();
  EXPECT_EQ(newcomer.position, script.position);
  EXPECT_EQ(newcomer.epoch.value, script.epoch.value + 1);
  expect_whole(chat_no(1), 1, connection_);
}

// Goal: one row that PostgreSQL will never take costs that row alone, and its number is kept. Method: bytes that are no
// UTF-8 (the codec never lets them through), in the middle of a batch.
TEST_F(WriterTest, ARefusedLineKeepsItsNumber) {
  Script script = take();
  WriterOptions slow = options();
  slow.pace = 300ms;
  Writer writer{slow, ears_.tell()};
  writer.append(script.chat(chat_no(1), Place::held));
  std::vector<Position> bad;
  for (std::uint32_t i = 1; i <= 100; ++i) {
    const bool refused = i == 37 || i == 38 || i == 90;
    writer.append(script.line(chat_no(1), i, refused ? (i == 38 ? std::string_view{"a\0b", 3} : "\xff\xfe") : "fine"));
    if (refused) bad.push_back(script.position);
  }
  ASSERT_TRUE(ears_.durable(script));
  const auto refused = ears_.all<outcome::Refused>();
  ASSERT_EQ(refused.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(refused[i].position, bad[i]);
  EXPECT_EQ(one("select count(*) || ' ' || count(distinct seq) || ' ' || max(seq) from message"), "100 100 100");
  EXPECT_EQ(ask("select seq from message where kind = 10 and text = '' and id is null order by seq"),
            (std::vector<std::string>{"37", "38", "90"}));
  EXPECT_EQ(one("select position from desk_owner"), std::to_string(script.position.value));
  EXPECT_EQ(writer.counters().refused, 3u);
}

// A deed and its line are refused together: no line may state an order that is not there.
TEST_F(WriterTest, ARefusedDeedTakesItsLineWithIt) {
  Script script = take();
  Writer writer{options(), ears_.tell()};
  record::Order order;
  order.address = "\xff";
  Record line = script.line(chat_no(1), 2, "");
  std::get<record::Line>(line.body).kind = LineKind::order;
  const std::vector<Record> step{script.line(chat_no(1), 1, "before"), line,
                                 script.record(record::Deed{chat_no(1), {2}, script.now(), order}),
                                 script.line(chat_no(1), 3, "after")};
  writer.append(step);
  ASSERT_TRUE(ears_.durable(script));
  EXPECT_EQ(ears_.all<outcome::Refused>().size(), 2u);
  EXPECT_EQ(ask("select kind from message order by seq"), (std::vector<std::string>{"0", "10", "0"}));
  EXPECT_EQ(one("select count(*) from deed"), "0");
  EXPECT_EQ(one("select kind || ' ' || position from fact"), "22 3");  // FactKind::refused
}

// Goal: a line whose command was stored under another number is not told as stored in silence.
TEST_F(WriterTest, ADisplacedLineIsRefused) {
  Script script = take();
  Writer writer{options(), ears_.tell()};
  const Record first = script.line(chat_no(1), 1, "first");
  writer.append(first);
  Record again = script.line(chat_no(1), 2, "the same command as another line");
  std::get<record::Line>(again.body).id = std::get<record::Line>(first.body).id;
  writer.append(again);
  writer.append(script.line(chat_no(1), 3, "third"));
  ASSERT_TRUE(ears_.durable(script));
  ASSERT_EQ(ears_.all<outcome::Refused>().size(), 1u);
  EXPECT_EQ(ears_.all<outcome::Refused>()[0].position, again.position);
  EXPECT_EQ(ask("select kind || ' ' || text from message order by seq"),
            (std::vector<std::string>{"0 first", "10 ", "0 third"}));
}

// The buyer said it, though it could not be kept: who waits since when is drawn from it after a restart.
TEST_F(WriterTest, ARefusedLineIsStillItsAuthors) {
  Script script = take();
  Writer writer{options(), ears_.tell()};
  Record line = script.line(chat_no(1), 1, "no\xff");
  std::get<record::Line>(line.body).origin = Origin::buyer;
  writer.append(line);
  ASSERT_TRUE(ears_.durable(script));
  ASSERT_EQ(ears_.all<outcome::Refused>().size(), 1u);
  EXPECT_EQ(
      one("select kind || ' ' || origin from message"),
      std::to_string(static_cast<int>(LineKind::refused)) + " " + std::to_string(static_cast<int>(Origin::buyer)));
}

// The first try stored what stands for a displaced line, and its answer was lost. The next one finds that under the line's
// number, and once took it for the line: its author was told that it was stored.
TEST_F(WriterTest, WhatStandsForALineIsNotTheLine) {
  Script script = take();
  const Record first = script.line(chat_no(1), 1, "first");
  Record again = script.line(chat_no(1), 2, "the same command as another line");
  std::get<record::Line>(again.body).id = std::get<record::Line>(first.body).id;
  for (std::size_t tries = 1; tries <= 2; ++tries) {
    Writer writer{options(), ears_.tell()};
    if (tries == 1) writer.append(first);
    writer.append(again);
    ASSERT_TRUE(writer.drain(at_last));
    EXPECT_EQ(ears_.all<outcome::Refused>().size(), tries);
  }
}

// A step of a clock that is missed twice is one row, and nobody is told off for it.
TEST_F(WriterTest, AClocksStepIsMissedOnce) {
  Script script = take();
  Writer writer{options(), ears_.tell()};
  writer.append(script.missed(chat_no(1), ClockKind::queue_wait, 1));
  writer.append(script.missed(chat_no(1), ClockKind::queue_wait, 1));
  writer.append(script.missed(chat_no(1), ClockKind::queue_wait, 2));
  ASSERT_TRUE(ears_.durable(script));
  EXPECT_EQ(one("select count(*) from fact"), "2");
  EXPECT_TRUE(ears_.all<outcome::Refused>().empty());
}

// A database that lacks what it should hold is the world's failure: nothing is refused, nothing is lost.
TEST_F(WriterTest, AMissingTableIsWaitedFor) {
  Script script = take();
  const std::string owner = cluster_.connection(database_, "deskd");
  test::ask(owner, "alter table fact rename to fact_away");
  WriterOptions quick = options();
  quick.degraded_after = 1ms;
  Writer writer{quick, ears_.tell()};
  writer.append(std::vector{script.line(chat_no(1), 1, "line 1"), script.fact(chat_no(1), FactKind::opened)});
  ASSERT_TRUE(ears_.hears<outcome::Health>([](const auto& h) { return !h.ok && !h.reason.empty(); }));
  EXPECT_EQ(ears_.durable_of(script.desk), Position{});
  test::ask(owner, "alter table fact_away rename to fact");
  ASSERT_TRUE(ears_.durable(script));
  EXPECT_TRUE(ears_.all<outcome::Refused>().empty());
  expect_whole(chat_no(1), 1, connection_);
}

TEST_F(WriterTest, ForgetsADesk) {
  Script kept = take("kept");
  Script gone = take("gone");
  WriterOptions slow = options();
  slow.pace = 300ms;
  Writer writer{slow, ears_.tell()};
  writer.append(kept.line(chat_no(1), 1, "line 1"));
  ASSERT_TRUE(ears_.durable(kept));
  writer.append(gone.line(chat_no(2), 1, "waits"));
  writer.append(kept.line(chat_no(1), 2, "line 2"));
  writer.forget(gone.desk, gone.epoch);
  writer.append(gone.line(chat_no(2), 2, "comes later"));
  ASSERT_TRUE(writer.drain(at_last));
  ASSERT_TRUE(ears_.durable(kept));
  EXPECT_EQ(one("select count(*) from message where desk = " + std::to_string(gone.desk.value)), "0");
}

TEST_F(WriterTest, DrainSaysWhetherAllIsIn) {
  Script script = take();
  Writer writer{options(), ears_.tell()};
  EXPECT_TRUE(writer.drain(0ms));
  pqxx::connection other{cluster_.connection(database_, "deskd")};
  pqxx::work blocker{other};
  blocker.exec("lock table message");
  writer.append(script.line(chat_no(1), 1, "line 1"));
  EXPECT_FALSE(writer.drain(50ms));
  EXPECT_GT(writer.counters().backlog_bytes, 0u);
  blocker.commit();
  EXPECT_TRUE(writer.drain(at_last));
  EXPECT_EQ(writer.counters().backlog_bytes, 0u);
  expect_whole(chat_no(1), 1, connection_);
}

// Whoever asked twice for the end waited for the drain all the same.
TEST_F(WriterTest, ADrainThatIsGivenUpEnds) {
  Script script = take();
  Writer writer{options(), ears_.tell()};
  pqxx::connection other{cluster_.connection(database_, "deskd")};
  pqxx::work blocker{other};
  blocker.exec("lock table message");
  writer.append(script.line(chat_no(1), 1, "line 1"));
  auto waits = std::async(std::launch::async, [&] { return writer.drain(at_last); });
  EXPECT_EQ(waits.wait_for(50ms), std::future_status::timeout);
  writer.give_up();
  EXPECT_EQ(waits.wait_for(at_last / 2), std::future_status::ready);
  EXPECT_FALSE(waits.get());
}

// Tests that hurt the cluster have one of their own.
class HurtTest : public WriterTest {
 protected:
  Cluster own_;
  const std::string there_{own_.make_database()};
  const std::string to_{own_.connection(there_)};
};

// Goal: kill -9 of all of PostgreSQL under load loses nothing that was told, doubles nothing, and the backlog goes in,
// in order. Method: a thread appends without pause; what was told durable before each kill must be there after it.
TEST_F(HurtTest, KillingPostgresLosesNothing) {
  Script script{take_desk(to_, "desk")};
  Writer writer{{.connection = to_, .rows_max = 200}, ears_.tell()};
  std::atomic<bool> stop{};
  std::thread load{[&] {
    for (std::uint32_t i = 1; !stop; ++i) {
      writer.append(script.line(chat_no(1), i, "line " + std::to_string(i)));
      std::this_thread::sleep_for(500us);
    }
  }};
  for (int kills = 0; kills < 3; ++kills) {
    const Position before = ears_.durable_of(script.desk);
    ASSERT_TRUE(ears_.durable(script.desk, {before.value + 200}));
    own_.kill();
    const Position told = ears_.durable_of(script.desk);
    own_.start();
    EXPECT_GE(std::stoll(test::ask(to_, "select position from desk_owner").at(0)), told.value);
  }
  stop = true;
  load.join();
  ASSERT_TRUE(ears_.durable(script));
  EXPECT_TRUE(ears_.in_order());
  EXPECT_GE(writer.counters().retries, 3u);
  expect_whole(chat_no(1), static_cast<int>(script.position.value), to_);
}

// Goal: a database that hangs is noticed although nothing fails, and goes on where it was. Method: SIGSTOP to all of
// it.
TEST_F(HurtTest, AHungDatabaseIsToldAndWaitedFor) {
  Script script{take_desk(to_, "desk")};
  Writer writer{{.connection = to_, .degraded_after = 500ms}, ears_.tell()};
  writer.append(script.line(chat_no(1), 1, "line 1"));
  ASSERT_TRUE(ears_.durable(script));
  own_.pause();
  for (std::uint32_t i = 2; i <= 3000; ++i) writer.append(script.line(chat_no(1), i, "line " + std::to_string(i)));
  ASSERT_TRUE(ears_.hears<outcome::Health>([](const auto& h) { return !h.ok && h.backlog_bytes > 0; }));
  EXPECT_EQ(ears_.durable_of(script.desk), Position{1});
  own_.resume();
  ASSERT_TRUE(ears_.durable(script));
  ASSERT_TRUE(ears_.hears<outcome::Health>([](const auto& h) { return h.ok; }));
  expect_whole(chat_no(1), 3000, to_);
}

// A quiet server notices too, and a writer ends although its database hangs.
TEST_F(HurtTest, AQuietWriterNoticesAndEnds) {
  {
    Writer writer{{.connection = to_, .degraded_after = 500ms}, ears_.tell()};
    own_.pause();
    ASSERT_TRUE(ears_.hears<outcome::Health>([](const auto& h) { return !h.ok; }));
  }
  own_.resume();
}

}  // namespace
}  // namespace deskd
