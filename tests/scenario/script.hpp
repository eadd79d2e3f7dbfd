// script.hpp - A scenario as it is written down: prose, a policy, and a table.
//
//      # Why this rule is there, in prose.
//      policy
//        queue chat auto_accept=no
//        agent 01 capacity=1
//
//      time | who | does            | follows
//      0:00 | 01  | comes           |
//      0:05 | Li  | asks: is it in? | Li is held by 01; Li hears joined 01
//           |     |                 | fact assigned Li 01
//      0:40 | -   |                 | fact missed Li limit
//
// A row without time, who and deed belongs to the one above. `follows` is checked against all that happened since the
// row above: time passes first, then the deed is done.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/policy.hpp"

namespace deskd::scenario {

struct Row {
  int line{};  // in the file
  Duration at{};
  std::string who;
  std::string does;
  std::vector<std::string> follows;
  bool ends_moment{};  // the next row is later
};

struct Script {
  policy::Desk policy;
  std::size_t backlog_bytes_max{};
  Duration starts{};  // time of day, UTC
  std::vector<Row> rows;
  std::string wrong;  // what could not be read, with its line; empty when all could
};

Script read(std::string_view text);

// One line of a policy: "queue chat auto_accept=no", "agent 01 capacity=1". Changes what is there under that name, or
// adds it. Returns what could not be read.
std::string change(policy::Desk& policy, std::string_view line);

// "1:30", "0:00.500", "1:02:03".
bool read_time(std::string_view text, Duration& out);
std::string_view trim(std::string_view text);
// By spaces, but for those inside quotes.
std::vector<std::string> split(std::string_view text, char by);

}  // namespace deskd::scenario
