// A desk's events and effects as a file, and the file run again: the same effects, none of the words, and a desk that
// decides otherwise is found out.
#include "server/shard/recorder.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <tuple>

namespace deskd {
namespace {

std::shared_ptr<const policy::Desk> a_policy() {
  auto policy = std::make_shared<policy::Desk>();
  policy->version = 3;
  policy->name = "lamp";
  policy::Calendar& hours = policy->calendars.emplace_back();
  hours.name = "hours";
  hours.week.assign(7, {{0, 24 * 60}});
  hours.offsets = {{1'700'000'000'000, 8 * 3600}};
  policy::Shop& shop = policy->shops.emplace_back();
  shop.name = "lamps";
  shop.calendar = "hours";
  shop.greeting = "您好 welcome";
  policy::Queue& queue = policy->queues.emplace_back();
  queue.name = "sales";
  queue.shops = {"lamps"};
  policy::Agent& agent = policy->agents.emplace_back();
  agent.name = "07";
  agent.title = "小七";
  agent.queues = {"sales"};
  return policy;
}

// A chat from its opening to an order, with what recovery brought before it.
class Story {
 public:
  explicit Story(const std::string& folder, const std::shared_ptr<const policy::Desk>& policy = a_policy(),
                 std::int64_t wall_ms = 12)
      : recorder_{folder, "lamp", Epoch{5}} {
    constexpr std::size_t backlog{1 << 20};
    recorder_.begin(DeskId{1}, Epoch{5}, *policy, backlog, wall_ms);
    desk_ = std::make_unique<Desk>(DeskOptions{DeskId{1}, Epoch{5}, policy, backlog, wall_ms});
  }

  void step(const Event& event) {
    now_ += Duration{100};
    effects_.clear();
    recorder_.event(now_, event);
    desk_->step(now_, event, effects_);
    recorder_.effects(effects_);
    for (const Effect& effect : effects_.list()) {
      if (const auto* persist = std::get_if<effect::Persist>(&effect)) newest_ = persist->position;
      const auto* send = std::get_if<effect::Send>(&effect);
      if (send == nullptr) continue;
      if (const auto* state = std::get_if<tell::ChatState>(&send->message)) chat_ = state->chat;
      const auto* line = std::get_if<tell::Line>(&send->message);
      if (line != nullptr && line->kind == LineKind::order) order_ = line->seq;
    }
  }

