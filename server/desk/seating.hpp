// seating.hpp - The places of a chat: how it gets from one to the next. How it begins and ends is lifetime.hpp, how an
// agent is asked first reservation.hpp; nothing else may move it.
//
//   open ──> greeted ──words──> waiting ──offer──> reserved ──accept──> held ──close──> closed ──back in time──> greeted
//                                │  ^ └──────────── assign ─────────────^ │                ^
//                     too long,  │  └── decline, lapse, agent gone,       │                │
//                     chosen,    v      transfer, take back ──────────────┘                │
//                     overload   left_message ──assign──> held ────────────────────────────┘
//
// Every move writes its fact and the chat's new place, tells those concerned, and puts the agents and chats that may now
// fit together on the floor's lists; settle() then seats them, oldest first, until nobody more can be seated.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::seating {

void handle(Floor& floor, Session& session, const ask::Pull& pull);
void handle(Floor& floor, Session& session, const ask::WrapUpDone& done);

// The buyer said something: a greeted chat joins its queue, a left message becomes live again, the clocks start.
void on_buyer_words(Floor& floor, Chat& chat);
// The agent never answered: another gets the chat, if there is one; only so often.
void on_agent_breached(Floor& floor, Chat& chat);
void on_relax(Floor& floor, Chat& chat);
void on_wanted_long_enough(Floor& floor, Chat& chat);
void on_wrap_up(Floor& floor, Agent& agent);

// From now on it stands in line: what is counted from there begins anew.
void line_up(Floor& floor, Chat& chat);
// Joins its queue at its age, or becomes a left message when nobody can take it live.
void enqueue(Floor& floor, Chat& chat, Reason reason);
void leave_message(Floor& floor, Chat& chat, Reason reason);
// Takes the chat from whoever holds it or is offered it, and puts it back at its age.
void requeue(Floor& floor, Chat& chat, Reason reason);
// The agent holds the chat from now on. `hand`: a person chose, capacity does not count. The line `joined` carries `id`.
void assign(Floor& floor, Chat& chat, Agent& agent, bool hand, SessionId session = {}, CommandId id = {});
// The chat leaves its agent without going anywhere yet; for transfer and take-over.
void release(Floor& floor, Chat& chat, Reason reason);
// Neither seated any longer nor waiting to be: its clocks of the queue stand still.
void leave_queue(Floor& floor, Chat& chat);
// How long it stood in line, if it did; before what ends that.
void observe_line(Floor& floor, const Chat& chat, Waits& to);

// What a chat weighs in its agent's load has changed.
void set_weighs(Floor& floor, Chat& chat, bool weighs);
// Anything about an agent that routing looks at has changed.
void on_agent_changed(Floor& floor, Agent& agent, bool tell = false);
// What a waiting chat asks for has changed, or whether it may be seated now.
void on_need_changed(Floor& floor, Chat& chat);
// The newest policy's word on where the chat may go.
void set_need(Floor& floor, Chat& chat);
void on_policy(Floor& floor, Chat& chat);
// As it is stored and told; lives until the step ends.
std::string_view text_of(Floor& floor, const Explanation& explanation);
void tell_agent(Floor& floor, const Agent& agent, SessionId to);

// Seats everyone who can be seated. Ends every step.
void settle(Floor& floor);

}  // namespace deskd::seating
