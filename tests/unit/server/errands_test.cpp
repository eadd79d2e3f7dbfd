// errands_test.cpp - Goal: each errand does what it says, says what stands in its way, and never puts a policy over one
// that its author has not seen. Method: the admin API itself behind a listener of the test's own, one connection at a
// time on a thread, so that client and server agree by running against each other. What is done in the database without
// a server, the tests that have a database do: they all begin with `deskd apply`.
#include "server/errands.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "protocol/policy_codec.hpp"
#include "server/admin_call.hpp"
#include "server/arguments.hpp"
#include "server/ops/admin.hpp"
#include "server/own_secret.hpp"
#include "server/policy_file.hpp"
#include "server/session/token.hpp"

namespace deskd::errand {
namespace {

constexpr std::int64_t now_ms = 1'800'000'000'000;

class OneDesk : public Desks {
 public:
  Health health() override { return {}; }
  void scrape(std::function<void(Scrape)> then) override { then({}); }
  void list(std::function<void(std::vector<DeskListed>)> then) override {
    then(in_force == nullptr ? std::vector<DeskListed>{}
                             : std::vector<DeskListed>{{in_force->name, Epoch{1}, in_force->version, {}}});
  }
  void policy(std::string_view desk, std::function<void(std::shared_ptr<const policy::Desk>)> then) override {
    then(in_force != nullptr && desk == in_force->name ? in_force : nullptr);
  }
  void put_policy(std::string_view, std::shared_ptr<policy::Desk> policy,
                  std::function<void(std::variant<std::int64_t, Refusal>)> then) override {
    if (!refusal.empty()) return then(Refusal{Code::in_use, refusal});
    in_force = policy;
    then(policy->version);
  }
  void revoke(std::string_view, const admin::Revocation&, std::function<void(std::optional<SentAway>)> then) override {
    then(std::nullopt);
  }
  void explain(std::string_view, ChatId chat, bool all, std::function<void(std::optional<std::string>)> then) override {
    if (all) return then(chat.value == 17 ? "  08  full\n" : "");
    then(chat.value == 17 ? R"({"why":"full"})" : chat.value == 18 ? "held" : "");
  }
  std::shared_ptr<const policy::Desk> in_force;
  std::string refusal;
};

// Answers one request a connection, as the internal listener does. The desks are touched only while a request is
// served.
class TestListener {
 public:
  TestListener(Desks& desks, std::string word)
      : admin_{desks, [word = std::move(word)](std::string_view said) { return said == word; }} {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket_, 8) != 0)
      throw std::runtime_error{"no port"};
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread{[this] { serve(); }};
  }
  ~TestListener() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  const std::string& address() const { return address_; }

 private:
  void serve() {
    for (int peer = 0; (peer = ::accept(socket_, nullptr, nullptr)) >= 0; ::close(peer)) {
      std::string text;
      std::size_t whole = std::string::npos;
      char buffer[4096];
      for (ssize_t got = 0; text.size() < whole && (got = ::recv(peer, buffer, sizeof buffer, 0)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(got));
        const auto end = text.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        const auto length = text.find("Content-Length: ");
        whole = end + 4 + (length < end ? std::stoul(text.substr(length + 16)) : 0);
      }
      if (text.size() < whole) continue;
      Admin::Request request;
      request.method = text.substr(0, text.find(' '));
      std::string target = text.substr(request.method.size() + 1);
      target.resize(target.find(' '));
      const auto query = target.find('?');
      request.path = target.substr(0, query);
      if (query != std::string::npos) request.query = target.substr(query + 1);
      const auto word = text.find("Authorization: ") + 15;
      request.authorization = text.substr(word, text.find("\r\n", word) - word);
      request.body = text.substr(text.find("\r\n\r\n") + 4);
      admin_.answer(request, [peer](const Admin::Answer& answer) {
        const std::string out = "HTTP/1.1 " + std::to_string(answer.status) +
                                " X\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" +
                                answer.body;
        ::send(peer, out.data(), out.size(), MSG_NOSIGNAL);
      });
    }
  }
  Admin admin_;
  int socket_;
  std::string address_;
  std::thread thread_;
};

