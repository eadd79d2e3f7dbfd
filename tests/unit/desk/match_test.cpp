// Match against the rule restated in the plainest way: look at every chat and every agent, each time.
#include "server/desk/match.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>

#include "server/desk/assert.hpp"

namespace deskd {
namespace {

constexpr Instant day_start{Duration{1'790'000'000'000}};

// The rule of match.hpp, once more and without any structure.
class Oracle {
 public:
  std::map<AgentIndex, Seat> agents;
  std::map<ChatId, Need> chats;

  FellOut fell_out(ChatId chat, AgentIndex agent) const {
    const Need& need = chats.at(chat);
    const Seat& seat = agents.at(agent);
    if (!(seat.queues & need.queues)) return FellOut::not_in_queue;
    if ((seat.skills & need.skills) != need.skills) return FellOut::lacks_skill;
    if (!seat.takes) return FellOut::not_available;
    if (seat.capacity - seat.load <= 0) return FellOut::full;
    if (seat.held_max - seat.held <= 0) return FellOut::held_max;
    if (!need.uses_kept_back && seat.capacity - seat.kept_back - seat.load <= 0) return FellOut::kept_back;
    if (std::count(need.excluded.begin(), need.excluded.end(), agent)) return FellOut::excluded;
    if (need.wanted && need.wanted != agent) return FellOut::other_agent_wanted;
    if (need.left_message && seat.left_max - seat.left <= 0) return FellOut::left_share;
    if (need.left_message)
      for (const auto& [other, live] : chats)
        if (!live.left_message && fell_out(other, agent) == FellOut::nothing) return FellOut::live_first;
    return FellOut::nothing;
  }
  bool eligible(ChatId chat, AgentIndex agent) const { return fell_out(chat, agent) == FellOut::nothing; }

  bool chat_before(ChatId a, ChatId b) const {
    const auto key = [&](ChatId id) {
      const Need& need = chats.at(id);
      return std::tuple{need.left_message, ms_of(need.joined) - 1000ll * need.priority_s, id};
    };
    return key(a) < key(b);
  }
  bool agent_before(AgentIndex a, AgentIndex b) const {
    const Seat& x = agents.at(a);
    const Seat& y = agents.at(b);
    if (x.load * y.capacity != y.load * x.capacity) return x.load * y.capacity < y.load * x.capacity;
    return std::tuple{x.last_assigned, x.rank, a} < std::tuple{y.last_assigned, y.rank, b};
  }

