// recovery.hpp - Putting a desk back together from what is stored.
//
// Agents and chats come one by one, then RecoveryDone. Everything that can be told from the lines is told from them again (who
// waits since when, marks aside); routing is what the newest stored place says. Nobody is there yet: every grace begins
// now. What fell due while no server ran is due at once.
//
// A chat that had ended comes alone, later, when somebody names it. It is nobody's newest, and stays for a moment.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::recovery {

void on_policy(Floor& floor, const event::RecoveredPolicy& policy);
void on_agent(Floor& floor, const event::RecoveredAgent& agent);
void on_surge(Floor& floor, const event::RecoveredSurge& surge);
void on_chat(Floor& floor, const event::RecoveredChat& chat);
void on_done(Floor& floor, const event::RecoveryDone& done);

}  // namespace deskd::recovery
