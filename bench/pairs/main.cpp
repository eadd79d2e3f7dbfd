// pairs: pairs of people who talk as fast as they are let, against the floor, the rival or deskd.
//
//        buyer ── line n ──> server ──> agent
//        buyer <── server <── line n ── agent          W lines of each pair are under way, for ever
//
// Closed loop: whoever receives a line answers it with one of 155 bytes, half of them Chinese, one send() a line; with
// --bunch the answers to all that one recv() brought share a send(). Open loop (--rate): lines leave by the clock, W of
// a voice at a time as they come in a closed loop, and nobody answers; latency counts from the moment that a line was
// due. Every line is checked: its number must follow the one before it in its direction, and at the end everything sent
// must have come and been acknowledged.
//
// One thread; meant for a core of its own beside the server's. In the closed loop it looks for answers and never sleeps,
// because a sender pays for waking whoever sleeps on another core; with --naps it sleeps while there are none. The report
// is one JSON object on stdout.
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bench/wire/link.hpp"
#include "bench/wire/samples.hpp"
#include "bench/wire/shop.hpp"
#include "bench/wire/usage.hpp"

namespace {

using namespace deskd;

constexpr std::size_t line_bytes = 155;
constexpr Nanos second = 1'000'000'000;
// Dials under way at a time: enough to be quick, and no listen queue overflows.
constexpr std::size_t dials_max = 200;

enum class Dialect { floor, rival, deskd };

struct Options {
  Dialect dialect{Dialect::floor};
  std::uint16_t port{};
  std::uint32_t pairs{100};
  std::uint32_t window{1};
  double seconds{5};
  double warmup{2};
  double rate{0};  // lines a second of all pairs together; 0: closed loop
  bool bunch{};
  bool naps{};
  bool acks{true};  // false: the server sends none
  pid_t server{};
  pid_t database{};
  std::string counts;  // the hook's file
  std::string secret;  // the shop's secret file
  std::string policy;  // write the policy here and leave
  std::uint32_t agents{};
  std::uint32_t capacity{1};
  std::uint32_t idle_from{};
  std::uint32_t idle_to{};
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "pairs: %s\n", what.c_str());
  std::exit(1);
}

// The value of a top-level field, without quotes. Both ends are ours: no spaces, and no such text inside of another value.
std::string_view field(std::string_view json, std::string_view name) {
  char key[32];
  key[0] = '"';
  name.copy(key + 1, name.size());
  key[name.size() + 1] = '"';
  key[name.size() + 2] = ':';
  const std::string_view wanted{key, name.size() + 3};
  const std::size_t at = json.find(wanted);
  if (at == std::string_view::npos) return {};
  std::string_view rest = json.substr(at + wanted.size());
  if (!rest.empty() && rest[0] == '"') {
    rest.remove_prefix(1);
    return rest.substr(0, rest.find('"'));
  }
  return rest.substr(0, rest.find_first_of(",}]"));
}

std::string_view type_of(std::string_view json) {
  constexpr std::string_view head = R"({"type":")";
  if (json.starts_with(head)) {
    json.remove_prefix(head.size());
    return json.substr(0, json.find('"'));
  }
  return field(json, "type");
}

// One who talks: what is said, with the places in it where the numbers go.
struct Voice {
  Link link;
  std::string line[2];       // ASCII and Chinese
  std::size_t id_at{};       // the id: 8 hex digits of the line's number, 8 of whose it is, 16 of chance
  std::size_t text_at{};     // side and 8 digits, in the text
  std::uint32_t next{};      // number of the next line
  std::uint32_t expected{};  // number of the next line of the other side
  std::uint32_t acked{};
  std::vector<Nanos> sent;  // by number, a ring
  Voice* other{};
  std::string chat;
  char side{};
  bool ready{};
};

struct Play {
  explicit Play(const Options& wanted) : options{wanted} {}

