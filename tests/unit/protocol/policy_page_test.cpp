// policy_page_test.cpp - POLICY.md says every member of a policy with its default. Method: a policy in which everything is
// left out is written down; it has every member, in order.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <sstream>

#include "golden.hpp"
#include "protocol/policy_codec.hpp"

namespace deskd {
namespace {

struct Row {
  std::string member, value;
  bool operator==(const Row&) const = default;
  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.member << " = " << row.value; }
};

// The rows of the table under this heading; a member that is needed has no default.
std::vector<Row> said_under(const std::string& heading) {
  std::istringstream text{file_text(DESKD_SOURCE_DIR "/protocol/POLICY.md")};
  std::vector<Row> rows;
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("## ")) inside = line == "## " + heading;
    if (!inside || !line.starts_with("| `")) continue;
    const std::size_t first = line.find('|', 1), second = line.find('|', first + 1);
    const auto bare = [](std::string cell) {
      std::erase(cell, '`');
      const std::size_t from = cell.find_first_not_of(' ');
      return cell.substr(from, cell.find_last_not_of(' ') + 1 - from);
    };
    rows.push_back({bare(line.substr(1, first - 1)), bare(line.substr(first + 1, second - first - 1))});
  }
  return rows;
}

std::vector<Row> members_of(simdjson::dom::object object, const std::vector<std::string>& needed) {
  std::vector<Row> rows;
  for (const auto& [name, value] : object) {
    const std::string member{name};
    const bool is_needed = std::find(needed.begin(), needed.end(), member) != needed.end();
    rows.push_back({member, is_needed ? "-" : simdjson::minify(value)});
  }
  return rows;
}

TEST(PolicyPage, HasEveryMemberWithItsDefault) {
  policy::Desk desk{.name = "d"};
  const std::string bare = policy::encode(desk);
  desk.calendars.emplace_back().name = "c";
  desk.shops.emplace_back().name = "s";
  desk.queues.emplace_back().name = "q";
  desk.agents.emplace_back().name = "a";
  desk.staff_keys.push_back({"k", policy::Algorithm::hs256, "f"});
  const std::string full = policy::encode(desk);

  simdjson::dom::parser bare_parser, full_parser;
  const simdjson::dom::object empty = bare_parser.parse(bare);
  const simdjson::dom::object all = full_parser.parse(full);
  EXPECT_EQ(said_under("Desk"), members_of(empty, {"name"}));
  EXPECT_EQ(said_under("Calendar"), members_of(all["calendars"].at(0), {"name"}));
  EXPECT_EQ(said_under("Shop"), members_of(all["shops"].at(0), {"name"}));
  EXPECT_EQ(said_under("Key"), members_of(all["staff_keys"].at(0), {"kid", "algorithm", "file"}));
  EXPECT_EQ(said_under("Queue"), members_of(all["queues"].at(0), {"name"}));
  EXPECT_EQ(said_under("Agent"), members_of(all["agents"].at(0), {"name"}));
}

}  // namespace
}  // namespace deskd
