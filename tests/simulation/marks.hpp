// marks.hpp - Situations that a run must meet, by name. A simulation that never gets into trouble proves nothing, so a
// mark that was never met fails the run.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace deskd::simulation {

class Marks {
 public:
  Marks(std::initializer_list<const char*> names) {
    for (const char* name : names) met_[name] = 0;
  }
  void meet(const std::string& name, std::uint64_t times = 1) { met_.at(name) += times; }
  void add(const Marks& other) {
    for (const auto& [name, times] : other.met_) met_[name] += times;
  }
  const std::map<std::string, std::uint64_t>& met() const { return met_; }

 private:
  std::map<std::string, std::uint64_t> met_;
};

}  // namespace deskd::simulation
