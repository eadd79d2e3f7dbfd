#include "storage/migrate.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "storage/schema.hpp"
#include "tests/unit/storage/script.hpp"

namespace deskd {
namespace {

using namespace test;

const std::string version_now = std::to_string(schema_version_known());

class MigrateTest : public testing::Test {
 protected:
  Cluster& cluster_{Cluster::shared()};
};

TEST_F(MigrateTest, FilesAreNumberedWithoutAGap) {
  int number{};
  for (const SchemaFile& file : schema_files()) {
    char prefix[16];
    std::snprintf(prefix, sizeof prefix, "%04d_", ++number);
    EXPECT_TRUE(file.name.starts_with(prefix)) << file.name;
  }
  EXPECT_GE(number, 1);
}

TEST_F(MigrateTest, BringsAnEmptyDatabaseUpOnce) {
  const std::string owner = cluster_.connection(cluster_.make_empty_database(), "deskd");
  EXPECT_FALSE(check_database(owner).empty());
  std::size_t applied{};
  migrate(owner, [&](std::string_view) { ++applied; });
  EXPECT_EQ(applied, schema_files().size());
  migrate(owner, [&](std::string_view) { ++applied; });
  EXPECT_EQ(applied, schema_files().size());
  EXPECT_EQ(check_database(owner), std::vector<std::string>{});
}

// Goal: a migration killed at any moment leaves a database that the next one brings up. Method: another process
// migrates and is killed, each time a little later, until it got through.
TEST_F(MigrateTest, SurvivesBeingKilled) {
  const std::string database = cluster_.make_empty_database();
  const std::string owner = cluster_.connection(database, "deskd");
  int killed{};
  for (int step = 0;; ++step) {
    ASSERT_LT(step, 2000);
    const pid_t child = fork();
    if (child == 0) {
      migrate(owner);
      _exit(0);
    }
    usleep(static_cast<useconds_t>(2000 * step));
    kill(child, SIGKILL);
    int status{};
    waitpid(child, &status, 0);
    // Whoever was killed may have said commit already, and PostgreSQL goes on with it: once that fell between the two
    // questions, and they did not agree.
    ASSERT_TRUE(comes_to(owner,
                         "select count(*) from pg_stat_activity where application_name = 'deskd-schema' and "
                         "datname = current_database()",
                         "0"));
    // What is there is a version or the one before it, never a half.
    const bool has_message = ask(owner, "select to_regclass('message') is not null").at(0) == "t";
    const bool has_version = ask(owner, "select to_regclass('schema_version') is not null").at(0) == "t" &&
                             ask(owner, "select count(*) from schema_version").at(0) == version_now;
    EXPECT_EQ(has_message, has_version);
    if (WIFEXITED(status)) break;
    ++killed;
  }
  EXPECT_GT(killed, 0);
  EXPECT_EQ(check_database(owner), std::vector<std::string>{});
}

TEST_F(MigrateTest, TwoAtOnceMigrateOnce) {
  const std::string owner = cluster_.connection(cluster_.make_empty_database(), "deskd");
  std::thread other{[&] { EXPECT_NO_THROW(migrate(owner)); }};
  EXPECT_NO_THROW(migrate(owner));
  other.join();
  EXPECT_EQ(ask(owner, "select count(*) from schema_version").at(0), version_now);
}

TEST_F(MigrateTest, RefusesADatabaseThatIsNewer) {
  const std::string owner = cluster_.connection(cluster_.make_database(), "deskd");
  ask(owner, "insert into schema_version (version, name) values (9999, 'from the future')");
  EXPECT_THROW(migrate(owner), StorageError);
  EXPECT_FALSE(check_database(owner).empty());
}

TEST_F(MigrateTest, TheServersRoleChangesNoSchemaAndDeletesNothing) {
  const std::string database = cluster_.make_database();
  const std::string server = cluster_.connection(database);
  EXPECT_EQ(check_database(server), std::vector<std::string>{});
  for (const char* forbidden :
       {"delete from message", "delete from fact", "delete from deed", "delete from chat", "delete from desk_owner",
        "delete from policy", "update message set text = ''", "update fact set kind = 1", "update deed set kind = 1",
        "update policy set by = ''", "truncate message", "drop table message", "create table mine (a int)",
        "alter table message add column mine int", "drop view transcript", "update schema_version set version = 2"})
    EXPECT_ANY_THROW(ask(server, forbidden)) << forbidden;
}

TEST_F(MigrateTest, PartitionsAreMadeAheadOnce) {
  const std::string database = cluster_.make_database();
  const std::string server = cluster_.connection(database);
  const std::string count =
      "select count(*) from pg_inherits where inhparent in ('message'::regclass, 'fact'::regclass, 'deed'::regclass)";
  const int before = std::stoi(ask(server, count).at(0));
  EXPECT_EQ(make_partitions(server, instant_of(day_ms)), std::vector<std::string>{});
  EXPECT_EQ(std::stoi(ask(server, count).at(0)), before + 9);
  EXPECT_EQ(make_partitions(server, instant_of(day_ms)), std::vector<std::string>{});
  EXPECT_EQ(std::stoi(ask(server, count).at(0)), before + 9);
  // A week later there is one more week.
  EXPECT_EQ(make_partitions(server, instant_of(day_ms + 7 * 86'400'000)), std::vector<std::string>{});
  EXPECT_EQ(std::stoi(ask(server, count).at(0)), before + 12);

  Script script{take_desk(server, "desk")};
  Ears ears;
  Writer writer{{.connection = server}, ears.tell()};
  writer.append(script.line(chat_no(1), 1, "line 1"));
  ASSERT_TRUE(ears.durable(script));
  EXPECT_EQ(ask(cluster_.connection(database, "deskd"), "select count(*) from message_2026_11_16").at(0), "1");
}

// Goal: a chat's rows lie in the week of its opening, all of them and whenever they were written, so that a week can be
// dropped whole. Method: the first and the last chat that a week can have, with rows of the week after.
TEST_F(MigrateTest, AChatLiesInOneWeekWhole) {
  const std::string database = cluster_.make_database();
  const std::string server = cluster_.connection(database);
  constexpr std::int64_t week_ms{7 * 86'400'000};
  constexpr std::int64_t monday_ms{1'794'787'200'000};  // 2026-11-16
  ASSERT_EQ(make_partitions(server, instant_of(monday_ms)), std::vector<std::string>{});
  Script script{take_desk(server, "desk")};
  Ears ears;
  Writer writer{{.connection = server}, ears.tell()};
  for (const ChatId chat : {ChatId{monday_ms << 16}, ChatId{((monday_ms + week_ms) << 16) - 1}}) {
    Record line = script.line(chat, 1, "");
    auto& said = std::get<record::Line>(line.body);
    said.kind = LineKind::rating;
    said.at = instant_of(monday_ms + 2 * week_ms);
    const Record deed = script.record(record::Deed{chat, said.seq, said.at, record::Rating{5, "fine"}});
    writer.append(std::vector{line, deed, script.missed(chat, ClockKind::complaint, 1)});
  }
  ASSERT_TRUE(ears.durable(script));
  const std::string owner = cluster_.connection(database, "deskd");
  for (const char* table : {"message", "fact", "deed"})
    EXPECT_EQ(ask(owner, std::string{"select count(*) from "} + table + "_2026_11_16").at(0), "2") << table;
  EXPECT_EQ(make_partitions(server, instant_of(monday_ms)), std::vector<std::string>{});
}

// People read words; the words are those of this binary.
TEST_F(MigrateTest, TheTranscriptIsForPeople) {
  const std::string database = cluster_.make_database();
  const std::string server = cluster_.connection(database);
  Script script{take_desk(server, "desk")};
  Ears ears;
  Writer writer{{.connection = server}, ears.tell()};
  Record recalled = script.line(chat_no(1), 3, "");
  std::get<record::Line>(recalled.body).kind = LineKind::recalled;
  std::get<record::Line>(recalled.body).reply_to = {2};
  writer.append(std::vector{script.line(chat_no(1), 1, "您好"), script.line(chat_no(1), 2, "secret"), recalled,
                            script.missed(chat_no(1), ClockKind::complaint, 3)});
  ASSERT_TRUE(ears.durable(script));
  const std::vector<std::string> expected{"desk buyer words buyer-1 您好", "desk buyer words buyer-1 -",
                                          "desk buyer recalled buyer-1 "};
  EXPECT_EQ(ask(server,
                "select concat_ws(' ', desk, origin, kind, person, coalesce(text, '-')) from transcript order by seq"),
            expected);
  EXPECT_EQ(ask(server, "select at at time zone 'UTC' from transcript order by seq limit 1").at(0),
            ask(server, "select to_timestamp(" + std::to_string(day_ms + 1) + " / 1000.0) at time zone 'UTC'").at(0));
  EXPECT_EQ(ask(server, "select kind || ' ' || clock || ' ' || ordinal from decision").at(0), "missed complaint 3");
  for (std::size_t i = 0; i < words::fact_kind.size(); ++i)
    EXPECT_EQ(ask(server, "select word('fact_kind', " + std::to_string(i) + "::smallint)").at(0), words::fact_kind[i]);
}

// The numbers that the SQL names are those of words.hpp.
TEST(Schema, NumbersInTheSqlHold) {
  EXPECT_EQ(static_cast<int>(FactKind::missed), 8);
  EXPECT_EQ(static_cast<int>(LineKind::words), 0);
  EXPECT_EQ(static_cast<int>(LineKind::recalled), 6);
  EXPECT_EQ(static_cast<int>(Stream::main), 0);
}

// A database that may lose what it said is not served on.
TEST(Check, RefusesADatabaseThatMayForget) {
  Cluster own;
  const std::string database = own.make_database();
  const std::string super = own.connection(database, "super");
  const auto turn_off = [&](const std::string& setting) {
    ask(super, "alter system set " + setting + " = off");
    ask(super, "select pg_reload_conf()");
    return comes_to(super, "show " + setting, "off");
  };
  ASSERT_TRUE(turn_off("full_page_writes"));
  EXPECT_EQ(check_database(own.connection(database)).size(), 1u);
  EXPECT_EQ(check_database(own.connection(database), true).size(), 0u);
  ASSERT_TRUE(turn_off("fsync"));
  EXPECT_EQ(check_database(own.connection(database)).size(), 2u);
  EXPECT_EQ(check_database(own.connection(database), true).size(), 1u);
}

// Goal: the writer's commits are on disk whatever the cluster's default is. Method: the cluster says synchronous_commit
// off; the log is flushed for every commit all the same.
TEST(Check, CommitsAreSynchronousWhateverTheClusterSays) {
  Cluster own;
  const std::string database = own.make_database();
  const std::string super = own.connection(database, "super");
  ask(super, "alter system set synchronous_commit = off");
  ask(super, "select pg_reload_conf()");
  ASSERT_TRUE(comes_to(super, "show synchronous_commit", "off"));
  Script script{take_desk(own.connection(database), "desk")};
  Ears ears;
  Writer writer{{.connection = own.connection(database)}, ears.tell()};
  for (std::uint32_t i = 1; i <= 20; ++i) {
    const std::string before = ask(super, "select pg_current_wal_insert_lsn()").at(0);
    writer.append(script.line(chat_no(1), i, "line"));
    ASSERT_TRUE(ears.durable(script));
    EXPECT_EQ(ask(super, "select pg_current_wal_flush_lsn() > '" + before + "'").at(0), "t");
  }
}

}  // namespace
}  // namespace deskd
