// options.hpp - The settings of the server: one table, from which come the flags, the environment, the file, the
// README's table and the checks.
//
//        defaults  <  file (TOML)  <  environment (DESKD_SESSIONS_MAX)  <  flags (--sessions-max)
//
// Read once, at the start, into one value; each part is given what it needs of it and nobody looks at the environment
// later. A setting nobody knows, a value outside its bounds, a file that cannot be read: the server does not start, and
// every such mistake is told at once, each with the place where it stands ("deskd.toml:7: sessions_max: ...").
//
// Settings are of the server: addresses, files, bounds. What a shop promises and how a desk routes is policy, which is
// data and comes in through the admin API.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/log.hpp"

namespace deskd {

struct Settings {
  std::string listen;        // address:port, as address_of() reads it
  std::string staff_listen;  // empty: staff come by `listen`
  std::string internal_listen;
  std::string database;  // libpq's words; what database_file held, when it was set
  std::string database_file;
  std::string database_owner;  // for migrate; `database` when nothing else was set
  std::string database_owner_file;
  std::vector<std::string> desks;  // empty: every desk of the database
  std::string guest_key_file;
  std::string admin_key_file;
  std::vector<std::string> trusted_proxies;
  std::int64_t shards{};
  std::int64_t sessions_max{};
  std::int64_t sessions_per_address_max{};
  std::int64_t unauthenticated_max{};
  std::int64_t unauthenticated_per_address_max{};
  std::int64_t buyer_burst{};
  std::int64_t buyer_per_second{};
  std::int64_t agent_burst{};
  std::int64_t agent_per_second{};
  std::int64_t outbox_bytes_max{};
  std::int64_t backlog_bytes_max{};
  std::string log_level;
  std::string record_dir;  // empty: nothing is recorded
  std::int64_t drain_seconds{};
  bool allow_full_page_writes_off{};

  Level level() const;  // log_level, as the log takes it
  bool operator==(const Settings&) const = default;
};

// What a row is about decides how its text is read.
enum class SettingKind : std::uint8_t { text, address, list, networks, number, yes_no, log_level };

struct SettingRow {
  std::string_view name;
  std::string_view unit;     // of numbers
  std::string_view initial;  // the default, as one would write it
  std::int64_t least;
  std::int64_t most;
  SettingKind kind;
  std::variant<std::string Settings::*, std::int64_t Settings::*, bool Settings::*,
               std::vector<std::string> Settings::*>
      member;
  std::string_view sentence;
};
std::span<const SettingRow> setting_rows();

struct SettingsRead {
  Settings settings;
  std::vector<std::string> wrong;     // empty: the settings may be used
  std::vector<std::string> doubtful;  // nothing wrong, but somebody should look: DESKD_ variables that are no settings
  std::vector<std::string> rest;      // the arguments that are no settings, in their order: for the command to read
};

// `arguments`: what stands behind the command's name. The file is named by --config or DESKD_CONFIG; without one there
// is none. Reads files, and nothing else of the outside.
SettingsRead read_settings(std::span<const std::string> arguments,
                           std::span<const std::pair<std::string, std::string>> environment);

// The file's part alone. `file` is only for telling where a mistake stands.
void read_toml(std::string_view text, std::string_view file, SettingsRead& into);

// The environment of this process, as read_settings takes it.
std::vector<std::pair<std::string, std::string>> process_environment();

// The table as it stands in README.md.
std::string settings_table();

// What is in force, one `name = value` a line. A connection string may hold a password, so only whether it is set is
// said.
std::string settings_in_force(const Settings& settings);

// "127.0.0.1:8080" or "[::1]:8080". Port 0: any that is free.
struct Address {
  std::string host;
  std::uint16_t port{};
  bool operator==(const Address&) const = default;
};
std::optional<Address> address_of(std::string_view text);

}  // namespace deskd
