#include "storage/deed_json.hpp"

#include <gtest/gtest.h>

namespace deskd {
namespace {

record::Order order() {
  return {"A-1001",
          {{"大衣", "M", "藏青", 2}, {"scarf \"wool\"", "", "red\\blue", 1}},
          "上海市徐汇区\n1号楼 😀",
          "张三",
          "13800138000",
          "gift\tcard",
          "7 days",
          instant_of(1'795'000'000'123),
          3};
}

TEST(DeedJson, EveryFieldComesBack) {
  const record::OrderAnswer answer{{12}, 3, false, {{"items[0].quantity", "3"}, {"address", "北京"}}};
  const record::Rating rating{5, "很好 \"thanks\""};
  EXPECT_EQ(deed_from_json(LineKind::order, deed_to_json(order())), stored::DeedBody{order()});
  EXPECT_EQ(deed_from_json(LineKind::order_answer, deed_to_json(answer)), stored::DeedBody{answer});
  EXPECT_EQ(deed_from_json(LineKind::rating, deed_to_json(rating)), stored::DeedBody{rating});
}

TEST(DeedJson, KindsMatchBodies) {
  EXPECT_EQ(kind_of(order()), LineKind::order);
  EXPECT_EQ(kind_of(record::OrderAnswer{}), LineKind::order_answer);
  EXPECT_EQ(kind_of(record::Rating{}), LineKind::rating);
}

// An older row lacks what was added later.
TEST(DeedJson, AnAbsentFieldHasItsDefault) {
  EXPECT_EQ(deed_from_json(LineKind::rating, "{\"score\": 4}"), (stored::DeedBody{record::Rating{4, ""}}));
}

TEST(DeedJson, RefusesWhatIsNoDeed) {
  EXPECT_THROW(deed_from_json(LineKind::order, "[1]"), std::invalid_argument);
  EXPECT_THROW(deed_from_json(LineKind::order, "{"), std::invalid_argument);
  EXPECT_THROW(deed_from_json(LineKind::words, "{}"), std::invalid_argument);
}

}  // namespace
}  // namespace deskd
