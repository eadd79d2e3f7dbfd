// transfer.hpp - Moving a chat by hand: an agent passes it on, a supervisor takes or places it.
//
// The buyer's clock goes on as if nothing had happened: being passed on is no answer. To a queue the chat goes at its
// age and not back to the one who gave it away; to an agent it goes only if she has a place, unless a supervisor says so.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::transfer {

void handle(Floor& floor, Session& session, const ask::Transfer& transfer);
void handle(Floor& floor, Session& session, const ask::TakeOver& take_over);
void handle(Floor& floor, Session& session, const ask::Reassign& reassign);

}  // namespace deskd::transfer
