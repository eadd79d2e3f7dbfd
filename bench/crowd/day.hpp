// day.hpp - What all persons of the crowd share: the loop, the clock with its appointments, chance, the diary, the figures
// of the day.
//
// All is one thread. A person makes appointments ("answer in 4 s") and is called at their time; nothing else runs.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "bench/crowd/diary.hpp"
#include "bench/wire/link.hpp"

namespace deskd {

struct DayOptions {
  std::uint16_t port{};
  std::uint32_t buyers{2000};
  std::uint32_t agents{100};
  std::uint32_t capacity{8};
  std::uint32_t queues{4};
  double seconds{60};
  double pace{10};  // one second here is so many of the shop's day
  std::uint64_t seed{1};
  double overload{0};  // the peak: arrivals as a multiple of what can be seated; 0: a day
  int quiet_weight{0};
  double offered_share{0.25};
  std::string secret, policy, database, report, log;
};

class Day {
 public:
  explicit Day(const DayOptions& wanted);

  const DayOptions& options;
  Loop loop;
  Diary diary;
  std::string secret;
  std::string run;  // prefix of this run's buyers and ids
  bool ending{};    // the shop closes: nobody begins anything new

  Nanos now() const { return now_; }
  double elapsed_s() const { return static_cast<double>(now_ - began_) / 1e9; }
  // `seconds` of the shop's day from now, compressed.
  void in(double seconds, std::function<void()> what) { in_real(seconds / options.pace, std::move(what)); }
  void in_real(double seconds, std::function<void()> what);
  // Serves sockets and appointments until the time or until `done`.
  void run_until(Nanos until, const std::function<bool()>& done);

  bool chance(double share) { return uniform_(random_) < share; }
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  // Human pauses: most short, a few long.
  double pause(double median_s, double sigma = 0.8) { return median_s * std::exp(sigma * normal_(random_)); }
  double exponential(double mean_s) { return -mean_s * std::log(1 - uniform_(random_)); }
  std::string new_id();

  // Figures over the day, one row a second of real time.
  struct Row {
    double at_s{};
    std::int64_t waiting{}, held{}, left{}, online{}, arrivals{}, seated{}, told{}, lines{};
    double wait_max_s{};     // longest that anybody has been waiting
    double seated_wait_s{};  // sum over `seated`
  };
  std::vector<Row> rows;
  Samples waits;          // from first words to a seat, desk seconds as nanoseconds
  Samples waits_in_vain;  // ... to a left message, the end of the chat, or giving up

 private:
  struct Appointment {
    Nanos at;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const Appointment& other) const { return std::pair{other.at, other.order} < std::pair{at, order}; }
  };
  Nanos began_, now_;
  std::uint64_t order_{}, ids_{};
  std::priority_queue<Appointment> appointments_;
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> uniform_{0, 1};
  std::normal_distribution<double> normal_{0, 1};
};

}  // namespace deskd
