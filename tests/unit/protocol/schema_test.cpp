// schema_test.cpp - The JSON Schema says what the codec does: the same messages, members, needs, types and words.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <set>

#include "golden.hpp"
#include "protocol/message_shapes.hpp"

namespace deskd {
namespace {

using simdjson::dom::element;

// What a member's type is called in the schema.
std::string kind(bool) { return "boolean"; }
std::string kind(std::int32_t) { return "integer"; }
std::string kind(std::int64_t) { return "integer"; }
std::string kind(std::uint32_t) { return "integer"; }
std::string kind(std::string_view) { return "string"; }
std::string kind(const std::string&) { return "string"; }
std::string kind(ChatId) { return "chat_id"; }
std::string kind(SessionId) { return "session_id"; }
std::string kind(CommandId) { return "command_id"; }
std::string kind(Instant) { return "instant"; }
std::string kind(Seq) { return "seq"; }
std::string kind(Epoch) { return "epoch"; }
std::string kind(Role) { return "role"; }
std::string kind(Origin) { return "origin"; }
std::string kind(Place) { return "place"; }
std::string kind(Status) { return "status"; }
std::string kind(Stream) { return "stream"; }
std::string kind(LineKind) { return "line_kind"; }
std::string kind(Reason) { return "reason"; }
std::string kind(Choice) { return "choice"; }
std::string kind(ClockKind) { return "clock"; }
std::string kind(Code) { return "code"; }
std::string kind(const record::Item&) { return "record.item"; }
std::string kind(const record::Order&) { return "record.order"; }
std::string kind(const record::Correction&) { return "record.correction"; }
std::string kind(const record::OrderAnswer&) { return "record.order_answer"; }
std::string kind(const record::Rating&) { return "record.rating"; }
std::string kind(const ask::Held&) { return "ask.held"; }
std::string kind(const tell::StoredLine&) { return "tell.stored_line"; }
std::string kind(const tell::WarnedChat&) { return "tell.warned_chat"; }
std::string kind(const tell::HistoryLine&) { return "tell.history_line"; }
std::string kind(const tell::HistoryChat&) { return "tell.history_chat"; }
std::string kind(const tell::Candidate&) { return "tell.candidate"; }
std::string kind(const tell::QueueFigures&) { return "tell.queue_figures"; }
template <class T>
std::string kind(const std::vector<T>&);
template <class T>
std::string kind(const std::optional<T>&) {
  return kind(T{});
}
template <class T>
std::string kind(const T*) {
  return kind(T{});
}
template <class T>
std::string kind(const std::vector<T>&) {
  return "list of " + kind(T{});
}
template <class T>
std::string kind(std::span<const T>) {
  return "list of " + kind(T{});
}

std::string kind_in_schema(element property) {
  std::string_view text;
  if (property["$ref"].get(text) == simdjson::SUCCESS) return std::string{text.substr(text.rfind('/') + 1)};
  if (property["type"].get(text) != simdjson::SUCCESS) return "none";
  if (text == "array") return "list of " + kind_in_schema(property["items"].value());
  return std::string{text};
}

class Schema : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(parser_.load(DESKD_SOURCE_DIR "/protocol/schema/deskd.v1.schema.json").get(root_), simdjson::SUCCESS);
  }
  element def(const std::string& name) {
    element found;
    if (root_["$defs"][name].get(found) != simdjson::SUCCESS) ADD_FAILURE() << "no definition " << name;
    return found;
  }

  template <Shaped Struct>
  void expect_same(const std::string& name, bool message) {
    SCOPED_TRACE(name);
    std::set<std::string> members;
    std::set<std::string> needed;
    if (message) members = needed = {"type"};
    const element found = def(name);
    std::apply(
        [&](const auto&... field) {
          const auto one = [&](const auto& each) {
            const std::string member{each.name.word()};
            members.insert(member);
            if (each.needed) needed.insert(member);
            element property;
            if (found["properties"][member].get(property) != simdjson::SUCCESS) return;
            EXPECT_EQ(kind_in_schema(property), kind(Struct{}.*each.member)) << member;
          };
          (one(field), ...);
        },
        Shape<Struct>::fields);
    std::set<std::string> in_schema;
    for (const auto pair : found["properties"].get_object()) in_schema.insert(std::string{pair.key});
    std::set<std::string> required;
    simdjson::dom::array list;
    if (found["required"].get(list) == simdjson::SUCCESS)
      for (const element each : list) required.insert(std::string{each.get_string().value()});
    EXPECT_EQ(in_schema, members);
    EXPECT_EQ(required, needed);
  }

  template <class... Message>
  void expect_same_messages(const std::string& side, std::variant<Message...>*) {
    (expect_same<Message>(side + "." + std::string{Shape<Message>::type}, true), ...);
    const auto same_type = [&](std::string_view type) {
      EXPECT_EQ(def(side + "." + std::string{type})["properties"]["type"]["const"].get_string().value(), type);
    };
    (same_type(Shape<Message>::type), ...);
    std::set<std::string> listed;
    for (const element each : def(side)["oneOf"].get_array()) listed.insert(kind_in_schema(each));
    EXPECT_EQ(listed, (std::set<std::string>{side + "." + std::string{Shape<Message>::type}...}));
  }

  template <class Words>
  void expect_words(const std::string& name, const Words& words) {
    std::vector<std::string> in_schema;
    for (const element each : def(name)["enum"].get_array()) in_schema.emplace_back(each.get_string().value());
    EXPECT_EQ(in_schema, (std::vector<std::string>{words.begin(), words.end()})) << name;
  }

  simdjson::dom::parser parser_;
  element root_;
};

TEST_F(Schema, HasTheSameMessages) {
  expect_same_messages("ask", static_cast<Ask*>(nullptr));
  expect_same_messages("tell", static_cast<Tell*>(nullptr));
}

TEST_F(Schema, HasTheSameParts) {
  expect_same<record::Item>("record.item", false);
  expect_same<record::Order>("record.order", false);
  expect_same<record::Correction>("record.correction", false);
  expect_same<record::OrderAnswer>("record.order_answer", false);
  expect_same<record::Rating>("record.rating", false);
  expect_same<ask::Held>("ask.held", false);
  expect_same<tell::StoredLine>("tell.stored_line", false);
  expect_same<tell::WarnedChat>("tell.warned_chat", false);
  expect_same<tell::HistoryLine>("tell.history_line", false);
  expect_same<tell::HistoryChat>("tell.history_chat", false);
  expect_same<tell::Candidate>("tell.candidate", false);
  expect_same<tell::QueueFigures>("tell.queue_figures", false);
}

TEST_F(Schema, HasTheSameWords) {
  expect_words("role", words::role);
  expect_words("origin", words::origin);
  expect_words("place", words::place);
  expect_words("status", words::status);
  expect_words("stream", words::stream);
  expect_words("line_kind", words::line_kind);
  expect_words("reason", words::reason);
  expect_words("choice", words::choice);
  expect_words("clock", words::clock);
  std::vector<std::string_view> codes;
  for (const CodeRow& row : code_table) codes.push_back(row.name);
  expect_words("code", codes);
}

}  // namespace
}  // namespace deskd