  std::optional<ChatId> best_chat(AgentIndex agent) const {
    std::optional<ChatId> best;
    for (const auto& [chat, need] : chats)
      if (eligible(chat, agent) && (!best || chat_before(chat, *best))) best = chat;
    return best;
  }
  // Everyone eligible, in order, without regard to whom the buyer had last.
  std::vector<AgentIndex> in_order(ChatId chat) const {
    std::vector<AgentIndex> all;
    for (const auto& [agent, seat] : agents)
      if (eligible(chat, agent)) all.push_back(agent);
    std::sort(all.begin(), all.end(), [&](AgentIndex a, AgentIndex b) { return agent_before(a, b); });
    return all;
  }
  std::optional<AgentIndex> best_agent(ChatId chat) const {
    const auto all = in_order(chat);
    if (all.empty()) return std::nullopt;
    const AgentIndex preferred = chats.at(chat).preferred;
    return std::count(all.begin(), all.end(), preferred) ? preferred : all.front();
  }
  std::optional<Match::Pair> best_pair() const {
    std::optional<Match::Pair> best;
    for (const auto& [chat, need] : chats)
      if (const auto agent = best_agent(chat); agent && (!best || chat_before(chat, best->chat)))
        best = Match::Pair{chat, *agent};
    return best;
  }
  std::int32_t ahead(ChatId chat) const {
    std::int32_t sum{0};
    const Need& mine = chats.at(chat);
    for (const auto& [other, need] : chats) {
      if (need.left_message || !(need.queues & mine.queues)) continue;
      const auto key = [](ChatId id, const Need& of) {
        return std::pair{ms_of(of.joined) - 1000ll * of.priority_s, id};
      };
      sum += key(other, need) < key(chat, mine);
    }
    return sum;
  }
};

void compare_explanation(const Match& match, const Oracle& oracle, ChatId chat, AgentIndex chosen) {
  const Explanation why = match.explain(chat, chosen);
  std::array<std::int32_t, words::fell_out.size()> counts{};
  for (const auto& [agent, seat] : oracle.agents) ++counts[static_cast<std::size_t>(oracle.fell_out(chat, agent))];
  ASSERT_EQ(why.fell_out, counts);
  ASSERT_EQ(why.rule, Match::rule_version);

  const auto order = oracle.in_order(chat);
  const Need& need = oracle.chats.at(chat);
  const bool is_eligible = std::count(order.begin(), order.end(), chosen) > 0;
  const ChosenBy by = !chosen                                   ? ChosenBy::nobody
                      : is_eligible && need.wanted == chosen    ? ChosenBy::wanted
                      : is_eligible && need.preferred == chosen ? ChosenBy::preferred
                      : !order.empty() && order[0] == chosen    ? ChosenBy::load
                                                                : ChosenBy::hand;
  ASSERT_EQ(word_of(why.by), word_of(by));
  std::vector<AgentIndex> shown;
  if (chosen) shown.push_back(chosen);
  for (const AgentIndex agent : order)
    if (agent != chosen && shown.size() < why.terms.size()) shown.push_back(agent);
  ASSERT_EQ(why.shown, static_cast<std::int32_t>(shown.size()));
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const Seat& seat = oracle.agents.at(shown[i]);
    ASSERT_EQ(why.terms[i].agent, shown[i]);
    ASSERT_EQ(why.terms[i].load, seat.load);
    ASSERT_EQ(why.terms[i].capacity, seat.capacity);
    ASSERT_EQ(why.terms[i].last_assigned, seat.last_assigned);
    ASSERT_EQ(why.terms[i].rank, seat.rank);
  }
}

void compare_candidates(const Match& match, const Oracle& oracle, ChatId chat) {
  std::vector<Match::Candidate> expected;
  const auto best = oracle.best_agent(chat);
  if (best) expected.push_back({*best, FellOut::nothing});
  for (const AgentIndex agent : oracle.in_order(chat))
    if (agent != best) expected.push_back({agent, FellOut::nothing});
  std::set<std::tuple<FellOut, std::uint32_t, AgentIndex>> others;
  for (const auto& [agent, seat] : oracle.agents)
    if (!oracle.eligible(chat, agent)) others.emplace(oracle.fell_out(chat, agent), seat.rank, agent);
  for (const auto& [reason, rank, agent] : others) expected.push_back({agent, reason});
  ASSERT_EQ(match.candidates(oracle.chats.at(chat)), expected);
}

void compare(const Match& match, const Oracle& oracle) {
  std::int32_t left{0};
  std::int32_t free{0};
  for (const auto& [chat, need] : oracle.chats) {
    SCOPED_TRACE(testing::Message() << "chat " << chat.value);
    left += need.left_message;
    ASSERT_NE(match.need(chat), nullptr);
    ASSERT_EQ(*match.need(chat), need);
    ASSERT_EQ(match.best_agent(chat), oracle.best_agent(chat));
    ASSERT_EQ(match.best_agent(Need{need}), oracle.best_agent(chat));
    ASSERT_EQ(match.ahead(chat), oracle.ahead(chat));
    compare_explanation(match, oracle, chat, AgentIndex{});
    compare_candidates(match, oracle, chat);
    if (const auto best = oracle.best_agent(chat)) compare_explanation(match, oracle, chat, *best);
    if (!oracle.agents.empty()) compare_explanation(match, oracle, chat, oracle.agents.begin()->first);
    for (const auto& [agent, seat] : oracle.agents) {
      ASSERT_EQ(word_of(match.fell_out(chat, agent)), word_of(oracle.fell_out(chat, agent))) << agent.value;
      ASSERT_EQ(match.eligible(chat, agent), oracle.eligible(chat, agent));
    }
  }
  for (const auto& [agent, seat] : oracle.agents) {
    SCOPED_TRACE(testing::Message() << "agent " << agent.value);
    free += seat.takes && seat.load < seat.capacity && seat.held < seat.held_max;
    ASSERT_EQ(*match.seat(agent), seat);
    ASSERT_EQ(match.best_chat(agent), oracle.best_chat(agent));
  }
  ASSERT_EQ(match.best_pair(), oracle.best_pair());
  ASSERT_EQ(match.left(), left);
  ASSERT_EQ(match.live(), static_cast<std::int32_t>(oracle.chats.size()) - left);
  ASSERT_EQ(match.agents(), static_cast<std::int32_t>(oracle.agents.size()));
  ASSERT_EQ(match.free_agents(), free);
}

class World {
 public:
  explicit World(unsigned seed) : random{seed} {
    // Mostly few different needs, so that classes have members; at times more than are remembered.
    queues_ = 1 + below(seed % 10 == 0 ? 9 : 4);
    skills_ = below(seed % 10 == 0 ? 9 : 4);
    named_ = below(3);
    most_agents = 1 + static_cast<std::uint32_t>(below(12));
  }
  int below(int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); }
  std::uint64_t some_bits(int bits, int one_in) {
    std::uint64_t set{0};
    for (int i = 0; i < bits; ++i) set |= static_cast<std::uint64_t>(below(one_in) == 0) << i;
    return set;
  }
  AgentIndex some_agent() { return AgentIndex{1 + static_cast<std::uint32_t>(below(static_cast<int>(most_agents)))}; }