  const Options& options;
  Loop loop;
  std::vector<std::unique_ptr<Voice>> buyers;
  std::vector<std::unique_ptr<Voice>> agents;
  std::string secret;
  std::string run;  // tells the people of this run from those of others
  std::uint64_t chance{};
  std::unordered_map<std::string, Voice*> buyer_of;  // by chat
  std::unordered_map<std::string, Voice*> agent_of;

  bool running{};
  bool closing{};
  std::uint64_t delivered{}, acknowledged{}, disordered{}, errors{}, lost_links{}, answered_once{};
  std::size_t ready{};
  Nanos looked{};  // for answers, in vain
  Samples line_latency, stored_latency;

  Endpoint endpoint() const { return {.port = options.port}; }
  std::string command_id(const Voice& voice, std::uint32_t n) const;
  void compose(Voice& voice);
  void speak(Voice& voice, Nanos at, bool flush);
  void hear(Voice& voice, std::string_view text);
  void hear_line(Voice& voice, std::string_view json);
  void hear_ack(Voice& voice, std::string_view json);
  void hear_setup(Voice& voice, std::string_view type, std::string_view json);
  void dial(std::vector<std::unique_ptr<Voice>>& who, std::size_t from, std::size_t to);
  void serve(Nanos time);
  void serve_awake(Nanos time);
};

std::uint32_t number_of(const Voice& voice) { return static_cast<std::uint32_t>(voice.link.tag); }

// As good as random for whoever keeps ids in a table, and made in a few nanoseconds.
std::uint64_t scatter(std::uint64_t x) {
  x += 0x9e37'79b9'7f4a'7c15;
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31);
}

void write_hex(char* to, std::uint64_t value, int digits) {
  static constexpr char hex[] = "0123456789abcdef";
  for (int i = digits - 1; i >= 0; --i, value >>= 4) to[i] = hex[value & 15];
}

std::string Play::command_id(const Voice& voice, std::uint32_t n) const {
  std::string id(32, '0');
  const std::uint64_t whose = number_of(voice) | (voice.side == 'a' ? 0x8000'0000u : 0u);
  write_hex(id.data(), n, 8);
  write_hex(id.data() + 8, whose, 8);
  write_hex(id.data() + 16, scatter(chance ^ (whose << 32 | n)), 16);
  return id;
}

void Play::compose(Voice& voice) {
  static constexpr std::string_view chinese = "请问这件外套的尺码偏大吗？有没有现货，今天能发出吗？";
  static constexpr std::string_view ascii = "does this jacket run large? is it in stock, can it ship today? thanks";
  for (int kind = 0; kind < 2; ++kind) {
    std::string& line = voice.line[kind];
    line = R"({"type":"say","id":")";
    voice.id_at = line.size();
    line += command_id(voice, 0) + R"(","chat":")" + voice.chat + R"(","text":")";
    voice.text_at = line.size();
    line += voice.side;
    line += "00000000 ";
    std::size_t room = line_bytes - 2 - line.size();
    std::string_view words = kind ? chinese : ascii;
    if (kind) room = room / 3 * 3;
    words = words.substr(0, std::min(room, words.size()));
    line += words;
    line.append(line_bytes - 2 - line.size(), '.');
    line += "\"}";
  }
}

