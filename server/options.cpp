// options.cpp - See options.hpp.
#include "server/options.hpp"

#include <arpa/inet.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "server/session/request.hpp"

namespace deskd {
namespace {

using enum SettingKind;
constexpr std::int64_t kib{1024};
constexpr std::int64_t mib{1024 * kib};

// A settings file is a page or two.
constexpr std::size_t file_bytes_max{1024 * 1024};

// Order is the order of the README's table. A row of a number gives its unit and bounds; the others leave them empty.
// clang-format off
const std::array rows{
    SettingRow{"listen", "", "127.0.0.1:8080", 0, 0, address, &Settings::listen,
        "Where buyers come in, and staff unless staff_listen is set. Put nginx with TLS before it."},
    SettingRow{"staff_listen", "", "", 0, 0, address, &Settings::staff_listen,
        "Another address for staff: consoles, wallboards and back offices are then not served on listen."},
    SettingRow{"internal_listen", "", "127.0.0.1:8081", 0, 0, address, &Settings::internal_listen,
        "Health, metrics and the admin API. Never put it where buyers can reach it."},
    SettingRow{"database", "", "dbname=deskd", 0, 0, text, &Settings::database,
        "How to reach PostgreSQL, in libpq's words. The role must be one that cannot change the schema."},
    SettingRow{"database_file", "", "", 0, 0, text, &Settings::database_file,
        "A file that holds what database would say, and wins over it: for a password that should stand nowhere else."},
    SettingRow{"database_owner", "", "", 0, 0, text, &Settings::database_owner,
        "The same for the schema's owner, whom only migrate uses. Empty: database."},
    SettingRow{"database_owner_file", "", "", 0, 0, text, &Settings::database_owner_file,
        "A file that holds what database_owner would say, and wins over it."},
    SettingRow{"desks", "", "", 0, 0, list, &Settings::desks,
        "The desks that this server takes, by name. Empty: every desk of the database."},
    SettingRow{"guest_key_file", "", "var/guest.key", 0, 0, text, &Settings::guest_key_file,
        "The key that guests' tokens are signed with; made at the first start. All servers of one database need the same."},
    SettingRow{"admin_key_file", "", "var/admin.key", 0, 0, text, &Settings::admin_key_file,
        "The word that opens the admin API; made at the first start. Who can read it can change every policy."},
    SettingRow{"trusted_proxies", "", "", 0, 0, networks, &Settings::trusted_proxies,
        "Addresses or networks whose X-Forwarded-For is believed, such as 10.0.0.0/8."},
    SettingRow{"shards", "threads", "1", 1, 64, number, &Settings::shards,
        "Threads that serve desks. A desk lives on one of them; more than the cores helps nobody."},
    SettingRow{"sessions_max", "sessions", "20000", 10, 1'000'000, number, &Settings::sessions_max,
        "Connections at once. The last ones, one in 32 and 512 at most, are kept for staff: buyers are turned away so much sooner."},
    SettingRow{"sessions_per_address_max", "sessions", "20000", 1, 1'000'000, number, &Settings::sessions_per_address_max,
        "Of one address, staff excepted. Generous, because a carrier puts thousands of buyers behind one."},
    SettingRow{"unauthenticated_max", "sessions", "8000", 1, 1'000'000, number, &Settings::unauthenticated_max,
        "Connections that have not signed in yet."},
    SettingRow{"unauthenticated_per_address_max", "sessions", "2000", 1, 1'000'000, number, &Settings::unauthenticated_per_address_max,
        "The same of one address."},
    SettingRow{"buyer_burst", "messages", "20", 1, 10'000, number, &Settings::buyer_burst,
        "What a buyer's session may send at once."},
    SettingRow{"buyer_per_second", "messages/s", "2", 1, 10'000, number, &Settings::buyer_per_second,
        "What it may send in the long run. Beyond both it is told rate_limited, and closed if it goes on."},
    SettingRow{"agent_burst", "messages", "100", 1, 10'000, number, &Settings::agent_burst,
        "The same for staff, who answer many chats on one session."},
    SettingRow{"agent_per_second", "messages/s", "10", 1, 10'000, number, &Settings::agent_per_second,
        "The same for staff."},
    SettingRow{"outbox_bytes_max", "bytes", "262144", 256 * kib, 64 * mib, number, &Settings::outbox_bytes_max,
        "What may wait for one session that reads slowly, and what one message may have. Beyond it the session is closed, and can resume."},
    SettingRow{"backlog_bytes_max", "bytes", "67108864", mib, 4096 * mib, number, &Settings::backlog_bytes_max,
        "What may wait for the database, for each desk. From a quarter on work is left out, comfort first; at three quarters new chats are refused, at all of it new words."},
    SettingRow{"log_level", "", "info", 0, 0, SettingKind::log_level, &Settings::log_level,
        "debug, info, warn or error: quieter events are left out."},
    SettingRow{"record_dir", "", "", 0, 0, text, &Settings::record_dir,
        "Where each desk's events are recorded for deskd replay, with filler for all words. Empty: nowhere."},
    SettingRow{"drain_seconds", "s", "10", 0, 3600, number, &Settings::drain_seconds,
        "How long a server that was asked to stop takes at most: half of it for sessions to end, half for what is not stored. The unit gives it 30 s."},
    SettingRow{"allow_full_page_writes_off", "", "no", 0, 0, yes_no, &Settings::allow_full_page_writes_off,
        "Serve although PostgreSQL runs with full_page_writes off: only for managed databases whose disks tear no page."},
};
// clang-format on

const SettingRow* row_of(std::string_view name) {
  const auto found = std::find_if(rows.begin(), rows.end(), [name](const SettingRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

std::string flag_of(std::string_view name) {
  std::string flag{"--"};
  for (const char c : name) flag += c == '_' ? '-' : c;
  return flag;
}

std::string variable_of(std::string_view name) {
  std::string variable{"DESKD_"};
  for (const char c : name) variable += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return variable;
}

// A value that somebody wrote may be a secret in the wrong row, so a mistake is told by its kind and never repeated,
// numbers excepted.
using Wrong = std::optional<std::string>;

Wrong check_one(const SettingRow& row, std::string_view text) {
  if (row.kind == networks && !Network::parse(text)) return "is not an address or a network like 10.0.0.0/8";
  if (text.empty()) return "an empty name in the list";
  return std::nullopt;
}

Wrong set_list(const SettingRow& row, std::vector<std::string> values, Settings& settings) {
  for (const std::string& value : values)
    if (auto wrong = check_one(row, value)) return wrong;
  if (std::set<std::string>(values.begin(), values.end()).size() != values.size()) return "names something twice";
  settings.*std::get<std::vector<std::string> Settings::*>(row.member) = std::move(values);
  return std::nullopt;
}

Wrong set_number(const SettingRow& row, std::int64_t value, Settings& settings) {
  const std::string unit = " (" + std::string{row.unit} + ")";
  if (value < row.least) return std::to_string(value) + " is below " + std::to_string(row.least) + unit;
  if (value > row.most) return std::to_string(value) + " is above " + std::to_string(row.most) + unit;
  settings.*std::get<std::int64_t Settings::*>(row.member) = value;
  return std::nullopt;
}

Wrong set_yes_no(const SettingRow& row, bool value, Settings& settings) {
  settings.*std::get<bool Settings::*>(row.member) = value;
  return std::nullopt;
}

// `value` as it stands in a flag, in the environment, or in a string of the file.
Wrong set_text(const SettingRow& row, std::string_view value, Settings& settings) {
  switch (row.kind) {
    case number: {
      std::int64_t parsed{};
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
      if (error != std::errc{} || end != value.data() + value.size()) return "is not a whole number";
      return set_number(row, parsed, settings);
    }
    case yes_no:
      if (value != "yes" && value != "no" && value != "true" && value != "false") return "is neither yes nor no";
      return set_yes_no(row, value == "yes" || value == "true", settings);
    case list:
    case networks: {
      std::vector<std::string> values;
      std::istringstream in{std::string{value}};
      for (std::string one; std::getline(in, one, ',');) values.push_back(std::move(one));
      if (value.ends_with(',')) return "an empty name in the list";
      return set_list(row, std::move(values), settings);
    }
    case address:
      if (!(value.empty() && row.initial.empty()) && !address_of(value)) return "is not an address like 127.0.0.1:8080";
      break;
    case SettingKind::log_level:
      if (std::find(level_words.begin(), level_words.end(), value) == level_words.end())
        return "is none of debug, info, warn, error";
      break;
    case text:
      if (value.find('\0') != std::string_view::npos) return "holds a NUL";
      if (value.empty() && !row.initial.empty()) return "may not be empty";
      break;
  }
  settings.*std::get<std::string Settings::*>(row.member) = value;
  return std::nullopt;
}

Wrong set_toml(const SettingRow& row, const toml::node& node, Settings& settings) {
  if (row.kind == number) {
    const auto value = node.value_exact<std::int64_t>();
    return value ? set_number(row, *value, settings) : Wrong{"is not a whole number"};
  }
  if (row.kind == yes_no) {
    const auto value = node.value_exact<bool>();
    return value ? set_yes_no(row, *value, settings) : Wrong{"is neither true nor false"};
  }
  if (row.kind == list || row.kind == networks) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return "is not a list of strings";
    std::vector<std::string> values;
    for (const toml::node& one : *array) {
      const auto value = one.value_exact<std::string>();
      if (!value) return "is not a list of strings";
      values.push_back(*value);
    }
    return set_list(row, std::move(values), settings);
  }
  const auto value = node.value_exact<std::string>();
  return value ? set_text(row, *value, settings) : Wrong{"is not a string"};
}

std::string shown(const SettingRow& row, const Settings& settings) {
  if (const auto* member = std::get_if<std::int64_t Settings::*>(&row.member)) return std::to_string(settings.**member);
  if (const auto* member = std::get_if<bool Settings::*>(&row.member)) return settings.**member ? "yes" : "no";
  if (const auto* member = std::get_if<std::string Settings::*>(&row.member)) return settings.**member;
  std::string joined;
  for (const std::string& one : settings.*std::get<std::vector<std::string> Settings::*>(row.member))
    (joined += joined.empty() ? "" : ",") += one;
  return joined;
}

std::optional<std::string> content_of(const std::string& file, std::size_t most) {
  std::ifstream in{file, std::ios::binary};
  std::string content(most + 1, '\0');
  if (!in || (in.read(content.data(), static_cast<std::streamsize>(content.size())), in.bad())) return std::nullopt;
  content.resize(static_cast<std::size_t>(in.gcount()));
  if (content.size() > most) return std::nullopt;
  return content;
}

// A connection string or a word: no more than a line.
constexpr std::size_t secret_bytes_max{4096};

// What one row may not say because of what another says.
void check_together(SettingsRead& read) {
  Settings& settings = read.settings;
  const auto from_file = [&read](std::string_view name, const std::string& file, std::string& into) {
    if (file.empty()) return;
    auto content = content_of(file, secret_bytes_max);
    if (!content) {
      read.wrong.push_back(std::string{name} + ": cannot read " + file);
      return;
    }
    while (content->ends_with('\n')) content->pop_back();
    into = std::move(*content);
  };
  from_file("database_file", settings.database_file, settings.database);
  from_file("database_owner_file", settings.database_owner_file, settings.database_owner);
  if (settings.database_owner.empty()) settings.database_owner = settings.database;

  const auto same = [&](const std::string& a, const std::string& b) { return a == b && !a.ends_with(":0"); };
  if (same(settings.listen, settings.internal_listen) || same(settings.staff_listen, settings.internal_listen))
    read.wrong.emplace_back("internal_listen: must be an address of its own");
  if (same(settings.listen, settings.staff_listen))
    read.wrong.emplace_back("staff_listen: leave it empty when staff use listen");
  if (settings.guest_key_file == settings.admin_key_file)
    read.wrong.emplace_back("admin_key_file: must be another file than guest_key_file");
}

}  // namespace

Level Settings::level() const {
  const auto found = std::find(level_words.begin(), level_words.end(), log_level);
  return static_cast<Level>(found == level_words.end() ? 1 : found - level_words.begin());
}

std::span<const SettingRow> setting_rows() { return rows; }

void read_toml(std::string_view text, std::string_view file, SettingsRead& into) {
  const auto complain = [&](const toml::source_region& at, std::string_view what) {
    into.wrong.push_back(std::string{file} + ":" + std::to_string(at.begin.line) + ": " + std::string{what});
  };
  try {
    const toml::table table = toml::parse(text, file);
    for (const auto& [key, node] : table) {
      const SettingRow* row = row_of(key.str());
      if (row == nullptr) {
        complain(key.source(), std::string{key.str()} + " is no setting");
      } else if (const Wrong wrong = set_toml(*row, node, into.settings)) {
        complain(key.source(), std::string{row->name} + ": " + *wrong);
      }
    }
  } catch (const toml::parse_error& error) { complain(error.source(), error.description()); }
}

SettingsRead read_settings(std::span<const std::string> arguments,
                           std::span<const std::pair<std::string, std::string>> environment) {
  SettingsRead read;
  for (const SettingRow& row : rows) set_text(row, row.initial, read.settings);

  // First what names the file, then the file, and then what overrides it.
  std::optional<std::string> file;
  for (const auto& [name, value] : environment)
    if (name == "DESKD_CONFIG") file = value;
  std::vector<std::pair<const SettingRow*, std::string>> flags;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const auto equals = argument.starts_with("--") ? argument.find('=') : std::string_view::npos;
    const std::string_view name = argument.substr(0, equals);
    const auto row =
        std::find_if(rows.begin(), rows.end(), [name](const SettingRow& each) { return flag_of(each.name) == name; });
    if (row == rows.end() && name != "--config") {
      read.rest.emplace_back(argument);
      continue;
    }
    std::string value;
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (row != rows.end() && row->kind == yes_no) {
      value = "yes";  // a flag alone says yes; --flag=no says no
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      read.wrong.push_back(std::string{name} + ": a value is missing");
      continue;
    }
    if (row == rows.end()) {
      file = value;
    } else {
      flags.emplace_back(&*row, std::move(value));
    }
  }

  if (file && !file->empty()) {
    if (const auto text = content_of(*file, file_bytes_max)) {
      read_toml(*text, *file, read);
    } else {
      read.wrong.push_back("cannot read " + *file);
    }
  }
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("DESKD_") || name == "DESKD_CONFIG") continue;
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&name = name](const SettingRow& each) { return variable_of(each.name) == name; });
    if (row == rows.end()) {
      read.doubtful.push_back(name + " is no setting");
    } else if (const Wrong wrong = set_text(*row, value, read.settings)) {
      read.wrong.push_back(name + ": " + *wrong);
    }
  }
  for (const auto& [row, value] : flags)
    if (const Wrong wrong = set_text(*row, value, read.settings))
      read.wrong.push_back(flag_of(row->name) + ": " + *wrong);
  if (read.wrong.empty()) check_together(read);
  return read;
}

