// log_test.cpp - Goal: every line is one JSON object, says what it should, and no client can make the log grow at will.
// Method: a clock and a sink of the test's own; lines are read back with simdjson's DOM, which checks all of them.
#include "server/log.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "protocol/words.hpp"

namespace deskd {
namespace {

std::int64_t now_ms;
std::vector<std::string> lines;

class Log : public testing::Test {
 protected:
  Log() {
    now_ms = 1'800'000'000'123;
    lines.clear();
    open_log({Level::info, [] { return now_ms; }, [](std::string_view line) { lines.emplace_back(line); }});
  }
  ~Log() override { open_log({}); }
};

TEST_F(Log, OneLineIsOneObject) {
  note(Happened::desk_taken, {{"desk", Name{"demo"}},
                              {"epoch", Epoch{7}},
                              {"chat", ChatId{1'234'567'890'123'456'789}},
                              {"open", 12U},
                              {"late_ms", std::int64_t{-5}},
                              {"late", true},
                              {"why", Reason::overload},
                              {"code", Code::bad_json},
                              {"how", "hard"},
                              {"for_ms", Duration{250}}});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0],
            R"({"ts":"2027-01-15T08:00:00.123Z","level":"info","event":"desk_taken","desk":"demo","epoch":7,)"
            R"("chat":"1234567890123456789","open":12,"late_ms":-5,"late":true,"why":"overload","code":"bad_json",)"
            R"("how":"hard","for_ms":250})"
            "\n");
}

// What somebody might smuggle in as a name is not said at all, neither as words nor as a line of its own.
TEST_F(Log, ANameIsNoPlaceForWords) {
  for (const std::string_view bad :
       {"", "hello there", "x\"y", "x\\y", "x\ny", "13800138000 张", "张三", "\xff", "a\tb"})
    note(Happened::desk_taken, {{"desk", Name{bad}}});
  note(Happened::desk_taken, {{"desk", Name{std::string(129, 'x')}}});
  ASSERT_EQ(lines.size(), 10U);
  for (const std::string& line : lines) {
    EXPECT_TRUE(line.ends_with(R"("desk":"?"})"
                               "\n"))
        << line;
    EXPECT_EQ(line.find('\n'), line.size() - 1);
  }
  lines.clear();
  note(Happened::listening, {{"address", Name{"[::1]:8080"}}, {"file", Name{"/var/lib/deskd/guest.key"}}});
  EXPECT_NE(lines.at(0).find(R"("address":"[::1]:8080","file":"/var/lib/deskd/guest.key")"), std::string::npos);
}

TEST_F(Log, EveryRowIsWholeAndItsNameItsOwn) {
  std::set<std::string_view> names;
  simdjson::dom::parser parser;
  for (const HappenedRow& row : happened_table) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.meaning.empty());
    EXPECT_GT(row.lines_per_minute, 0U);
    open_log({Level::debug, [] { return now_ms; }, [](std::string_view line) { lines.emplace_back(line); }});
    lines.clear();
    note(row.what);
    ASSERT_EQ(lines.size(), 1U);
    std::string_view event;
    ASSERT_EQ(parser.parse(lines[0])["event"].get(event), simdjson::SUCCESS);
    EXPECT_EQ(event, row.name);
  }
}

TEST_F(Log, QuieterEventsAreLeftOut) {
  open_log({Level::error, [] { return now_ms; }, [](std::string_view line) { lines.emplace_back(line); }});
  note(Happened::sessions_full);
  EXPECT_TRUE(lines.empty());
  note(Happened::desk_lost);
  EXPECT_EQ(lines.size(), 1U);
}

TEST_F(Log, AnEventHasItsAllowanceAndSaysWhatItHeldBack) {
  for (int i = 0; i < 1000; ++i) note(Happened::token_refused);
  EXPECT_EQ(lines.size(), 10U);
  note(Happened::session_slow);
  EXPECT_EQ(lines.size(), 11U) << "each event has its own";
  now_ms += 60'000;
  note(Happened::token_refused);
  ASSERT_EQ(lines.size(), 12U);
  EXPECT_NE(lines.back().find("\"unsaid\":990}"), std::string::npos) << lines.back();
  note(Happened::token_refused);
  EXPECT_EQ(lines.back().find("unsaid"), std::string::npos);
}

// Threads that say the same event at once share its allowance exactly.
TEST_F(Log, ThreadsShareTheAllowance) {
  static std::atomic<int> said;
  said = 0;
  open_log({Level::info, [] { return now_ms; }, [](std::string_view) { ++said; }});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([] {
        for (int j = 0; j < 500; ++j) note(Happened::session_flooding, {{"n", j}});
      });
  }
  EXPECT_EQ(said, 10);
}

}  // namespace
}  // namespace deskd
