#include "storage/connection.hpp"

#include <sys/socket.h>

#include <condition_variable>
#include <mutex>

namespace deskd {
namespace {

// A hung server is known by its silence at connecting: the shortest that libpq honours exactly is 2 s.
constexpr std::string_view timeouts[]{"connect_timeout=2", "keepalives_idle=5", "keepalives_interval=2",
                                      "keepalives_count=3", "tcp_user_timeout=10000"};

}  // namespace

std::string connection_words(const std::string& connection, std::string_view name) {
  const bool uri = connection.starts_with("postgres://") || connection.starts_with("postgresql://");
  std::string words = uri ? connection : std::string{};
  char mark = uri && connection.find('?') == std::string::npos ? '?' : '&';
  const auto add = [&](std::string_view word) {
    if (uri) words += mark;
    words += word;
    if (!uri) words += ' ';
    mark = '&';
  };
  for (const std::string_view each : timeouts) add(each);
  add(std::string{"application_name="} += name);
  if (!uri) words += connection;
  return words;
}

std::string session_settings(std::chrono::milliseconds statement_timeout) {
  return "set client_encoding = 'UTF8'; set synchronous_commit = on; set jit = off;"
         "set plan_cache_mode = force_generic_plan; set statement_timeout = " +
         std::to_string(statement_timeout.count());
}

Patience::Patience(int socket, std::chrono::milliseconds most)
    : watch_{[socket, most](const std::stop_token& done) {
        std::mutex mutex;
        std::unique_lock lock{mutex};
        const auto is_done = [&done] { return done.stop_requested(); };
        if (!std::condition_variable_any{}.wait_for(lock, done, most, is_done)) ::shutdown(socket, SHUT_RDWR);
      }} {}

}  // namespace deskd