  // Few different values, so that equal ones meet at every step of both orders.
  Seat some_seat() {
    Seat seat;
    seat.queues = some_bits(queues_, 2);
    seat.skills = some_bits(skills_, 2);
    seat.capacity = below(5);
    seat.load = below(seat.capacity + 2);
    seat.held_max = seat.capacity * 2;
    seat.held = seat.load + below(4);
    seat.kept_back = below(3);
    seat.left_max = below(3);
    seat.left = below(3);
    seat.takes = below(6) != 0;
    seat.last_assigned = below(2) == 0 ? Instant{} : day_start + Duration{below(3)};
    seat.rank = static_cast<std::uint32_t>(below(3));
    return seat;
  }
  Need some_need() {
    Need need;
    need.queues = some_bits(queues_, 2);
    need.skills = some_bits(skills_, 4);
    need.left_message = below(4) == 0;
    need.uses_kept_back = below(3) == 0;
    if (below(6) < named_) need.wanted = some_agent();
    if (below(6) < named_) need.preferred = some_agent();
    while (below(4) < named_) need.excluded.push_back(some_agent());
    need.joined = day_start + Duration{below(5) * 1000};
    need.priority_s = below(3) == 0 ? below(6) - 1 : 0;
    return need;
  }

  void set_agent(AgentIndex agent, const Seat& seat) {
    match.set_agent(agent, seat);
    oracle.agents[agent] = seat;
  }
  void remove_agent(AgentIndex agent) {
    match.remove_agent(agent);
    oracle.agents.erase(agent);
  }
  void set_chat(ChatId chat, const Need& need) {
    match.set_chat(chat, need);
    oracle.chats[chat] = need;
  }
  void remove_chat(ChatId chat) {
    match.remove_chat(chat);
    oracle.chats.erase(chat);
  }

  std::mt19937_64 random;
  std::uint32_t most_agents;
  Match match;
  Oracle oracle;

 private:
  int queues_;
  int skills_;
  int named_;  // how much chats name agents: not at all, some, much
};

// Goal: every answer is the rule's, whatever happened before, so also the same for one state however it was reached.
// Method: random small worlds; after each change everything that can be asked is asked of both.
TEST(Match, AnswersAsTheRuleSays) {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    World world{seed};
    for (int step = 0; step < (seed % 25 == 0 ? 1500 : 120); ++step) {
      SCOPED_TRACE(testing::Message() << "step " << step);
      const ChatId chat{1 + world.below(14)};
      const AgentIndex agent = world.some_agent();
      switch (world.below(8)) {
        case 0: world.remove_chat(chat); break;
        case 1: world.remove_agent(agent); break;
        case 2:
        case 3: world.set_agent(agent, world.some_seat()); break;
        case 4:
        case 5:
          if (world.oracle.agents.contains(agent)) {  // as load comes and goes
            Seat seat = world.oracle.agents.at(agent);
            seat.load = world.below(seat.capacity + 1);
            seat.left = world.below(3);
            seat.last_assigned = day_start + Duration{world.below(4)};
            world.set_agent(agent, seat);
          }
          break;
        default: world.set_chat(chat, world.some_need());
      }
      compare(world.match, world.oracle);
      if (HasFatalFailure()) return;
    }
  }
}

