// script.hpp - What the storage tests share: records of one desk in order, and ears for a writer's outcomes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "storage/recovery.hpp"
#include "storage/writer.hpp"
#include "tests/support/cluster.hpp"

namespace deskd::test {

// Longest that a test waits for something that must come. Nothing is measured by it.
inline constexpr std::chrono::seconds at_last{30};

// A chat opened in a week for which the tests make partitions.
inline constexpr std::int64_t day_ms{1'795'000'000'000};
constexpr ChatId chat_no(int n) { return {(day_ms << 16) + n}; }

// Numbers one desk's records. A line's text is copied and lives as long as the script.
class Script {
 public:
  explicit Script(const Taken& taken) : desk{taken.desk}, epoch{taken.epoch}, position{taken.position} {}

  Record record(record::Body body) {
    ++position.value;
    return {desk, epoch, position, std::move(body)};
  }
  Record line(ChatId chat, std::uint32_t seq, std::string_view text, Stream stream = Stream::main) {
    record::Line said{};
    said.chat = chat;
    said.stream = stream;
    said.seq = {seq};
    said.at = now();
    said.person = "buyer-1";
    said.id = {static_cast<std::uint64_t>(chat.value) * 2 + static_cast<unsigned>(stream), seq};
    said.text = texts_.emplace_back(text);
    return record(said);
  }
  Record fact(ChatId chat, FactKind kind) {
    record::Fact decided{};
    decided.chat = chat;
    decided.at = now();
    decided.kind = kind;
    decided.shop = "main";
    return record(decided);
  }
  Record missed(ChatId chat, ClockKind clock, std::int32_t ordinal) {
    record::Fact decided{};
    decided.chat = chat;
    decided.at = now();
    decided.kind = FactKind::missed;
    decided.clock = clock;
    decided.ordinal = ordinal;
    return record(decided);
  }
  Record chat(ChatId id, Place place, std::string_view buyer = "buyer-1") {
    record::Chat routed{};
    routed.chat = id;
    routed.shop = "main";
    routed.buyer = buyer;
    routed.place = place;
    routed.queue = "pre-sale";
    routed.opened = routed.queued = instant_of(day_ms);
    routed.placed = now();
    if (place == Place::closed) routed.closed = now();
    return record(routed);
  }
  Instant now() const { return instant_of(day_ms + position.value); }

  DeskId desk;
  Epoch epoch;
  Position position;

 private:
  std::list<std::string> texts_;
};

// Hears outcomes on the writer's threads and lets a test wait for them.
class Ears {
 public:
  std::function<void(const Outcome&)> tell() {
    return [this](const Outcome& outcome) {
      std::lock_guard lock{mutex_};
      all_.push_back(outcome);
      if (const auto* durable = std::get_if<outcome::Durable>(&outcome)) {
        in_order_ = in_order_ && durable->position > durable_[durable->desk];
        durable_[durable->desk] = durable->position;
      }
      heard_.notify_all();
    };
  }
  bool durable(const Script& script) { return durable(script.desk, script.position); }
  bool durable(DeskId desk, Position position) {
    std::unique_lock lock{mutex_};
    return heard_.wait_for(lock, at_last, [&] { return durable_[desk] >= position; });
  }
  // Waits for one of this kind that fits.
  template <class Kind>
  bool hears(const std::function<bool(const Kind&)>& fits = [](const Kind&) { return true; }) {
    std::unique_lock lock{mutex_};
    return heard_.wait_for(lock, at_last, [&] {
      for (const Outcome& each : all_)
        if (const auto* kind = std::get_if<Kind>(&each); kind && fits(*kind)) return true;
      return false;
    });
  }
  template <class Kind>
  std::vector<Kind> all() {
    std::lock_guard lock{mutex_};
    std::vector<Kind> found;
    for (const Outcome& each : all_)
      if (const auto* kind = std::get_if<Kind>(&each)) found.push_back(*kind);
    return found;
  }
  Position durable_of(DeskId desk) {
    std::lock_guard lock{mutex_};
    return durable_[desk];
  }
  bool in_order() {
    std::lock_guard lock{mutex_};
    return in_order_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable heard_;
  std::vector<Outcome> all_;
  std::map<DeskId, Position> durable_;
  bool in_order_{true};
};

// Asks until the first answer is `wanted`. False when it never is.
inline bool comes_to(const std::string& connection, const std::string& sql, const std::string& wanted) {
  const auto end = std::chrono::steady_clock::now() + at_last;
  while (std::chrono::steady_clock::now() < end)
    if (const auto answer = ask(connection, sql); !answer.empty() && answer[0] == wanted) return true;
  return false;
}

}  // namespace deskd::test
