// health.hpp - Whether the server is alive, and whether clients should come to it.
//
//        /livez    200 while every loop turns; else restart the server
//        /readyz   200 while it serves: "ready", or "degraded" when the database is away; 503 "not_ready"
//
// A database that is away makes the server degraded and not unready. Chats go on without it, and a balancer that turned
// clients away then would end them; the alert on deskd_degraded is what calls somebody.
#pragma once

#include <cstddef>
#include <string>

#include "protocol/ids.hpp"

namespace deskd {

// A shard's loop turns at least once a second, busy or not. This much later it hangs.
inline constexpr Duration loop_silent_max{5000};

// As one moment saw it. Made on any thread, from what the parts last told.
struct Health {
  Duration loop_silent{};       // since the shard that turned longest ago did
  bool database{};              // the last commit went well, or none was asked for
  Duration database_lasting{};  // how long the oldest commit has been trying
  std::size_t backlog_bytes{};
  std::size_t desks_owned{};  // recovered and serving
  std::size_t desks_wanted{};
  bool draining{};

  bool alive() const { return loop_silent < loop_silent_max; }
  bool ready() const { return alive() && desks_owned == desks_wanted && !draining; }
  bool degraded() const { return ready() && !database; }
};

// {"status":"ready","checks":{"loop":{"ok":true,...}, ...}}
std::string readiness(const Health& health);
std::string liveness(const Health& health);

}  // namespace deskd
