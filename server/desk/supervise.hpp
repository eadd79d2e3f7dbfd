// supervise.hpp - What supervisors and ops may see and set, beside moving chats (transfer.hpp).
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::supervise {

void handle(Floor& floor, Session& session, const ask::Watch& watch);
void handle(Floor& floor, Session& session, const ask::SetAgent& set_agent);
void handle(Floor& floor, Session& session, const ask::Explain& explain);
void handle(Floor& floor, Session& session, const ask::Figures& figures);
void handle(Floor& floor, Session& session, const ask::ReadHistory& history);
void on_figures(Floor& floor);

// Why a waiting chat is where it is, as JSON text; the other places in a word. Lives until the next step.
std::string_view why(Floor& floor, const Chat& chat);

}  // namespace deskd::supervise
