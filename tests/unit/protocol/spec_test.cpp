// spec_test.cpp - SPEC.md says what the code does: every message and member, every example, code, word and bound.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "golden.hpp"
#include "protocol/codec.hpp"
#include "protocol/message_shapes.hpp"
#include "protocol/shape_reader.hpp"

namespace deskd {
namespace {

std::vector<std::string> spec_lines() {
  std::istringstream text{file_text(DESKD_SOURCE_DIR "/protocol/SPEC.md")};
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

// What stands under a heading, down to the next one of its level or above.
std::vector<std::string> section(const std::string& heading) {
  const auto level = [](const std::string& line) { return line.starts_with('#') ? line.find_first_not_of('#') : 99; };
  const std::vector<std::string> all = spec_lines();
  const auto begin = std::find(all.begin(), all.end(), heading);
  if (begin == all.end()) {
    ADD_FAILURE() << "SPEC.md has no \"" << heading << "\"";
    return {};
  }
  const auto end =
      std::find_if(begin + 1, all.end(), [&](const std::string& line) { return level(line) <= level(heading); });
  return {begin + 1, end};
}

// The cells of a table's row, without blanks and back quotes; empty for any other line.
std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> found;
  if (!line.starts_with("| ")) return found;
  std::istringstream rest{line.substr(1)};
  for (std::string cell; std::getline(rest, cell, '|');) {
    std::erase(cell, '`');
    const std::size_t first = cell.find_first_not_of(' ');
    found.push_back(first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
  }
  return found;
}

std::vector<std::vector<std::string>> rows(const std::vector<std::string>& lines, const std::string& first_header) {
  std::vector<std::vector<std::string>> found;
  for (const std::string& line : lines) {
    std::vector<std::string> row = cells(line);
    if (!row.empty() && row.front() != first_header) found.push_back(std::move(row));
  }
  return found;
}

std::vector<std::string> examples(const std::vector<std::string>& lines) {
  std::vector<std::string> found;
  bool inside = false;
  for (const std::string& line : lines) {
    if (line.starts_with("```")) inside = line == "```json";
    else if (inside) found.push_back(line);
  }
  return found;
}

template <Shaped Struct>
void expect_members(const std::vector<std::string>& lines) {
  std::vector<std::string> expected;
  std::apply(
      [&](const auto&... field) {
        (expected.push_back(std::string{field.name.word()} + (field.needed ? " yes" : " ")), ...);
      },
      Shape<Struct>::fields);
  std::vector<std::string> said;
  for (const auto& row : rows(lines, "member")) said.push_back(row.at(0) + " " + row.at(2));
  EXPECT_EQ(said, expected);
}

template <class Message>
void expect_message(const std::string& side, const std::string& who) {
  const std::string type{Shape<Message>::type};
  SCOPED_TRACE(side + " " + type);
  const auto lines = section("### `" + type + "` (" + who + ")");
  expect_members<Message>(lines);
  const auto frames = golden_frames(side);
  const auto shown = examples(lines);
  EXPECT_TRUE(std::find(shown.begin(), shown.end(), frames.at(side + "." + type)) != shown.end()) << "no example";
  for (const std::string& frame : shown) EXPECT_TRUE(frame.starts_with("{\"type\":\"" + type + "\"")) << frame;
}

template <class... Message>
void expect_messages(const std::string& side, const std::string& who, std::variant<Message...>*) {
  (expect_message<Message>(side, who), ...);
}

TEST(Spec, HasEveryMessageWithItsMembers) {
  expect_messages("ask", "client", static_cast<Ask*>(nullptr));
  expect_messages("tell", "server", static_cast<Tell*>(nullptr));
}

TEST(Spec, HasEveryPartWithItsMembers) {
  expect_members<record::Item>(section("### Item"));
  expect_members<record::Order>(section("### Order"));
  expect_members<record::Correction>(section("### Correction"));
  expect_members<record::OrderAnswer>(section("### Order answer"));
  expect_members<record::Rating>(section("### Rating"));
  expect_members<ask::Held>(section("### Held"));
  expect_members<tell::StoredLine>(section("### Stored line"));
  expect_members<tell::WarnedChat>(section("### Warned chat"));
  expect_members<tell::HistoryLine>(section("### History line"));
  expect_members<tell::HistoryChat>(section("### History chat"));
  expect_members<tell::Candidate>(section("### Candidate"));
  expect_members<tell::QueueFigures>(section("### Queue figures"));
}

TEST(Spec, ShowsGoldenFramesOnly) {
  std::set<std::string> golden;
  for (const char* side : {"ask", "tell"})
    for (const auto& [name, frame] : golden_frames(side)) golden.insert(frame);
  const auto shown = examples(spec_lines());
  EXPECT_GT(shown.size(), 60u);
  for (const std::string& frame : shown) EXPECT_TRUE(golden.contains(frame)) << frame;
}

TEST(Spec, HasTheTableOfErrors) {
  const auto said = rows(section("## 13. Errors"), "code");
  ASSERT_EQ(said.size(), code_table.size());
  for (std::size_t i = 0; i < said.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(code_table[i].code), i) << "the table is in the order of the enum";
    EXPECT_EQ(said[i][0], code_table[i].name);
    EXPECT_EQ(said[i][1], code_table[i].meaning);
  }
}

TEST(Spec, HasTheTableOfCloseCodes) {
  auto lines = section("## 14. Close codes");
  const auto said = rows(lines, "number");
  ASSERT_EQ(said.size(), close_table.size());
  for (std::size_t i = 0; i < said.size(); ++i) {
    const int number = static_cast<int>(close_table[i].code);
    EXPECT_EQ(said[i][0], std::to_string(number));
    EXPECT_EQ(said[i][1], close_table[i].name);
    EXPECT_EQ(said[i][3], close_table[i].meaning);
    EXPECT_EQ(said[i][2], close_table[i].reconnect ? "yes" : "no") << said[i][1];
    // A client that does not know a code goes by its range.
    EXPECT_EQ(close_table[i].reconnect, number < 4500) << said[i][1];
  }
}

// Goal: nobody has to guess a word. Method: each is somewhere in the text, in back quotes.
TEST(Spec, HasEveryWord) {
  const std::string text = file_text(DESKD_SOURCE_DIR "/protocol/SPEC.md");
  const auto expect_all = [&](const auto& words) {
    for (const std::string_view word : words)
      EXPECT_NE(text.find("`" + std::string{word} + "`"), std::string::npos) << word;
  };
  expect_all(words::role);
  expect_all(words::origin);
  expect_all(words::place);
  expect_all(words::status);
  expect_all(words::stream);
  expect_all(words::line_kind);
  expect_all(words::reason);
  expect_all(words::choice);
  expect_all(words::clock);
}

TEST(Spec, HasTheBoundsOfTheCodec) {
  const auto said = rows(section("## 15. Limits"), "what");
  const auto bound = [&](const std::string& what) {
    for (const auto& row : said)
      if (row[0] == what) return row[1];
    return std::string{};
  };
  EXPECT_EQ(frame_bytes_max, 65'536u);
  EXPECT_EQ(bound("a message that a client says"), "65,536 bytes");
  EXPECT_EQ(bound("objects and lists inside each other; members of an object"),
            std::to_string(depth_max) + "; " + std::to_string(keys_max));
}

}  // namespace
}  // namespace deskd
