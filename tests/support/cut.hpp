// cut.hpp - A relay between a client and PostgreSQL's unix socket that can cut the connection where it hurts.
//
//        client ──> FOLDER/.s.PGSQL.5432 (a Cut) ──> the cluster's socket
#pragma once

#include <atomic>
#include <string>
#include <thread>

namespace deskd::test {

enum class CutAt {
  nowhere,
  before_statement,  // the client's next words are thrown away: nothing happened
  before_answer,     // they are passed on and carried out, but the answer is thrown away: the outcome is unknown
};

class Cut {
 public:
  // `to`: the folder with the cluster's socket.
  explicit Cut(std::string to);
  ~Cut();

  const std::string& folder() const { return folder_; }  // what a client uses as host
  void arm(CutAt at) { armed_ = at; }                    // cuts once, at the next chance
  int cuts() const { return cuts_; }

 private:
  void run();

  const std::string to_;
  std::string folder_;
  int listener_{-1};
  int stop_[2]{-1, -1};
  std::atomic<CutAt> armed_{CutAt::nowhere};
  std::atomic<int> cuts_{};
  std::thread thread_;
};

}  // namespace deskd::test
