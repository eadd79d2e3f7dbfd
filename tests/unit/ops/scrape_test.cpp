// scrape_test.cpp - Goal: every number that is counted is shown, under one name, in Prometheus' text, and no client can
// make that text grow.
#include "server/ops/scrape.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <set>
#include <sstream>
#include <string>

#include "server/ops/desk_rows.hpp"

namespace deskd {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    if (!line.starts_with('#')) lines.push_back(line);
  return lines;
}

// Method: the struct is nothing but counters, so give each of them a number of its own and look for it. A counter that
// was added without its row is found missing.
TEST(DeskRows, ShowEveryCounterOnce) {
  constexpr std::size_t count = sizeof(Counters) / sizeof(Counters::Count);
  std::array<Counters::Count, count> numbers{};
  for (std::size_t i = 0; i < count; ++i) numbers[i] = 1000 + i;
  const auto counters = std::bit_cast<Counters>(numbers);
  Scrape scrape;
  scrape.add(counter_rows(), counters);
  std::multiset<std::string> values;
  for (const std::string& line : lines_of(scrape.text())) values.insert(line.substr(line.rfind(' ') + 1));
  EXPECT_EQ(values.size(), count);
  for (const Counters::Count number : numbers) EXPECT_EQ(values.count(std::to_string(number)), 1U) << number - 1000;
}

TEST(DeskRows, AreNamedAsTheFieldDoes) {
  const auto check = [](const auto& row) {
    EXPECT_TRUE(row.name.starts_with("deskd_")) << row.name;
    EXPECT_EQ(row.name.ends_with("_total"), row.type == MetricType::counter) << row.name;
    EXPECT_EQ(row.name.find("_ms"), std::string_view::npos) << row.name;
    EXPECT_TRUE(row.help.ends_with('.')) << row.name;
  };
  for (const auto& row : counter_rows()) check(row);
  for (const auto& row : figure_rows()) check(row);
  for (const auto& row : queue_rows()) check(row);
}

TEST(DeskRows, CarryTheDeskAndTheQueue) {
  Counters counters;
  counters.missed_breach = 4;
  Waited waited;
  waited.first_response.observe(7000);
  const std::array queues{tell::QueueFigures{"presale", 7, 1, 2, 12'500}};
  tell::Figures figures;
  figures.surge = true;
  figures.queues = queues;
  Scrape scrape;
  add_desk(scrape, "demo", counters, waited, figures);
  const std::string text = scrape.text();
  for (const std::string_view line :
       {"deskd_missed_total{desk=\"demo\",step=\"breach\"} 4\n", "deskd_surge{desk=\"demo\"} 1\n",
        "deskd_queue_waiting{desk=\"demo\",queue=\"presale\"} 7\n",
        "deskd_queue_oldest_wait_seconds{desk=\"demo\",queue=\"presale\"} 12.5\n",
        "# TYPE deskd_missed_total counter\n",
        "deskd_reply_seconds_bucket{desk=\"demo\",clock=\"first_response\",le=\"10\"} 1\n",
        "deskd_queue_wait_seconds_count{desk=\"demo\",end=\"held\"} 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
}

TEST(Scrape, AddsUpWhatComesFromSeveralThreads) {
  const std::array shard{Label{"shard", "0"}};
  Scrape one;
  one.add("deskd_a_total", MetricType::counter, "A.", 3, shard);
  Waits waits;
  waits.observe(900);
  one.add("deskd_b_seconds", "B.", waits);
  Scrape two;
  two.add("deskd_a_total", MetricType::counter, "A.", 4, shard);
  two.add("deskd_a_total", MetricType::counter, "A.", 5);
  two.add("deskd_b_seconds", "B.", waits);
  one.add(two);
  const std::string text = one.text();
  EXPECT_NE(text.find("deskd_a_total{shard=\"0\"} 7\n"), std::string::npos);
  EXPECT_NE(text.find("deskd_a_total 5\n"), std::string::npos);
  EXPECT_NE(text.find("deskd_b_seconds_count 2\n"), std::string::npos);
  EXPECT_EQ(text.find("# TYPE deskd_a_total"), text.rfind("# TYPE deskd_a_total")) << "a name stands once";
  EXPECT_EQ(Scrape{}.text(), "");
}

// A bound belongs to its bucket, one millisecond more to the next; what is above all bounds is still counted.
TEST(Scrape, HistogramsAreCumulative) {
  Waits waits;
  for (const std::int64_t ms : {0, 5000, 5001, 180'000, 1'800'001}) waits.observe(ms);
  Scrape scrape;
  scrape.add("deskd_wait_seconds", "How long.", waits);
  const std::string text = scrape.text();
  for (const std::string_view line :
       {"_bucket{le=\"5\"} 2\n", "_bucket{le=\"10\"} 3\n", "_bucket{le=\"100\"} 3\n", "_bucket{le=\"180\"} 4\n",
        "_bucket{le=\"+Inf\"} 5\n", "_count 5\n", "_sum 1990.002\n", "# TYPE deskd_wait_seconds histogram\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

// Five times as many desks as have series of their own: the text stays bounded and no count is lost.
TEST(Scrape, ManyDesksAreOneBeyondTheirBound) {
  Scrape scrape;
  const std::array queues{tell::QueueFigures{"q", 1, 0, 0, 0}};
  tell::Figures figures;
  figures.queues = queues;
  Counters counters;
  counters.lines = 1;
  const Waited waited;
  for (std::size_t i = 0; i < 5 * desks_labelled_max; ++i)
    add_desk(scrape, "desk" + std::to_string(i), counters, waited, figures);
  std::size_t series = 0;
  std::size_t sum = 0;
  for (const std::string& line : lines_of(scrape.text()))
    if (line.starts_with("deskd_lines_total{")) {
      ++series;
      sum += static_cast<std::size_t>(std::stoul(line.substr(line.rfind(' '))));
    }
  EXPECT_EQ(series, desks_labelled_max + 1);
  EXPECT_EQ(sum, 5 * desks_labelled_max);
  EXPECT_EQ(scrape.text().find("desk=\"other\",queue="), std::string::npos);
}

}  // namespace
}  // namespace deskd
