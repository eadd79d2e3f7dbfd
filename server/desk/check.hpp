// check.hpp - What must be true of a desk after every step. Walks everything, so it is for tests and the simulation.
//
// The rules are restated here as naively as can be, from the desk's state alone: a rule that is broken in the code that
// serves chats is not broken in the same way here.
#pragma once

#include <map>
#include <string>

#include "server/desk/desk.hpp"

namespace deskd {

// Walks one desk again and again. It remembers which lines it has seen, because lines never change: a day of a shop has
// too many to read them all after every step.
class Checker {
 public:
  // The first invariant that does not hold, as a sentence; empty when all do.
  std::string check(const Desk& desk);

 private:
  // Who waits since when, as the lines up to here say.
  struct Read {
    Seq main, inside;
    Seq excused;
    Instant waiting;  // 1970: nobody waits
    Seq from;
  };
  std::string check_lines(const Chat& chat, Read& read);

  std::map<ChatId, Read> read_;
};

inline std::string check(const Desk& desk) { return Checker{}.check(desk); }

}  // namespace deskd
