#include "server/desk/candidates.hpp"

namespace deskd::candidates {

namespace {

std::vector<tell::Candidate> of(const Floor& floor, const Need& need) {
  std::vector<tell::Candidate> rows;
  for (const auto& [index, fell_out] : floor.match.candidates(need)) {
    const Agent& agent = floor.roster.agent(index);
    if (!agent.employed) continue;
    const Seat& seat = *floor.match.seat(index);
    rows.push_back(
        {agent.name, word_of(fell_out), seat.load, seat.capacity, seat.held, seat.held_max, seat.last_assigned});
  }
  return rows;
}

}  // namespace

std::vector<tell::Candidate> of_waiting(const Floor& floor, ChatId chat) {
  const Need* need = floor.match.need(chat);
  return need == nullptr ? std::vector<tell::Candidate>{} : of(floor, *need);
}

void keep(Floor& floor, const Need& need, FactKind kind, ChosenBy by, const Agent& agent) {
  floor.picks.push_back({floor.now, kind, by, agent.name, of(floor, need)});
}

}  // namespace deskd::candidates