class Errands : public testing::Test {
 protected:
  Errands() {
    std::string name = (std::filesystem::temp_directory_path() / "deskd-errands-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    word_ = std::get<OwnSecret>(own_secret(path("admin.key"))).text;
    write("shop.key", std::string(64, 's'));
    write("staff.key", std::string(64, 't'));
    policy_.name = "demo";
    policy_.staff_issuer = "staff";
    policy_.staff_keys = {{"t1", policy::Algorithm::hs256, path("staff.key")}};
    policy::Shop& tea = policy_.shops.emplace_back();
    tea.name = "tea";
    tea.issuer = "tea-back-end";
    tea.keys = {{"s1", policy::Algorithm::hs256, path("shop.key")}};
    policy_.queues.emplace_back().name = "presale";
    policy_.agents.emplace_back().name = "07";
    save();
  }
  ~Errands() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, std::string_view content) const { std::ofstream{path(name)} << content; }
  void save() const { write("policy.json", policy::encode(policy_)); }
  Settings settings(const std::string& address) const {
    const std::vector<std::string> flags{"--admin-key-file=" + path("admin.key"), "--internal-listen=" + address,
                                         "--database=host=" + folder_ + " connect_timeout=1"};
    return read_settings(flags, {}).settings;
  }
  // Nobody listens on it: it was another listener's a moment ago.
  std::string nobodys_address() { return TestListener{desks_, word_}.address(); }
  Said apply_file(Words more = {}) {
    const TestListener listener{desks_, word_};
    more.insert(more.begin(), path("policy.json"));
    return apply(settings(listener.address()), more, now_ms);
  }
  Said mint_token(Words all) {
    all.push_back("--policy=" + path("policy.json"));
    return token(settings("127.0.0.1:1"), all, now_ms);
  }

  std::string folder_;
  std::string word_;
  policy::Desk policy_;
  OneDesk desks_;
};

TEST_F(Errands, APolicyGoesOverTheOneItWasWrittenOver) {
  desks_.in_force = std::make_shared<policy::Desk>(policy_);
  EXPECT_EQ(apply_file().out, "desk demo: nothing to change, version 0 says the same\n");

  policy_.queues[0].queue_max = 7;
  save();
  EXPECT_EQ(apply_file().out, "desk demo: version 1 is in force\n");
  EXPECT_EQ(desks_.in_force->queues[0].queue_max, 7);
  EXPECT_EQ(apply_file().out, "desk demo: nothing to change, version 1 says the same\n");

  policy_.queues[0].queue_max = 8;
  save();
  Said said = apply_file();
  EXPECT_EQ(said.code, 1) << "the file does not say what it was written over";
  EXPECT_TRUE(said.error.starts_with("version 1 is in force, and the file does not say")) << said.error;

  policy_.version = 5;
  save();
  said = apply_file();
  EXPECT_EQ(said.code, 1);
  EXPECT_EQ(said.error, "stale_policy: version 1 is in force, and this one was written over 5\n");
  EXPECT_EQ(apply_file({"--from", "0"}).code, 1);
  EXPECT_EQ(apply_file({"--from", "x"}).code, 1);
  EXPECT_EQ(desks_.in_force->version, 1);

  policy_.version = 1;
  save();
  EXPECT_EQ(apply_file().out,
            "desk demo: version 2 is in force\nbefore the next change, say \"version\": 2 in the file\n");
  policy_.queues[0].queue_max = 9;
  save();
  EXPECT_EQ(apply_file({"--from", "newest"}).out, "desk demo: version 3 is in force\n");
  policy_.queues[0].queue_max = 10;
  save();
  EXPECT_EQ(apply_file({"--from=3"}).code, 0);
  EXPECT_EQ(desks_.in_force->queues[0].queue_max, 10);
}

TEST_F(Errands, WhatTheServerRefusesIsSaid) {
  desks_.in_force = std::make_shared<policy::Desk>(policy_);
  desks_.refusal = "queue presale";
  policy_.queues[0].queue_max = 7;
  save();
  EXPECT_EQ(apply_file().error, "in_use: queue presale\n");
  desks_.refusal.clear();
  policy_.name = "other";
  save();
  EXPECT_EQ(apply_file().out, "desk other: version 1 is in force\n") << "a desk that the server did not have";
  word_ = "another word";
  EXPECT_EQ(apply_file().code, 1);
  std::filesystem::remove(path("admin.key"));
  EXPECT_EQ(apply_file().error, "cannot read " + path("admin.key") + "\n");
}

