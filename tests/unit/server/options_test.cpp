// options_test.cpp - Goal: what is in force is what was written, the nearest to the command line wins, and a mistake
// stops the start with the place where it stands. Method: every row at its bounds and one beyond, through each door.
#include "server/options.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace deskd {
namespace {

using Arguments = std::vector<std::string>;
using Environment = std::vector<std::pair<std::string, std::string>>;

SettingsRead from_toml(std::string_view text) {
  SettingsRead read = read_settings({}, {});
  read_toml(text, "deskd.toml", read);
  return read;
}

std::string flag_of(std::string_view name) {
  std::string flag{"--"};
  for (const char c : name) flag += c == '_' ? '-' : c;
  return flag;
}

// What SPEC.md tells strangers to keep to is what a server does that nobody has set up otherwise.
TEST(OptionsAndSpec, SayTheSameRates) {
  const Settings is = read_settings({}, {}).settings;
  std::ifstream file{DESKD_SOURCE_DIR "/protocol/SPEC.md"};
  const std::string spec{std::istreambuf_iterator<char>{file}, {}};
  const auto says = [&](const char* whose, std::int64_t burst, std::int64_t per_second) {
    const std::string row = std::string{"| messages of "} + whose + " | " + std::to_string(burst) + " at once, then " +
                            std::to_string(per_second) + " a second |";
    EXPECT_NE(spec.find(row), std::string::npos) << row;
  };
  says("a buyer", is.buyer_burst, is.buyer_per_second);
  says("staff", is.agent_burst, is.agent_per_second);
}

class Options : public testing::Test {
 protected:
  Options() {
    std::string name = (std::filesystem::temp_directory_path() / "deskd-options-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~Options() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream{folder_ + "/" + name, std::ios::binary} << content;
    return folder_ + "/" + name;
  }
  std::string folder_;
};

TEST_F(Options, DefaultsStandAndAreWithinTheirBounds) {
  const SettingsRead read = read_settings({}, {});
  EXPECT_EQ(read.wrong, std::vector<std::string>{});
  EXPECT_EQ(read.settings.listen, "127.0.0.1:8080");
  EXPECT_EQ(read.settings.internal_listen, "127.0.0.1:8081");
  EXPECT_EQ(read.settings.outbox_bytes_max, 256 * 1024);
  EXPECT_EQ(read.settings.level(), Level::info);
  EXPECT_FALSE(read.settings.allow_full_page_writes_off);
  EXPECT_EQ(read.settings.database_owner, read.settings.database);
  for (const SettingRow& row : setting_rows()) {
    if (row.initial.empty()) continue;
    const SettingsRead again = read_settings(Arguments{flag_of(row.name) + "=" + std::string{row.initial}}, {});
    EXPECT_EQ(again.wrong, std::vector<std::string>{}) << row.name;
    EXPECT_EQ(again.settings, read.settings) << row.name;
  }
}

TEST_F(Options, TheNearestWins) {
  const std::string file = write("a.toml", "shards = 2\nbuyer_burst = 3\nagent_burst = 4\nlog_level = \"warn\"\n");
  const SettingsRead read =
      read_settings(Arguments{"--buyer-burst", "7", "--config", file},
                    Environment{{"DESKD_BUYER_BURST", "6"}, {"DESKD_AGENT_BURST", "5"}, {"HOME", "/"}});
  EXPECT_EQ(read.wrong, std::vector<std::string>{});
  EXPECT_EQ(read.settings.shards, 2);
  EXPECT_EQ(read.settings.agent_burst, 5);
  EXPECT_EQ(read.settings.buyer_burst, 7);
  EXPECT_EQ(read.settings.level(), Level::warn);
  const std::string other = write("b.toml", "shards = 3\n");
  EXPECT_EQ(read_settings({}, Environment{{"DESKD_CONFIG", other}}).settings.shards, 3);
  EXPECT_EQ(read_settings(Arguments{"--config=" + file}, Environment{{"DESKD_CONFIG", other}}).settings.shards, 2);
}

// Every number through all three doors: the ends of its range are taken, one beyond is refused and named.
TEST_F(Options, BoundsAreHeldThroughEveryDoor) {
  int numbers = 0;
  for (const SettingRow& row : setting_rows()) {
    if (row.kind != SettingKind::number) continue;
    ++numbers;
    std::string variable{"DESKD_"};
    for (const char c : row.name) variable += static_cast<char>(std::toupper(c));
    const auto told = [&](std::int64_t value) {
      const std::string text = std::to_string(value);
      std::vector<std::vector<std::string>> all{read_settings(Arguments{flag_of(row.name), text}, {}).wrong,
                                                read_settings({}, Environment{{variable, text}}).wrong,
                                                from_toml(std::string{row.name} + " = " + text).wrong};
      return all;
    };
    for (const auto& wrong : told(row.least)) EXPECT_EQ(wrong, std::vector<std::string>{}) << row.name;
    for (const auto& wrong : told(row.most)) EXPECT_EQ(wrong, std::vector<std::string>{}) << row.name;
    const std::string below = " is below " + std::to_string(row.least) + " (" + std::string{row.unit} + ")";
    const auto low = told(row.least - 1);
    EXPECT_EQ(low[0], std::vector{flag_of(row.name) + ": " + std::to_string(row.least - 1) + below});
    EXPECT_EQ(low[1], std::vector{variable + ": " + std::to_string(row.least - 1) + below});
    EXPECT_EQ(low[2],
              std::vector{"deskd.toml:1: " + std::string{row.name} + ": " + std::to_string(row.least - 1) + below});
    for (const auto& wrong : told(row.most + 1)) EXPECT_EQ(wrong.size(), 1U) << row.name;
  }
  EXPECT_GT(numbers, 10);
}

TEST_F(Options, AMistakeIsToldWithItsPlace) {
  const auto first = [](const SettingsRead& read) { return read.wrong.empty() ? "" : read.wrong.front(); };
  EXPECT_EQ(first(from_toml("shards = 1\n\nsesions_max = 5\n")), "deskd.toml:3: sesions_max is no setting");
  EXPECT_EQ(first(from_toml("\nshards = \"2\"")), "deskd.toml:2: shards: is not a whole number");
  EXPECT_EQ(first(from_toml("shards = 2.0")), "deskd.toml:1: shards: is not a whole number");
  EXPECT_EQ(first(from_toml("listen = 8080")), "deskd.toml:1: listen: is not a string");
  EXPECT_EQ(first(from_toml("listen = \"8080\"")), "deskd.toml:1: listen: is not an address like 127.0.0.1:8080");
  EXPECT_EQ(first(from_toml("desks = \"demo\"")), "deskd.toml:1: desks: is not a list of strings");
  EXPECT_EQ(first(from_toml("desks = [\"demo\", 1]")), "deskd.toml:1: desks: is not a list of strings");
  EXPECT_EQ(first(from_toml("desks = [\"demo\", \"demo\"]")), "deskd.toml:1: desks: names something twice");
  EXPECT_EQ(first(from_toml("trusted_proxies = [\"everyone\"]")),
            "deskd.toml:1: trusted_proxies: is not an address or a network like 10.0.0.0/8");
  EXPECT_EQ(first(from_toml("allow_full_page_writes_off = 1")),
            "deskd.toml:1: allow_full_page_writes_off: is neither true nor false");
  EXPECT_EQ(first(from_toml("log_level = \"loud\"")), "deskd.toml:1: log_level: is none of debug, info, warn, error");
  EXPECT_EQ(first(from_toml("[server]\nlisten = \"127.0.0.1:1\"")), "deskd.toml:1: server is no setting");
  EXPECT_TRUE(first(from_toml("shards = 1\nshards = 2")).starts_with("deskd.toml:2: "));
  EXPECT_TRUE(first(from_toml("shards = 1\nlisten = \"")).starts_with("deskd.toml:2: "));
  EXPECT_EQ(first(read_settings(Arguments{"--shards", "two"}, {})), "--shards: is not a whole number");
  EXPECT_EQ(first(read_settings(Arguments{"--shards="}, {})), "--shards: is not a whole number");
  EXPECT_EQ(first(read_settings(Arguments{"--shards"}, {})), "--shards: a value is missing");
  EXPECT_EQ(first(read_settings(Arguments{"--guest-key-file="}, {})), "--guest-key-file: may not be empty");
  EXPECT_EQ(first(read_settings(Arguments{"--desks=a,,b"}, {})), "--desks: an empty name in the list");
  EXPECT_EQ(first(read_settings(Arguments{"--config=" + folder_ + "/none"}, {})), "cannot read " + folder_ + "/none");
  EXPECT_EQ(first(read_settings({}, Environment{{"DESKD_SHARDS", "9999999999999999999"}})),
            "DESKD_SHARDS: is not a whole number");
  EXPECT_EQ(from_toml("shards = 0\nbuyer_burst = 0\nx = 1").wrong.size(), 3U) << "all of them at once";
}

TEST_F(Options, RowsThatContradictEachOther) {
  const auto wrong = [](const Arguments& arguments) { return read_settings(arguments, {}).wrong.size(); };
  EXPECT_EQ(wrong({"--listen=127.0.0.1:8081"}), 1U);
  EXPECT_EQ(wrong({"--staff-listen=127.0.0.1:8080"}), 1U);
  EXPECT_EQ(wrong({"--listen=127.0.0.1:0", "--internal-listen=127.0.0.1:0"}), 0U) << "any free one, twice";
  EXPECT_EQ(wrong({"--guest-key-file=k", "--admin-key-file=k"}), 1U);
}

TEST_F(Options, ASecretComesFromAFileAndIsNeverRepeated) {
  const std::string file = write("db", "host=/run password=hunter2\n");
  const SettingsRead read = read_settings(Arguments{"--database-file", file}, {});
  EXPECT_EQ(read.settings.database, "host=/run password=hunter2");
  EXPECT_EQ(read.settings.database_owner, read.settings.database);
  EXPECT_EQ(settings_in_force(read.settings).find("hunter2"), std::string::npos);
  EXPECT_EQ(read_settings(Arguments{"--database-file", folder_ + "/none"}, {}).wrong.front(),
            "database_file: cannot read " + folder_ + "/none");
  EXPECT_EQ(read_settings(Arguments{"--listen=hunter2"}, {}).wrong.front().find("hunter2"), std::string::npos);
}

TEST_F(Options, WhatIsNoSettingIsLeftToTheCommand) {
  const SettingsRead read = read_settings(Arguments{"--shop", "demo", "--shards", "2", "file.json", "--x=1"},
                                          Environment{{"DESKD_SHARD", "3"}});
  EXPECT_EQ(read.wrong, std::vector<std::string>{});
  EXPECT_EQ(read.rest, (Arguments{"--shop", "demo", "file.json", "--x=1"}));
  EXPECT_EQ(read.doubtful, std::vector<std::string>{"DESKD_SHARD is no setting"});
  EXPECT_EQ(read.settings.shards, 2);
  EXPECT_TRUE(read_settings(Arguments{"--allow-full-page-writes-off"}, {}).settings.allow_full_page_writes_off);
  EXPECT_FALSE(read_settings(Arguments{"--allow-full-page-writes-off=no"}, {}).settings.allow_full_page_writes_off);
}

TEST_F(Options, ListsAreTheSameThroughEveryDoor) {
  const std::vector<std::string> expected{"10.0.0.0/8", "::1"};
  EXPECT_EQ(read_settings(Arguments{"--trusted-proxies=10.0.0.0/8,::1"}, {}).settings.trusted_proxies, expected);
  EXPECT_EQ(from_toml("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]").settings.trusted_proxies, expected);
  EXPECT_EQ(read_settings({}, Environment{{"DESKD_TRUSTED_PROXIES", ""}}).settings.trusted_proxies.size(), 0U);
}

TEST_F(Options, TheTableHasEveryRow) {
  const std::string table = settings_table();
  for (const SettingRow& row : setting_rows()) {
    EXPECT_NE(table.find("| `" + std::string{row.name} + "` |"), std::string::npos);
    EXPECT_TRUE(row.sentence.ends_with('.')) << row.name;
  }
}

// The README's table is this one: `deskd check-config --table` makes it.
TEST_F(Options, TheReadmeSaysTheSame) {
  std::ifstream in{DESKD_SOURCE_DIR "/README.md"};
  const std::string readme{std::istreambuf_iterator<char>{in}, {}};
  EXPECT_NE(readme.find("\n\n" + settings_table() + "\n<!-- /settings -->"), std::string::npos);
}

TEST(AddressOf, TakesOnlyWhole) {
  EXPECT_EQ(address_of("127.0.0.1:8080"), (Address{"127.0.0.1", 8080}));
  EXPECT_EQ(address_of("[::1]:0"), (Address{"::1", 0}));
  for (const auto* bad : {"", ":", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                          "127.0.0.1: 80", "localhost:80", "::1:80", "[127.0.0.1]:80", "127.0.0.1:80x", "1.2.3:80"})
    EXPECT_EQ(address_of(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace deskd
