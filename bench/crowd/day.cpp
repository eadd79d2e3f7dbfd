// day.cpp - Time and chance of the crowd.
#include "bench/crowd/day.hpp"

#include <algorithm>
#include <cstdio>

#include "bench/wire/shop.hpp"

namespace deskd {

Day::Day(const DayOptions& wanted)
    : options{wanted},
      secret{bench_shop::secret_at(wanted.secret)},
      began_{steady_nanos()},
      now_{began_},
      random_{wanted.seed} {
  // Not from the seed: a second run on the same database is other people.
  std::random_device device;
  char name[9];
  std::snprintf(name, sizeof name, "%08x", device());
  run = name;
}

std::string Day::new_id() {
  char id[33];
  std::snprintf(id, sizeof id, "%s%08x%016llx", run.c_str(), static_cast<unsigned>(random_()),
                static_cast<unsigned long long>(++ids_));
  return id;
}

void Day::in_real(double seconds, std::function<void()> what) {
  appointments_.push({now_ + static_cast<Nanos>(std::max(seconds, 0.0) * 1e9), ++order_, std::move(what)});
}

void Day::run_until(Nanos until, const std::function<bool()>& done) {
  while ((now_ = steady_nanos()) < until && !done()) {
    while (!appointments_.empty() && appointments_.top().at <= now_) {
      const auto what = std::move(const_cast<Appointment&>(appointments_.top()).what);
      appointments_.pop();
      what();
    }
    now_ = steady_nanos();
    const Nanos next = appointments_.empty() ? until : std::min(until, appointments_.top().at);
    loop.turn(std::clamp<Nanos>(next - now_, 0, 100'000'000));
  }
}

}  // namespace deskd