void Play::speak(Voice& voice, Nanos at, bool flush) {
  const std::uint32_t n = voice.next++;
  std::string& line = voice.line[n & 1];
  const std::uint64_t whose = number_of(voice) | (voice.side == 'a' ? 0x8000'0000u : 0u);
  write_hex(line.data() + voice.id_at, n, 8);
  write_hex(line.data() + voice.id_at + 16, scatter(chance ^ (whose << 32 | n)), 16);
  std::uint32_t left = n;
  for (std::size_t i = 8; i > 0; --i, left /= 10) line[voice.text_at + i] = static_cast<char>('0' + left % 10);
  voice.sent[n & (voice.sent.size() - 1)] = at;
  voice.link.say(line);
  if (flush) voice.link.flush();
}

void Play::hear_line(Voice& voice, std::string_view json) {
  constexpr std::string_view key = R"("text":")";
  const auto* at = static_cast<const char*>(memmem(json.data(), json.size(), key.data(), key.size()));
  if (!at) return;
  at += key.size();
  if (json.data() + json.size() < at + 9 || *at != (voice.side == 'b' ? 'a' : 'b')) return;
  std::uint32_t n = 0;
  for (int i = 1; i <= 8; ++i) {
    if (at[i] < '0' || at[i] > '9') return;
    n = n * 10 + static_cast<std::uint32_t>(at[i] - '0');
  }
  if (options.idle_to) {  // one word both ways, and then silence
    if (voice.side == 'b') {
      ++answered_once;
    } else {
      voice.chat = field(json, "chat");
      compose(voice);
      speak(voice, 0, true);
    }
    return;
  }
  if (!voice.other) return;  // the first words, before the pair knows each other
  if (n == 0 && voice.expected == 1) return;
  if (n != voice.expected) ++disordered;
  voice.expected = n + 1;
  ++delivered;
  const Nanos now = steady_nanos();
  const std::vector<Nanos>& ring = voice.other->sent;
  line_latency.add(now - ring[n & (ring.size() - 1)]);
  if (running && options.rate == 0) speak(voice, now, !options.bunch);
}

void Play::hear_ack(Voice& voice, std::string_view json) {
  const Nanos now = steady_nanos();
  const auto acked = [&](std::uint32_t n) {
    ++voice.acked;
    ++acknowledged;
    if (voice.next - n <= voice.sent.size()) stored_latency.add(now - voice.sent[n & (voice.sent.size() - 1)]);
  };
  if (options.dialect == Dialect::floor) return acked(voice.acked);
  constexpr std::string_view key = R"("id":")";
  while (true) {
    const std::size_t at = json.find(key);
    if (at == std::string_view::npos || json.size() < at + key.size() + 32) return;
    const std::string_view id = json.substr(at + key.size(), 32);
    json.remove_prefix(at + key.size() + 32);
    std::uint32_t n = 0;
    for (const char c : id.substr(0, 8)) n = n << 4 | static_cast<std::uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    acked(n);
  }
}

// Signing in and finding each other; only deskd has it.
void Play::hear_setup(Voice& voice, std::string_view type, std::string_view json) {
  if (type == "signed_in") {
    // Without a resume the session is told of nothing.
    voice.link.say(R"({"type":"resume"})");
    voice.link.say_now(voice.side == 'b' ? R"({"type":"open","id":")" + command_id(voice, 0xffff'ffff) + "\"}"
                                         : R"({"type":"set_status","id":")" + command_id(voice, 0xffff'ffff) +
                                               R"(","status":"available"})");
  } else if (type == "offer") {
    voice.link.say_now(R"({"type":"accept","id":")" + command_id(voice, 0xffff'fffd) + R"(","chat":")" +
                       std::string{field(json, "chat")} + "\"}");
  } else if (voice.side == 'a') {
    if (type == "done" && !voice.ready) {
      voice.ready = true;
      ++ready;
    }
    if (type == "chat_state" && field(json, "place") == "held" && voice.chat.empty() && !options.idle_to) {
      voice.chat = field(json, "chat");
      agent_of[voice.chat] = &voice;
      compose(voice);
    }
  } else if (type == "chat_state" || type == "done") {
    const std::string_view chat = field(json, "chat");
    if (voice.chat.empty() && !chat.empty() && chat != "0") {
      voice.chat = chat;
      buyer_of[voice.chat] = &voice;
      compose(voice);
      speak(voice, steady_nanos(), true);
    }
    if (type == "chat_state" && field(json, "place") == "held" && !voice.ready) {
      voice.ready = true;
      ++ready;
    }
    if (type == "chat_state" && closing && field(json, "place") == "closed") ++ready;
  }
}

void Play::hear(Voice& voice, std::string_view json) {
  const std::string_view type = type_of(json);
  if (type == "say" || type == "line") return hear_line(voice, json);
  if (type == "stored") return hear_ack(voice, json);
  if (type == "ping") {
    voice.link.say_now(R"({"type":"pong","n":)" + std::string{field(json, "n")} + "}");
    return;
  }
  if (type == "error") {
    if (errors++ < 5) std::fprintf(stderr, "pairs: %.*s\n", static_cast<int>(json.size()), json.data());
    return;
  }
  hear_setup(voice, type, json);
}

