// candidates.hpp - Every agent beside one chat: the whole table behind an explanation, made only when somebody asks.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::candidates {

// Of a chat that waits to be seated: every agent of the policy, the eligible in the order of the choice, then the others
// by why they fell out and by name. None of a chat that does not: nobody is being chosen for it.
std::vector<tell::Candidate> of_waiting(const Floor& floor, ChatId chat);

// Keeps a choice for the chat that is traced, before it is carried out.
void keep(Floor& floor, const Need& need, FactKind kind, ChosenBy by, const Agent& agent);

}  // namespace deskd::candidates
