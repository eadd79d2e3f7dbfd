// policy_file.cpp - See policy_file.hpp.
#include "server/policy_file.hpp"

#include <fstream>

#include "protocol/policy_codec.hpp"
#include "protocol/policy_rules.hpp"
#include "server/zones.hpp"

namespace deskd {

std::variant<policy::Desk, std::vector<std::string>> read_policy_file(const std::string& file, std::int64_t wall_ms) {
  using Problems = std::vector<std::string>;
  std::ifstream in{file, std::ios::binary};
  std::string text(policy::policy_bytes_max + 1, '\0');
  if (!in || (in.read(text.data(), static_cast<std::streamsize>(text.size())), in.bad()))
    return Problems{"cannot read " + file};
  text.resize(static_cast<std::size_t>(in.gcount()));
  auto read = policy::decode(text);
  if (const auto* problem = std::get_if<policy::Problem>(&read)) return Problems{file + ": " + problem->text()};
  auto& desk = std::get<policy::Desk>(read);
  Problems problems;
  for (const policy::Problem& problem : policy::validate(desk)) problems.push_back(file + ": " + problem.text());
  policy::Desk zoned = desk;  // a copy: what is applied has no offsets of this machine
  for (const std::string& wrong : fill_offsets(zoned, wall_ms)) problems.push_back(file + ": " + wrong);
  if (!problems.empty()) return problems;
  return std::move(desk);
}

}  // namespace deskd
