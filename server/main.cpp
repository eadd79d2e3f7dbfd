// main.cpp - deskd COMMAND ...: reads the settings and does what was asked.
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "server/errands.hpp"
#include "server/log.hpp"
#include "server/server.hpp"
#include "storage/migrate.hpp"

namespace {

constexpr const char* usage{
    "usage: deskd COMMAND [--config FILE] [--SETTING VALUE ...]\n"
    "\n"
    "  serve [--record DIR]                 take the desks and serve until SIGTERM\n"
    "  apply FILE [--from N | newest]       put a desk's policy in force, over version N or over whatever is there\n"
    "  check-config [POLICY | --table]      what is in force, and what is wrong; or every setting as a table\n"
    "  explain CHAT [--all] [--desk D]      why a chat is where it is; --all: while it waits, every agent and why not\n"
    "  migrate                              bring the schema up to date\n"
    "  token ROLE NAME [--shop S] [--desk D] [--level L] [--days N] [--policy FILE] [--key FILE]\n"
    "                                       a token for trying out: ROLE is buyer, agent, supervisor or ops\n"
    "  replay FILE [--explain CHAT]         run a recording and compare every effect; every choice about a chat\n"
    "\n"
    "README.md lists every setting.\n"};

// Pieces of memory this large are mapped by themselves and go back when they are freed. Left alone, glibc raises the bound
// each time one is freed, up to 32 MiB, and a burst's buffers stay for ever: 3 KiB a session were seen.
constexpr int mapped_alone_bytes{128 * 1024};

int serve(deskd::Settings settings) {
  ::mallopt(M_MMAP_THRESHOLD, mapped_alone_bytes);
  deskd::open_log({.level = settings.level(), .wall_ms = &deskd::Clock::wall_ms, .write = nullptr});
  try {
    return deskd::Server{std::move(settings)}.run();
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "deskd: %s\n", failed.what());
    deskd::note(deskd::Happened::start_refused);
    return deskd::exit_refused;
  }
}

int migrate(const deskd::Settings& settings) {
  deskd::migrate(settings.database_owner.empty() ? settings.database : settings.database_owner,
                 [](std::string_view what) { std::printf("%.*s\n", static_cast<int>(what.size()), what.data()); });
  std::printf("the schema is at version %d\n", deskd::schema_version_known());
  return deskd::exit_ok;
}

int say(const deskd::errand::Said& said) {
  std::fputs(said.out.c_str(), stdout);
  std::fputs(said.error.c_str(), stderr);
  return said.code;
}

int run(std::string_view command, const std::vector<std::string>& arguments) {
  deskd::SettingsRead read = deskd::read_settings(arguments, deskd::process_environment());
  for (const std::string& doubtful : read.doubtful) std::fprintf(stderr, "deskd: %s\n", doubtful.c_str());
  for (const std::string& wrong : read.wrong) std::fprintf(stderr, "deskd: %s\n", wrong.c_str());
  if (!read.wrong.empty()) return deskd::exit_usage;
  const std::int64_t now = deskd::Clock::wall_ms();
  if (command == "serve" && read.rest.empty()) return serve(std::move(read.settings));
  if (command == "migrate" && read.rest.empty()) return migrate(read.settings);
  if (command == "apply") return say(deskd::errand::apply(read.settings, read.rest, now));
  if (command == "check-config") return say(deskd::errand::check_config(read.settings, read.rest, now));
  if (command == "token") return say(deskd::errand::token(read.settings, read.rest, now));
  if (command == "explain") return say(deskd::errand::explain(read.settings, read.rest));
  if (command == "replay") return say(deskd::errand::replay(read.rest));
  std::fputs(usage, stderr);
  return deskd::exit_usage;
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  if (count < 2) {
    std::fputs(usage, stderr);
    return deskd::exit_usage;
  }
  std::vector<std::string> arguments{words + 2, words + count};
  // serve --record DIR says it shorter.
  for (std::string& each : arguments)
    if (each == "--record" || each.starts_with("--record=")) each.insert(8, "-dir");
  try {
    return run(words[1], arguments);
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "deskd: %s\n", failed.what());
    return deskd::exit_refused;
  }
}
