// cluster.hpp - A private PostgreSQL cluster for a test: made in a folder under /tmp by deploy/postgres, on a unix
// socket, as a user who is not root. It is stopped and its folder removed when the object goes, and also when the test
// program dies, because a small shell waits on a pipe for that.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace deskd::test {

class Cluster {
 public:
  Cluster();
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // One for all tests of this program, made at first use. Tests that hurt a cluster make their own.
  static Cluster& shared();

  // A new database with the schema in it; its name.
  std::string make_database();
  std::string make_empty_database();

  // libpq's words. `user`: "deskd" owns, "deskd_server" serves, "super" may do anything.
  std::string connection(std::string_view database, std::string_view user = "deskd_server") const;
  // The same through another folder's socket: a Cut's.
  static std::string connection_at(std::string_view folder, std::string_view database,
                                   std::string_view user = "deskd_server");

  const std::string& folder() const { return folder_; }

  void start();  // after kill(); waits until it answers
  void kill();   // SIGKILL to the postmaster and every process of it
  void pause();  // SIGSTOP to all of them
  void resume();

 private:
  std::vector<pid_t> processes() const;

  std::string folder_;
  int guard_{-1};  // the pipe's end that keeps the guard waiting
  pid_t guard_pid_{-1};
  bool paused_{};
  bool has_template_{};
  int databases_{};
};

// First column of each row that the statement answers, as text; null is "NULL".
std::vector<std::string> ask(const std::string& connection, const std::string& sql);

}  // namespace deskd::test