void Play::dial(std::vector<std::unique_ptr<Voice>>& who, std::size_t from, std::size_t to) {
  const std::size_t before = ready;
  const Nanos until = steady_nanos() + 120 * second;
  for (std::size_t i = from; i < to;) {
    while (i < to && i - from - (ready - before) < dials_max) {
      Voice& voice = *who[i];
      std::string path = "/pair/" + std::to_string(i);
      if (options.dialect == Dialect::deskd)
        path = voice.side == 'b' ? bench_shop::buyer_path() : bench_shop::agent_path();
      loop.dial(voice.link, endpoint(), path,
                options.dialect == Dialect::deskd ? bench_shop::subprotocol : std::string_view{});
      ++i;
    }
    loop.turn(second / 100);
    if (steady_nanos() > until) fail("only " + std::to_string(ready - before) + " signed in within 120 s");
  }
  while (ready - before < to - from) {
    loop.turn(second / 100);
    if (steady_nanos() > until)
      fail("only " + std::to_string(ready - before) + " of " + std::to_string(to - from) + " were ready within 120 s");
  }
}

void Play::serve(Nanos time) {
  const Nanos until = steady_nanos() + time;
  for (Nanos now; (now = steady_nanos()) < until;) loop.turn(std::min(until - now, second / 10));
}

void Play::serve_awake(Nanos time) {
  const Nanos until = steady_nanos() + time;
  for (Nanos now; (now = steady_nanos()) < until;)
    if (!loop.turn(0)) looked += steady_nanos() - now;
}

double own_cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Mark {
  Nanos at{};
  Usage server, database;
  std::map<pid_t, Calls> calls;
  double own_s{};
  std::uint64_t delivered{}, acknowledged{};
};

Mark mark(const Play& play) {
  Mark now;
  if (play.options.server) now.server = usage_of(play.options.server);
  if (play.options.database) now.database = usage_of_family(play.options.database);
  if (!play.options.counts.empty()) now.calls = calls_of(play.options.counts);
  now.own_s = own_cpu_s() - static_cast<double>(play.looked) / 1e9;
  now.delivered = play.delivered;
  now.acknowledged = play.acknowledged;
  now.at = steady_nanos();
  return now;
}

