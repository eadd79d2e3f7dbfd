// A session's life: signs in or is sent away, is pinged, slowed, ended with the right code. Real sockets, a host of
// words and a clock that only the test moves.
#include "server/session/session.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <future>
#include <thread>
#include <unordered_map>

#include <boost/asio/post.hpp>

#include "server/session/listener.hpp"
#include "tests/unit/session/raw_client.hpp"

namespace deskd::test {
namespace {

constexpr std::int64_t start{1'763'760'000'000};

class Host final : public Doors, public SessionHost {
 public:
  Host()
      : keys_{std::get<KeyRing>(
            KeyRing::of(a_policy(), TokenKey::of_secret(std::string{guest_kid}, std::string(32, 'g'))))} {
    policy_ = a_policy();
    staff_key_ = keys_.find("", "staff-1")->key;
    listener_ = std::make_unique<Listener>(loop_, ListenerOptions{}, this, HttpHandler{});
    listener_->start();
    thread_ = std::thread{[this] { loop_.run(); }};
  }
  ~Host() {
    loop_.stop();
    thread_.join();
    sessions_.clear();
  }
  std::uint16_t port() const { return listener_->port(); }

  // Moves the clock, and does what falls due, on the loop's thread.
  void pass(Duration time) {
    std::promise<void> done;
    boost::asio::post(loop_.context(), [&] {
      now_ += time.count();
      while (Timer* due = timers_.fire(now()))
        if (const auto it = sessions_.find(static_cast<std::uint64_t>(due->owner)); it != sessions_.end())
          it->second->on_timer();
      done.set_value();
    });
    done.get_future().wait();
  }
  std::string guest_token(const std::string& person) { return keys_.mint_guest("lamps", person, start); }
  std::string staff_token(Role role) {
    return mint({role, "boss", "", "lamp", start + 3'600'000, start, false, ""}, *staff_key_, "lamp-staff", start);
  }
  // Puts a newer policy in force, as a room does.
  void change(const std::function<void(policy::Desk&)>& how) {
    std::promise<void> done;
    boost::asio::post(loop_.context(), [&] {
      how(policy_);
      keys_ = std::get<KeyRing>(KeyRing::of(policy_, keys_.guest()));
      for (const auto& [id, session] : sessions_) session->on_policy();
      done.set_value();
    });
    done.get_future().wait();
  }

  Verdict may_enter(const Door&, std::string_view, std::string_view) override { return Verdict::welcome; }
  void enter(Arrival arrival) override {
    const SessionId id{++last_};
    auto session = std::make_unique<LiveSession>(*this, id, arrival);
    session->timer.owner = static_cast<std::int64_t>(id.value);
    if (session->open(loop_, arrival)) sessions_.emplace(id.value, std::move(session));
  }

  Instant now() override { return instant_of(now_); }
  std::int64_t wall_ms() override { return now_; }
  const SessionOptions& session_options() const override { return options_; }
  const KeyRing& keys() const override { return keys_; }
  const policy::Desk& policy() const override { return policy_; }
  Epoch epoch() const override { return Epoch{4}; }
  Decoder& decoder() override { return decoder_; }
  void wake(LiveSession& session, Instant at) override { timers_.arm(session.timer, at); }
  bool may_stay(const Identity& who) override { return who.person != std::string(32, 'b'); }
  void opened(LiveSession&, const Identity&) override { ++opens; }
  void heard(LiveSession& session, const Ask& ask) override {
    ++asks;
    if (std::holds_alternative<ask::Resume>(ask)) session.tell(tell::Done{});
  }
  void identified(LiveSession&, const std::string&, const Identity&) override {}
  void closes(CloseCode code) override { closed_as = static_cast<int>(code); }
  void closed(LiveSession&) override {}
  void refused(const NotWelcome&) override { ++refusals; }
  void gone(LiveSession& session) override {
    ++gones;
    sessions_.erase(session.id().value);
  }

  std::atomic<int> opens{}, asks{}, refusals{}, gones{}, closed_as{};

 private:
  static policy::Desk a_policy() {
    policy::Desk policy;
    policy.name = "lamp";
    policy.shops.emplace_back().name = "lamps";
    policy::Agent& boss = policy.agents.emplace_back();
    boss.name = "boss";
    boss.role = Role::supervisor;
    const std::string file = testing::TempDir() + "session_test_staff.key";
    std::ofstream{file} << std::string(64, 's');
    policy.staff_keys = {{"staff-1", policy::Algorithm::hs256, file}};
    policy.staff_issuer = "lamp-staff";
    return policy;
  }

