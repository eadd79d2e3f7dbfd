// crowd: plays a shop's day against a real server, keeps its own book, and asks the database whether the server kept its.
//
//      buyers ──┐                       ┌── agents
//               ├── one thread, epoll ──┤                ──> deskd ──> PostgreSQL
//      diary <──┘                       └──> report (JSON)              │
//        └───────────────────── SQL that must find nothing <────────────┘
//
// The day is compressed by --pace: people think that much faster, and the policy (which crowd writes itself, --policy) has
// its times divided by the same number; nothing else is different. --overload N is the peak instead of a day: buyers arrive
// at N times the rate that the agents can seat, and everybody must end seated, told and choosing, or with a left message.
//
// Exit code 0: every check held. 1: one did not. 2: it could not play.
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "bench/crowd/agent.hpp"
#include "bench/crowd/buyer.hpp"
#include "bench/wire/shop.hpp"
#include "bench/wire/usage.hpp"

namespace {

using namespace deskd;

constexpr Nanos second = 1'000'000'000;
// What a chat takes from a seat to its end, in seconds of the day: about five rounds of two human pauses.
constexpr double chat_s = 115;

constexpr const char* help =
    R"(crowd --port N --secret FILE [--buyers N] [--agents N] [--capacity N] [--queues N] [--seconds S] [--pace F] [--seed N]
      [--overload X] [--database CONNECTION] [--report FILE] [--log FILE] [--server PID]
crowd --policy FILE --secret FILE [--agents N] [--capacity N] [--queues N] [--pace F] [--quiet-weight 0|1]
)";

struct Options : DayOptions {
  pid_t server{};
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (i + 1 >= argc) {
      std::fputs(help, stderr);
      std::exit(2);
    }
    const char* value = argv[++i];
    const auto number = static_cast<std::uint32_t>(std::strtoul(value, nullptr, 10));
    if (name == "--port") options.port = static_cast<std::uint16_t>(number);
    else if (name == "--buyers") options.buyers = number;
    else if (name == "--agents") options.agents = number;
    else if (name == "--capacity") options.capacity = number;
    else if (name == "--queues") options.queues = number;
    else if (name == "--seconds") options.seconds = std::atof(value);
    else if (name == "--pace") options.pace = std::atof(value);
    else if (name == "--seed") options.seed = std::strtoull(value, nullptr, 10);
    else if (name == "--overload") options.overload = std::atof(value);
    else if (name == "--quiet-weight") options.quiet_weight = static_cast<int>(number);
    else if (name == "--offered-share") options.offered_share = std::atof(value);
    else if (name == "--secret") options.secret = value;
    else if (name == "--policy") options.policy = value;
    else if (name == "--database") options.database = value;
    else if (name == "--report") options.report = value;
    else if (name == "--log") options.log = value;
    else if (name == "--server") options.server = static_cast<pid_t>(number);
    else {
      std::fputs(help, stderr);
      std::exit(2);
    }
  }
  return options;
}

struct Shop {
  explicit Shop(const Options& wanted) : day{wanted} {}

  Day day;
  std::vector<std::unique_ptr<Agent>> agents;
  std::vector<std::unique_ptr<Buyer>> buyers;

  void sample();
  void plan_day();
  void plan_peak();
  void arrive_at_random(double rate);
};

void Shop::sample() {
  Day::Row row;
  row.at_s = day.elapsed_s();
  if (!day.rows.empty()) {
    Day::Row& last = day.rows.back();
    for (const auto& buyer : buyers) {
      last.online += buyer->online;
      last.waiting += buyer->wait() == Buyer::Wait::waiting && buyer->online;
      last.left += buyer->wait() == Buyer::Wait::left;
      if (buyer->online) last.wait_max_s = std::max(last.wait_max_s, buyer->waited_s());
      buyer->check_told();
    }
    for (const auto& agent : agents) last.held += static_cast<std::int64_t>(agent->held());
    last.lines = static_cast<std::int64_t>(day.diary.lines_said());
  }
  day.rows.push_back(row);
  day.in_real(1, [this] { sample(); });
}

// A day: a slow start, a busy middle, two bursts when a campaign begins, and one moment when a carrier hiccups and a third
// of all lines are lost at once.
void Shop::plan_day() {
  const double length = day.options.seconds;
  for (std::uint32_t n = 0; n < day.options.buyers; ++n) {
    buyers.push_back(std::make_unique<Buyer>(day, n, true));
    double at = 0;
    if (n % 12 == 0) {
      at = length * (n % 24 ? 0.3 : 0.65) + day.exponential(1);
    } else {
      do at = length * 0.8 * day.below(1'000'000) / 1e6;
      while (!day.chance(0.25 + 0.75 * std::sin(3.1416 * at / (length * 0.8))));
    }
    day.in_real(at, [this, buyer = buyers.back().get()] {
      ++day.rows.back().arrivals;
      buyer->arrive();
    });
  }
  day.in_real(length * 0.5, [this] {
    for (const auto& buyer : buyers)
      if (buyer->online && day.chance(0.33)) {
        day.diary.count("lines lost in one moment");
        buyer->drop(day.exponential(0.5));
      }
  });
}