TEST_F(Errands, ABadFileIsToldWhole) {
  policy_.queues[0].queue_max = -1;
  policy_.staff_issuer = "";
  save();
  const Said said = apply(settings("127.0.0.1:1"), {path("policy.json")}, now_ms);
  EXPECT_EQ(said.code, 1);
  EXPECT_EQ(std::count(said.error.begin(), said.error.end(), '\n'), 2) << said.error;
  EXPECT_NE(said.error.find(path("policy.json") + ": queues[0].queue_max: "), std::string::npos) << said.error;
  EXPECT_EQ(apply(settings("127.0.0.1:1"), {path("none.json")}, now_ms).error,
            "cannot read " + path("none.json") + "\n");
  EXPECT_EQ(apply(settings("127.0.0.1:1"), {}, now_ms).code, 2);
  EXPECT_EQ(apply(settings("127.0.0.1:1"), {"a", "b"}, now_ms).code, 2);
}

// With nobody listening it turns to the database; here none is there either.
TEST_F(Errands, WithoutServerAndDatabaseTheySaySo) {
  const Settings nowhere = settings(nobodys_address());
  const Said said = apply(nowhere, {path("policy.json")}, now_ms);
  EXPECT_EQ(said.code, 1);
  EXPECT_TRUE(said.error.starts_with("no server runs, and the database does not answer: ")) << said.error;
  EXPECT_EQ(token(nowhere, {"buyer", "b1"}, now_ms).code, 1);
  EXPECT_EQ(explain(nowhere, {"17"}).code, 1);
  EXPECT_EQ(explain(nowhere, {"17", "--desk=demo"}).code, 1);
}

TEST_F(Errands, TokensHold) {
  const auto ring =
      std::get<KeyRing>(KeyRing::of(policy_, TokenKey::of_secret(std::string{guest_kid}, std::string(32, 'g'))));
  const auto who = [&](const Said& said) {
    EXPECT_EQ(said.code, 0) << said.error;
    EXPECT_TRUE(said.out.ends_with('\n'));
    const auto read = verify(said.out.substr(0, said.out.size() - 1), ring, now_ms);
    return std::holds_alternative<Identity>(read) ? std::get<Identity>(read) : Identity{};
  };
  constexpr std::int64_t day_ms = 24 * 3'600'000;
  EXPECT_EQ(who(mint_token({"buyer", "b1"})),
            (Identity{Role::buyer, "b1", "tea", "", now_ms + 30 * day_ms, now_ms, false, "s1"}));
  EXPECT_EQ(who(mint_token({"buyer", "b1", "--level", "vip"})).level, "vip");
  EXPECT_EQ(who(mint_token({"supervisor", "07", "--desk", "demo", "--days=1"})),
            (Identity{Role::supervisor, "07", "", "demo", now_ms + day_ms, now_ms, false, "t1"}));
}

TEST_F(Errands, ATokenThatCannotBeMadeIsExplained) {
  for (const Words& bad : std::vector<Words>{{},
                                             {"buyer"},
                                             {"guest", "g"},
                                             {"king", "k"},
                                             {"buyer", "b1", "x"},
                                             {"buyer", "b1", "--level", ""},
                                             {"agent", "07", "--level", "vip"},
                                             {"buyer", "b1", "--days", "0"},
                                             {"buyer", "b1", "--days", "31"},
                                             {"buyer", "b1", "--days", "1d"},
                                             {"buyer", "b1", "--dyas", "1"}})
    EXPECT_EQ(mint_token(bad).code, 2);
  EXPECT_EQ(mint_token({"buyer", "b1", "--shop", "none"}).error, "there is no such shop with a policy\n");
  EXPECT_EQ(mint_token({"agent", "99"}).error, "desk demo has no agent 99\n");
  policy::Shop cup = policy_.shops[0];
  cup.name = "cup";
  policy_.shops.push_back(cup);
  save();
  EXPECT_EQ(mint_token({"buyer", "b1"}).error, "there are several: name one with --shop\n");
  EXPECT_EQ(mint_token({"buyer", "b1", "--shop=cup"}).code, 0);
  std::filesystem::remove(path("shop.key"));
  EXPECT_EQ(mint_token({"buyer", "b1", "--shop=cup"}).error, "key s1: cannot read " + path("shop.key") + "\n");
}

