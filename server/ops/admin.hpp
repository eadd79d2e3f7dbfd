// admin.hpp - What the internal listener serves: health, metrics, and the admin API.
//
//      GET   /livez  /readyz  /metrics
//      GET   /admin/v1/desks                          {"desks":[{"name":"demo","epoch":7,"version":3,"shops":[..]}]}
//      GET   /admin/v1/desks/DESK/policy              the policy in force; its `version` is what to start from
//      PUT   /admin/v1/desks/DESK/policy?from=3       {"version":4}
//      POST  /admin/v1/desks/DESK/revoke              {"role":"buyer","shop":"demo","person":"b1"} -> {"sessions":2}
//      GET   /admin/v1/desks/DESK/chats/CHAT/explain  {"chat":"17","explanation":...}
//      GET   /admin/v1/desks/DESK/chats/CHAT/candidates   while it waits: every agent and why not, a table as text
//
// A refusal is {"error":"stale_policy","message":"..."} with a status that fits. Everything under /admin wants
// `Authorization: Bearer WORD`, the word of admin_key_file: the listener is on loopback, and so are other users of the
// machine and every page in their browsers.
//
// Plain values in and out: the listener is somebody else's. What needs a desk goes to its shard and comes back by a
// call, on whatever thread; here nothing waits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/admin_codec.hpp"
#include "protocol/codes.hpp"
#include "protocol/ids.hpp"
#include "protocol/policy.hpp"
#include "protocol/words.hpp"
#include "server/ops/health.hpp"
#include "server/ops/scrape.hpp"

namespace deskd {

struct DeskListed {
  std::string name;
  Epoch epoch;
  std::int64_t version{};
  std::vector<std::string> shops;
};

// Why a desk would not do what it was asked.
struct Refusal {
  Code code{};
  std::string message;
};

// What a revocation did. Not stored: it is in force here, and the next server would not know of it.
struct SentAway {
  std::int64_t sessions{};
  bool stored{};
};

// The desks of this server, as the admin API sees them. Every `then` is called once, on any thread, when the answer is
// known. A desk that this server does not have is answered with nothing.
class Desks {
 public:
  virtual Health health() = 0;
  virtual void scrape(std::function<void(Scrape)> then) = 0;
  virtual void list(std::function<void(std::vector<DeskListed>)> then) = 0;
  // The policy in force; null: no such desk here.
  virtual void policy(std::string_view desk, std::function<void(std::shared_ptr<const policy::Desk>)> then) = 0;
  // `policy` keeps every rule and has the version after the one it started from; version 1 of a desk that is not here is
  // a new desk. Whoever implements this makes the key ring (bad_policy), sees that no shop is another desk's and asks the
  // desk what it would drop (in_use), stores the row (stale_policy when somebody was faster, storage_behind when the
  // database is away) and then gives it to the desk, in this order. Answers with the version.
  virtual void put_policy(std::string_view desk, std::shared_ptr<policy::Desk> policy,
                          std::function<void(std::variant<std::int64_t, Refusal>)> then) = 0;
  // Answered when it is stored, or when that has not come to pass in some seconds.
  virtual void revoke(std::string_view desk, const admin::Revocation& who,
                      std::function<void(std::optional<SentAway>)> then) = 0;
  // As Desk::explain says it; empty: the desk does not hold this chat. Or `all` candidates; empty: it does not wait there.
  virtual void explain(std::string_view desk, ChatId chat, bool all,
                       std::function<void(std::optional<std::string>)> then) = 0;

 protected:
  ~Desks() = default;
};

class Admin {
 public:
  struct Request {
    std::string method;
    std::string path;
    std::string query;
    std::string authorization;
    std::string body;
  };
  struct Answer {
    unsigned status{200};
    std::string type{"application/json"};
    std::string body;
  };
  using Reply = std::function<void(Answer)>;

  // `opens`: whether this is the word of admin_key_file, compared in a time that does not tell.
  Admin(Desks& desks, std::function<bool(std::string_view word)> opens) : desks_{desks}, opens_{std::move(opens)} {}

  // `reply` is called once: before this returns, or from where a desk answered.
  void answer(const Request& request, Reply reply);

 private:
  void answer_desk(const Request& request, std::string_view desk, std::string_view rest, Reply reply);
  void put_policy(const Request& request, std::string_view desk, Reply reply);

  Desks& desks_;
  std::function<bool(std::string_view)> opens_;
};

}  // namespace deskd