// Goal: seating pair by pair ends with no free place beside an eligible waiting chat, nobody above capacity, nobody
// twice. Method: worlds of hundreds, so that the trees are deep; each pair is the oracle's; the end is checked by brute
// force.
TEST(Match, SeatsUntilNobodyCanBeSeated) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    World world{seed};
    world.most_agents = 60;
    for (std::uint32_t agent = 1; agent <= world.most_agents; ++agent) {
      Seat seat = world.some_seat();
      seat.rank = agent;
      world.set_agent({agent}, seat);
    }
    for (std::int64_t chat = 1; chat <= 150; ++chat) world.set_chat({chat}, world.some_need());
    int seated{0};
    while (const auto pair = world.match.best_pair()) {
      ASSERT_EQ(pair, world.oracle.best_pair());
      ASSERT_TRUE(world.oracle.eligible(pair->chat, pair->agent));
      Seat seat = world.oracle.agents.at(pair->agent);
      ++seat.load;
      ++seat.held;
      seat.left += world.oracle.chats.at(pair->chat).left_message;
      seat.last_assigned = day_start + Duration{10 + ++seated};
      world.remove_chat(pair->chat);
      world.set_agent(pair->agent, seat);
      ASSERT_LE(seat.load, seat.capacity);
      ASSERT_LE(seat.held, seat.held_max);
    }
    for (const auto& [chat, need] : world.oracle.chats)
      for (const auto& [agent, seat] : world.oracle.agents) ASSERT_FALSE(world.oracle.eligible(chat, agent));
    compare(world.match, world.oracle);
    if (HasFatalFailure()) return;
  }
}

// ---- The rule in examples, as a reader would check it.

Seat a_seat(std::int32_t load, std::int32_t capacity, std::uint32_t rank) {
  Seat seat;
  seat.queues = 1;
  seat.load = load;
  seat.held = load;
  seat.capacity = capacity;
  seat.held_max = 2 * capacity;
  seat.left_max = capacity;
  seat.takes = true;
  seat.rank = rank;
  return seat;
}
Need a_need(std::int64_t joined_s, std::int32_t priority_s = 0) {
  Need need;
  need.queues = 1;
  need.joined = day_start + Duration{joined_s * 1000};
  need.priority_s = priority_s;
  return need;
}
constexpr AgentIndex ann{1}, bo{2}, cy{3};

TEST(Match, ALighterLoadComesBeforeALongerRestAndThatBeforeAName) {
  Match match;
  match.set_chat({1}, a_need(0));
  Seat seat = a_seat(1, 3, 1);
  match.set_agent(ann, seat);
  match.set_agent(bo, a_seat(2, 7, 2));  // 2/7 < 1/3
  EXPECT_EQ(match.best_agent(ChatId{1}), bo);
  match.set_agent(bo, a_seat(2, 6, 2));  // equal; both never assigned; rank decides
  EXPECT_EQ(match.best_agent(ChatId{1}), ann);
  seat.last_assigned = day_start;
  match.set_agent(ann, seat);
  EXPECT_EQ(match.best_agent(ChatId{1}), bo);
}

TEST(Match, AgeDecidesAndPriorityIsAge) {
  Match match;
  match.set_agent(ann, a_seat(0, 5, 1));
  match.set_chat({1}, a_need(100));
  match.set_chat({2}, a_need(130, 60));
  match.set_chat({3}, a_need(69));
  EXPECT_EQ(match.best_chat(ann), ChatId{3});
  EXPECT_EQ(match.ahead({1}), 2);
  match.remove_chat({3});
  EXPECT_EQ(match.best_chat(ann), ChatId{2});
  match.set_chat({2}, a_need(130, 30));  // equal age: the lower id
  EXPECT_EQ(match.best_chat(ann), ChatId{1});
}

TEST(Match, WhoWaitsForOneAgentIsNobodyElses) {
  Match match;
  match.set_agent(ann, a_seat(0, 5, 1));
  Need need = a_need(0);
  need.wanted = bo;
  match.set_chat({1}, need);
  EXPECT_EQ(match.best_chat(ann), std::nullopt);
  EXPECT_EQ(match.best_agent(ChatId{1}), std::nullopt);
  EXPECT_EQ(match.fell_out(ChatId{1}, ann), FellOut::other_agent_wanted);
  match.set_agent(bo, a_seat(4, 5, 2));
  EXPECT_EQ(match.best_chat(bo), ChatId{1});
  EXPECT_EQ(match.best_pair(), (Match::Pair{{1}, bo}));
  match.set_chat({1}, a_need(0));  // the wait for her was long enough
  EXPECT_EQ(match.best_agent(ChatId{1}), ann);
}