void Shop::arrive_at_random(double rate) {
  day.in_real(day.exponential(1 / rate), [this, rate] {
    if (day.ending) return;
    buyers.push_back(std::make_unique<Buyer>(day, buyers.size(), false));
    ++day.rows.back().arrivals;
    buyers.back()->arrive();
    arrive_at_random(rate);
  });
}

void Shop::plan_peak() {
  const double places = day.options.agents * static_cast<double>(day.options.capacity);
  arrive_at_random(day.options.overload * places / (chat_s / day.options.pace));
}

std::string quoted(std::string_view text) {
  std::string out{'"'};
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + '"';
}

template <class Map>
std::string object_of(const Map& map) {
  std::string out{'{'};
  for (const auto& [name, count] : map) out += (out.size() > 1 ? "," : "") + quoted(name) + ':' + std::to_string(count);
  return out + '}';
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  ::signal(SIGPIPE, SIG_IGN);
  if (options.secret.empty()) {
    std::fputs(help, stderr);
    return 2;
  }
  if (!options.policy.empty())
    return bench_shop::write_policy(options.policy, options.secret,
                                    {.agents = options.agents,
                                     .capacity = options.capacity,
                                     .queues = options.queues,
                                     .pace = options.pace,
                                     .quiet_weight = options.quiet_weight,
                                     .offered_share = options.offered_share})
               ? 0
               : 2;

  Shop shop{options};
  Day& day = shop.day;
  const auto person_of = [](Link& link) -> Person& {
    return *reinterpret_cast<Person*>(static_cast<std::uintptr_t>(link.tag));
  };
  day.loop.on_open = [&](Link& link) { person_of(link).opened(); };
  day.loop.on_text = [&](Link& link, std::string_view text) { person_of(link).hear_frame(text); };
  day.loop.on_gone = [&](Link& link, std::uint16_t code) { person_of(link).gone(code); };
  shop.sample();
  for (std::uint32_t n = 0; n < options.agents; ++n) {
    shop.agents.push_back(std::make_unique<Agent>(day, n));
    day.in_real(n * 0.005, [agent = shop.agents.back().get()] { agent->begin(); });
  }
  const auto agents_online = [&] {
    return static_cast<std::size_t>(
        std::count_if(shop.agents.begin(), shop.agents.end(), [](const auto& agent) { return agent->online; }));
  };
  day.run_until(steady_nanos() + 30 * second, [&] { return agents_online() * 10 >= shop.agents.size() * 9; });
  if (agents_online() * 10 < shop.agents.size() * 9) {
    std::fprintf(stderr, "crowd: only %zu of %zu agents could sign in\n", agents_online(), shop.agents.size());
    return 2;
  }

  options.overload > 0 ? shop.plan_peak() : shop.plan_day();
  const Usage server_before = options.server ? usage_of(options.server) : Usage{};
  const Nanos began = steady_nanos();
  Nanos told = began;
  day.run_until(began + static_cast<Nanos>(options.seconds * 1e9), [&] {
    if (day.now() - told >= 10 * second) {
      told = day.now();
      std::size_t online = 0, waiting = 0;
      for (const auto& buyer : shop.buyers) online += buyer->online, waiting += buyer->wait() == Buyer::Wait::waiting;
      std::fprintf(
          stderr,
          "crowd: %.0f of %.0f s, %zu buyers here, %zu waiting, %zu lines said, %zu stored, %zu kinds of wrong\n",
          static_cast<double>(day.now() - began) / 1e9, options.seconds, online, waiting, day.diary.lines_said(),
          day.diary.lines_stored(), day.diary.wrongs().size());
    }
    return false;
  });
  const double played_s = static_cast<double>(steady_nanos() - began) / 1e9;
  const Usage server_after = options.server ? usage_of(options.server) : Usage{};

  std::uint64_t seated = 0, arrivals = 0, waiting = 0;
  for (const Day::Row& row : day.rows)
    seated += static_cast<std::uint64_t>(row.seated), arrivals += static_cast<std::uint64_t>(row.arrivals);
  for (const auto& buyer : shop.buyers) {
    buyer->check_told();
    if (buyer->wait() == Buyer::Wait::waiting && buyer->online) ++waiting;
  }
  day.ending = true;
  // Who is away comes back now: what became of their commands is asked of them below.
  for (const auto& buyer : shop.buyers)
    if (buyer->wanted) buyer->connect();
  for (const auto& agent : shop.agents)
    if (agent->wanted) agent->connect();
  const auto settled = [&] {
    const auto idle = [](const auto& person) { return person->settled(); };
    return std::all_of(shop.buyers.begin(), shop.buyers.end(), idle) &&
           std::all_of(shop.agents.begin(), shop.agents.end(), idle);
  };
  day.run_until(steady_nanos() + 30 * second, settled);
  for (const auto& buyer : shop.buyers)
    if (!buyer->settled()) day.diary.wrong("a command that was never answered or stored", buyer->unsettled());
  for (const auto& agent : shop.agents)
    if (!agent->settled()) day.diary.wrong("a command that was never answered or stored", agent->unsettled());
  for (const auto& buyer : shop.buyers) buyer->leave();
  for (const auto& agent : shop.agents) agent->leave();
  if (!options.log.empty()) day.diary.write(options.log);

  std::vector<Diary::Finding> findings;
  if (!options.database.empty()) {
    try {
      findings = day.diary.check(options.database, day.run);
    } catch (const std::exception& error) { day.diary.wrong("the database could not be asked", error.what()); }
  }
  bool held = day.diary.wrongs().empty();
  for (const Diary::Finding& finding : findings) held = held && finding.rows == 0;

  const double server_pct = 100 * (server_after.total_s() - server_before.total_s()) / played_s;
  std::printf("%" PRIu64 " arrivals, %" PRIu64 " seated, %" PRIu64
              " waiting at the end; %zu lines said, %zu called stored; wait p50 %.0f s p99 %.0f s of the day\n",
              arrivals, seated, waiting, day.diary.lines_said(), day.diary.lines_stored(),
              day.waits.quantile_us(0.5) / 1e6, day.waits.quantile_us(0.99) / 1e6);
  std::printf("line p50 %.2f ms p99 %.2f ms; stored p50 %.2f ms p99 %.2f ms; server %.1f %% of a core\n",
              day.diary.line_latency.quantile_us(0.5) / 1e3, day.diary.line_latency.quantile_us(0.99) / 1e3,
              day.diary.stored_latency.quantile_us(0.5) / 1e3, day.diary.stored_latency.quantile_us(0.99) / 1e3,
              server_pct);
  for (const auto& [what, count] : day.diary.counts()) std::printf("  %s: %" PRIu64 "\n", what.c_str(), count);
  for (const auto& [what, count] : day.diary.wrongs()) std::printf("  WRONG %s: %" PRIu64 "\n", what.c_str(), count);
  for (const Diary::Finding& finding : findings)
    std::printf("  %s %s%s%s\n", finding.rows ? "FOUND" : "none:", finding.question.c_str(),
                finding.rows ? (" x " + std::to_string(finding.rows) + ", such as ").c_str() : "",
                finding.first.c_str());
  std::printf("crowd: %s\n",
              held ? options.database.empty() ? "what clients can see held; the database was not asked" : "held"
                   : "DID NOT HOLD");

  if (!options.report.empty()) {
    std::ofstream out{options.report};
    out << "{\"held\":" << (held ? "true" : "false") << ",\"seconds\":" << played_s << ",\"pace\":" << options.pace
        << ",\"agents\":" << options.agents << ",\"capacity\":" << options.capacity
        << ",\"quiet_weight\":" << options.quiet_weight << ",\"overload\":" << options.overload
        << ",\"buyers\":" << shop.buyers.size() << ",\"arrivals\":" << arrivals << ",\"seated\":" << seated
        << ",\"waiting_at_end\":" << waiting << ",\"lines_said\":" << day.diary.lines_said()
        << ",\"lines_stored\":" << day.diary.lines_stored() << ",\"server_cpu_pct\":" << server_pct
        << ",\"server_resident\":" << server_after.resident_bytes << ",\"counts\":" << object_of(day.diary.counts())
        << ",\"wrongs\":" << object_of(day.diary.wrongs()) << ",\"findings\":[";
    for (std::size_t i = 0; i < findings.size(); ++i)
      out << (i ? "," : "") << "{\"question\":" << quoted(findings[i].question) << ",\"rows\":" << findings[i].rows
          << '}';
    out << "],\"line_us\":" << day.diary.line_latency.json() << ",\"stored_us\":" << day.diary.stored_latency.json()
        << ",\"waits_us\":" << day.waits.json() << ",\"waits_in_vain_us\":" << day.waits_in_vain.json()
        << ",\"rows\":[";
    for (std::size_t i = 0; i < day.rows.size(); ++i) {
      const Day::Row& row = day.rows[i];
      out << (i ? "," : "") << "{\"at\":" << row.at_s << ",\"waiting\":" << row.waiting << ",\"held\":" << row.held
          << ",\"left\":" << row.left << ",\"online\":" << row.online << ",\"arrivals\":" << row.arrivals
          << ",\"seated\":" << row.seated << ",\"told\":" << row.told << ",\"lines\":" << row.lines
          << ",\"wait_max_s\":" << row.wait_max_s
          << ",\"wait_mean_s\":" << (row.seated ? row.seated_wait_s / static_cast<double>(row.seated) : 0) << '}';
    }
    out << "]}\n";
  }
  return held ? 0 : 1;
}
