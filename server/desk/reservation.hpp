// reservation.hpp - A place kept for a chat until its agent says yes: offer ──> accept | decline | lapse.
//
// Only in queues that do not seat by themselves. Unanswered in time it lapses; declined or lapsed, the chat goes back at its
// age and not to the same agent until all who could have it have had it. Who leaves several in a row is sent on a break.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::reservation {

void handle(Floor& floor, Session& session, const ask::Accept& accept);
void handle(Floor& floor, Session& session, const ask::Decline& decline);

void offer(Floor& floor, Chat& chat, Agent& agent);
// Gives an offered chat back to its queue.
void end(Floor& floor, Chat& chat, Reason reason);
void on_lapsed(Floor& floor, Chat& chat);

}  // namespace deskd::reservation
