// admin_codec_test.cpp - Goal: what one end of the admin API writes the other end reads, and what nobody meant is
// refused.
#include "protocol/admin_codec.hpp"

#include <gtest/gtest.h>

namespace deskd::admin {
namespace {

TEST(AdminCodec, ReadsWhoIsToBeRevoked) {
  EXPECT_EQ(std::get<Revocation>(read_revocation(R"({"role":"buyer","shop":"tea","person":"b\"1"})")),
            (Revocation{Role::buyer, "tea", "b\"1"}));
  EXPECT_EQ(std::get<Revocation>(read_revocation(R"({"role":"agent","person":"07"})")),
            (Revocation{Role::agent, "", "07"}));
}

TEST(AdminCodec, RefusesWhatNobodyMeant) {
  const auto wrong = [](std::string_view json) {
    const auto read = read_revocation(json);
    return std::holds_alternative<std::string>(read) ? std::get<std::string>(read) : "";
  };
  for (const std::string_view json :
       {"", "[]", "{}", R"({"role":"agent"})", R"({"role":"root","person":"07"})", R"({"role":"agent","person":""})",
        R"({"role":"buyer","person":"b1"})", R"({"role":"agent","person":"07","shop":"tea"})",
        R"({"role":"agent","person":"07","x":1})", R"({"role":"agent","person":"07"} {})",
        R"({"role":"agent","person":"a\u0000"})", R"({"role":"agent","person":"07","person":"08"})"})
    EXPECT_NE(wrong(json), "") << json;
  EXPECT_EQ(wrong("{\"role\":\"agent\",\"person\":\"" + std::string(5000, 'x') + "\"}"), "the body is too long");
}

TEST(AdminCodec, ARefusalComesBackAsASentence) {
  EXPECT_EQ(refusal("in_use", "queue \"a\""), R"({"error":"in_use","message":"queue \"a\""})");
  EXPECT_EQ(read_refusal(refusal("in_use", "queue \"a\"\nand b")), "in_use: queue \"a\"\nand b");
  EXPECT_EQ(read_refusal(refusal("in_use", "")), "in_use");
  for (const std::string_view other : {"", "<html>", "{}", "[]", R"({"error":1})"}) EXPECT_EQ(read_refusal(other), "");
}

}  // namespace
}  // namespace deskd::admin