TEST_F(Errands, ExplainAChat) {
  desks_.in_force = std::make_shared<policy::Desk>(policy_);
  const TestListener listener{desks_, word_};
  const auto ask = [&](const Words& words) { return explain(settings(listener.address()), words); };
  EXPECT_EQ(ask({"17", "--desk", "demo"}).out, "now: {\"chat\":\"17\",\"explanation\":{\"why\":\"full\"}}\n");
  EXPECT_EQ(ask({"17", "--all", "--desk", "demo"}).out,
            "now: {\"chat\":\"17\",\"explanation\":{\"why\":\"full\"}}\n  08  full\n");
  EXPECT_EQ(ask({"18", "--all", "--desk", "demo"}).out,
            "now: {\"chat\":\"18\",\"explanation\":\"held\"}\nit does not wait: nobody is being chosen\n");
  EXPECT_EQ(ask({"19", "--desk", "demo"}).code, 1);
  EXPECT_EQ(ask({"17", "--al", "--desk", "demo"}).code, 2);
  EXPECT_EQ(ask({"x", "--desk", "demo"}).code, 2);
  EXPECT_EQ(ask({}).code, 2);
}

TEST_F(Errands, ReplayTakesAFileAndAChat) {
  for (const Words& bad : std::vector<Words>{{}, {"a", "b"}, {"a", "--explain"}, {"a", "--explain=x"}, {"a", "--all"}})
    EXPECT_EQ(replay(bad).code, 2);
  EXPECT_EQ(replay({path("none.rec")}).error, "deskd: cannot read " + path("none.rec") + "\n");
  std::ofstream{path("empty.rec")};
  EXPECT_EQ(replay({path("empty.rec")}).out, path("empty.rec") + ": 0 events, every effect is the same\n");
  EXPECT_TRUE(replay({path("empty.rec"), "--explain", "17"}).out.starts_with("nobody was chosen for chat 17"));
}

TEST_F(Errands, CheckConfigSaysWhatAStartWouldSay) {
  const Settings mine = read_settings(std::vector<std::string>{"--shards=2"}, {}).settings;
  Said said = check_config(mine, {path("policy.json")}, now_ms);
  EXPECT_EQ(said.code, 0) << said.error;
  EXPECT_NE(said.out.find("shards = 2\n"), std::string::npos);
  std::filesystem::remove(path("staff.key"));
  said = check_config(mine, {path("policy.json")}, now_ms);
  EXPECT_EQ(said.code, 1);
  EXPECT_EQ(said.error, path("policy.json") + ": staff: key t1: cannot read " + path("staff.key") + "\n");
  policy::Calendar& hours = policy_.calendars.emplace_back();
  hours.name = "hours";
  hours.zone = "Mars/Olympus";
  hours.week.assign(7, {policy::Span{540, 1080}});
  save();
  EXPECT_NE(check_config(mine, {path("policy.json")}, now_ms).error.find("Mars/Olympus"), std::string::npos);
  EXPECT_EQ(check_config(mine, {"--tabel"}, now_ms).code, 2);
  EXPECT_EQ(check_config(mine, {"--table"}, now_ms).out, settings_table());
}

TEST(ArgumentsTaken, InAnyOrder) {
  Arguments arguments{{"a", "--x", "1", "--y=2", "b", "--z", "--w"}};
  EXPECT_EQ(arguments.value("--x"), "1");
  EXPECT_EQ(arguments.value("--y"), "2");
  EXPECT_EQ(arguments.value("--w"), std::nullopt) << "its value is missing";
  EXPECT_TRUE(arguments.has("--z"));
  EXPECT_FALSE(arguments.has("--z"));
  EXPECT_EQ(arguments.next(), "a");
  EXPECT_EQ(arguments.next(), "b");
  EXPECT_EQ(arguments.next(), std::nullopt);
  EXPECT_EQ(arguments.stranger(), "--w");
}

}  // namespace
}  // namespace deskd::errand
