// log.cpp - See log.hpp.
#include "server/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <string>

#include "protocol/json.hpp"

namespace deskd {
namespace {

static_assert([] {
  for (std::size_t i = 0; i < happened_table.size(); ++i)
    if (static_cast<std::size_t>(happened_table[i].what) != i) return false;
  return static_cast<std::size_t>(Happened::recording_failed) + 1 == happened_table.size();
}());

LogOptions options;

// Of each event: the minute in the upper half, the lines wanted in it in the lower. One number, so that threads agree
// without a lock.
std::array<std::atomic<std::uint64_t>, happened_table.size()> wanted;

struct Allowance {
  bool said{};
  std::uint64_t unsaid{};  // lines of the last minute that had any, when this one opens a new minute
};

Allowance allowance(const HappenedRow& row, std::int64_t wall_ms) {
  auto& mine = wanted[static_cast<std::size_t>(row.what)];
  const auto minute = static_cast<std::uint64_t>(wall_ms / 60'000) & std::numeric_limits<std::uint32_t>::max();
  std::uint64_t before = mine.load(std::memory_order_relaxed);
  while (true) {
    const std::uint64_t count = before & std::numeric_limits<std::uint32_t>::max();
    if (before >> 32 == minute) {
      if (count >= std::numeric_limits<std::uint32_t>::max()) return {};
      if (mine.compare_exchange_weak(before, before + 1, std::memory_order_relaxed))
        return {count < row.lines_per_minute, 0};
    } else if (mine.compare_exchange_weak(before, minute << 32 | 1, std::memory_order_relaxed)) {
      return {true, count > row.lines_per_minute ? count - row.lines_per_minute : 0};
    }
  }
}

bool is_name(std::string_view text) {
  constexpr std::string_view signs{"._-:/@[]+"};
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [&signs](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || signs.find(c) != signs.npos;
  });
}

struct Append {
  std::string& out;
  void operator()(std::int64_t number) const { json::append_number(out, number); }
  void operator()(std::uint64_t number) const { json::append_unsigned(out, number); }
  void operator()(bool yes) const { out += yes ? "true" : "false"; }
  void operator()(Name name) const { json::append_text(out, is_name(name.text) ? name.text : "?"); }
  void operator()(std::string_view word) const { json::append_text(out, word); }
  // As a string, like everywhere: readers of logs use JavaScript too.
  void operator()(ChatId chat) const { json::append_text(out, std::to_string(chat.value)); }
};

void write_stderr(std::string_view line) {
  // What cannot be said is lost: there is nobody to tell.
  while (!line.empty()) {
    const ssize_t size = ::write(STDERR_FILENO, line.data(), line.size());
    if (size < 0 && errno != EINTR) return;
    if (size > 0) line.remove_prefix(static_cast<std::size_t>(size));
  }
}

}  // namespace

void open_log(const LogOptions& chosen) {
  options = chosen;
  for (auto& each : wanted) each = 0;
}

void note(Happened what, std::initializer_list<LogField> fields) {
  const HappenedRow& row = happened_table[static_cast<std::size_t>(what)];
  if (options.wall_ms == nullptr || row.level < options.level) return;
  const std::int64_t now = options.wall_ms();
  const Allowance allowed = allowance(row, now);
  if (!allowed.said) return;
  std::string line{R"({"ts":)"};
  line.reserve(256);
  json::append_instant(line, instant_of(now));
  const auto key = [&line](std::string_view name) {
    line += ',';
    json::append_text(line, name);
    line += ':';
  };
  key("level");
  json::append_text(line, level_words[static_cast<std::size_t>(row.level)]);
  key("event");
  json::append_text(line, row.name);
  for (const LogField& field : fields) {
    key(field.key.text);
    std::visit(Append{line}, field.value);
  }
  if (allowed.unsaid > 0) {
    key("unsaid");
    json::append_unsigned(line, allowed.unsaid);
  }
  line += "}\n";
  (options.write != nullptr ? options.write : write_stderr)(line);
}

}  // namespace deskd