  Loop loop_;
  Timers timers_;
  SessionOptions options_{.buyers = {20, 2}, .staff = {100, 10}, .socket = {}};
  policy::Desk policy_;
  KeyRing keys_;
  std::optional<TokenKey> staff_key_;
  Decoder decoder_;
  std::atomic<std::int64_t> now_{start};
  std::uint64_t last_{};
  std::unordered_map<std::uint64_t, std::unique_ptr<LiveSession>> sessions_;
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
};

constexpr const char* page{"Sec-WebSocket-Protocol: deskd.v1\r\nOrigin: https://shop.example\r\n"};

class Buyer : public RawClient {
 public:
  explicit Buyer(Host& host, const char* fields = page) : RawClient{host.port()} {
    ask("/v1/shops/lamps/buyer", fields);
    EXPECT_EQ(status(), 101);
  }
  std::string says(std::string_view message) {
    send(text(message));
    return read_frame().payload;
  }
  std::string sign_in() { return says(R"({"type":"sign_in"})"); }
};

class Supervisor : public RawClient {
 public:
  explicit Supervisor(Host& host) : RawClient{host.port()} {
    ask("/v1/desks/lamp/agent");
    EXPECT_EQ(status(), 101);
    const std::string told = says(R"({"type":"sign_in","token":")" + host.staff_token(Role::supervisor) + "\"}");
    EXPECT_NE(told.find(R"("role":"supervisor")"), std::string::npos) << told;
  }
  std::string says(std::string_view message) {
    send(text(message));
    return read_frame().payload;
  }
};

TEST(Session, wants_a_sign_in_first) {
  Host host;
  Buyer buyer{host};
  EXPECT_NE(buyer.says(R"({"type":"resume"})").find("not_signed_in"), std::string::npos);
  const std::string told = buyer.sign_in();
  for (const char* part :
       {R"("type":"signed_in")", R"("role":"guest")", R"("desk":"lamp")", R"("shop":"lamps")", R"("token":")"})
    EXPECT_NE(told.find(part), std::string::npos) << told;
  EXPECT_NE(buyer.says(R"({"type":"resume"})").find("done"), std::string::npos);
  EXPECT_NE(buyer.says(R"({"type":"sign_in"})").find("already_signed_in"), std::string::npos);
  EXPECT_EQ(host.opens, 1);
  EXPECT_EQ(host.asks, 1);
}

TEST(Session, sends_away_whom_it_does_not_know) {
  Host host;
  {
    Buyer buyer{host};
    buyer.send(text(R"({"type":"sign_in","token":"nonsense"})"));
    EXPECT_EQ(buyer.read_frame().close_code(), 4500);
    EXPECT_EQ(host.closed_as, 4500) << "who never signed in counts too";
  }
  {
    Buyer program{host, "Sec-WebSocket-Protocol: deskd.v1\r\n"};
    program.send(text(R"({"type":"sign_in"})"));
    EXPECT_EQ(program.read_frame().close_code(), 4500) << "a guest without a page of the shop";
  }
  {
    Buyer banned{host};
    banned.send(text(R"({"type":"sign_in","token":")" + host.guest_token(std::string(32, 'b')) + "\"}"));
    EXPECT_EQ(banned.read_frame().close_code(), 4501);
  }
  EXPECT_EQ(host.opens, 0);
  EXPECT_EQ(host.refusals, 2);
}

TEST(Session, is_given_ten_seconds_to_sign_in) {
  Host host;
  Buyer buyer{host};
  host.pass(Duration{9'999});
  EXPECT_NE(buyer.says(R"({"type":"resume"})").find("not_signed_in"), std::string::npos);
  host.pass(Duration{1});
  EXPECT_EQ(buyer.read_frame().close_code(), 4005);
}

// Goal: a quiet session is asked, one that answers stays however long, one that does not is let go.
TEST(Session, pings_the_quiet_and_lets_the_dead_go) {
  Host host;
  Buyer buyer{host};
  buyer.sign_in();
  for (int i = 1; i <= 5; ++i) {
    host.pass(buyer_ping_every);
    ASSERT_NE(buyer.read_frame().payload.find(R"("type":"ping")"), std::string::npos);
    buyer.says(R"({"type":"pong","n":1}{)");  // anything heard is a sign of life
  }
  host.pass(buyer_ping_every);
  EXPECT_NE(buyer.read_frame().payload.find("ping"), std::string::npos);
  host.pass(buyer_ping_every);
  EXPECT_NE(buyer.read_frame().payload.find("ping"), std::string::npos);
  host.pass(buyer_dead_after - 2 * buyer_ping_every);
  EXPECT_EQ(buyer.read_frame().close_code(), 4003);
  EXPECT_EQ(host.closed_as, 4003);
  // The peer does not answer the close either: it is dropped.
  host.pass(close_within);
  EXPECT_TRUE(buyer.ended());
  for (int i = 0; i < 10'000 && host.gones == 0; ++i) std::this_thread::yield();
}

// Bug: a buyer who typed a long complaint was heard all the time and never pinged; the page heard nothing for 90 s, took
// the line for dead and came back, again and again.
TEST(Session, is_never_silent_for_long) {
  Host host;
  Buyer buyer{host};
  buyer.sign_in();
  constexpr Duration typing_every{3'000};
  int said = 0;
  for (Duration time{}; time < speak_every; time += typing_every) {
    host.pass(typing_every);
    buyer.send(text(R"({"type":"typing","chat":"1","on":true})"));
    for (++said; host.asks < said;) std::this_thread::yield();
  }
  EXPECT_NE(buyer.read_frame().payload.find(R"("type":"ping")"), std::string::npos);
}

// An agent's dead line is noticed within 30 s: somebody waits for her.
TEST(Session, lets_dead_staff_go_sooner) {
  Host host;
  Supervisor boss{host};
  host.pass(staff_ping_every);
  ASSERT_NE(boss.read_frame().payload.find("ping"), std::string::npos);
  host.pass(staff_ping_every);
  ASSERT_NE(boss.read_frame().payload.find("ping"), std::string::npos);
  host.pass(Duration{30'000} - 2 * staff_ping_every);
  EXPECT_EQ(boss.read_frame().close_code(), 4003);
}

TEST(Session, ends_with_its_token) {
  Host host;
  Buyer buyer{host};
  buyer.sign_in();
  host.pass(Duration{guest_life_ms});
  Frame last;
  while ((last = buyer.read_frame()).opcode == 1) {}
  EXPECT_TRUE(last.close_code() == 4505 || last.close_code() == 4003) << last.close_code();
}

TEST(Session, slows_and_then_ends_a_flood) {
  Host host;
  Buyer buyer{host};
  buyer.sign_in();
  std::string flood;
  for (int i = 0; i < 200; ++i) flood += text(R"({"type":"resume"})");
  buyer.send(flood);
  int served = 0, slowed = 0;
  Frame got;
  while ((got = buyer.read_frame()).opcode == 1)
    got.payload.find("rate_limited") != std::string::npos ? ++slowed : ++served;
  EXPECT_EQ(got.close_code(), 4503);
  EXPECT_EQ(served, 19) << "the burst, less the sign-in";
  EXPECT_GE(slowed, Bucket::refusals_max);
}

// Bug: a message of empty parts without an end cost nothing.
TEST(Session, ends_a_flood_of_nothing) {
  Host host;
  Buyer buyer{host};
  buyer.sign_in();
  std::string flood = frame(1, "", false);
  for (int i = 0; i < 50'000; ++i) flood += frame(0, "", false);
  buyer.send(flood);
  EXPECT_EQ(buyer.read_frame().close_code(), 4503);
}

TEST(Session, takes_no_binary_message) {
  Host host;
  Buyer buyer{host};
  buyer.sign_in();
  buyer.send(frame(2, "x"));
  EXPECT_EQ(buyer.read_frame().close_code(), 4504);
}

TEST(Session, refreshes_and_keeps_the_old_token_when_the_new_is_bad) {
  Host host;
  Buyer buyer{host};
  const std::string pass = host.guest_token(std::string(32, 'a'));
  buyer.says(R"({"type":"sign_in","token":")" + pass + "\"}");
  EXPECT_NE(buyer.says(R"({"type":"refresh","token":"bad"})").find("bad_token"), std::string::npos);
  EXPECT_NE(buyer.says(R"({"type":"refresh","token":")" + pass + "\"}").find("signed_in"), std::string::npos);
  EXPECT_NE(
      buyer.says(R"({"type":"refresh","token":")" + host.guest_token(std::string(32, 'c')) + "\"}").find("bad_token"),
      std::string::npos)
      << "another guest's";
}

// Goal: rights that were taken back end with the session that was given them. Method: each way to lose them, beside a
// guest whom none of them concerns.
TEST(Session, ends_with_its_rights) {
  const std::function<void(policy::Desk&)> ways[]{
      [](policy::Desk& policy) { policy.agents[0].role = Role::agent; },
      [](policy::Desk& policy) { policy.agents.clear(); },
      [](policy::Desk& policy) { policy.staff_keys[0].kid = "staff-2"; },
  };
  for (const auto& way : ways) {
    Host host;
    Buyer buyer{host};
    buyer.sign_in();
    Supervisor boss{host};
    host.change([](policy::Desk& policy) { policy.agents[0].capacity = 7; });
    EXPECT_NE(boss.says(R"({"type":"resume"})").find("done"), std::string::npos) << "another change is no reason";
    host.change(way);
    EXPECT_EQ(boss.read_frame().close_code(), 4501);
    EXPECT_EQ(host.closed_as, 4501);
    EXPECT_NE(buyer.says(R"({"type":"resume"})").find("done"), std::string::npos);
  }
  Host host;
  Buyer buyer{host};
  buyer.sign_in();
  host.change([](policy::Desk& policy) { policy.shops.clear(); });
  EXPECT_EQ(buyer.read_frame().close_code(), 4501) << "a guest of a shop that is gone";
}

TEST(Session, ends_when_a_refresh_gives_fewer_rights) {
  Host host;
  Supervisor boss{host};
  EXPECT_NE(boss.says(R"({"type":"refresh","token":")" + host.staff_token(Role::supervisor) + "\"}").find("signed_in"),
            std::string::npos);
  boss.send(text(R"({"type":"refresh","token":")" + host.staff_token(Role::agent) + "\"}"));
  EXPECT_EQ(boss.read_frame().close_code(), 4501);
}

}  // namespace
}  // namespace deskd::test
