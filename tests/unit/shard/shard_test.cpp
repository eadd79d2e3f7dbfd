// Goal: what others say to a shard reaches the desk it names, and whom it has no room for is told. Method: letters to a
// shard without a database, on a thread that ends with the test.
#include "server/shard/shard.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <boost/asio.hpp>
#include <future>
#include <thread>

#include "tests/unit/session/raw_client.hpp"

namespace deskd {
namespace {

namespace asio = boost::asio;

class ShardTest : public testing::Test {
 protected:
  ~ShardTest() override {
    if (!thread_.joinable()) return;
    shard_->post(mail::Stop{});
    thread_.join();
  }

  void start(std::size_t sessions_max = 10, std::string record_dir = {}) {
    ShardOptions options;
    options.sessions_max = sessions_max;
    options.record_dir = std::move(record_dir);
    make(std::move(options));
    thread_ = std::thread{[this] { shard_->run(); }};
  }

  void make(ShardOptions options) {
    options.sessions.buyers = {20, 2};
    shard_ = std::make_unique<Shard>(std::move(options), clock_, writer_, reader_, Shard::Listeners{});
    for (std::int32_t id = 1; id <= 2; ++id) shard_->place(placement(id));
  }

  // Each desk holds one chat; the first desk's is `first_`.
  Placement placement(std::int32_t id) const {
    policy::Desk policy;
    policy.name = "desk-" + std::to_string(id);
    policy.version = 1;
    policy.shops.emplace_back().name = "lamps";
    policy.queues.emplace_back().name = "sales";
    policy.queues.back().shops = {"lamps"};
    policy.agents.emplace_back().name = "07";
    policy.agents.back().queues = {"sales"};
    Placement made;
    made.id = DeskId{id};
    made.name = policy.name;
    made.epoch = Epoch{1};
    made.keys = std::make_shared<const KeyRing>(
        std::get<KeyRing>(KeyRing::of(policy, TokenKey::of_secret(std::string{guest_kid}, std::string(32, 'g')))));
    made.policy = std::make_shared<const policy::Desk>(std::move(policy));
    event::RecoveredChat chat;
    chat.chat = id == 1 ? first_ : ChatId{first_.value + 1};
    chat.shop = "lamps";
    chat.buyer = "b1";
    chat.queue = "sales";
    chat.place = Place::waiting;
    chat.policy_version = 1;
    chat.opened = chat.queued = chat.placed = clock_.now() - Duration{1000};
    made.recovered.emplace_back(std::move(chat));
    made.recovered.emplace_back(event::RecoveryDone{Position{0}});
    return made;
  }

  std::string explain(std::int32_t desk, ChatId chat, bool all = false) {
    std::promise<std::string> said;
    shard_->post(mail::Explain{DeskId{desk}, chat, all, [&](std::string text) { said.set_value(std::move(text)); }});
    return said.get_future().get();
  }

  std::future<std::optional<SentAway>> revoke(std::int32_t desk) {
    auto said = std::make_shared<std::promise<std::optional<SentAway>>>();
    shard_->post(mail::Revoke{DeskId{desk}, {Role::agent, "", "07"}, [said](std::optional<SentAway> done) {
                                said->set_value(std::move(done));
                              }});
    return said->get_future();
  }

  // The first that is answered to somebody who asks for a WebSocket there.
  std::string arrive(Entrance entrance, std::string name) {
    asio::io_context context;
    asio::ip::tcp::acceptor door{context, {asio::ip::address_v4::loopback(), 0}};
    asio::ip::tcp::socket client{context};
    client.connect(door.local_endpoint());
    mail::Arrive letter{DeskId{1}, {}};
    letter.arrival.socket = Descriptor{door.accept().release()};
    letter.arrival.entrance = entrance;
    letter.arrival.name = std::move(name);
    letter.arrival.key = "dGhlIHNhbXBsZSBub25jZQ==";
    shard_->post(std::move(letter));
    std::string answer;
    boost::system::error_code ended;
    asio::read_until(client, asio::dynamic_buffer(answer), "\r\n\r\n", ended);
    return answer;
  }

