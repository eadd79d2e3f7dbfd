// How many chats a whole desk seats in a second: through step(), with every line, fact and explanation it writes.
//
// A desk has 10,000 agents of capacity 5, and 100,000 buyers wait, each with a session that hears of it. `skilled`: each
// agent has 3 of 20 skills, each chat needs one of them and stands in one of five queues. `alike`: one queue, no skill.
//   arrive   agents sign on one after the other, and each gets as many chats as she has places: what is counted is seating
//   freed    every agent is full; one closes a chat and gets the next: a chat ends for each that begins
//
// The host is the least there can be: it drops effects and says Durable now and then.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/desk/desk.hpp"

namespace {

using namespace deskd;

constexpr std::uint32_t agents{10'000};
constexpr std::uint32_t waiting{100'000};
constexpr std::int32_t capacity{5};

struct Shape {
  int skills;
  int queues;
};
constexpr Shape skilled{20, 5};
constexpr Shape alike{0, 1};

class World {
 public:
  explicit World(const Shape& shape) : shape_{shape}, desk_{{DeskId{1}, Epoch{1}, policy(), std::size_t{1} << 40}} {
    step(event::RecoveryDone{Position{0}});
    for (std::uint32_t i = 0; i < agents; ++i) {
      open({agents_from + i}, Role::agent, agent_names_[i], {});
      step(event::Heard{{agents_from + i}, ask::Resume{}});
    }
    // Somebody is there, so that those who come now do not leave messages; she has no place for any of them.
    open({supervisor}, Role::supervisor, "boss", {});
    step(event::Heard{{supervisor}, ask::SetStatus{next_id(), Status::available}});
    for (std::uint32_t i = 0; i < waiting; ++i) wait(i);
  }

  void sign_on(std::uint32_t agent) {
    step(event::Heard{{agents_from + agent}, ask::SetStatus{next_id(), Status::available}});
  }
  void close_one(std::uint32_t agent) {
    const Agent& who = *desk_.floor().roster.all()[agent];
    step(event::Heard{{agents_from + agent}, ask::Close{next_id(), who.held.front()->id}});
  }
  std::uint64_t assigned() const { return desk_.counters().assigned; }
  std::uint32_t some_agent() { return static_cast<std::uint32_t>(random_() % agents); }

 private:
  static constexpr std::uint32_t agents_from{1}, supervisor{agents + 1}, buyers_from{agents + 2};

  std::shared_ptr<const policy::Desk> policy() {
    auto desk = std::make_shared<policy::Desk>();
    desk->version = 1;
    desk->name = "desk";
    desk->shops.emplace_back().name = "demo";
    desk->surge_automatic = false;
    for (int i = 0; i < shape_.queues; ++i) {
      policy::Queue& queue = desk->queues.emplace_back();
      queue.name = "queue-" + std::to_string(i);
      queue.queue_max = 1'000'000;
      queue.wrap_up = Duration{0};
    }
    for (int i = 0; i < shape_.skills; ++i) skills_.push_back("skill-" + std::to_string(i));
    for (std::uint32_t i = 0; i < agents; ++i) {
      policy::Agent& agent = desk->agents.emplace_back();
      agent.name = agent_names_.emplace_back("agent-" + std::to_string(i));
      agent.capacity = capacity;
      for (const policy::Queue& queue : desk->queues) agent.queues.push_back(queue.name);
      while (shape_.skills > 0 && agent.skills.size() < 3) {
        const std::string& skill = skills_[random_() % skills_.size()];
        if (std::find(agent.skills.begin(), agent.skills.end(), skill) == agent.skills.end())
          agent.skills.push_back(skill);
      }
    }
    policy::Agent& boss = desk->agents.emplace_back();
    boss.name = "boss";
    boss.role = Role::supervisor;
    boss.capacity = 0;
    for (const policy::Queue& queue : desk->queues) boss.queues.push_back(queue.name);
    return desk;
  }

  void wait(std::uint32_t buyer) {
    const SessionId session{buyers_from + buyer};
    open(session, Role::buyer, "buyer-" + std::to_string(buyer), "demo");
    step(event::Heard{session, ask::Resume{}});
    const std::string queue = "queue-" + std::to_string(random_() % static_cast<unsigned>(shape_.queues));
    ask::Open open{.id = next_id(), .queue = queue};
    if (!skills_.empty()) open.skills.push_back(skills_[random_() % skills_.size()]);
    step(event::Heard{session, open});
    const ChatId chat = desk_.floor().sessions[session.value].buyer->chat->id;
    step(event::Heard{session, ask::Say{next_id(), chat, "Is this lamp in stock?", {}, false, false}});
  }
  void open(SessionId session, Role role, std::string_view person, std::string_view shop) {
    step(event::SessionOpened{session, role, person, shop});
  }
  void step(const Event& event) {
    effects_.clear();
    now_ += (++steps_ % 16 == 0) ? Duration{1} : Duration{0};
    desk_.step(now_, event, effects_);
    for (const Effect& effect : effects_.list())
      if (const auto* persist = std::get_if<effect::Persist>(&effect)) newest_ = persist->position;
    if (steps_ % 256 == 0 && newest_ != Position{0}) {
      effects_.clear();
      desk_.step(now_, event::Durable{newest_}, effects_);
    }
  }
  CommandId next_id() { return {0x5eed, ++ids_}; }

  Shape shape_;
  std::mt19937_64 random_{11};
  std::vector<std::string> skills_, agent_names_;
  Desk desk_;
  Effects effects_;
  Instant now_{instant_of(1'790'000'000'000)};
  Position newest_{0};
  std::uint64_t ids_{}, steps_{};
};

void arrive(benchmark::State& state, const Shape& shape) {
  World world{shape};
  const std::uint64_t before = world.assigned();
  std::uint32_t agent = 0;
  for (auto _ : state) world.sign_on(agent++);
  state.SetItemsProcessed(static_cast<std::int64_t>(world.assigned() - before));
}

void freed(benchmark::State& state, const Shape& shape) {
  World world{shape};
  for (std::uint32_t agent = 0; agent < agents; ++agent) world.sign_on(agent);
  const std::uint64_t before = world.assigned();
  for (auto _ : state) world.close_one(world.some_agent());
  state.SetItemsProcessed(static_cast<std::int64_t>(world.assigned() - before));
}

BENCHMARK_CAPTURE(arrive, skilled, skilled)->Iterations(agents)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(arrive, alike, alike)->Iterations(agents)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(freed, skilled, skilled)->Iterations(40'000)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(freed, alike, alike)->Iterations(40'000)->Unit(benchmark::kMicrosecond);

}  // namespace
