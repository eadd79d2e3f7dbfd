// own_secret_test.cpp - Goal: the server's own secrets are made once, are random, and are nobody else's.
#include "server/own_secret.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace deskd {
namespace {

class OwnSecretFile : public testing::Test {
 protected:
  OwnSecretFile() {
    std::string name = (std::filesystem::temp_directory_path() / "deskd-secret-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~OwnSecretFile() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string text(const std::variant<OwnSecret, std::string>& secret) {
    return std::holds_alternative<OwnSecret>(secret) ? std::get<OwnSecret>(secret).text : "";
  }
  std::string folder_;
};

TEST_F(OwnSecretFile, IsMadeOnceAndKeptFromOthers) {
  const std::string first = text(own_secret(path("a")));
  EXPECT_EQ(first.size(), 64U);
  EXPECT_EQ(text(own_secret(path("a"))), first);
  EXPECT_EQ(text(read_own_secret(path("a"))), first);
  EXPECT_NE(text(own_secret(path("b"))), first);
  struct stat status {};
  ASSERT_EQ(stat(path("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

// A service's working folder is empty at its first start.
TEST_F(OwnSecretFile, IsMadeWithItsFolder) {
  EXPECT_EQ(text(own_secret(path("var/guest.key"))).size(), 64U);
  struct stat status {};
  ASSERT_EQ(stat(path("var").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);

  // A folder that was there keeps its mode.
  ASSERT_EQ(chmod(path("var").c_str(), 0750), 0);
  EXPECT_EQ(text(own_secret(path("var/admin.key"))).size(), 64U);
  ASSERT_EQ(stat(path("var").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0750U);
}

TEST_F(OwnSecretFile, SaysWhatIsWrongAndNamesTheFile) {
  EXPECT_EQ(std::get<std::string>(read_own_secret(path("none"))), "cannot read " + path("none"));
  EXPECT_FALSE(std::filesystem::exists(path("none")));
  EXPECT_EQ(std::get<std::string>(own_secret(path("no/such/key"))), "cannot make " + path("no/such/key"));
  EXPECT_FALSE(std::filesystem::exists(path("no"))) << "a path that is mistyped is not built";
  std::ofstream{path("short")} << "short-words\n";
  chmod(path("short").c_str(), 0600);
  EXPECT_EQ(std::get<std::string>(own_secret(path("short"))), path("short") + " holds fewer than 32 bytes");
  ASSERT_NE(text(own_secret(path("open"))), "");
  chmod(path("open").c_str(), 0640);
  EXPECT_EQ(std::get<std::string>(own_secret(path("open"))), path("open") + " may be read by others; chmod 600");
}

// Servers that start together agree, and leave nothing beside the file.
TEST_F(OwnSecretFile, ManyMakersAgree) {
  std::vector<std::string> seen(8);
  {
    std::vector<std::jthread> makers;
    for (std::string& one : seen) makers.emplace_back([this, &one] { one = text(own_secret(path("shared"))); });
  }
  for (const std::string& one : seen) EXPECT_EQ(one, seen.front());
  EXPECT_EQ(seen.front().size(), 64U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{folder_}, {}), 1);
}

}  // namespace
}  // namespace deskd
