// order.hpp - Order confirmations: what the agent puts to the buyer, and what the buyer says of it.
//
//      agent: order v1 ──> buyer: correct address, items[0].quantity ──> agent: order v2 ──> buyer: confirmed
//
// Both are deeds: lines whose body is stored in the same transaction, and done only when they are durable. The return
// terms are part of what is put, with the moment they were told, so that they have been told before the answer.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::order {

void handle(Floor& floor, Session& session, const ask::ProposeOrder& propose);
void handle(Floor& floor, Session& session, const ask::AnswerOrder& answer);

// A number for what a deed says, by which a repeat is told from another deed under the same id.
std::uint64_t content(const record::Order& order);
std::uint64_t content(const record::OrderAnswer& answer);

}  // namespace deskd::order