void report(const Play& play, const Mark& a, const Mark& b, std::uint64_t missing, std::uint64_t unacknowledged,
            std::uint64_t unstored) {
  const double seconds = static_cast<double>(b.at - a.at) / 1e9;
  const auto lines = static_cast<double>(b.delivered - a.delivered);
  const auto each_us = [&](double before, double after) { return lines > 0 ? (after - before) * 1e6 / lines : 0; };
  std::printf(
      "{\"pairs\":%u,\"window\":%u,\"bunch\":%s,\"rate\":%.0f,\"seconds\":%.3f,\"delivered\":%.0f,\"per_second\":%.0f,",
      play.options.pairs, play.options.window, play.options.bunch ? "true" : "false", play.options.rate, seconds, lines,
      lines / seconds);
  std::printf(
      "\"server_us\":%.3f,\"server_user_us\":%.3f,\"server_cpu_pct\":%.1f,\"database_us\":%.3f,\"load_cpu_pct\":%.1f,",
      each_us(a.server.total_s(), b.server.total_s()), each_us(a.server.user_s, b.server.user_s),
      100 * (b.server.total_s() - a.server.total_s()) / seconds, each_us(a.database.total_s(), b.database.total_s()),
      100 * (b.own_s - a.own_s) / seconds);
  std::printf(
      "\"line_us\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f},\"stored_us\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f},",
      play.line_latency.quantile_us(0.5), play.line_latency.quantile_us(0.99), play.line_latency.max_us(),
      play.stored_latency.quantile_us(0.5), play.stored_latency.quantile_us(0.99), play.stored_latency.max_us());
  std::printf("\"line_buckets\":%s,\"stored_buckets\":%s,", play.line_latency.json().c_str(),
              play.stored_latency.json().c_str());
  std::printf("\"threads\":[");
  bool first = true;
  for (const auto& [tid, thread] : b.server.threads) {
    const auto before = a.server.threads.find(tid);
    const double cpu = thread.cpu_s - (before == a.server.threads.end() ? 0 : before->second.cpu_s);
    Calls calls;
    if (const auto after = b.calls.find(tid); after != b.calls.end()) {
      calls = after->second;
      if (const auto earlier = a.calls.find(tid); earlier != a.calls.end()) {
        calls.sends -= earlier->second.sends;
        calls.receives -= earlier->second.receives;
        calls.mallocs -= earlier->second.mallocs;
      }
    }
    if (cpu <= 0 && calls.mallocs == 0) continue;
    const auto each = [&](std::uint64_t n) { return lines > 0 ? static_cast<double>(n) / lines : 0; };
    std::printf("%s{\"name\":\"%s\",\"us\":%.3f,\"sends\":%.4f,\"receives\":%.4f,\"mallocs\":%.4f}", first ? "" : ",",
                thread.name.c_str(), each_us(0, cpu), each(calls.sends), each(calls.receives), each(calls.mallocs));
    first = false;
  }
  std::printf(
      "],\"resident_bytes\":%" PRId64 ",\"unstored_at_end\":%" PRIu64 ",\"disordered\":%" PRIu64 ",\"missing\":%" PRIu64
      ",\"unacknowledged\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"lost_links\":%" PRIu64 "}\n",
      b.server.resident_bytes, unstored, play.disordered, missing, unacknowledged, play.errors, play.lost_links);
}

int play_idle(Play& play) {
  const Options& options = play.options;
  std::int64_t resident[2]{};
  std::size_t done = 0;
  int step = 0;
  for (const std::uint32_t many : {options.idle_from, options.idle_to}) {
    play.dial(play.buyers, done, many);
    done = many;
    const Nanos until = steady_nanos() + 30 * second;
    while (play.answered_once < many && steady_nanos() < until) play.loop.turn(second / 100);
    if (play.answered_once < many) fail("only " + std::to_string(play.answered_once) + " were answered");
    play.serve(5 * second);  // what waits for the database is written, and freed
    resident[step++] = usage_of(options.server).resident_bytes;
  }
  const double each = static_cast<double>(resident[1] - resident[0]) / (options.idle_to - options.idle_from);
  const Mark from = mark(play);
  play.serve(static_cast<Nanos>(options.seconds * 1e9));
  const Mark to = mark(play);
  std::printf("{\"from\":%u,\"to\":%u,\"resident_from\":%" PRId64 ",\"resident_to\":%" PRId64
              ",\"bytes_per_session\":%.0f,\"idle_cpu_pct\":%.2f,\"errors\":%" PRIu64 ",\"lost_links\":%" PRIu64 "}\n",
              options.idle_from, options.idle_to, resident[0], resident[1], each,
              100 * (to.server.total_s() - from.server.total_s()) / (static_cast<double>(to.at - from.at) / 1e9),
              play.errors, play.lost_links);
  return play.errors == 0 && play.lost_links == 0 ? 0 : 1;
}

