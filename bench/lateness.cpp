// lateness.cpp - How late a clock is, with 100,000 of them armed on a loop that has nothing else to do.
//
// A shard's way, which is one alarm for a wheel on its loop, beside its control in the same run: an Asio timer for each
// deadline. Both get the same deadlines, some seconds of them, one after the other. Lateness is from the deadline to
// its handler, the worst of all passes; what the control is late too is the machine's.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/desk/timers.hpp"
#include "server/session/loop.hpp"
#include "server/shard/clock.hpp"

namespace {

using namespace deskd;
using std::chrono_literals::operator""s;
using Steady = std::chrono::steady_clock;

constexpr std::size_t armed{100'000};
constexpr Duration over{4s};
// Until the first deadline: all are armed by then.
constexpr Duration ahead{1s};

struct Late {
  double p99_ms{};
  double max_ms{};
};

class Lateness {
 public:
  Lateness() { each_.reserve(armed); }
  // A handler runs whose deadline it was. True: it was the last.
  bool note(Steady::time_point due) {
    each_.push_back(std::chrono::duration<double, std::milli>{Steady::now() - due}.count());
    return each_.size() == armed;
  }
  Late sum_up() {
    std::ranges::sort(each_);
    return {each_[armed * 99 / 100], each_.back()};
  }

 private:
  std::vector<double> each_;
};

// As a shard does it: the alarm is set when a turn ends, to the first deadline, and one wake fires all that are due.
class Wheel {
 public:
  explicit Wheel(const std::vector<Duration>& after) {
    loop_.at_turn_end([this] { arm(); });
    const Instant from = clock_.now() + ahead;
    for (std::size_t i = 0; i < armed; ++i) timers_.arm(each_[i], from + after[i]);
  }
  Late run() {
    arm();
    loop_.run();
    return lateness_.sum_up();
  }

 private:
  void arm() {
    const auto next = timers_.next();
    if (!next || (set_to_ && *set_to_ <= *next)) return;
    set_to_ = next;
    alarm_.expires_at(clock_.steady_at(*next));
    alarm_.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled) fire();
    });
  }
  void fire() {
    set_to_.reset();
    const Instant now = clock_.now();
    while (const Timer* due = timers_.fire(now))
      if (lateness_.note(clock_.steady_at(due->due()))) loop_.stop();
  }

  Loop loop_;
  Clock clock_{Instant{}};
  boost::asio::steady_timer alarm_{loop_.context()};
  std::optional<Instant> set_to_;
  Timers timers_;
  std::unique_ptr<Timer[]> each_{std::make_unique<Timer[]>(armed)};
  Lateness lateness_;
};

Late timer_each(const std::vector<Duration>& after) {
  boost::asio::io_context context{1};
  std::deque<boost::asio::steady_timer> timers;
  Lateness lateness;
  const Steady::time_point from = Steady::now() + ahead;
  for (const Duration each : after) {
    boost::asio::steady_timer& timer = timers.emplace_back(context, from + each);
    timer.async_wait([&](boost::system::error_code) { lateness.note(timer.expiry()); });
  }
  context.run();
  return lateness.sum_up();
}

void lateness(benchmark::State& state) {
  std::mt19937_64 random{13};
  std::uniform_int_distribution<std::int64_t> some{0, over.count() - 1};
  Late wheel, control;
  const auto worst = [](Late& so_far, const Late& pass) {
    so_far = {std::max(so_far.p99_ms, pass.p99_ms), std::max(so_far.max_ms, pass.max_ms)};
  };
  for (auto _ : state) {
    std::vector<Duration> after(armed);
    for (Duration& each : after) each = Duration{some(random)};
    worst(wheel, Wheel{after}.run());
    worst(control, timer_each(after));
  }
  state.counters["late_ms_max"] = wheel.max_ms;
  state.counters["late_ms_p99"] = wheel.p99_ms;
  state.counters["control_late_ms_max"] = control.max_ms;
  state.counters["control_late_ms_p99"] = control.p99_ms;
}
BENCHMARK(lateness)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

}  // namespace
