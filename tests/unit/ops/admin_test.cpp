// admin_test.cpp - Goal: who does not know the word changes nothing and learns nothing; who does gets an answer that
// says what happened. Method: desks of the test's own behind the door, and every path with every method.
#include "server/ops/admin.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>

#include "protocol/policy_codec.hpp"

namespace deskd {
namespace {

// Two desks' worth of answers, given at once.
class FakeDesks : public Desks {
 public:
  Health health() override { return now; }
  void scrape(std::function<void(Scrape)> then) override {
    Scrape scrape;
    scrape.add("deskd_up", MetricType::gauge, "Up.", 1);
    then(std::move(scrape));
  }
  void list(std::function<void(std::vector<DeskListed>)> then) override {
    ++asked;
    then({{"demo", Epoch{7}, 3, {"tea", "cup"}}, {"other", Epoch{1}, 1, {}}});
  }
  void policy(std::string_view desk, std::function<void(std::shared_ptr<const policy::Desk>)> then) override {
    ++asked;
    then(desk == "demo" ? in_force : nullptr);
  }
  void put_policy(std::string_view desk, std::shared_ptr<policy::Desk> policy,
                  std::function<void(std::variant<std::int64_t, Refusal>)> then) override {
    ++asked;
    EXPECT_EQ(desk, policy->name);
    if (refusal) return then(*refusal);
    in_force = policy;
    then(policy->version);
  }
  void revoke(std::string_view desk, const admin::Revocation& who,
              std::function<void(std::optional<SentAway>)> then) override {
    ++asked;
    revoked = std::string{word_of(who.role)} + " " + who.shop + " " + who.person + (who.lift ? " lifted" : "");
    then(desk == "demo" ? std::optional{SentAway{2, stored}} : std::nullopt);
  }
  void explain(std::string_view desk, ChatId chat, bool all,
               std::function<void(std::optional<std::string>)> then) override {
    ++asked;
    if (desk != "demo") return then(std::nullopt);
    if (all) return then(chat.value == 17 ? "  08  full\n" : "");
    then(chat.value == 17 ? R"({"why":"full"})" : chat.value == 18 ? "held" : "");
  }

  Health now{Duration{3}, true, Duration{0}, 0, 1, 1, false};
  std::shared_ptr<const policy::Desk> in_force;
  std::optional<Refusal> refusal;
  std::string revoked;
  bool stored{true};
  int asked{};
};

class AdminDoor : public testing::Test {
 protected:
  AdminDoor() {
    policy.name = "demo";
    policy.version = 3;
    policy.shops.emplace_back().name = "tea";
    policy.queues.emplace_back().name = "presale";
    desks.in_force = std::make_shared<policy::Desk>(policy);
  }
  Admin::Answer ask(const std::string& method, const std::string& path, const std::string& body = {},
                    const std::string& word = "Bearer open", const std::string& query = {}) {
    std::optional<Admin::Answer> given;
    Admin admin{desks, [](std::string_view said) { return said == "open"; }};
    admin.answer({method, path, query, word, body}, [&given](Admin::Answer answer) {
      EXPECT_FALSE(given) << "answered twice";
      given = std::move(answer);
    });
    EXPECT_TRUE(given) << "not answered";
    simdjson::dom::parser parser;
    if (given->type == "application/json") {
      EXPECT_EQ(parser.parse(given->body).error(), simdjson::SUCCESS) << given->body;
    }
    return *given;
  }
  std::string error(const Admin::Answer& answer) {
    simdjson::dom::parser parser;
    std::string_view code;
    if (parser.parse(answer.body)["error"].get(code) != simdjson::SUCCESS) return "";
    return std::to_string(answer.status) + " " + std::string{code};
  }