  void tell() {
    auto older = std::make_shared<policy::Desk>(*a_policy());
    older->version = 2;
    step(event::RecoveredPolicy{older});
    step(event::RecoveredSurge{true, Reason::by_supervisor});
    step(event::RecoveredAgent{"07", Status::on_break, Reason::by_agent, now_ - Duration{70'000}});
    event::RecoveredChat old;
    old.chat = ChatId{1'763'000'000'000 << 15};
    old.shop = "lamps";
    old.buyer = "b-old";
    old.queue = "sales";
    old.place = Place::waiting;
    old.policy_version = 2;
    old.opened = old.queued = old.placed = now_ - Duration{60'000};
    old.lines.push_back({Stream::main,
                         Seq{1},
                         now_ - Duration{50'000},
                         Origin::buyer,
                         LineKind::words,
                         "b-old",
                         CommandId{1, 1},
                         {},
                         {},
                         "从前 said before"});
    old.lines.push_back({Stream::main,
                         Seq{2},
                         now_ - Duration{40'000},
                         Origin::buyer,
                         LineKind::rating,
                         "b-old",
                         CommandId{1, 2},
                         {},
                         {},
                         ""});
    old.deeds.push_back({Seq{2}, record::Rating{4, "said long ago"}});
    old.fired.push_back({ClockKind::first_response, 0});
    step(old);
    step(event::RecoveryDone{Position{10}});
    step(event::WallOffset{-3'600'000});
    step(event::SessionOpened{SessionId{101}, Role::buyer, "b1", "lamps"});
    step(event::SessionOpened{SessionId{202}, Role::agent, "07", ""});
    step(event::Heard{SessionId{202}, ask::SetStatus{CommandId{7, 1}, Status::available}});
    step(event::Heard{SessionId{101}, ask::Open{CommandId{7, 2}, "", "", {}}});
    say(101, 3, "这盏灯多少钱? 13800001111");
    say(202, 4, "secret answer");
    say(202, 4, "secret answer");
    ask::ProposeOrder propose{CommandId{7, 5}, chat_, {}};
    propose.order.order_no = "E-1";
    propose.order.items.push_back({"lamp", "round", "red", 2});
    propose.order.address = "secret street 5";
    propose.order.recipient = "Zhang";
    propose.order.phone = "13800001111";
    propose.order.return_terms = "seven days";
    propose.order.terms_told = now_;
    propose.order.version = 1;
    step(event::Heard{SessionId{202}, propose});
    step(event::Durable{newest_});
    ask::AnswerOrder answer{CommandId{7, 6}, chat_, {}};
    answer.answer.order = order_;
    answer.answer.version = 1;
    answer.answer.corrections.push_back({"address", "another street 6"});
    step(event::Heard{SessionId{101}, answer});
    step(event::Heard{SessionId{101}, ask::Rate{CommandId{7, 7}, chat_, {5, "secretly pleased"}}});
    step(event::Durable{newest_});
    step(event::Tick{});
    step(event::PolicyChanged{a_policy()});
    step(event::SessionOpened{SessionId{303}, Role::guest, "g1", "lamps"});
    step(event::Heard{SessionId{303}, ask::Open{CommandId{7, 8}, "", "", {}}});
    say(303, 9, "whoever I am");
    step(event::Refused{newest_});
    step(event::Durable{newest_});
    step(event::Identified{"lamps", "g1", "b2", SessionId{303}, "vip"});
    step(event::SessionClosed{SessionId{101}});
    step(event::Revoked{Role::agent, "", "07"});
    step(event::Drain{});
  }

  void say(std::uint64_t session, std::uint64_t id, std::string_view text) {
    ask::Say said;
    said.id = CommandId{7, id};
    said.chat = chat_;
    said.text = text;
    step(event::Heard{SessionId{session}, said});
  }

  ChatId chat() const { return chat_; }

 private:
  Recorder recorder_;
  std::unique_ptr<Desk> desk_;
  Effects effects_;
  Instant now_{instant_of(1'763'760'000'000)};
  ChatId chat_;
  Seq order_;
  Position newest_{10};
};

class Recorded : public testing::Test {
 protected:
  Recorded() {
    const std::string folder = testing::TempDir();
    file_ = folder + "/lamp-5.rec";
    Story{folder}.tell();
    read();
  }
  ~Recorded() override { std::remove(file_.c_str()); }

  void read() {
    std::ifstream in{file_, std::ios::binary};
    text_ = {std::istreambuf_iterator<char>{in}, {}};
  }
  // The first chat that somebody was given.
  ChatId assigned() const {
    const std::string key{R"("chat":")"};
    const std::size_t chat = text_.rfind(key, text_.find(R"("kind":"assigned")"));
    return ChatId{std::stoll(text_.substr(chat + key.size()))};
  }
  static std::string picks(ChatId chat, const std::string& text) {
    std::istringstream recording{text};
    const Replayed replayed = replay(recording, chat);
    EXPECT_EQ(replayed.difference, "");
    return replayed.picks;
  }

  std::string file_;
  std::string text_;
};

Replayed run(const std::string& text) {
  std::istringstream recording{text};
  return replay(recording);
}

TEST_F(Recorded, runs_again_to_the_same_effects) {
  EXPECT_EQ(run(text_).difference, "");
  EXPECT_GT(run(text_).events, 20);
}

// Goal: who reads a recording learns why each choice was made, from how all stood before it; and asking changes nothing.
TEST_F(Recorded, tells_why_each_choice_was_made) {
  EXPECT_EQ(picks(assigned(), text_),
            "2025-11-21T21:20:00.900Z assigned to 07 by load\n"
            "  agent  fell out  load  held  last assigned\n"
            "  07     eligible  0/5   0/10  never\n"
            "2025-11-21T21:20:02.900Z still waits\n"
            "  agent  fell out       load  held  last assigned\n"
            "  07     not_available  0/5   0/10  2025-11-21T21:20:02.300Z\n");
  EXPECT_EQ(picks(ChatId{1}, text_), "");
}

// An offer is the choice; that she takes it is none.
TEST_F(Recorded, tells_of_an_offer_once) {
  policy::Desk policy = *a_policy();
  policy.queues[0].auto_accept = false;
  {
    Story story{testing::TempDir(), std::make_shared<const policy::Desk>(policy)};
    story.step(event::RecoveryDone{Position{10}});
    story.step(event::SessionOpened{SessionId{101}, Role::buyer, "b1", "lamps"});
    story.step(event::SessionOpened{SessionId{202}, Role::agent, "07", ""});
    story.step(event::Heard{SessionId{202}, ask::SetStatus{CommandId{7, 1}, Status::available}});
    story.step(event::Heard{SessionId{101}, ask::Open{CommandId{7, 2}, "", "", {}}});
    story.say(101, 3, "is it in");
    story.step(event::Heard{SessionId{202}, ask::Accept{CommandId{7, 4}, story.chat()}});
  }
  read();
  EXPECT_EQ(picks(assigned(), text_),
            "2025-11-21T21:20:00.600Z offered to 07 by load\n"
            "  agent  fell out  load  held  last assigned\n"
            "  07     eligible  0/5   0/10  never\n");
}

// By desk time it is twenty past five in the morning in the shop, which opens at nine; by the server's wall clock, six
// hours later, it is open.
TEST_F(Recorded, keeps_the_wall_clock_of_its_server) {
  policy::Desk policy = *a_policy();
  policy.calendars[0].week.assign(7, {{9 * 60, 18 * 60}});
  {
    Story story{testing::TempDir(), std::make_shared<const policy::Desk>(policy), 6 * 3'600'000};
    story.step(event::RecoveryDone{Position{10}});
    story.step(event::SessionOpened{SessionId{202}, Role::agent, "07", ""});
    story.step(event::Heard{SessionId{202}, ask::SetStatus{CommandId{7, 1}, Status::available}});
    story.step(event::SessionOpened{SessionId{101}, Role::buyer, "b1", "lamps"});
    story.step(event::Heard{SessionId{101}, ask::Open{CommandId{7, 2}, "", "", {}}});
    story.say(101, 3, "is it in");
  }
  read();
  EXPECT_NE(text_.find(R"("kind":"assigned")"), std::string::npos);
  EXPECT_EQ(run(text_).difference, "");
  const std::string by_its_wall = text_;
  text_.replace(text_.find(" 21600000\n"), 10, " 0\n");
  EXPECT_NE(run(text_).difference, "") << by_its_wall;
}

TEST_F(Recorded, has_every_kind_of_event) {
  for (const char* kind : {"session_opened", "session_closed", "heard", "identified", "durable", "refused",
                           "policy_changed", "wall_offset", "revoked", "drain", "tick", "recovered_policy",
                           "recovery_done", "recovered_agent", "recovered_surge", "recovered_chat"})
    EXPECT_NE(text_.find("0 " + std::string{kind} + " "), std::string::npos) << kind;
}

TEST_F(Recorded, is_read_as_it_was_written) {
  std::istringstream recording{text_};
  std::string events;
  for (std::string line; std::getline(recording, line);)
    if (!line.starts_with("  ")) events += line + '\n';
  std::istringstream again{text_};
  EXPECT_EQ(events_of(again), events);
}

TEST_F(Recorded, holds_nobodys_words) {
  for (const char* words :
       {"这盏灯", "13800001111", "secret", "street", "Zhang", "从前", "said before", "seven days", "said long ago"})
    EXPECT_EQ(text_.find(words), std::string::npos) << words;
  for (const char* kind : {R"("kind":"words")", R"("kind":"order")", R"("kind":"order_answer")", R"("kind":"rating")"})
    EXPECT_NE(text_.find(kind), std::string::npos) << kind;
  // What the policy says is nobody's.
  EXPECT_NE(text_.find("您好 welcome"), std::string::npos);
}

// Goal: any effect that is not the recorded one is found. Method: one byte of each effect's line is changed in turn.
TEST_F(Recorded, finds_every_difference) {
  int tried = 0;
  for (std::size_t at = text_.find("\n  "); at != std::string::npos; at = text_.find("\n  ", at + 1)) {
    std::string other = text_;
    other[at + 4] = other[at + 4] == 'x' ? 'y' : 'x';
    EXPECT_NE(run(other).difference, "");
    ++tried;
  }
  EXPECT_GT(tried, 20);
}

// Goal: a server may die at any moment, and of its recording nothing but the end is missing. Method: every file that is
// the beginning of this one.
TEST_F(Recorded, forgives_only_its_end) {
  for (std::size_t size = 0; size < text_.size(); size += 5)
    EXPECT_EQ(run(text_.substr(0, size)).difference, "") << size;
  const std::size_t effect = text_.find("\n  ");
  std::string missing = text_;
  missing.erase(effect, text_.find('\n', effect + 1) - effect);
  EXPECT_NE(run(missing).difference, "");
}

// The event that a server dies of is the one that is looked for.
TEST_F(Recorded, holds_an_event_before_it_is_over) {
  const std::string folder = testing::TempDir();
  Recorder recorder{folder, "cut", Epoch{1}};
  recorder.begin(DeskId{1}, Epoch{1}, *a_policy(), 1 << 20, 0);
  recorder.event(instant_of(5), event::RecoveryDone{Position{7}});
  std::ifstream in{folder + "/cut-1.rec", std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  EXPECT_TRUE(text.ends_with("5 recovery_done 7\n"));
  EXPECT_EQ(run(text).events, 1);
  std::remove((folder + "/cut-1.rec").c_str());
}

TEST_F(Recorded, refuses_what_no_server_writes) {
  for (const auto& [from, to, why] : {std::tuple{"deskd-record 1", "deskd-record 9", "line 1: this is no recording"},
                                      std::tuple{" recovery_done", " recovered", "no event is called recovered"},
                                      std::tuple{"\"capacity\":5", "\"capacity\":-5", "line 2: agents[0].capacity"},
                                      std::tuple{"\t2 2 {", "\t3 2 {", "no deed has this number"},
                                      std::tuple{"\n17637600002", "\n17637600000", "time goes back"}}) {
    std::string other = text_;
    const std::size_t at = other.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    EXPECT_NE(run(other.replace(at, std::strlen(from), to)).difference.find(why), std::string::npos)
        << run(other).difference;
  }
}

}  // namespace
}  // namespace deskd