  const ChatId first_{std::int64_t{1'763'000'000'000} << 16};
  Clock clock_{Instant{}};
  Writer writer_{{.connection = "host=/nowhere"}, [](const Outcome&) {}};
  Reader reader_{{.connection = "host=/nowhere"}};
  std::unique_ptr<Shard> shard_;
  std::thread thread_;
};

// A chat's number is its desk's own: another desk of the shard is not asked.
TEST_F(ShardTest, ExplainsTheChatOfTheDeskThatWasNamed) {
  start();
  EXPECT_NE(explain(1, first_), "");
  EXPECT_EQ(explain(2, first_), "");
  EXPECT_NE(explain(2, ChatId{first_.value + 1}), "");
  EXPECT_EQ(explain(3, first_), "");
  EXPECT_TRUE(explain(1, first_, true).starts_with("  agent  fell out"));
  EXPECT_EQ(explain(2, first_, true), "");
}

// Who revoked heard at once that it was done; the database was away, the server died, and the next one let them in again.
TEST_F(ShardTest, WhoRevokesHearsWhenItIsStored) {
  start();
  auto first = revoke(1);
  EXPECT_NE(explain(1, first_), "");  // letters are read in turn: it has been done, and nobody was told
  EXPECT_EQ(first.wait_for(std::chrono::seconds{0}), std::future_status::timeout);
  shard_->post(mail::Stored{outcome::Durable{DeskId{1}, Position{INT64_MAX}}});
  EXPECT_TRUE(first.get().value().stored);
  // It never is.
  EXPECT_FALSE(revoke(2).get().value().stored);
}

// A desk that was lost revoked nobody, and said that it had.
TEST_F(ShardTest, WhoRevokesAtADeskThatIsLostHearsSo) {
  start();
  auto waits = revoke(1);
  shard_->post(mail::Stored{outcome::Fenced{DeskId{1}, Epoch{1}}});
  EXPECT_FALSE(waits.get());
  EXPECT_FALSE(revoke(1).get());
  EXPECT_FALSE(revoke(3).get());
}

// Goal: a client whom the shard has no room for reads an answer, and not a bare end.
TEST_F(ShardTest, AnswersWhomItHasNoRoomFor) {
  start(0);
  const std::string answer = arrive(Entrance::buyer, "lamps");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find("\r\nRetry-After: 5\r\n"), std::string::npos) << answer;
}

// Goal: buyers who fill the server do not keep out those who could do something about it.
TEST_F(ShardTest, TakesStaffPastTheBuyersWhoFillIt) {
  start(0);
  const std::string answer = arrive(Entrance::agent, "desk-1");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer;
}

// Bug: a desk that was added while its recording could not be opened (a full disk, a folder that is gone) ended the server.
TEST_F(ShardTest, ServesADeskThatCannotBeRecorded) {
  start(10, testing::TempDir() + "no_such_folder");
  shard_->post(mail::Place{std::make_unique<Placement>(placement(3))});
  EXPECT_NE(explain(3, ChatId{first_.value + 1}), "");
}

// A shard that turns when the test says so, and guests whose kernels hold next to nothing.
class ReplaysTest : public ShardTest {
 protected:
  struct Seat final : Admitted {
    void signed_in() override {}
  };
  struct Guest {
    std::unique_ptr<test::RawClient> client;
    LiveSession* session{};
  };

  void turn() {
    asio::post(shard_->loop().context(), [] {});
    shard_->loop().turn();
  }