  FakeDesks desks;
  policy::Desk policy;
};

TEST_F(AdminDoor, NothingIsToldOrDoneWithoutTheWord) {
  for (const std::string word :
       {"", "open", "Bearer", "Bearer ", "Bearer wrong", "bearer open", "Basic open", "Bearer open "})
    for (const std::string path : {"/admin/v1/desks", "/admin/v1/desks/demo/policy", "/admin/v1/desks/demo/revoke",
                                   "/admin/v1/desks/demo/chats/17/explain", "/admin/v1/desks/demo/chats/17/candidates",
                                   "/admin/", "/admin/v1/anything"})
      for (const std::string method : {"GET", "PUT", "POST", "DELETE"})
        EXPECT_EQ(error(ask(method, path, "{}", word)), "401 unauthorized") << method << " " << path << " " << word;
  EXPECT_EQ(desks.asked, 0);
}

TEST_F(AdminDoor, OtherPathsAndMethodsAreRefused) {
  for (const std::string path :
       {"/", "", "/admin", "/livezz", "/metrics/", "/admin/v1/desks/", "/admin/v1/desks/demo", "/admin/v1/desks/demo/",
        "/admin/v1/desksx/demo/policy", "/admin/v1/desks/demo/policy/", "/admin/v1/desks/demo/chats//explain",
        "/admin/v1/desks/demo/chats/17", "/admin/v2/desks"})
    EXPECT_EQ(error(ask("GET", path)), "404 not_found") << path;
  for (const std::string path : {"/livez", "/readyz", "/metrics", "/admin/v1/desks", "/admin/v1/desks/demo/policy",
                                 "/admin/v1/desks/demo/chats/17/explain"})
    EXPECT_EQ(error(ask("DELETE", path)), "405 method_not_allowed") << path;
  EXPECT_EQ(error(ask("GET", "/admin/v1/desks/demo/revoke")), "405 method_not_allowed");
  EXPECT_EQ(desks.asked, 0);
}

TEST_F(AdminDoor, HealthAndMetricsNeedNoWord) {
  const Admin::Answer metrics = ask("GET", "/metrics", "", "");
  EXPECT_EQ(metrics.status, 200U);
  EXPECT_TRUE(metrics.type.starts_with("text/plain; version=0.0.4"));
  EXPECT_NE(metrics.body.find("deskd_up 1\n"), std::string::npos);
  EXPECT_EQ(ask("GET", "/livez", "", "").status, 200U);
  EXPECT_EQ(ask("GET", "/readyz", "", "").status, 200U);
}

TEST_F(AdminDoor, ListsDesksAndTheirShops) {
  EXPECT_EQ(ask("GET", "/admin/v1/desks").body,
            R"({"desks":[{"name":"demo","epoch":7,"version":3,"shops":["tea","cup"]},)"
            R"({"name":"other","epoch":1,"version":1,"shops":[]}]})");
}

TEST_F(AdminDoor, APolicyIsGivenAsItCanBePutBack) {
  const Admin::Answer got = ask("GET", "/admin/v1/desks/demo/policy");
  EXPECT_EQ(std::get<policy::Desk>(policy::decode(got.body)), policy);
  EXPECT_EQ(ask("PUT", "/admin/v1/desks/demo/policy", got.body).body, R"({"version":4})");
  EXPECT_EQ(desks.in_force->version, 4);
  EXPECT_EQ(error(ask("PUT", "/admin/v1/desks/demo/policy", got.body)), "409 stale_policy")
      << "started from 3, 4 is in force";
  EXPECT_EQ(ask("PUT", "/admin/v1/desks/demo/policy", got.body, "Bearer open", "from=4").body, R"({"version":5})");
  EXPECT_EQ(error(ask("PUT", "/admin/v1/desks/demo/policy", got.body, "Bearer open", "from=4x")), "400 bad_message");
  EXPECT_EQ(error(ask("GET", "/admin/v1/desks/none/policy")), "404 not_found");
  policy.name = "none";
  EXPECT_EQ(error(ask("PUT", "/admin/v1/desks/none/policy", policy::encode(policy))), "404 not_found");
  policy.version = 0;
  EXPECT_EQ(ask("PUT", "/admin/v1/desks/none/policy", policy::encode(policy)).body, R"({"version":1})") << "a new desk";
}

TEST_F(AdminDoor, ABadPolicyIsNamedAndNotPut) {
  const auto put = [this](const policy::Desk& desk) {
    return ask("PUT", "/admin/v1/desks/demo/policy", policy::encode(desk));
  };
  policy.queues[0].skills = {"a", "a"};
  policy.queues[0].queue_max = -1;
  const Admin::Answer answer = put(policy);
  EXPECT_EQ(error(answer), "422 bad_policy");
  EXPECT_NE(answer.body.find("queues[0].queue_max"), std::string::npos) << answer.body;
  EXPECT_EQ(error(ask("PUT", "/admin/v1/desks/demo/policy", "{\"name\":\"demo\",\"quues\":[]}")), "422 bad_policy");
  EXPECT_EQ(error(ask("PUT", "/admin/v1/desks/demo/policy", "")), "422 bad_policy");
  policy = *desks.in_force;
  policy.name = "other";
  EXPECT_EQ(error(put(policy)), "422 bad_policy") << "of another desk";
  EXPECT_EQ(desks.asked, 0);
}

TEST_F(AdminDoor, WhatTheDeskRefusesIsSaid) {
  const std::string body = policy::encode(policy);
  const auto put = [&](Code code) {
    desks.refusal = Refusal{code, "queue presale, agent 07"};
    return ask("PUT", "/admin/v1/desks/demo/policy", body);
  };
  EXPECT_EQ(put(Code::in_use).body, R"({"error":"in_use","message":"queue presale, agent 07"})");
  EXPECT_EQ(error(put(Code::in_use)), "409 in_use");
  EXPECT_EQ(error(put(Code::stale_policy)), "409 stale_policy");
  EXPECT_EQ(error(put(Code::bad_policy)), "422 bad_policy");
  EXPECT_EQ(error(put(Code::storage_behind)), "503 storage_behind");
}

TEST_F(AdminDoor, RevokesOnePerson) {
  const auto revoke = [this](const std::string& body) { return ask("POST", "/admin/v1/desks/demo/revoke", body); };
  EXPECT_EQ(revoke(R"({"role":"buyer","shop":"tea","person":"b\"1"})").body, R"({"sessions":2})");
  EXPECT_EQ(desks.revoked, "buyer tea b\"1");
  EXPECT_EQ(revoke(R"({"role":"agent","person":"07"})").status, 200U);
  EXPECT_EQ(desks.revoked, "agent  07");
  EXPECT_EQ(revoke(R"({"role":"agent","person":"07","lift":true})").status, 200U);
  EXPECT_EQ(desks.revoked, "agent  07 lifted");
  desks.stored = false;
  EXPECT_EQ(error(revoke(R"({"role":"agent","person":"07"})")), "503 storage_behind");
  desks.asked = 0;
  for (const std::string body :
       {"", "[]", "{}", R"({"role":"agent"})", R"({"role":"root","person":"07"})", R"({"role":"agent","person":""})",
        R"({"role":"buyer","person":"b1"})", R"({"role":"agent","person":"07","shop":"tea"})",
        R"({"role":"agent","person":"07","x":1})", R"({"role":"agent","person":"07"} {})",
        R"({"role":"agent","person":"a\u0000"})"})
    EXPECT_EQ(error(revoke(body)), "400 bad_message") << body;
  EXPECT_EQ(error(revoke("{\"role\":\"agent\",\"person\":\"" + std::string(5000, 'x') + "\"}")), "400 bad_message");
  EXPECT_EQ(desks.asked, 0);
  EXPECT_EQ(error(ask("POST", "/admin/v1/desks/none/revoke", R"({"role":"agent","person":"07"})")), "404 not_found");
}

TEST_F(AdminDoor, ExplainsAChat) {
  const auto explain = [this](const std::string& chat) {
    return ask("GET", "/admin/v1/desks/demo/chats/" + chat + "/explain");
  };
  EXPECT_EQ(explain("17").body, R"({"chat":"17","explanation":{"why":"full"}})");
  EXPECT_EQ(explain("18").body, R"({"chat":"18","explanation":"held"})");
  EXPECT_EQ(error(explain("19")), "404 not_found");
  const auto candidates = [this](const std::string& chat) {
    return ask("GET", "/admin/v1/desks/demo/chats/" + chat + "/candidates");
  };
  EXPECT_EQ(candidates("17").body, "  08  full\n");
  EXPECT_EQ(candidates("17").type, "text/plain; charset=utf-8");
  EXPECT_EQ(error(candidates("18")), "404 not_found");
  EXPECT_EQ(error(candidates("x")), "400 bad_message");
  for (const std::string bad : {"x", "0", "-1", "17x", "99999999999999999999"})
    EXPECT_EQ(error(explain(bad)), "400 bad_message");
  EXPECT_EQ(error(ask("GET", "/admin/v1/desks/none/chats/17/explain")), "404 not_found");
}

}  // namespace
}  // namespace deskd
