// lifetime.hpp - How a chat begins, ends, begins again and leaves memory.
//
//   open ──> greeted ── ... ──> closed ── open again in time ──> greeted (the same chat: id, seq and first answer stay)
//                                 └── long enough, and all of it stored ──> out of memory
//
// A buyer has one open chat in a shop: to open is to be given it, however many tabs ask.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::lifetime {

void handle(Floor& floor, Session& session, const ask::Open& open);
void handle(Floor& floor, Session& session, const ask::Close& close);

void close(Floor& floor, Chat& chat, Reason reason, Origin by = Origin::system, AgentIndex agent = nobody,
           CommandId id = {}, SessionId session = {});
// The chat has been closed long enough to leave memory.
void on_forget(Floor& floor, Chat& chat);

}  // namespace deskd::lifetime
