// presence.hpp - Who is there, who is gone, and for how long that means nothing.
//
//   buyer gone, waiting      |── 60 s: keeps its place ──|── skipped, keeps its age ──| 10 min: left message
//   buyer gone, held         nothing ends; if the wait was breached too, 600 s later it is closed as left_unanswered
//   agent gone               |── 20 s ──| chats whose buyers wait go back |── 60 s ──| all go back, signed_out
//
// A session takes part once it has resumed: until then it hears nothing, so it can never see a line twice or miss one.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::presence {

void on_session_opened(Floor& floor, const event::SessionOpened& opened);
void on_session_closed(Floor& floor, SessionId session);
void on_identified(Floor& floor, const event::Identified& identified);
void on_revoked(Floor& floor, const event::Revoked& revoked);

// The session says what it holds and gets the rest: of every chat that is its own, named or not.
void handle(Floor& floor, Session& session, const ask::Resume& resume);
void handle(Floor& floor, Session& session, const ask::SetStatus& status);
void set_status(Floor& floor, Agent& agent, Status status, Reason reason);

// The chat waits, has an agent, was answered, was breached: what that means for a buyer who is gone.
void on_queued(Floor& floor, Chat& chat);
void on_assigned(Floor& floor, Chat& chat);
void on_answered(Floor& floor, Chat& chat);
void on_breached(Floor& floor, Chat& chat);
void on_buyer_grace(Floor& floor, Chat& chat);
void on_agent_grace_waiting(Floor& floor, Agent& agent);
void on_agent_grace(Floor& floor, Agent& agent);
// The sockets are gone: the graces begin.
void start_agent_grace(Floor& floor, Agent& agent);

}  // namespace deskd::presence
