// check.hpp - What must be true of a desk after every step. Walks everything, so it is for tests and the simulation.
//
// The rules are restated here as naively as can be, from the desk's state alone: a rule that is broken in the code that
// serves chats is not broken in the same way here.
#pragma once

#include <string>

#include "server/desk/desk.hpp"

namespace deskd {

// The first invariant that does not hold, as a sentence; empty when all do.
std::string check(const Desk& desk);

}  // namespace deskd
