// recovery.cpp - How long a start takes: taking a desk with 10,000 open chats, beside the closed ones of some weeks.
//
// It makes a private PostgreSQL cluster of its own and fills it through the writer, so the tables are as they would be.
#include "storage/recovery.hpp"

#include <benchmark/benchmark.h>

#include "storage/migrate.hpp"
#include "storage/writer.hpp"
#include "tests/support/cluster.hpp"

namespace deskd {
namespace {

constexpr int open_chats{10'000};
constexpr int closed_chats{40'000};
constexpr std::uint32_t lines_each{10};
constexpr std::int64_t week_ms{7 * 86'400'000};
constexpr std::int64_t now_ms{1'795'000'000'000};
constexpr std::string_view words{
    "您好,请问这件衣服有现货吗?What about the blue one in size M, and when will it arrive?"};

// Closed chats of four weeks, and open ones of today; one in ten has missed a step and holds a deed.
std::string fill(test::Cluster& cluster) {
  const std::string connection = cluster.connection(cluster.make_database());
  for (std::int64_t weeks = 3; weeks >= 0; --weeks) make_partitions(connection, instant_of(now_ms - weeks * week_ms));
  const Taken taken = take_desk(connection, "desk");
  Writer writer{{.connection = connection}, [](const Outcome&) {}};
  Position position{taken.position};
  const auto numbered = [&](record::Body body) {
    ++position.value;
    return Record{taken.desk, taken.epoch, position, std::move(body)};
  };
  for (int n = 0; n < closed_chats + open_chats; ++n) {
    const bool open = n >= closed_chats;
    const std::int64_t opened = open ? now_ms - n : now_ms - 4 * week_ms + 4 * week_ms / closed_chats * n;
    record::Chat chat{};
    chat.chat = {(opened << 16) + n % 65536};
    chat.shop = "main";
    chat.buyer = "buyer";
    chat.place = open ? Place::held : Place::closed;
    chat.queue = "pre-sale";
    chat.agent = "07";
    chat.opened = chat.queued = chat.placed = instant_of(opened);
    std::vector<Record> step{numbered(chat)};
    for (std::uint32_t seq = 1; seq <= lines_each; ++seq) {
      record::Line line{};
      line.chat = chat.chat;
      line.seq = {seq};
      line.at = instant_of(opened + seq);
      line.person = "buyer";
      line.id = {static_cast<std::uint64_t>(chat.chat.value), seq};
      line.text = words;
      step.push_back(numbered(line));
    }
    if (n % 10 == 0) {
      step.push_back(numbered(record::Deed{chat.chat, {lines_each}, instant_of(opened), record::Rating{5, "good"}}));
      record::Fact missed{};
      missed.chat = chat.chat;
      missed.at = instant_of(opened);
      missed.kind = FactKind::missed;
      missed.ordinal = 1;
      step.push_back(numbered(missed));
    }
    writer.append(step);
  }
  writer.drain(std::chrono::minutes{5});
  return connection;
}

void BM_TakeAndReadTenThousandOpenChats(benchmark::State& state) {
  test::Cluster cluster;
  const std::string connection = fill(cluster);
  std::size_t lines{};
  for (auto _ : state) {
    const Taken taken = take_desk(connection, "desk");
    const Open open = read_open(connection, taken.desk, taken.newest - Duration{600'000});
    if (open.chats.size() < open_chats) state.SkipWithError("chats are missing");
    lines = 0;
    for (const stored::Chat& chat : open.chats) lines += chat.lines.size();
  }
  state.counters["lines"] = static_cast<double>(lines);
}
BENCHMARK(BM_TakeAndReadTenThousandOpenChats)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(5);

}  // namespace
}  // namespace deskd