int play_pairs(Play& play) {
  const Options& options = play.options;
  Nanos due = steady_nanos();
  std::uint64_t turn = 0;
  const auto run_for = [&](double seconds) {
    const Nanos until = steady_nanos() + static_cast<Nanos>(seconds * 1e9);
    if (options.rate == 0 && options.naps) return play.serve(until - steady_nanos());
    if (options.rate == 0) return play.serve_awake(until - steady_nanos());
    const auto gap = static_cast<Nanos>(1e9 / options.rate * options.window);
    for (Nanos now; (now = steady_nanos()) < until;) {
      for (std::uint32_t said = 0; due <= now && said < 64; due += gap, ++turn) {
        Voice& buyer = *play.buyers[turn % options.pairs];
        Voice& voice = turn / options.pairs % 2 ? *buyer.other : buyer;
        for (std::uint32_t i = 0; i < options.window; ++i, ++said) play.speak(voice, due, true);
      }
      play.loop.turn(due > now ? std::min(due, until) - now : 0);
    }
  };

  play.running = true;
  if (options.rate == 0)
    for (auto& buyer : play.buyers) {
      for (std::uint32_t i = 0; i < options.window; ++i) play.speak(*buyer, steady_nanos(), !options.bunch);
      buyer->link.flush();
      play.loop.turn(0);
    }
  due = steady_nanos();
  run_for(options.warmup);
  play.line_latency.clear();
  play.stored_latency.clear();
  const Mark from = mark(play);
  run_for(options.seconds);
  const Mark to = mark(play);
  play.running = false;
  std::uint64_t unstored = 0;  // a server that relays faster than it stores only borrows its speed
  for (const auto& buyer : play.buyers)
    unstored += buyer->next - buyer->acked + buyer->other->next - buyer->other->acked;

  const auto behind = [&] {
    std::uint64_t missing = 0, unacknowledged = 0;
    for (const auto& buyer : play.buyers)
      for (const Voice* voice : {buyer.get(), buyer->other}) {
        missing += voice->next - voice->other->expected;
        unacknowledged += voice->next - voice->acked;
      }
    return std::pair{missing, options.acks ? unacknowledged : 0};
  };
  const Nanos patience = steady_nanos() + 20 * second;
  while (behind() != std::pair<std::uint64_t, std::uint64_t>{} && steady_nanos() < patience) play.serve(second / 10);
  const auto [missing, unacknowledged] = behind();
  report(play, from, to, missing, unacknowledged, options.acks ? unstored : 0);

  if (options.dialect == Dialect::deskd) {  // leave the desk as it was found: no open chats
    play.closing = true;
    play.ready = 0;
    for (auto& buyer : play.buyers)
      buyer->link.say_now(R"({"type":"close","id":")" + play.command_id(*buyer, 0xffff'fffe) + R"(","chat":")" +
                          buyer->chat + "\"}");
    const Nanos until = steady_nanos() + 10 * second;
    while (play.ready < play.buyers.size() && steady_nanos() < until) play.loop.turn(second / 100);
  }
  return play.disordered || missing || unacknowledged || play.errors || play.lost_links ? 1 : 0;
}

constexpr const char* usage =
    R"(pairs --dialect floor|rival|deskd --port N [--pairs P] [--window W] [--seconds S] [--warmup S] [--rate R] [--bunch]
      [--naps] [--no-acks] [--server PID] [--database PID] [--counts FILE] [--secret FILE] [--agents A --capacity C] [--idle FROM,TO]
