// json_test.cpp - The texts that every part writes the same way.
#include "protocol/json.hpp"

#include <gtest/gtest.h>

namespace deskd::json {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_text(out, text);
  return out;
}
std::string said(std::int64_t ms) {
  std::string out;
  append_instant(out, instant_of(ms));
  return out;
}

TEST(Json, EscapesWhatMustBe) {
  EXPECT_EQ(escaped(""), R"("")");
  EXPECT_EQ(escaped("在吗 💡/"), R"("在吗 💡/")");
  EXPECT_EQ(escaped("\"\\\n\r\t"), R"("\"\\\n\r\t")");
  EXPECT_EQ(escaped(std::string_view{"\0\x01\x1f\x7f", 4}), "\"\\u0000\\u0001\\u001f\x7f\"");
}

// Goal: the word-at-a-time scan sees every place. Method: each character that needs an escape, and its neighbours that
// do not, at each place of texts around the word's size, among bytes that could hide it.
TEST(Json, EscapesAtEveryPlace) {
  for (const char filler : {'a', '\xff', '!', '#', ' ', '[', ']'})
    for (std::size_t size = 1; size <= 20; ++size)
      for (std::size_t at = 0; at < size; ++at)
        for (int c = 0; c < 256; ++c) {
          std::string text(size, filler);
          text[at] = static_cast<char>(c);
          const bool must = c < 0x20 || c == '"' || c == '\\';
          const std::string out = escaped(text);
          ASSERT_EQ(out.size() > size + 2, must) << "byte " << c << " at " << at << " of " << size;
          if (!must) { ASSERT_EQ(out, '"' + text + '"'); }
        }
}

TEST(Json, SaysMomentsInUtcWithMilliseconds) {
  EXPECT_EQ(said(0), R"("1970-01-01T00:00:00.000Z")");
  EXPECT_EQ(said(1), R"("1970-01-01T00:00:00.001Z")");
  EXPECT_EQ(said(-1), R"("1969-12-31T23:59:59.999Z")");
  EXPECT_EQ(said(1709164799999), R"("2024-02-28T23:59:59.999Z")");
  EXPECT_EQ(said(1709164800000), R"("2024-02-29T00:00:00.000Z")");
  EXPECT_EQ(said(253402300799999), R"("9999-12-31T23:59:59.999Z")");
}

TEST(Json, ReadsMomentsBack) {
  // Every day of 60 years, at a time of day that walks through all of them.
  for (std::int64_t day = 0; day < 366 * 60; ++day) {
    const std::int64_t ms = day * 86'400'000 + day * 7919 * 13 % 86'400'000;
    const std::string text = said(ms);
    ASSERT_EQ(instant_from(std::string_view{text}.substr(1, text.size() - 2)), instant_of(ms)) << text;
  }
  EXPECT_EQ(instant_from("1970-01-01T00:00:00Z"), instant_of(0));
  EXPECT_EQ(instant_from("1970-01-01T00:00:00.5Z"), instant_of(500));
  EXPECT_EQ(instant_from("1970-01-01T00:00:00.05Z"), instant_of(50));
}

TEST(Json, RefusesOtherMoments) {
  for (const std::string_view text :
       {"", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01T00:00:00z", "1970-01-01 00:00:00Z",
        "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.0000Z", "1970-01-01T00:00:00+00:00", "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z", "1970-02-30T00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:60Z", "1970-1-1T00:00:00Z", "+970-01-01T00:00:00Z", "1970-01-01T00:00:00Z ",
        "1970-01-01T00:00:00.1 Z"})
    EXPECT_FALSE(instant_from(text)) << text;
}

TEST(Json, ReadsIdsStrictly) {
  EXPECT_EQ(positive_from("1", 10), 1u);
  EXPECT_EQ(positive_from("10", 10), 10u);
  for (const std::string_view text : {"", "0", "01", "-1", "+1", "1 ", " 1", "1.0", "11", "99999999999999999999"})
    EXPECT_FALSE(positive_from(text, 10)) << text;
  EXPECT_EQ(command_id_from("0123456789abcdeffedcba9876543210"), (CommandId{0x0123456789abcdef, 0xfedcba9876543210}));
  for (const std::string_view text : {"", "0123456789abcdef", "0123456789abcdeffedcba987654321g",
                                      "0123456789ABCDEFfedcba9876543210", "0123456789abcdeffedcba98765432100"})
    EXPECT_FALSE(command_id_from(text)) << text;
}

}  // namespace
}  // namespace deskd::json
