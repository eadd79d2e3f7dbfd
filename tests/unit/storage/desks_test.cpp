#include "storage/desks.hpp"

#include <gtest/gtest.h>

#include "tests/unit/storage/script.hpp"

namespace deskd {
namespace {

using namespace test;

TEST(Desks, AreNamedInTheirOrder) {
  Cluster& cluster = Cluster::shared();
  const std::string connection = cluster.connection(cluster.make_database());
  EXPECT_TRUE(desk_names(connection).empty());
  take_desk(connection, "tea");
  take_desk(connection, "cup");
  EXPECT_EQ(desk_names(connection), (std::vector<std::string>{"tea", "cup"}));
}

// Goal: what was decided about a chat can be read long after the desk forgot it, and another desk's chat is not it.
TEST(Desks, SayWhatWasDecided) {
  Cluster& cluster = Cluster::shared();
  const std::string connection = cluster.connection(cluster.make_database());
  Script script{take_desk(connection, "desk")};
  Script other{take_desk(connection, "other")};
  Ears ears;
  {
    Writer writer{{.connection = connection}, ears.tell()};
    const Record opened = script.fact(chat_no(1), FactKind::opened);
    Record assigned = script.fact(chat_no(1), FactKind::assigned);
    auto& fact = std::get<record::Fact>(assigned.body);
    fact.agent = "07";
    fact.queue = "sales";
    fact.number = 1200;
    fact.detail = R"({"rule":1})";
    const Record missed = script.missed(chat_no(1), ClockKind::queue_wait, 2);
    Record closed = script.fact(chat_no(1), FactKind::closed);
    std::get<record::Fact>(closed.body).reason = Reason::idle;
    writer.append(std::vector{opened, assigned, missed, closed, script.fact(chat_no(2), FactKind::opened),
                              other.fact(chat_no(1), FactKind::queued)});
    ASSERT_TRUE(writer.drain(at_last));
  }
  const std::vector<std::string> lines = read_decisions(connection, "desk", chat_no(1));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_TRUE(lines[0].ends_with(" opened")) << lines[0];
  EXPECT_TRUE(lines[1].ends_with(R"( assigned by 07 in sales 1200 {"rule":1})")) << lines[1];
  EXPECT_TRUE(lines[2].ends_with(" missed queue_wait step 2")) << lines[2];
  EXPECT_TRUE(lines[3].ends_with(" closed (idle)")) << lines[3];
  EXPECT_TRUE(read_decisions(connection, "desk", chat_no(3)).empty());
}

}  // namespace
}  // namespace deskd
