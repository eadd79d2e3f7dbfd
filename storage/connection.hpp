// connection.hpp - The words with which every connection to the database is made.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <thread>

namespace deskd {

// The caller's connection string (key=value or a URI) with what makes a dead peer noticeable: a short connect_timeout
// and keepalives. `name` (no blanks) is what pg_stat_activity shows. What the caller's string says itself wins, in the
// key=value form.
std::string connection_words(const std::string& connection, std::string_view name);

// The name of a serving server's connection, by which others know that there is one.
inline constexpr std::string_view writer_name{"deskd-writer"};

// What a session must be told before anything else. synchronous_commit is set here and never left to the cluster: a
// commit that was told is on disk.
std::string session_settings(std::chrono::milliseconds statement_timeout);

// Cuts a connection whose work is not done after `most`: what waits on it then fails. statement_timeout is kept by the
// server, and one that hangs keeps nothing. Lives shorter than the connection.
class Patience {
 public:
  Patience(int socket, std::chrono::milliseconds most);

 private:
  std::jthread watch_;
};

}  // namespace deskd
