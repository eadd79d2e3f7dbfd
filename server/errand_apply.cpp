// errand_apply.cpp - deskd apply FILE: puts a policy into force, and never over one that its author has not seen.
#include <charconv>
#include <cstdlib>
#include <stdexcept>

#include "protocol/policy_codec.hpp"
#include "server/admin_call.hpp"
#include "server/arguments.hpp"
#include "server/errands.hpp"
#include "server/policy_file.hpp"
#include "storage/recovery.hpp"

namespace deskd::errand {
namespace {

// What stands in the way, for whoever typed the command.
class Wrong : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Where the policy in force is, and the way to put another in its place: a server, or the database.
class Place {
 public:
  // The policy in force; version 0 and no name when there is none. Throws Wrong.
  virtual policy::Desk in_force() = 0;
  // Gives the new version. Throws Wrong.
  virtual std::int64_t put(const policy::Desk& policy, std::int64_t base) = 0;

 protected:
  ~Place() = default;
};

policy::Desk decoded(const std::string& body) {
  auto read = policy::decode(body);
  if (const auto* problem = std::get_if<policy::Problem>(&read))
    throw Wrong{"the policy in force cannot be read: " + problem->text()};
  return std::get<policy::Desk>(std::move(read));
}

class AtServer : public Place {
 public:
  AtServer(const Settings& settings, const std::string& desk)
      : settings_{settings}, target_{"/admin/v1/desks/" + desk + "/policy"} {}
  bool is_there() const { return call_admin(settings_, "GET", "/readyz").has_value(); }
  // A desk that the server does not have is a new one, or the server says why not when it is put.
  policy::Desk in_force() override {
    const auto answer = call_admin(settings_, "GET", target_);
    if (answer && answer->status == 404) return {};
    return decoded(good(answer).body);
  }
  std::int64_t put(const policy::Desk& policy, std::int64_t base) override {
    good(call_admin(settings_, "PUT", target_ + "?from=" + std::to_string(base), policy::encode(policy)));
    return base + 1;
  }

 private:
  static CallAnswer good(std::optional<CallAnswer> answer) {
    if (!answer) throw Wrong{"the server has gone"};
    if (answer->status != 200) throw Wrong{refusal_of(*answer)};
    return *std::move(answer);
  }
  const Settings& settings_;
  std::string target_;
};

// With no server running. It takes no desk: a version is for whoever serves the desk next, two who are quick meet in the
// policy's key, and taking would fence a server that we merely do not reach. One that we do not reach would go on under
// the older version, and would not have been asked what the newer one drops, so nothing is written past it.
class InDatabase : public Place {
 public:
  InDatabase(const Settings& settings, const std::string& desk, std::int64_t wall_ms)
      : connection_{settings.database}, internal_listen_{settings.internal_listen}, desk_{desk}, wall_ms_{wall_ms} {}
  policy::Desk in_force() override {
    const auto newest = read_policy(connection_, desk_);
    if (newest.empty()) return {};
    policy::Desk policy = decoded(newest.front().body);
    policy.version = newest.front().version;
    return policy;
  }
  std::int64_t put(const policy::Desk& policy, std::int64_t base) override {
    if (is_served(connection_))
      throw Wrong{"a server serves from this database, and none answers at " + internal_listen_ +
                  ": apply where it runs, or say its internal_listen"};
    const char* user = std::getenv("USER");
    const std::string by = std::string{"deskd apply"} + (user == nullptr ? "" : std::string{" by "} + user);
    policy::Desk newer = policy;
    newer.version = base + 1;
    if (!add_policy(connection_, make_desk(connection_, desk_), base,
                    {newer.version, policy::encode(newer), by, instant_of(wall_ms_)}))
      throw Wrong{"stale_policy: somebody else was faster"};
    return newer.version;
  }

 private:
  std::string connection_;
  std::string internal_listen_;
  std::string desk_;
  std::int64_t wall_ms_;
};

// The version that the file was written over. Throws Wrong when nobody said.
std::int64_t base_of(const std::optional<std::string>& from, const policy::Desk& file, const policy::Desk& now) {
  if (from == "newest") return now.version;
  if (from) {
    std::int64_t base{};
    const auto [end, error] = std::from_chars(from->data(), from->data() + from->size(), base);
    if (error != std::errc{} || end != from->data() + from->size() || base < 0)
      throw Wrong{"--from: a version is wanted, or newest"};
    return base;
  }
  if (file.version == 0 && now.version > 0)
    throw Wrong{"version " + std::to_string(now.version) +
                " is in force, and the file does not say which one it was written over:\n"
                "say \"version\": N in it, or --from N, or --from newest to put it over whatever is there"};
  return file.version;
}

Said put(Place& place, const policy::Desk& policy, const std::optional<std::string>& from) {
  const policy::Desk now = place.in_force();
  policy::Desk same = policy;
  same.version = now.version;
  if (same == now)
    return {0,
            "desk " + policy.name + ": nothing to change, version " + std::to_string(now.version) + " says the same\n",
            ""};
  const std::int64_t base = base_of(from, policy, now);
  if (base != now.version)
    return {1, "",
            "stale_policy: version " + std::to_string(now.version) + " is in force, and this one was written over " +
                std::to_string(base) + "\n"};
  const std::int64_t version = place.put(policy, base);
  Said said{0, "desk " + policy.name + ": version " + std::to_string(version) + " is in force\n", ""};
  if (policy.version > 0 && !from)
    said.out += "before the next change, say \"version\": " + std::to_string(version) + " in the file\n";
  return said;
}

}  // namespace

Said apply(const Settings& settings, const Words& words, std::int64_t wall_ms) {
  Arguments arguments{words};
  const auto from = arguments.value("--from");
  const auto file = arguments.next();
  if (!file || arguments.stranger()) return {2, "", "usage: deskd apply FILE [--from N | --from newest]\n"};
  const auto read = read_policy_file(*file, wall_ms);
  if (const auto* problems = std::get_if<std::vector<std::string>>(&read)) {
    Said said{1, "", ""};
    for (const std::string& problem : *problems) said.error += problem + "\n";
    return said;
  }
  const auto& policy = std::get<policy::Desk>(read);
  try {
    AtServer server{settings, policy.name};
    if (server.is_there()) return put(server, policy, from);
    InDatabase database{settings, policy.name, wall_ms};
    return put(database, policy, from);
  } catch (const StorageError& error) {
    return {1, "", std::string{"no server runs, and the database does not answer: "} + error.what() + "\n"};
  } catch (const std::runtime_error& error) { return {1, "", std::string{error.what()} + "\n"}; }
}

}  // namespace deskd::errand
