#include "tests/support/cut.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <vector>

namespace deskd::test {
namespace {

sockaddr_un address_in(const std::string& folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder + "/.s.PGSQL.5432";
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

struct Pair {
  int client;
  int server;
};

// False at the end of the stream.
bool pass(int from, int to) {
  char bytes[65536];
  const ssize_t got = read(from, bytes, sizeof bytes);
  if (got <= 0) return false;
  for (ssize_t sent = 0; sent < got;) {
    const ssize_t n = send(to, bytes + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += n;
  }
  return true;
}

}  // namespace

Cut::Cut(std::string to) : to_{std::move(to)} {
  char folder[] = "/tmp/deskd-cut-XXXXXX";
  if (!mkdtemp(folder)) throw std::runtime_error{"no temporary folder"};
  folder_ = folder;
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_in(folder_);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(listener_, 16) != 0 ||
      pipe2(stop_, O_CLOEXEC) != 0)
    throw std::runtime_error{"no socket to listen on"};
  thread_ = std::thread{[this] { run(); }};
}

Cut::~Cut() {
  close(stop_[1]);
  thread_.join();
  close(stop_[0]);
  close(listener_);
  std::filesystem::remove_all(folder_);
}

void Cut::run() {
  std::vector<Pair> pairs;
  const auto end = [&](std::size_t i) {
    close(pairs[i].client);
    close(pairs[i].server);
    pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(i));
  };
  for (;;) {
    std::vector<pollfd> wait{{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Pair& pair : pairs) {
      wait.push_back({pair.client, POLLIN, 0});
      wait.push_back({pair.server, POLLIN, 0});
    }
    poll(wait.data(), wait.size(), -1);
    if (wait[0].revents) break;
    for (std::size_t i = pairs.size(); i-- > 0;) {
      const bool from_client = wait[2 + 2 * i].revents != 0;
      const bool from_server = wait[3 + 2 * i].revents != 0;
      CutAt now = CutAt::nowhere;
      if (from_client && armed_ == CutAt::before_statement) now = CutAt::before_statement;
      if (from_server && armed_ == CutAt::before_answer) now = CutAt::before_answer;
      if (now != CutAt::nowhere) {
        armed_ = CutAt::nowhere;
        ++cuts_;
        end(i);
      } else if ((from_client && !pass(pairs[i].client, pairs[i].server)) ||
                 (from_server && !pass(pairs[i].server, pairs[i].client))) {
        end(i);
      }
    }
    if (wait[1].revents) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_un address = address_in(to_);
      if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        pairs.push_back({client, server});
      } else {
        close(client);
        close(server);
      }
    }
  }
  while (!pairs.empty()) end(pairs.size() - 1);
}

}  // namespace deskd::test