  Guest guest() {
    asio::io_context context;
    asio::ip::tcp::acceptor door{context, {asio::ip::address_v4::loopback(), 0}};
    constexpr int few_bytes{4096};
    Guest guest;
    guest.client = std::make_unique<test::RawClient>(door.local_endpoint().port(), few_bytes);
    mail::Arrive letter{DeskId{1}, {}};
    letter.arrival.socket = Descriptor{door.accept().release()};
    ::setsockopt(letter.arrival.socket.number(), SOL_SOCKET, SO_SNDBUF, &few_bytes, sizeof few_bytes);
    letter.arrival.name = "lamps";
    letter.arrival.key = "dGhlIHNhbXBsZSBub25jZQ==";
    letter.arrival.has_origin = true;
    letter.arrival.admitted = std::make_unique<Seat>();
    shard_->post(std::move(letter));
    turn();
    EXPECT_EQ(guest.client->status(), 101);
    guest.client->send(test::text(R"({"type":"sign_in"})"));
    guest.session = shard_->session(SessionId{std::uint64_t{1} << 32 | guests_++});
    while (!guest.session->is_signed_in()) turn();
    EXPECT_NE(guest.client->read_frame().payload.find("signed_in"), std::string::npos);
    return guest;
  }

  void owe(const Guest& guest, std::size_t frames) {
    for (std::size_t i = 0; i < frames; ++i) shard_->replays().hold(*guest.session, std::string(frame_bytes, 'x'));
  }

  // What the guest reads when all that waits has been read.
  test::Frame last_of(const Guest& guest) {
    auto read = std::async(std::launch::async, [&] {
      test::Frame frame;
      do frame = guest.client->read_frame();
      while (frame.opcode == 1 && frame.payload.starts_with("x"));
      return frame;
    });
    while (read.wait_for(std::chrono::seconds{0}) != std::future_status::ready) turn();
    return read.get();
  }

  static constexpr std::size_t frame_bytes{64 * 1024};
  static constexpr std::size_t most_frames{replay_bytes_max / frame_bytes};
  std::uint64_t guests_{};
};

// Bug: what waited for a session that does not read kept its outbox below its bound, so it was never a slow reader and
// held its part of the thread's memory for ever.
TEST_F(ReplaysTest, ASessionThatTakesNothingIsLetGo) {
  make({});
  const Guest patient = guest();
  owe(patient, most_frames);
  for (int i = 0; i < 10; ++i) turn();
  EXPECT_TRUE(shard_->replays().holds(patient.session->id())) << "it has time";
  shard_.reset();

  ShardOptions options;
  options.replay_stuck_after = Duration{};
  guests_ = 0;
  make(options);
  const Guest stuck = guest();
  owe(stuck, most_frames);
  for (int i = 0; i < 10; ++i) turn();
  EXPECT_TRUE(shard_->replays().empty());
  EXPECT_EQ(last_of(stuck).close_code(), static_cast<int>(CloseCode::slow_reader));
}

// Bug: sessions that filled the thread's bound and did not read stayed, and who needed room next was closed.
TEST_F(ReplaysTest, WhoIsOwedTheMostMakesRoom) {
  make({});
  const Guest greedy = guest();
  const Guest newcomer = guest();
  std::vector<Guest> others;
  for (std::size_t i = 0; i < replays_bytes_max / replay_bytes_max - 1; ++i) others.push_back(guest());
  owe(greedy, most_frames);
  for (const Guest& other : others) owe(other, most_frames - 1);
  owe(newcomer, others.size());
  EXPECT_TRUE(greedy.session->is_signed_in()) << "all of it is taken, and no more";
  owe(newcomer, 1);
  EXPECT_FALSE(greedy.session->is_signed_in());
  EXPECT_TRUE(newcomer.session->is_signed_in());
  for (const Guest& other : others) EXPECT_TRUE(other.session->is_signed_in());
  EXPECT_EQ(last_of(greedy).close_code(), static_cast<int>(CloseCode::slow_reader));
}

// Bug: a resume cost one message however much of the last one was still to be told.
TEST_F(ReplaysTest, OneResumeAfterTheOther) {
  make({});
  const Guest eager = guest();
  owe(eager, most_frames);
  eager.client->send(test::text(R"({"type":"resume"})"));
  while (shard_->tallies().messages_in == 0) turn();
  EXPECT_NE(last_of(eager).payload.find(R"("code":"rate_limited")"), std::string::npos);
}

}  // namespace
}  // namespace deskd