pairs --policy FILE --secret FILE --agents A --capacity C
)";

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--bunch") {
      options.bunch = true;
      continue;
    }
    if (name == "--naps") {
      options.naps = true;
      continue;
    }
    if (name == "--no-acks") {
      options.acks = false;
      continue;
    }
    if (i + 1 >= argc) fail(usage);
    const char* value = argv[++i];
    const auto number = static_cast<std::uint32_t>(std::strtoul(value, nullptr, 10));
    if (name == "--dialect") {
      options.dialect = !std::strcmp(value, "floor")   ? Dialect::floor
                        : !std::strcmp(value, "rival") ? Dialect::rival
                                                       : Dialect::deskd;
    } else if (name == "--port") {
      options.port = static_cast<std::uint16_t>(number);
    } else if (name == "--pairs") {
      options.pairs = number;
    } else if (name == "--window") {
      options.window = number;
    } else if (name == "--seconds") {
      options.seconds = std::atof(value);
    } else if (name == "--warmup") {
      options.warmup = std::atof(value);
    } else if (name == "--rate") {
      options.rate = std::atof(value);
    } else if (name == "--server") {
      options.server = static_cast<pid_t>(number);
    } else if (name == "--database") {
      options.database = static_cast<pid_t>(number);
    } else if (name == "--counts") {
      options.counts = value;
    } else if (name == "--secret") {
      options.secret = value;
    } else if (name == "--policy") {
      options.policy = value;
    } else if (name == "--agents") {
      options.agents = number;
    } else if (name == "--capacity") {
      options.capacity = number;
    } else if (name == "--idle") {
      if (std::sscanf(value, "%u,%u", &options.idle_from, &options.idle_to) != 2) fail(usage);
    } else {
      fail(usage);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  ::signal(SIGPIPE, SIG_IGN);
  if (!options.policy.empty())
    return bench_shop::write_policy(
               options.policy, options.secret,
               {.agents = options.agents, .capacity = options.capacity, .held_max = options.capacity})
               ? 0
               : 1;
  if (options.port == 0) fail(usage);

  Play play{options};
  char run[17];
  std::random_device device;
  std::snprintf(run, sizeof run, "%08x%08x", device(), device());
  play.run = run;
  play.chance = std::uint64_t{device()} << 32 | device();
  play.loop.on_text = [&](Link& link, std::string_view text) {
    play.hear(*(link.tag >> 32 ? play.agents : play.buyers)[static_cast<std::uint32_t>(link.tag)], text);
  };
  play.loop.on_gone = [&](Link&, std::uint16_t code) {
    if (play.lost_links++ < 5) std::fprintf(stderr, "pairs: a connection ended, code %u\n", code);
  };
  if (options.bunch) play.loop.on_read_done = [](Link& link) { link.flush(); };

  const bool deskd = options.dialect == Dialect::deskd;
  const std::size_t buyers = options.idle_to ? options.idle_to : options.pairs;
  const std::size_t agents = options.idle_to ? options.agents : options.pairs;
  const std::size_t ring = options.rate > 0 ? 1024 : std::bit_ceil(std::size_t{options.window} * 4 + 28);
  const auto make = [&](std::vector<std::unique_ptr<Voice>>& who, std::size_t many, char side) {
    for (std::size_t i = 0; i < many; ++i) {
      auto voice = std::make_unique<Voice>();
      voice->side = side;
      voice->link.tag = (side == 'a' ? std::uint64_t{1} << 32 : 0) | i;
      voice->sent.resize(ring);
      if (!deskd) {
        voice->chat = std::to_string(179'000'000'000'000'000 + i);
        play.compose(*voice);
      }
      who.push_back(std::move(voice));
    }
  };
  make(play.agents, agents, 'a');
  make(play.buyers, buyers, 'b');
  if (deskd) {
    play.secret = bench_shop::secret_at(options.secret);
    play.loop.on_open = [&](Link& link) {
      const auto n = static_cast<std::uint32_t>(link.tag);
      const std::string token = link.tag >> 32
                                    ? bench_shop::agent_token(play.secret, bench_shop::agent_name(n))
                                    : bench_shop::buyer_token(play.secret, play.run + bench_shop::buyer_name(n));
      link.say_now(R"({"type":"sign_in","token":")" + token + "\"}");
    };
  } else {
    play.loop.on_open = [&](Link&) { ++play.ready; };
  }
  play.dial(play.agents, 0, agents);
  if (options.idle_to) return play_idle(play);
  play.dial(play.buyers, 0, buyers);
  if (!deskd) {
    for (std::size_t i = 0; i < buyers; ++i) {
      play.buyers[i]->other = play.agents[i].get();
      play.agents[i]->other = play.buyers[i].get();
    }
  } else {
    const Nanos until = steady_nanos() + 10 * second;
    while (play.agent_of.size() < buyers && steady_nanos() < until) play.loop.turn(second / 100);
    for (auto& [chat, buyer] : play.buyer_of) {
      const auto agent = play.agent_of.find(chat);
      if (agent == play.agent_of.end()) fail("no agent was told of chat " + chat);
      buyer->other = agent->second;
      agent->second->other = buyer;
      agent->second->expected = 1;  // the buyer's first words had number 0
    }
    play.serve(second);  // the first words are stored, too
  }
  return play_pairs(play);
}
