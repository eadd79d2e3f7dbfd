// usage.cpp - Reading /proc.
#include "bench/wire/usage.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bench/hook/counts.hpp"

namespace deskd {
namespace {

struct Stat {
  std::string name;
  pid_t parent{};
  double user_s{}, system_s{}, children_s{};
  std::int64_t resident_bytes{};
};

bool read_stat(const std::string& file, Stat& stat) {
  std::ifstream in{file};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  const std::size_t open = text.find('('), close = text.rfind(')');
  if (close == std::string::npos) return false;
  stat.name = text.substr(open + 1, close - open - 1);
  std::istringstream rest{text.substr(close + 2)};
  static const double tick_s = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  std::string field;
  for (int i = 3; rest >> field; ++i) {  // numbered as in proc(5)
    if (i == 4) stat.parent = static_cast<pid_t>(std::atol(field.c_str()));
    if (i == 14) stat.user_s = std::atof(field.c_str()) * tick_s;
    if (i == 15) stat.system_s = std::atof(field.c_str()) * tick_s;
    if (i == 16 || i == 17) stat.children_s += std::atof(field.c_str()) * tick_s;
    if (i == 24) stat.resident_bytes = std::atoll(field.c_str()) * sysconf(_SC_PAGESIZE);
  }
  return true;
}

}  // namespace

Usage usage_of(pid_t pid) {
  Usage usage;
  const std::string folder = "/proc/" + std::to_string(pid);
  Stat stat;
  if (!read_stat(folder + "/stat", stat)) return usage;
  usage.user_s = stat.user_s;
  usage.system_s = stat.system_s;
  usage.resident_bytes = stat.resident_bytes;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator{folder + "/task", error}) {
    Stat thread;
    if (read_stat(task.path() / "stat", thread))
      usage.threads[static_cast<pid_t>(std::atol(task.path().filename().c_str()))] = {thread.name,
                                                                                      thread.user_s + thread.system_s};
  }
  return usage;
}

Usage usage_of_family(pid_t pid) {
  Usage usage = usage_of(pid);
  Stat own;
  if (read_stat("/proc/" + std::to_string(pid) + "/stat", own)) usage.user_s += own.children_s;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc", error}) {
    Stat stat;
    if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    if (!read_stat(entry.path() / "stat", stat) || stat.parent != pid) continue;
    usage.user_s += stat.user_s;
    usage.system_s += stat.system_s;
    usage.resident_bytes += stat.resident_bytes;
  }
  return usage;
}

std::map<pid_t, Calls> calls_of(const std::string& file) {
  std::map<pid_t, Calls> calls;
  hook::Counts counts;
  std::ifstream in{file, std::ios::binary};
  if (!in.read(reinterpret_cast<char*>(&counts), sizeof counts)) return calls;
  for (const hook::Thread& thread : counts.threads) {
    if (thread.tid == 0) continue;
    calls[static_cast<pid_t>(thread.tid)] = {thread.sends, thread.receives, thread.mallocs};
  }
  return calls;
}

}  // namespace deskd