std::vector<std::pair<std::string, std::string>> process_environment() {
  std::vector<std::pair<std::string, std::string>> all;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view entry{*each};
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos) all.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return all;
}

std::string settings_table() {
  std::string table{"| setting | default | bounds | what it does |\n|---|---|---|---|\n"};
  for (const SettingRow& row : rows) {
    table += "| `" + std::string{row.name} + "` | " +
             (row.initial.empty() ? "" : "`" + std::string{row.initial} + "`") + " | ";
    if (row.kind == number)
      table += std::to_string(row.least) + " to " + std::to_string(row.most) + " " + std::string{row.unit};
    table += " | " + std::string{row.sentence} + " |\n";
  }
  return table;
}

std::string settings_in_force(const Settings& settings) {
  std::string out;
  for (const SettingRow& row : rows) {
    const bool secret = row.name == "database" || row.name == "database_owner";
    out += std::string{row.name} + " = " + (secret ? "(set)" : shown(row, settings)) + "\n";
  }
  return out;
}

std::optional<Address> address_of(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  Address address;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size()) return std::nullopt;
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  address.host = host;
  std::array<unsigned char, 16> bytes{};
  if (::inet_pton(bracketed ? AF_INET6 : AF_INET, address.host.c_str(), bytes.data()) != 1) return std::nullopt;
  return address;
}

}  // namespace deskd
