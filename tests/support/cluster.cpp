#include "tests/support/cluster.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <pqxx/pqxx>
#include <sstream>
#include <stdexcept>

#include "storage/migrate.hpp"

// libpqxx 6.4 loses the one result that tells of a broken connection: about 1 KB each time a connection is lost.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libpqxx-6.4.so\n"; }

namespace deskd::test {
namespace {

const std::string script{DESKD_SOURCE_DIR "/deploy/postgres"};

// The parent of a process, or 0 when it is gone. The name in parentheses may hold anything, so count from its end.
pid_t parent_of(const std::filesystem::path& process) {
  std::ifstream file{process / "stat"};
  std::string stat{std::istreambuf_iterator<char>{file}, {}};
  const std::size_t name_ends = stat.rfind(')');
  if (name_ends == std::string::npos) return 0;
  std::istringstream rest{stat.substr(name_ends + 1)};
  std::string state;
  pid_t parent{};
  rest >> state >> parent;
  return parent;
}

}  // namespace

std::vector<std::string> ask(const std::string& connection, const std::string& sql) {
  pqxx::connection c{connection};
  std::vector<std::string> answers;
  for (const auto& row : pqxx::nontransaction{c}.exec(sql))
    answers.push_back(row.size() == 0 ? "" : row[0].is_null() ? "NULL" : row[0].c_str());
  return answers;
}

Cluster::Cluster() {
  // The postmaster becomes a child of this program, which can then see it end.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  char folder[] = "/tmp/deskd-test-XXXXXX";
  if (!mkdtemp(folder)) throw std::runtime_error{"no temporary folder"};
  folder_ = folder;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error{"no pipe"};
  guard_ = ends[1];
  // When the test program has died: nothing in there is needed any more, so an immediate shutdown (SIGQUIT) is enough.
  const std::string wait =
      "read never; pid=$(head -n 1 " + folder_ +
      "/data/postmaster.pid) && kill -QUIT $pid && kill -CONT $pid; for i in $(seq 100); do kill -0 "
      "$pid || break; sleep 0.1; done; rm -rf " +
      folder_;
  guard_pid_ = fork();
  if (guard_pid_ == 0) {
    setsid();  // a terminal's interrupt ends the test and not its guard
    dup2(ends[0], 0);
    dup2(open("/dev/null", O_WRONLY), 2);
    execl("/bin/sh", "sh", "-c", wait.c_str(), nullptr);
    _exit(127);
  }
  close(ends[0]);
  start();
}

Cluster::~Cluster() {
  if (paused_) resume();
  kill();
  close(guard_);
  waitpid(guard_pid_, nullptr, 0);
}

Cluster& Cluster::shared() {
  static Cluster cluster;
  return cluster;
}

void Cluster::start() {
  if (std::system((script + " start " + folder_ + " >/dev/null").c_str()) != 0)
    throw std::runtime_error{"deploy/postgres did not start"};
}

std::string Cluster::connection_at(std::string_view folder, std::string_view database, std::string_view user) {
  std::string words{"host="};
  return words.append(folder).append(" port=5432 dbname=").append(database).append(" user=").append(user);
}

std::string Cluster::connection(std::string_view database, std::string_view user) const {
  return connection_at(folder_, database, user);
}

std::string Cluster::make_empty_database() {
  const std::string name = "test" + std::to_string(++databases_);
  ask(connection("postgres", "deskd"), "create database " + name);
  return name;
}

std::string Cluster::make_database() {
  if (!has_template_) {
    ask(connection("postgres", "deskd"), "create database filled");
    migrate(connection("filled", "deskd"));
    has_template_ = true;
  }
  const std::string name = "test" + std::to_string(++databases_);
  ask(connection("postgres", "deskd"), "create database " + name + " template filled");
  return name;
}

std::vector<pid_t> Cluster::processes() const {
  std::vector<pid_t> all;
  pid_t postmaster{};
  std::ifstream{folder_ + "/data/postmaster.pid"} >> postmaster;
  if (postmaster == 0) return all;
  all.push_back(postmaster);
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") == std::string::npos && parent_of(entry.path()) == postmaster)
      all.push_back(std::stoi(name));
  }
  return all;
}

void Cluster::kill() {
  const std::vector<pid_t> all = processes();
  for (const pid_t each : all) ::kill(each, SIGKILL);
  // Until the last of them is gone the cluster seems to run. The postmaster's own children become ours when it ends.
  for (const pid_t each : all)
    while (waitpid(each, nullptr, 0) != each && ::kill(each, 0) == 0) usleep(1000);
}

void Cluster::pause() {
  paused_ = true;
  for (const pid_t each : processes()) ::kill(each, SIGSTOP);
}

void Cluster::resume() {
  paused_ = false;
  for (const pid_t each : processes()) ::kill(each, SIGCONT);
}

}  // namespace deskd::test
