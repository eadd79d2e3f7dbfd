// sla.hpp - The promises about replies.
//
//    buyer speaks                                                        a person of the shop speaks
//        |-- target 10 s --|-- limit 30 s --|-- reminder 100 s --|-- breach 180 s --|
//        |              warnings at 50, 75 and 90 % of the breach              |
//
// A clock is a kitchen timer stuck to a chat. It starts with the oldest words of the buyer that nobody has answered and
// stops at the answer; being moved, asked again or written to by a machine changes nothing about it. It runs in the
// shop's open hours. Each step that passes is one fact, named by the line that began the wait, so that it can be written
// only once however often the server starts again.
//
// Two ladders run side by side: the shop's from the buyer's words, the agent's from whichever is later, those words or
// her joining. The buyer is promised the first, an agent is judged by the second.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::sla {

// Whether such a line of the main stream is one that the buyer waits for an answer to.
bool begins_wait(const Chat& chat, Seq seq, Origin origin, LineKind kind);
// The buyer said something.
void on_buyer_words(Floor& floor, Chat& chat);
// A person of the shop said something that is an answer.
void on_answer(Floor& floor, Chat& chat);
// The chat has an agent, or has none any more.
void on_assigned(Floor& floor, Chat& chat);
void on_unassigned(Floor& floor, Chat& chat);
// The chat is a left message now: its own clock runs, and the others do not.
void on_left_message(Floor& floor, Chat& chat);
void on_closed(Floor& floor, Chat& chat);
// The chat goes to another queue. That queue's promise counts from the same words, and what has been missed is not missed
// again; whoever moves the chat sets its clocks.
void move_to(Floor& floor, Chat& chat, std::string_view queue);
// Sets every clock of the chat by what is known of it; after recovery, or when the wall clock moved.
void set_clocks(Floor& floor, Chat& chat);

void on_shop_clock(Floor& floor, Chat& chat);
void on_agent_clock(Floor& floor, Chat& chat);
void on_queue_wait(Floor& floor, Chat& chat);
void on_quiet(Floor& floor, Chat& chat);
void on_idle(Floor& floor, Chat& chat);
void on_complaint(Floor& floor, Chat& chat);
void on_warn(Floor& floor, Agent& agent);

// A step has been written down by an earlier server: it must not be written again.
void recovered(const Floor& floor, Chat& chat, const stored::Clock& fired);

void handle(Floor& floor, Session& session, const ask::NoAnswerNeeded& ask);

}  // namespace deskd::sla
