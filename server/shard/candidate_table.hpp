// candidate_table.hpp - Candidates as a table for a person: `deskd explain --all` while the chat waits, `deskd replay
// --explain` afterwards.
#pragma once

#include <string>
#include <vector>

#include "protocol/messages.hpp"

namespace deskd {

//   agent  fell out  load  held  last assigned
//   07     eligible  1/5   1/10  2026-11-21T09:30:12.480Z
//   08     full      5/5   5/10  never
// A line each. Empty when there are none.
std::string candidate_table(const std::vector<tell::Candidate>& candidates);

// "2026-11-21T09:30:12.480Z"
std::string time_text(Instant at);

}  // namespace deskd
