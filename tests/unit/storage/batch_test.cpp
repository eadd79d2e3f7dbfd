#include "storage/batch.hpp"

#include <gtest/gtest.h>

namespace deskd {
namespace {

using std::chrono_literals::operator""ms;

constexpr Gathering::Limits limits{4, 1024, 5ms};

Record line(std::int64_t position, std::string_view text, DeskId desk = {1}, Epoch epoch = {1}) {
  record::Line said{};
  said.chat = {7};
  said.seq = {static_cast<std::uint32_t>(position)};
  said.person = "b";
  said.text = text;
  return {desk, epoch, {position}, said};
}

std::string text_of(const Record& record) { return std::string{std::get<record::Line>(record.body).text}; }

std::vector<std::int64_t> positions(const Batch& batch) {
  std::vector<std::int64_t> all;
  for (const Record& record : batch.records()) all.push_back(record.position.value);
  return all;
}

// Goal: the caller's text may go as soon as append() returns.
TEST(Gathering, CopiesText) {
  Gathering gathering{limits};
  std::string said{"您好"};
  gathering.append(std::vector{line(1, said)});
  said = "gone!!";
  EXPECT_EQ(text_of(gathering.take()->records()[0]), "您好");
}

// ... every text of a chat, also those that come late into the struct: the buyer's level was left behind.
TEST(Gathering, CopiesEveryTextOfAChat) {
  Gathering gathering{limits};
  std::string said{"before"};
  const std::string_view view{said};
  record::Chat chat{};
  chat.shop = chat.buyer = chat.level = chat.queue = chat.agent = chat.wanted = view;
  chat.skills = {view};
  gathering.append(std::vector{Record{{1}, {1}, {1}, chat}});
  said = "after!";
  const auto batch = gathering.take();
  const auto& kept = std::get<record::Chat>(batch->records()[0].body);
  for (const std::string_view text :
       {kept.shop, kept.buyer, kept.level, kept.queue, kept.agent, kept.wanted, kept.skills.at(0)})
    EXPECT_EQ(text, "before");
}

TEST(Gathering, NeverSplitsAStep) {
  Gathering gathering{limits};
  gathering.append(std::vector{line(1, "a"), line(2, "b"), line(3, "c")});
  gathering.append(std::vector{line(4, "d"), line(5, "e")});
  EXPECT_EQ(positions(*gathering.take()), (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(positions(*gathering.take()), (std::vector<std::int64_t>{4, 5}));
  EXPECT_EQ(gathering.take(), nullptr);
}

// A step larger than every bound still goes in, alone.
TEST(Gathering, TakesALargeStepWhole) {
  Gathering gathering{limits};
  const std::string long_text(5000, 'x');
  std::vector<Record> step;
  for (int i = 1; i <= 6; ++i) step.push_back(line(i, long_text));
  gathering.append(step);
  const auto batch = gathering.take();
  ASSERT_EQ(batch->records().size(), 6u);
  for (const Record& record : batch->records()) EXPECT_EQ(text_of(record), long_text);
}

// Goal: texts stay where they are while a batch fills, although they share one buffer.
TEST(Gathering, ManyTextsStayWhole) {
  Gathering gathering{{1000, 4096, 5ms}};
  for (int i = 1; i <= 500; ++i) gathering.append(std::vector{line(i, "text " + std::to_string(i))});
  int next{};
  while (const auto batch = gathering.take())
    for (const Record& record : batch->records()) EXPECT_EQ(text_of(record), "text " + std::to_string(++next));
  EXPECT_EQ(next, 500);
}

// A desk stands in one batch under one epoch, because the fence looks at a batch's epoch once.
TEST(Gathering, AnotherEpochBeginsAnotherBatch) {
  Gathering gathering{limits};
  gathering.append(std::vector{line(1, "a", {1}, {1})});
  gathering.append(std::vector{line(2, "b", {1}, {2})});
  EXPECT_EQ(gathering.batches(), 2u);
  EXPECT_EQ(gathering.take()->shares()[0].epoch, Epoch{1});
  EXPECT_EQ(gathering.take()->shares()[0].epoch, Epoch{2});
}

TEST(Gathering, DropsADeskUpToItsEpoch) {
  Gathering gathering{limits};
  gathering.append(std::vector{line(1, "a", {1}, {1})});
  gathering.append(std::vector{line(1, "b", {2}, {1})});
  gathering.append(std::vector{line(2, "c", {1}, {2})});
  gathering.drop({1}, {1});
  EXPECT_EQ(gathering.rows(), 2u);
  const auto first = gathering.take();
  ASSERT_EQ(first->records().size(), 1u);
  EXPECT_EQ(first->records()[0].desk, DeskId{2});
  EXPECT_EQ(text_of(first->records()[0]), "b");
  EXPECT_EQ(text_of(gathering.take()->records()[0]), "c");
  EXPECT_EQ(gathering.bytes(), 0u);
}

TEST(Gathering, CountsRowsAndBytes) {
  Gathering gathering{limits};
  std::size_t bytes{};
  for (int i = 1; i <= 9; ++i) {
    const Record record = line(i, "0123456789");
    bytes += bytes_of(record);
    gathering.append(std::vector{record});
  }
  EXPECT_EQ(gathering.rows(), 9u);
  EXPECT_EQ(gathering.bytes(), bytes);
  while (auto batch = gathering.take()) gathering.give_back(std::move(batch));
  EXPECT_EQ(gathering.rows(), 0u);
  EXPECT_EQ(gathering.bytes(), 0u);
}

// Goal: once warm, a batch is used again. Method: the same memory comes back.
TEST(Gathering, UsesABatchAgain) {
  Gathering gathering{limits};
  gathering.append(std::vector{line(1, "a")});
  auto batch = gathering.take();
  const Batch* address = batch.get();
  gathering.give_back(std::move(batch));
  gathering.append(std::vector{line(2, "b")});
  batch = gathering.take();
  EXPECT_EQ(batch.get(), address);
  EXPECT_EQ(text_of(batch->records()[0]), "b");
}

TEST(Gathering, AQuietDeskCommitsAtOnceAndABusyOneKeepsThePace) {
  Gathering gathering{limits};
  gathering.append(std::vector{line(1, "a")});
  EXPECT_EQ(gathering.wait(5ms), 0ms);
  EXPECT_EQ(gathering.wait(2ms), 3ms);
  for (int i = 2; i <= 5; ++i) gathering.append(std::vector{line(i, "a")});
  EXPECT_EQ(gathering.wait(2ms), 0ms);  // one batch is full
}

// A deed's body counts too, although it is not in the shared buffer.
TEST(Batch, CountsADeedsBody) {
  record::Order order;
  order.address = std::string(1000, 'a');
  const Record deed{{1}, {1}, {1}, record::Deed{{7}, {1}, {}, order}};
  EXPECT_GE(bytes_of(deed), sizeof(Record) + 1000);
}

}  // namespace
}  // namespace deskd
