#include "server/shard/candidate_table.hpp"

#include <algorithm>
#include <array>

#include "protocol/json.hpp"

namespace deskd {

std::string time_text(Instant at) {
  std::string text;
  json::append_instant(text, at);
  return text.substr(1, text.size() - 2);
}

std::string candidate_table(const std::vector<tell::Candidate>& candidates) {
  if (candidates.empty()) return {};
  constexpr std::size_t columns{5};
  const auto of = [](std::int32_t taken, std::int32_t all) {
    return std::to_string(taken) + "/" + std::to_string(all);
  };
  std::vector<std::array<std::string, columns>> rows{{"agent", "fell out", "load", "held", "last assigned"}};
  for (const tell::Candidate& one : candidates)
    rows.push_back({std::string{one.agent}, std::string{one.fell_out}, of(one.load, one.capacity),
                    of(one.held, one.held_max),
                    one.last_assigned == Instant{} ? "never" : time_text(one.last_assigned)});
  std::array<std::size_t, columns> widths{};
  for (const auto& row : rows)
    for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string table;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < columns; ++i) {
      table.append("  ").append(row[i]);
      if (i + 1 < columns) table.append(widths[i] - row[i].size(), ' ');
    }
    table += '\n';
  }
  return table;
}

}  // namespace deskd
