// policy_codec_test.cpp - A policy as a person writes it, and as it is kept.
#include "protocol/policy_codec.hpp"

#include <gtest/gtest.h>

#include "golden.hpp"

namespace deskd::policy {
namespace {

Desk read(std::string_view json) {
  auto decoded = decode(json);
  if (const auto* problem = std::get_if<Problem>(&decoded)) {
    ADD_FAILURE() << problem->text();
    return {};
  }
  return std::get<Desk>(std::move(decoded));
}

TEST(PolicyCodec, WhatIsLeftOutHasItsDefault) {
  Desk expected;
  expected.name = "corner";
  expected.shops.emplace_back().name = "corner";
  expected.queues.emplace_back().name = "all";
  EXPECT_EQ(read(file_text(DESKD_SOURCE_DIR "/protocol/policies/smallest.json")), expected);
}

TEST(PolicyCodec, ReadsAWholePolicy) {
  const Desk desk = read(file_text(DESKD_SOURCE_DIR "/protocol/policies/lamps.json"));
  EXPECT_EQ(desk.version, 7);
  ASSERT_EQ(desk.calendars.size(), 1u);
  ASSERT_EQ(desk.calendars[0].week.size(), 7u);
  EXPECT_EQ(desk.calendars[0].week[0], (std::vector<Span>{{540, 720}, {780, 1380}}));
  EXPECT_EQ(desk.calendars[0].week[5], (std::vector<Span>{{600, 1560}}));
  EXPECT_EQ(desk.calendars[0].week[6], std::vector<Span>{});
  EXPECT_EQ(desk.calendars[0].holidays[1], (Holiday{"2027-02-07", {{600, 1080}}}));
  ASSERT_EQ(desk.shops.size(), 2u);
  EXPECT_EQ(desk.shops[0].title, "示例灯饰");
  EXPECT_EQ(desk.shops[0].keys[1], (Key{"2026-12", Algorithm::eddsa, "/etc/deskd/keys/lamps-2026-12.pem"}));
  ASSERT_EQ(desk.queues.size(), 2u);
  EXPECT_EQ(desk.queues[0].relax, (std::vector<Relax>{{45s, "lamps"}}));
  EXPECT_EQ(desk.queues[0].overflow, (std::vector<Overflow>{{60s, "aftersale"}}));
  EXPECT_EQ(desk.queues[1].idle_close, 15min);
  EXPECT_EQ(desk.queues[1].complaint_answer, 8h);
  EXPECT_FALSE(desk.queues[1].auto_accept);
  ASSERT_EQ(desk.agents.size(), 3u);
  EXPECT_EQ(desk.agents[2].role, Role::supervisor);
}

// Goal: what the database keeps means the same when it is read back, and says every member, so that a later default
// cannot change it.
TEST(PolicyCodec, KeepsEveryMember) {
  for (const char* file : {"smallest", "lamps"}) {
    const Desk desk = read(file_text(std::string{DESKD_SOURCE_DIR "/protocol/policies/"} + file + ".json"));
    const std::string kept = encode(desk);
    EXPECT_EQ(read(kept), desk);
    EXPECT_EQ(encode(read(kept)), kept);
  }
  const std::string kept = encode(read(R"({"name":"corner","queues":[{"name":"all"}]})"));
  for (const char* member : {R"("priority_s":0)", R"("auto_accept":true)", R"("wrap_up":"0s")",
                             R"("idle_close":"10min")", R"("queue_wait":"3min")", R"("ask_beyond":"2min")",
                             R"("shops":[])", R"("staff_issuer":"")", R"("limit":"30s")", R"("recall_within":"2min")"})
    EXPECT_NE(kept.find(member), std::string::npos) << member << "\n" << kept;
}

TEST(PolicyCodec, LengthsKeepTheirUnit) {
  const auto grace = [](std::string_view text) {
    return decode(R"({"name":"d","agent_grace":")" + std::string{text} + "\"}");
  };
  for (const auto& [text, length] : std::initializer_list<std::pair<std::string_view, Duration>>{
           {"0s", 0s}, {"250ms", Duration{250}}, {"30s", 30s}, {"90s", 90s}, {"5min", 5min}, {"2h", 2h}, {"007s", 7s}})
    EXPECT_EQ(std::get<Desk>(grace(text)).agent_grace, length) << text;
  for (const std::string_view text : {"", "30", "s", "-30s", "+30s", "3.5s", "30 s", " 30s", "30S", "30sec", "1d",
                                      "9999999999h", "99999999999999999999s", "30s "})
    EXPECT_TRUE(std::holds_alternative<Problem>(grace(text))) << text;
  Desk desk;
  for (const auto& [length, text] :
       std::initializer_list<std::pair<Duration, std::string_view>>{{Duration{0}, R"("0s")"},
                                                                    {Duration{1}, R"("1ms")"},
                                                                    {Duration{1500}, R"("1500ms")"},
                                                                    {90s, R"("90s")"},
                                                                    {120s, R"("2min")"},
                                                                    {3600s, R"("1h")"},
                                                                    {3660s, R"("61min")"}}) {
    desk.recall_within = length;
    EXPECT_NE(encode(desk).find(R"("recall_within":)" + std::string{text}), std::string::npos) << text;
  }
}

TEST(PolicyCodec, RefusesWithThePath) {
  const auto problem = [](std::string_view json) {
    const auto decoded = decode(json);
    const auto* found = std::get_if<Problem>(&decoded);
    return found == nullptr ? std::string{"was taken"} : found->text();
  };
  const auto says = [&](std::string_view json, std::string_view path) {
    EXPECT_TRUE(problem(json).starts_with(path)) << json << "\n" << problem(json);
  };
  says("", "not one JSON object");
  says("[]", "not one JSON object");
  says(R"({"name":"d"}})", "not one JSON object");
  says("{}", "name: is missing");
  says(R"({"name":""})", "name: may not be empty");
  says(R"({"name":"d","nmae":1})", "nmae: there is no such setting");
  says(R"({"name":"d","offsets":[]})", "offsets: there is no such setting");
  says(R"({"name":"d","queues":[{"name":"a"},{"name":"b","queue_wiat":"3min"}]})", "queues[1].queue_wiat: there is no");
  says(R"({"name":"d","queues":[{"name":"a","queue_wait":180}]})", "queues[0].queue_wait: a length of time");
  says(R"({"name":"d","queues":[{"name":"a","first_response":{"target":"10"}}]})",
       "queues[0].first_response.target: a length");
  says(R"({"name":"d","queues":[{"name":"a","relax":[{"after":"1s"}]}]})", "queues[0].relax[0].skill: is missing");
  says(R"({"name":"d","calendars":[{"name":"c","week":[["09:00-12:00"],["9:00-12:00"]]}]})",
       "calendars[0].week[1][0]: open hours");
  says(R"({"name":"d","calendars":[{"name":"c","week":["09:00-12:00"]}]})", "calendars[0].week[0]: a list");
  says(R"({"name":"d","calendars":[{"name":"c","offsets":[]}]})", "calendars[0].offsets: there is no such setting");
  says(R"({"name":"d","shops":[{"name":"s","keys":[{"kid":"k","algorithm":"none","file":"f"}]}]})",
       "shops[0].keys[0].algorithm: \"hs256\"");
  says(R"({"name":"d","agents":[{"name":"07","role":"boss"}]})", "agents[0].role: is not one of the words");
  says(R"({"name":"d","agents":[{"name":"07","capacity":"5"}]})", "agents[0].capacity: a whole number");
  says(R"({"name":"d","name":"e"})", "name: this key stands twice");
  says(R"({"name":"d\u0000"})", "name: holds a control character");
  says("{\"name\":\"" + std::string(policy_bytes_max, 'a') + "\"}", "the policy is longer");
}

TEST(PolicyCodec, HoldsTenThousandAgents) {
  Desk desk;
  desk.name = "large";
  for (int i = 0; i < 10'000; ++i) {
    Agent& agent = desk.agents.emplace_back();
    agent.name = "agent-" + std::to_string(i);
    agent.title = "示例客服";
    agent.queues = {"presale", "aftersale", "complaints"};
    agent.skills = {"lamps", "mandarin", "english"};
  }
  EXPECT_EQ(read(encode(desk)), desk);
}

}  // namespace
}  // namespace deskd::policy
