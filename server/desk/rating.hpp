// rating.hpp - What the buyer thought of it: once a chat, while it is open or can still be reopened.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::rating {

void handle(Floor& floor, Session& session, const ask::Rate& rate);

std::uint64_t content(const record::Rating& rating);

}  // namespace deskd::rating
