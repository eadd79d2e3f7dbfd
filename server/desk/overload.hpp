// overload.hpp - When more come than can be seated: say so honestly, and let the buyer choose.
//
// A waiting buyer hears the place in line and, where enough has been seen to be honest, the range of the wait. When the
// forecast passes ask_beyond, or the wait itself does, the buyer is asked to wait or to leave a message; nobody waits
// for queue_wait without having been told and asked.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::overload {

// The chat has joined a queue: tells the place, asks at once when the forecast is long, and sets the clock that asks.
void on_queued(Floor& floor, Chat& chat);
void ask(Floor& floor, Chat& chat);
// The place in line has certainly changed by now: tells it again.
void on_in_line(Floor& floor, Chat& chat);
// Whether work of this kind is left out now, from this percentage of a full backlog on (limits::Shed); counts it.
bool sheds(Floor& floor, std::size_t from_percent, Counters::Count& count);
// Automatic surge begins or ends by how many wait. Ends every step that seated or moved anybody.
void look_for_surge(Floor& floor);
void tell_in_line(Floor& floor, Chat& chat);
// The buyer of a waiting chat is here again: tells the place, and asks what could not be asked meanwhile.
void on_buyer_back(Floor& floor, Chat& chat);

void handle(Floor& floor, Session& session, const ask::Choose& choose);
void handle(Floor& floor, Session& session, const ask::SetSurge& surge);
void set_surge(Floor& floor, bool on, Reason reason);

// A desk's figures, now; `rows` is filled and pointed into.
tell::Figures figures(const Floor& floor, std::vector<tell::QueueFigures>& rows);

}  // namespace deskd::overload
