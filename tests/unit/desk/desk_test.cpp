// Whatever a client makes up: every command, said by everybody, with numbers, names and chats that mean something and with
// such as mean nothing. Goal: the desk refuses what is wrong, and neither ends nor breaks a rule of its own. Method: every
// member of every message is drawn at random, after the table that the codec reads it by; all invariants are checked after
// each step. It was written when one number in a resume had ended the server.
#include "server/desk/desk.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>

#include "protocol/message_shapes.hpp"
#include "server/desk/check.hpp"
#include "tests/support/desk_builder.hpp"

namespace deskd {
namespace {

constexpr std::array<std::string_view, 12> names{"",    "Li",   "01", "02",   "boss", "chat",
                                                 "vip", "none", "fr", "text", "spec", "a longer text, with words"};

policy::Desk shop() {
  policy::Desk policy = a_desk();
  policy.queues.push_back(policy.queues.front());
  policy.queues.back().name = "vip";
  policy::Queue& chat = policy.queues.front();
  chat.auto_accept = false;
  chat.skills = {"fr"};
  chat.relax = {{std::chrono::seconds{20}, "fr"}};
  chat.overflow = {{std::chrono::seconds{40}, "vip"}};
  chat.wrap_up = std::chrono::seconds{15};
  policy.queues.back().kept_back_pct = 20;
  policy.agents = {an_agent("01", 1), an_agent("02", 3), an_agent("boss", 1, Role::supervisor),
                   an_agent("wall", 1, Role::ops)};
  for (policy::Agent& agent : policy.agents) agent.queues = {"chat", "vip"}, agent.skills = {"fr"};
  policy.agents.front().queues = {"chat"};
  return policy;
}

class Stranger {
 public:
  explicit Stranger(std::uint64_t seed)
      : random_{seed}, desk_{DeskOptions{DeskId{1}, Epoch{1}, std::make_shared<policy::Desk>(shop()), 1 << 20}} {
    step(event::RecoveryDone{});
  }

  void go_on() {
    const std::uint64_t kind = below(100);
    if (kind < 4 || sessions_.empty()) return arrive();
    if (kind < 6) return leave(sessions_[below(sessions_.size())]);
    if (kind < 16) return pass(Duration{static_cast<std::int64_t>(below(10) == 0 ? below(300'000) : below(3'000))});
    if (kind < 17) return refuse();
    if (kind < 30) return step(event::Durable{newest_});
    const SessionId says = sessions_[below(sessions_.size())];
    speaker_ = people_.at(says);
    step(event::Heard{says, ask(kind_of_ask())});
  }
  const std::string& wrong() const { return wrong_; }
  const Floor& floor() const { return desk_.floor(); }

 private:
  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  // Any, and more often than not one without which there would be nothing to be wrong about.
  std::size_t kind_of_ask() {
    static const std::array usual{Ask{ask::Open{}},      Ask{ask::Say{}},    Ask{ask::Say{}},
                                  Ask{ask::SetStatus{}}, Ask{ask::Resume{}}, Ask{ask::Accept{}},
                                  Ask{ask::Recall{}},    Ask{ask::Pull{}},   Ask{ask::ProposeOrder{}}};
    return below(3) == 0 ? below(std::variant_size_v<Ask>) : usual[below(usual.size())].index();
  }

  void arrive() {
    constexpr std::array<std::pair<Role, std::string_view>, 7> people{{{Role::buyer, "Li"},
                                                                       {Role::guest, "g"},
                                                                       {Role::buyer, "Wang"},
                                                                       {Role::agent, "01"},
                                                                       {Role::agent, "02"},
                                                                       {Role::supervisor, "boss"},
                                                                       {Role::ops, "wall"}}};
    const std::uint64_t person = below(people.size());
    const auto& [role, who] = people[person];
    const SessionId id{(++last_ << 32) | slot()};
    people_[id] = person;
    sessions_.push_back(id);
    step(event::SessionOpened{.session = id, .role = role, .person = who, .shop = role <= Role::buyer ? "demo" : ""});
  }
  std::uint64_t slot() const {
    for (std::uint64_t slot = 0;; ++slot)
      if (std::none_of(sessions_.begin(), sessions_.end(), [&](SessionId id) { return (id.value & 0xffff) == slot; }))
        return slot;
  }
  void leave(SessionId id) {
    std::erase(sessions_, id);
    step(event::SessionClosed{id});
  }
  void pass(Duration time) {
    for (const Instant until = now_ + time; now_ < until;) {
      now_ = std::min(until, std::max(now_, desk_.next_deadline().value_or(until)));
      step(event::Tick{});
    }
  }
  // The database would not hold a line that is on its way.
  void refuse() {
    std::vector<Position> lines;
    for (const auto& [position, is_line] : written_)
      if (is_line && position > durable_) lines.push_back(position);
    if (!lines.empty()) step(event::Refused{lines[below(lines.size())]});
  }
  void step(const Event& event) {
    if (!wrong_.empty()) return;
    Effects effects;
    desk_.step(now_, event, effects);
    wrong_ = checker_.check(desk_, effects);
    if (const auto* durable = std::get_if<event::Durable>(&event)) durable_ = durable->position;
    std::vector<SessionId> ended;
    for (const Effect& effect : effects.list()) {
      if (const auto* persist = std::get_if<effect::Persist>(&effect)) {
        newest_ = persist->position;
        written_.emplace_back(newest_, std::holds_alternative<record::Line>(persist->body));
      } else if (const auto* close = std::get_if<effect::Close>(&effect)) {
        ended.push_back(close->session);
      }
    }
    for (const SessionId id : ended)
      if (std::find(sessions_.begin(), sessions_.end(), id) != sessions_.end()) leave(id);
  }

