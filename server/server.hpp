// server.hpp - The parts put together: desks taken, threads started, doors opened; and all of it in order back again.
//
//      this thread   listeners, HTTP, signals, the list of desks     ── mail ──>  shard threads
//      office        what blocks: policies and desks stored, partitions made
//      writer, reader   storage's own
//
// Start: whatever can stand in the way is looked at first (the database, policies, keys, where to record, the addresses);
// only then are desks taken (older servers are fenced from here on), read back and placed, and doors open. So a start
// that fails has taken nothing from the server that runs. End, on SIGTERM: doors close, sessions are told to come back, records are waited for, exit 0.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "server/ops/admin.hpp"
#include "server/options.hpp"
#include "server/session/listener.hpp"
#include "server/shard/shard.hpp"
#include "storage/recovery.hpp"

namespace deskd {

inline constexpr int exit_ok{0};
inline constexpr int exit_refused{1};  // the server does not start, or could not store everything before it ended
inline constexpr int exit_usage{2};    // the command or a setting is wrong, and stays so until somebody mends it
// Another server has taken the last desk. The unit must not restart this one: it would take the desks back.
inline constexpr int exit_desks_lost{3};

class Server final : private Doors, private Desks {
 public:
  explicit Server(Settings settings);
  ~Server();

  // From start to end; returns the exit code. Throws StorageError and std::runtime_error when it cannot start.
  int run();

 private:
  struct Entry {
    DeskId id;
    std::string name;
    Epoch epoch;
    std::shared_ptr<const policy::Desk> policy;
    Shard* shard{};
  };

  // Start.
  void judge_database();
  std::vector<std::string> judge_desks();
  void take_addresses();
  std::vector<Placement> take_desks(const std::vector<std::string>& names);
  Placement placement(const std::string& name, Taken taken);
  void start_storage();
  void start_shards(std::vector<Placement> placements);
  // Gives the desk a shard, which is to place it.
  Shard& enlist(const Placement& placement);
  void open_doors();
  void on_outcome(const Outcome& outcome);

  // End.
  void await_signal();
  void begin_drain();
  void end_drain();
  void on_lost(DeskId desk);
  void stop(int code);

  void keep_house();
  void note_database(const outcome::Health& health);

  // Doors.
  Verdict may_enter(const Door& door, std::string_view origin, std::string_view host) override;
  void enter(Arrival arrival) override;

  // Desks.
  Health health() override;
  void scrape(std::function<void(Scrape)> then) override;
  void list(std::function<void(std::vector<DeskListed>)> then) override;
  void policy(std::string_view desk, std::function<void(std::shared_ptr<const policy::Desk>)> then) override;
  void put_policy(std::string_view desk, std::shared_ptr<policy::Desk> policy,
                  std::function<void(std::variant<std::int64_t, Refusal>)> then) override;
  void revoke(std::string_view desk, const admin::Revocation& who,
              std::function<void(std::optional<SentAway>)> then) override;
  void explain(std::string_view desk, ChatId chat, bool all,
               std::function<void(std::optional<std::string>)> then) override;
  void store_policy(const Entry& entry, std::shared_ptr<const policy::Desk> policy, std::shared_ptr<const KeyRing> keys,
                    std::function<void(std::variant<std::int64_t, Refusal>)> then);
  void add_desk(std::shared_ptr<policy::Desk> policy, std::function<void(std::variant<std::int64_t, Refusal>)> then);
  void put_in_force(DeskId desk, const std::shared_ptr<const policy::Desk>& policy,
                    const std::shared_ptr<const KeyRing>& keys);

  Entry* entry(std::string_view name);
  Entry* entry(const Door& door);
  template <class Act>
  void here(Act act);  // on this server's own thread, from any
  HttpHandler internal_handler();
  ListenerOptions listener_options(const std::string& address) const;
  std::size_t descriptors_wanted() const;
  std::string_view listener_name(std::size_t i) const;

  Settings settings_;
  Loop loop_;
  boost::asio::thread_pool office_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer drain_timer_;
  boost::asio::steady_timer house_timer_;
  std::optional<TokenKey> guest_key_;
  std::string admin_word_;
  std::unique_ptr<Clock> clock_;
  std::mutex shard_of_mutex_;  // the writer's thread looks there, too
  std::map<DeskId, Shard*> shard_of_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Reader> reader_;
  std::vector<std::thread> threads_;
  std::vector<Entry> entries_;
  Admin admin_;
  std::vector<std::unique_ptr<Listener>> listeners_;  // public, staff if apart; the internal one is the last
  outcome::Health database_{true, {}, {}, {}};
  std::size_t desks_wanted_{};
  std::size_t shards_draining_{};
  std::int64_t partitions_made_ms_{};
  std::uint64_t pauses_told_{};
  bool draining_{};
  bool ending_{};
  int exit_code_{exit_ok};
};

}  // namespace deskd
