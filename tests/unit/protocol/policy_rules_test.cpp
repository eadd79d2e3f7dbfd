// policy_rules_test.cpp - What may come into force, and what is said about the rest.
#include "protocol/policy_rules.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "golden.hpp"

namespace deskd::policy {
namespace {

Desk lamps() { return std::get<Desk>(decode(file_text(DESKD_SOURCE_DIR "/protocol/policies/lamps.json"))); }

std::string all_of(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += problem.text() + "\n";
  return text;
}

TEST(PolicyRules, TakesTheExamples) {
  EXPECT_EQ(all_of(validate(lamps())), "");
  EXPECT_EQ(all_of(validate(std::get<Desk>(decode(file_text(DESKD_SOURCE_DIR "/protocol/policies/smallest.json"))))),
            "");
}

struct Case {
  std::string_view path;
  std::string_view says;
  std::function<void(Desk&)> spoil;
};

// Method: one thing of a good policy is spoilt at a time, and exactly that is named.
TEST(PolicyRules, NamesWhatIsWrong) {
  const std::vector<Case> cases{
      {"name", "must be 1-32", [](Desk& d) { d.name = "Demo"; }},
      {"name", "must be 1-32", [](Desk& d) { d.name = std::string(33, 'a'); }},
      {"version", "must be from", [](Desk& d) { d.version = -1; }},
      {"agent_grace", "must be from 0ms to 3600s", [](Desk& d) { d.agent_grace = 2h; }},
      {"agent_grace_waiting", "longer than agent_grace", [](Desk& d) { d.agent_grace_waiting = 61s; }},
      {"buyer_gone", "shorter than buyer_grace", [](Desk& d) { d.buyer_gone = 59s; }},
      {"", "more than 64 different skills",
       [](Desk& d) {
         for (int i = 0; i < 63; ++i) d.agents[0].skills.push_back("s" + std::to_string(i));
       }},
      {"agents", "must have 0 to 10000",
       [](Desk& d) {
         for (int i = 0; i < 10'000; ++i) d.agents.emplace_back().name = "a" + std::to_string(i);
       }},

      {"calendars[0].zone", "name of a time zone", [](Desk& d) { d.calendars[0].zone = "../etc/passwd"; }},
      {"calendars[0].zone", "name of a time zone", [](Desk& d) { d.calendars[0].zone.clear(); }},
      {"calendars[0].week", "7 days", [](Desk& d) { d.calendars[0].week.pop_back(); }},
      {"calendars[0].week", "never open", [](Desk& d) { d.calendars[0].week.assign(7, {}); }},
      {"calendars[0].week[1][1]", "before the one before", [](Desk& d) { d.calendars[0].week[1][1].from_min = 719; }},
      {"calendars[0].week[1][0]", "end after it begins", [](Desk& d) { d.calendars[0].week[1][0].to_min = 540; }},
      {"calendars[0].week[6][0]", "begin before 24:00",
       [](Desk& d) {
         d.calendars[0].week[6] = {{1440, 1500}};
       }},
      {"calendars[0].week[6][0]", "longer than a day",
       [](Desk& d) {
         d.calendars[0].week[6] = {{0, 1441}};
       }},
      {"calendars[0].holidays[0].date", "a day that exists",
       [](Desk& d) { d.calendars[0].holidays[0].date = "2027-02-29"; }},
      {"calendars[0].holidays[0].date", "a day that exists",
       [](Desk& d) { d.calendars[0].holidays[0].date = "2027-2-09"; }},
      {"calendars[0].holidays[0].date", "a day that exists",
       [](Desk& d) { d.calendars[0].holidays[0].date = "2027-0a-09"; }},
      {"calendars[0].holidays[1].date", "stands twice",
       [](Desk& d) { d.calendars[0].holidays[1].date = "2027-02-06"; }},
      {"calendars[0].holidays[1].open[0]", "end after", [](Desk& d) { d.calendars[0].holidays[1].open[0].to_min = 1; }},

      {"shops", "must have 1 to 100",
       [](Desk& d) {
         d.shops.clear();
         d.queues[1].shops.clear();
       }},
      {"shops[1].name", "stands twice",
       [](Desk& d) {
         d.shops[1].name = "lamps";
         d.queues[1].shops = {"lamps"};
       }},
      {"shops[0].title", "longer than 128", [](Desk& d) { d.shops[0].title = std::string(129, 'a'); }},
      {"shops[0].greeting", "longer than 8192", [](Desk& d) { d.shops[0].greeting = std::string(8193, 'a'); }},
      {"shops[0].locale", "language tag", [](Desk& d) { d.shops[0].locale.clear(); }},
      {"shops[0].calendar", "no such name", [](Desk& d) { d.shops[0].calendar = "hours"; }},
      {"shops[0].origins[0]", "must be an origin", [](Desk& d) { d.shops[0].origins[0] = "https://lamps.example/"; }},
      {"shops[0].origins[0]", "must be an origin", [](Desk& d) { d.shops[0].origins[0] = "https://Lamps.example"; }},
      {"shops[0].origins[0]", "must be an origin", [](Desk& d) { d.shops[0].origins[0] = "lamps.example"; }},
      {"shops[0].origins[0]", "must be an origin", [](Desk& d) { d.shops[0].origins[0] = "null"; }},
      {"shops[0].origins[0]", "must be an origin", [](Desk& d) { d.shops[0].origins[0] = "https://*.example"; }},
      {"shops[0].issuer", "is missing", [](Desk& d) { d.shops[0].issuer.clear(); }},
      {"shops[0].keys[1].kid", "stands twice", [](Desk& d) { d.shops[0].keys[1].kid = "2026-11"; }},
      {"shops[0].keys[1].kid", "server's own", [](Desk& d) { d.shops[0].keys[1].kid = "guest"; }},
      {"shops[0].keys[1].file", "path of a file", [](Desk& d) { d.shops[0].keys[1].file.clear(); }},
      {"shops[1]", "no queue serves", [](Desk& d) { d.queues[0].shops = d.queues[1].shops = {"lamps"}; }},
      {"staff_issuer", "is missing", [](Desk& d) { d.staff_issuer.clear(); }},
      {"staff_keys[0].file", "path of a file", [](Desk& d) { d.staff_keys[0].file.clear(); }},

      {"queues[1].name", "must be 1-32",
       [](Desk& d) {
         d.queues[1].name = "after sale";
         d.queues[0].overflow.clear();
         d.agents.clear();
       }},
      {"queues[1].shops[1]", "no such name", [](Desk& d) { d.queues[1].shops[1] = "chairs"; }},
      {"queues[1].shops[1]", "stands twice", [](Desk& d) { d.queues[1].shops[1] = "lamps"; }},
      {"queues[0].skills[0]", "must be 1-32",
       [](Desk& d) {
         d.queues[0].skills[0] = "Lamps";
         d.queues[0].relax.clear();
       }},
      {"queues[0].relax[0].skill", "none of this queue's", [](Desk& d) { d.queues[0].relax[0].skill = "english"; }},
      {"queues[0].relax[1].after", "shorter than",
       [](Desk& d) {
         d.queues[0].relax.push_back({44s, "mandarin"});
       }},
      {"queues[0].overflow[0].queue", "no such name", [](Desk& d) { d.queues[0].overflow[0].queue = "nobody"; }},
      {"queues[0].overflow[0].queue", "itself", [](Desk& d) { d.queues[0].overflow[0].queue = "presale"; }},
      {"queues[0].quiet_weight", "0 to 1", [](Desk& d) { d.queues[0].quiet_weight = 2; }},
      {"queues[0].kept_back_pct", "0 to 100", [](Desk& d) { d.queues[0].kept_back_pct = 101; }},
      {"queues[0].left_message_share_pct", "0 to 100", [](Desk& d) { d.queues[0].left_message_share_pct = -1; }},
      {"queues[0].offers_unanswered_max", "1 to 100", [](Desk& d) { d.queues[0].offers_unanswered_max = 0; }},
      {"queues[0].priority_s", "0 to 86400", [](Desk& d) { d.queues[0].priority_s = -1; }},
      {"queues[0].breached_priority_s", "0 to 86400", [](Desk& d) { d.queues[0].breached_priority_s = 86'401; }},
      {"shops[0].levels[0].priority_s", "0 to 86400", [](Desk& d) { d.shops[0].levels[0].priority_s = -1; }},
      {"shops[0].levels[0].name", "must be 1-32", [](Desk& d) { d.shops[0].levels[0].name = "V I P"; }},
      {"shops[0].levels[1].name", "stands twice", [](Desk& d) { d.shops[0].levels[1].name = "vip"; }},
      {"queues[0].queue_max", "0 to", [](Desk& d) { d.queues[0].queue_max = -1; }},
      {"queues[0].reservation", "must be from", [](Desk& d) { d.queues[0].reservation = 0s; }},
      {"queues[0].wrap_up", "must be from", [](Desk& d) { d.queues[0].wrap_up = 2h; }},
      {"queues[0].quiet_after", "must be from", [](Desk& d) { d.queues[0].quiet_after = 0s; }},
      {"queues[0].queue_wait", "must be from", [](Desk& d) { d.queues[0].queue_wait = 0s; }},
      {"queues[0].ask_beyond", "must be from", [](Desk& d) { d.queues[0].ask_beyond = 25h; }},
      {"queues[0].idle_close", "must be from", [](Desk& d) { d.queues[0].idle_close = 0s; }},
      {"queues[0].left_unanswered", "must be from", [](Desk& d) { d.queues[0].left_unanswered = 0s; }},
      {"queues[0].wanted_agent_wait", "must be from", [](Desk& d) { d.queues[0].wanted_agent_wait = 25h; }},
      {"queues[0].left_message_answer", "must be from", [](Desk& d) { d.queues[0].left_message_answer = 0s; }},
      {"queues[0].complaint_answer", "must be from", [](Desk& d) { d.queues[0].complaint_answer = 24h * 15; }},
      {"queues[0].first_response.target", "must be from", [](Desk& d) { d.queues[0].first_response.target = 0s; }},
      {"queues[0].first_response.limit", "shorter than target", [](Desk& d) { d.queues[0].first_response.limit = 9s; }},
      {"queues[0].next_response.reminder", "shorter than limit",
       [](Desk& d) { d.queues[0].next_response.reminder = 29s; }},
      {"queues[0].next_response.breach", "shorter than reminder",
       [](Desk& d) { d.queues[0].next_response.breach = 99s; }},
      {"queues", "must have 1 to 64",
       [](Desk& d) {
         for (int i = 0; i < 63; ++i) d.queues.emplace_back().name = "q" + std::to_string(i);
       }},

      {"agents[1].name", "stands twice", [](Desk& d) { d.agents[1].name = "07"; }},
      {"agents[1].name", "must be 1-32", [](Desk& d) { d.agents[1].name = "阿灯"; }},
      {"agents[1].role", "agent, supervisor or ops", [](Desk& d) { d.agents[1].role = Role::buyer; }},
      {"agents[1].queues[0]", "no such name", [](Desk& d) { d.agents[1].queues[0] = "nobody"; }},
      {"agents[1].capacity", "0 to 192", [](Desk& d) { d.agents[1].capacity = -1; }},
      {"agents[1].held_max", "less than capacity", [](Desk& d) { d.agents[1].held_max = 7; }},
      {"agents[0].held_max", "twice the capacity", [](Desk& d) { d.agents[0].capacity = 97; }},
  };
  for (const Case& each : cases) {
    Desk desk = lamps();
    each.spoil(desk);
    const auto problems = validate(desk);
    SCOPED_TRACE(std::string{each.path} + ": " + std::string{each.says});
    ASSERT_EQ(problems.size(), 1u) << all_of(problems);
    EXPECT_EQ(problems[0].path, each.path);
    EXPECT_NE(problems[0].message.find(each.says), std::string::npos) << problems[0].message;
  }
}

TEST(PolicyRules, FindsAllAtOnceAndStopsSomewhere) {
  Desk desk = lamps();
  desk.shops[0].calendar = "hours";
  desk.queues[0].quiet_weight = 2;
  desk.agents[1].capacity = -1;
  EXPECT_EQ(validate(desk).size(), 3u);
  for (int i = 0; i < 500; ++i) desk.agents.emplace_back().name = "twice";
  EXPECT_EQ(validate(desk).size(), policy_problems_max);
}

}  // namespace
}  // namespace deskd::policy
