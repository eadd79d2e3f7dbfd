// check.hpp - What must be true of a desk after every step. Walks everything, so it is for tests and the simulation.
//
// The rules are restated here as naively as can be, from the desk's state alone: a rule that is broken in the code that
// serves chats is not broken in the same way here.
#pragma once

#include <map>
#include <string>

#include "server/desk/desk.hpp"

namespace deskd {

// Whether a calendar says open at this moment of the wall clock, looked up in the policy's own words.
bool open_at(const policy::Calendar& calendar, std::int64_t wall_ms);
// The calendar that a chat was promised; null when its shop is always open.
const policy::Calendar* calendar_of(const Floor& floor, const Chat& chat);
// Open time between two instants, minute by minute.
Duration open_time(const policy::Calendar* calendar, Instant from, Instant to, std::int64_t wall_ms);

// Walks one desk again and again. It remembers what it has seen: lines, because they never change and a day of a shop has
// too many to read them all after every step; clocks, until something that they hang on changes; and what every agent had
// after the step before.
class Checker {
 public:
  // The first invariant that does not hold after a step with these effects, as a sentence; empty when all do.
  std::string check(const Desk& desk, const Effects& effects);

 private:
  // What the clocks of a chat hang on, and when they are due; 1970: not set.
  struct Clocks {
    Instant shop, agent, complaint;
    Instant waiting, assigned, left_since;
    const Rulebook* book{};
    std::string_view queue;
    Place place{};
    std::size_t shop_step{}, agent_step{};
    std::int64_t wall_ms{};
    bool answered{}, left{}, left_missed{}, complaint_missed{};
    bool operator==(const Clocks&) const = default;
  };
  static Clocks clocks_of(const Floor& floor, const Chat& chat);
  static std::string check_due(const Floor& floor, const Chat& chat, const Clocks& clocks);
  // Who waits since when, as the lines up to here say.
  struct Read {
    Seq main, inside;
    Seq excused;
    Instant waiting;  // 1970: nobody waits
    Seq from;
    Clocks clocks;
  };
  struct Has {
    std::int32_t load{}, held{};
  };
  std::string check_lines(const Chat& chat, Read& read);
  std::string check_bounds(const Agent& agent, const Effects& effects);

  std::map<ChatId, Read> read_;
  std::map<AgentIndex, Has> had_;
};

}  // namespace deskd