  template <std::size_t... Kinds>
  Ask made(std::size_t kind, std::index_sequence<Kinds...>) {
    Ask ask;
    ((kind == Kinds ? void(fill(ask.emplace<Kinds>())) : void()), ...);
    return ask;
  }
  Ask ask(std::size_t kind) { return made(kind, std::make_index_sequence<std::variant_size_v<Ask>>{}); }

  template <Shaped Struct>
  void fill(Struct& out) {
    const auto each = [&](const auto& field) {
      // The codec lets nothing through that lacks what is needed; the rest mostly is left out.
      if (!field.needed && below(3) != 0) return;
      do fill(out.*field.member);
      while (field.needed && says_nothing(out.*field.member));
    };
    std::apply([&](const auto&... field) { (each(field), ...); }, Shape<Struct>::fields);
  }
  template <class T>
  static bool says_nothing(const T& member) {
    if constexpr (requires { member.value; }) return member.value == 0;
    else if constexpr (requires { member.empty(); }) return member.empty();
    else return false;
  }
  template <class T>
  void fill(std::vector<T>& out) {
    out.resize(below(20) == 0 ? 300 : below(4));
    for (T& each : out) fill(each);
  }
  template <class T>
  void fill(std::optional<T>& out) {
    if (below(2) == 0) fill(out.emplace());
  }
  template <class Number>
  void number(Number& out) {
    constexpr Number most = std::numeric_limits<Number>::max();
    const std::array<Number, 5> odd{0, 1, most, most - 1, most / 2};
    out = below(4) == 0 ? odd[below(odd.size())] : static_cast<Number>(below(12));
  }
  void fill(bool& out) { out = below(2) == 0; }
  void fill(std::int32_t& out) { number(out); }
  void fill(std::uint32_t& out) { number(out); }
  void fill(std::int64_t& out) { number(out); }
  void fill(Seq& out) { number(out.value); }
  void fill(Epoch& out) { out = Epoch{static_cast<std::int64_t>(below(3))}; }
  void fill(Instant& out) { out = now_; }
  // Nobody guesses 128 bits of another.
  void fill(CommandId& out) { out = {1 + speaker_, 1 + (below(3) == 0 ? below(ids_ + 1) : ++ids_)}; }
  void fill(std::string_view& out) { out = names[below(names.size())]; }
  void fill(std::string& out) { out = names[below(names.size())]; }
  template <class Word>
  requires std::is_enum_v<Word>
  void fill(Word& out) { out = static_cast<Word>(below(words_of(out).size())); }
  void fill(ChatId& out) {
    std::vector<ChatId> known;
    for (const auto& [id, chat] : desk_.floor().chats)
      if (chat->open() || below(3) == 0) known.push_back(id);
    if (known.empty() || below(8) == 0) return number(out.value);
    out = below(2) == 0 ? known.back() : known[below(known.size())];
  }

  std::mt19937_64 random_;
  Desk desk_;
  Checker checker_;
  Instant now_{Scene::start_of_day};
  std::vector<SessionId> sessions_;
  std::vector<std::pair<Position, bool>> written_;
  Position newest_, durable_;
  std::map<SessionId, std::uint64_t> people_;
  std::uint64_t speaker_{}, last_{}, ids_{};
  std::string wrong_;
};

TEST(DeskOfStrangers, RefusesWhatIsWrongAndGoesOn) {
  std::uint64_t opened{}, lines{};
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Stranger stranger{seed};
    for (int i = 0; i < 20'000 && stranger.wrong().empty(); ++i) stranger.go_on();
    ASSERT_EQ(stranger.wrong(), "") << "seed " << seed;
    opened += stranger.floor().counters.chats_opened;
    lines += stranger.floor().counters.lines;
  }
  EXPECT_GT(opened, 100u);
  EXPECT_GT(lines, 1000u);
}

}  // namespace
}  // namespace deskd
