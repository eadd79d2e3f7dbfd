// errands.cpp - See errands.hpp. `apply` has a file of its own.
#include "server/errands.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <stdexcept>

#include "protocol/policy_codec.hpp"
#include "server/admin_call.hpp"
#include "server/arguments.hpp"
#include "server/policy_file.hpp"
#include "server/session/token.hpp"
#include "server/shard/recorder.hpp"
#include "storage/desks.hpp"
#include "storage/recovery.hpp"

namespace deskd::errand {
namespace {

constexpr std::int64_t day_ms{std::int64_t{24} * 3600 * 1000};
// For trying out. A month is enough of that, and as long as a token may lie in somebody's shell history.
constexpr std::int64_t days_most{30};

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Said failed(const std::string& why) { return {1, "", why + "\n"}; }

using Policies = std::vector<policy::Desk>;

// The file's, or those of the database: of the desk that was named, or of every one. Throws std::runtime_error.
Policies policies_of(const Settings& settings, const std::optional<std::string>& file,
                     const std::optional<std::string>& desk, std::int64_t wall_ms) {
  Policies policies;
  if (file) {
    auto read = read_policy_file(*file, wall_ms);
    if (const auto* problems = std::get_if<std::vector<std::string>>(&read))
      throw std::runtime_error{problems->front()};
    policies.push_back(std::get<policy::Desk>(std::move(read)));
    return policies;
  }
  for (const std::string& name : desk ? std::vector{*desk} : desk_names(settings.database))
    for (const stored::Policy& stored : read_policy(settings.database, name)) {
      auto read = policy::decode(stored.body);
      if (const auto* problem = std::get_if<policy::Problem>(&read))
        throw std::runtime_error{"the policy of " + name + " cannot be read: " + problem->text()};
      policies.push_back(std::get<policy::Desk>(std::move(read)));
    }
  return policies;
}

// Who is to sign.
struct Signer {
  std::string name;  // of the shop or the desk
  std::string issuer;
  std::vector<policy::Key> keys;
  const policy::Desk* desk{};
};

// All that bear this name, or all when none was given: there should be one.
std::vector<Signer> signers_of(const Policies& policies, bool of_shop, const std::optional<std::string>& name) {
  std::vector<Signer> found;
  for (const policy::Desk& desk : policies) {
    if (!of_shop && (!name || desk.name == *name))
      found.push_back({desk.name, desk.staff_issuer, desk.staff_keys, &desk});
    for (const policy::Shop& shop : desk.shops)
      if (of_shop && (!name || shop.name == *name)) found.push_back({shop.name, shop.issuer, shop.keys, &desk});
  }
  return found;
}

}  // namespace

Said check_config(const Settings& settings, const Words& words, std::int64_t wall_ms) {
  Arguments arguments{words};
  const bool table = arguments.has("--table");
  const auto file = arguments.next();
  if (arguments.stranger() || (table && file)) return {2, "", "usage: deskd check-config [POLICY | --table]\n"};
  if (table) return {0, settings_table(), ""};
  Said said{0, settings_in_force(settings), ""};
  if (!file) return said;
  const auto read = read_policy_file(*file, wall_ms);
  if (const auto* problems = std::get_if<std::vector<std::string>>(&read)) {
    for (const std::string& problem : *problems) said.error += problem + "\n";
  } else {
    // Which keys can be read depends on who asks; the server will ask as its own user.
    const auto ring = KeyRing::of(std::get<policy::Desk>(read), TokenKey::of_secret(std::string{guest_kid}, ""));
    if (const auto* wrong = std::get_if<std::string>(&ring)) said.error = *file + ": " + *wrong + "\n";
  }
  said.code = said.error.empty() ? 0 : 1;
  return said;
}

Said explain(const Settings& settings, const Words& words) {
  Arguments arguments{words};
  const auto desk = arguments.value("--desk");
  const bool all = arguments.has("--all");
  const auto chat = arguments.next();
  if (!chat || !number_of(*chat) || arguments.stranger())
    return {2, "", "usage: deskd explain CHAT [--all] [--desk NAME]\n"};
  const ChatId id{*number_of(*chat)};
  Said said;
  std::string missing = "no desk knows this chat";
  try {
    // A chat's id is its desk's; when no desk was named, each is asked.
    for (const std::string& name : desk ? std::vector{*desk} : desk_names(settings.database)) {
      // What was decided is in the database; why the chat still waits only the desk that lives can say.
      try {
        for (const std::string& line : read_decisions(settings.database, name, id)) said.out += line + "\n";
      } catch (const StorageError& away) { missing = away.what(); }
      const std::string there = "/admin/v1/desks/" + name + "/chats/" + *chat;
      const auto answer = call_admin(settings, "GET", there + "/explain");
      if (!answer || answer->status != 200) continue;
      said.out += "now: " + answer->body + "\n";
      if (const auto table = all ? call_admin(settings, "GET", there + "/candidates") : std::nullopt)
        said.out += table->status == 200 ? table->body : "it does not wait: nobody is being chosen\n";
    }
  } catch (const std::runtime_error& error) { missing = error.what(); }
  return said.out.empty() ? failed(missing) : said;
}

Said token(const Settings& settings, const Words& words, std::int64_t wall_ms) {
  Arguments arguments{words};
  const auto shop = arguments.value("--shop");
  const auto desk = arguments.value("--desk");
  const auto file = arguments.value("--policy");
  const auto key_file = arguments.value("--key");
  const auto level = arguments.value("--level");
  const auto days = number_of(arguments.value("--days").value_or(std::to_string(days_most)));
  const auto role = from_word<Role>(arguments.next().value_or(""));
  const auto person = arguments.next();
  const bool good_days = days && *days >= 1 && *days <= days_most;
  if (!role || *role == Role::guest || !person || arguments.stranger() || !good_days ||
      (level && (*role != Role::buyer || level->empty() || level->size() > level_bytes_max)))
    return {2, "",
            "usage: deskd token buyer|agent|supervisor|ops NAME [--shop S] [--desk D] [--days 1..30]\n"
            "         [--level L: of a buyer, as the shop's policy names it]\n"
            "         [--policy FILE: instead of the database's] [--key FILE: the private half of an eddsa key]\n"};
  const bool of_shop = *role == Role::buyer;
  const std::string kind = of_shop ? "shop" : "desk";
  try {
    const Policies policies = policies_of(settings, file, desk, wall_ms);
    const std::vector<Signer> signers = signers_of(policies, of_shop, of_shop ? shop : desk);
    if (signers.empty()) return failed("there is no such " + kind + " with a policy");
    if (signers.size() > 1) return failed("there are several: name one with --" + kind);
    const Signer& signer = signers.front();
    const auto& agents = signer.desk->agents;
    if (!of_shop &&
        std::none_of(agents.begin(), agents.end(), [&](const auto& agent) { return agent.name == *person; }))
      return failed("desk " + signer.name + " has no agent " + *person);
    Identity who;
    who.role = *role;
    who.person = *person;
    who.level = level.value_or("");
    (of_shop ? who.shop : who.desk) = signer.name;
    who.expires_wall_ms = wall_ms + *days * day_ms;
    // Of a pair the policy names the public half, which cannot sign.
    std::string why = kind + " " + signer.name + " has no key";
    for (policy::Key key : signer.keys) {
      if (key_file) key.file = *key_file;
      const auto known = TokenKey::read(key);
      if (const auto* wrong = std::get_if<std::string>(&known)) {
        why = *wrong;
        continue;
      }
      const std::string minted = mint(who, std::get<TokenKey>(known), signer.issuer, wall_ms);
      if (!minted.empty()) return {0, minted + "\n", ""};
      why = "key " + key.kid + " is public and cannot sign; name its private half with --key FILE";
    }
    return failed(why);
  } catch (const std::runtime_error& error) { return failed(error.what()); }
}

Said replay(const Words& words) {
  Arguments arguments{words};
  const auto chat = arguments.value("--explain");
  const auto file = arguments.next();
  if (!file || (chat && !number_of(*chat)) || arguments.stranger())
    return {2, "", "usage: deskd replay FILE [--explain CHAT]\n"};
  std::ifstream recording{*file, std::ios::binary};
  if (!recording) return failed("deskd: cannot read " + *file);
  const Replayed replayed = deskd::replay(recording, ChatId{chat ? *number_of(*chat) : 0});
  Said said{0, replayed.picks, ""};
  if (chat && said.out.empty())
    said.out = "nobody was chosen for chat " + *chat + ", and it does not wait at the end\n";
  if (replayed.difference.empty()) {
    said.out += *file + ": " + std::to_string(replayed.events) + " events, every effect is the same\n";
  } else {
    said.code = 1;
    said.error = "deskd: " + *file + ": " + replayed.difference + "\n";
  }
  return said;
}

}  // namespace deskd::errand