TEST(Match, TheLastAgentIsPreferredOnlyWhileSheHasAPlace) {
  Match match;
  match.set_agent(ann, a_seat(0, 5, 1));
  match.set_agent(bo, a_seat(4, 5, 2));
  Need need = a_need(0);
  need.preferred = bo;
  match.set_chat({1}, need);
  EXPECT_EQ(match.best_agent(ChatId{1}), bo);
  match.set_agent(bo, a_seat(5, 5, 2));
  EXPECT_EQ(match.best_agent(ChatId{1}), ann);
}

TEST(Match, ALeftMessageTakesOnlyWhatNoLiveChatNeeds) {
  Match match;
  match.set_agent(ann, a_seat(0, 5, 1));
  Need left = a_need(0);
  left.left_message = true;
  match.set_chat({1}, left);
  match.set_chat({2}, a_need(500));
  EXPECT_EQ(match.best_chat(ann), ChatId{2});
  EXPECT_EQ(match.best_agent(ChatId{1}), std::nullopt);
  EXPECT_EQ(match.why_waiting({1}).fell_out[static_cast<std::size_t>(FellOut::live_first)], 1);
  EXPECT_EQ(match.ahead({2}), 0);
  Need other_skill = a_need(500);
  other_skill.skills = 2;  // which she has not: her place is not needed there
  match.set_chat({2}, other_skill);
  EXPECT_EQ(match.best_chat(ann), ChatId{1});
  Seat seat = a_seat(3, 5, 1);
  seat.left = seat.left_max = 1;
  match.set_agent(ann, seat);
  EXPECT_EQ(match.fell_out(ChatId{1}, ann), FellOut::left_share);
}

TEST(Match, KeptBackPlacesAreForTheirQueues) {
  Match match;
  Seat seat = a_seat(3, 5, 1);
  seat.kept_back = 2;
  match.set_agent(ann, seat);
  match.set_chat({1}, a_need(0));
  Need complaint = a_need(50);
  complaint.uses_kept_back = true;
  match.set_chat({2}, complaint);
  EXPECT_EQ(match.fell_out(ChatId{1}, ann), FellOut::kept_back);
  EXPECT_EQ(match.best_chat(ann), ChatId{2});
  EXPECT_EQ(match.free_agents(), 1);
}

TEST(Match, AnExplanationReadsSo) {
  Match match;
  match.set_agent(ann, a_seat(1, 5, 1));
  match.set_agent(bo, a_seat(2, 5, 2));
  match.set_agent(cy, a_seat(5, 5, 3));
  match.set_chat({1}, a_need(0));
  std::array<char, limits::explanation_bytes_max> room;
  const std::array<std::string_view, 3> names{"01", "02", "03"};
  EXPECT_EQ(format_explanation(match.explain(ChatId{1}, ann), names, room),
            R"({"rule":1,"by":"load","chosen":{"agent":"01","load":1,"capacity":5,"last":0,"rank":1},)"
            R"("next":[{"agent":"02","load":2,"capacity":5,"last":0,"rank":2}],"out":{"full":1},"eligible":2})");
  match.set_agent(ann, a_seat(5, 5, 1));
  match.remove_agent(bo);
  EXPECT_EQ(format_explanation(match.why_waiting({1}), names, room),
            R"({"rule":1,"by":"nobody","next":[],"out":{"full":2},"eligible":0})");
}

TEST(Match, TheLongestExplanationFits) {
  Explanation why;
  why.rule = std::numeric_limits<std::int32_t>::min();
  why.by = ChosenBy::preferred;
  why.shown = 3;
  for (auto& terms : why.terms)
    terms = {ann, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::min(), Instant::min(),
             std::numeric_limits<std::uint32_t>::max()};
  why.fell_out.fill(std::numeric_limits<std::int32_t>::min());
  const std::string name(limits::name_bytes_max, 'x');
  const std::array<std::string_view, 3> names{name, name, name};
  std::array<char, limits::explanation_bytes_max> room;
  const auto text = format_explanation(why, names, room);
  EXPECT_LE(text.size(), limits::explanation_bytes_max);
  EXPECT_EQ(text.back(), '}');
}

TEST(MatchDeathTest, AChatThatDoesNotWaitHasNoAgent) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Match match;
  AssertContext context{"chat", 42};
  EXPECT_DEATH(match.best_agent(ChatId{42}), "never so(.|\n)*chat 42");
}

}  // namespace
}  // namespace deskd
