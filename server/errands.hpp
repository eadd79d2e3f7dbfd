// errands.hpp - What `deskd` does besides serving: small clients of the server, of the database and of files.
//
//        check-config [POLICY | --table]        what the settings are, or what is wrong with them or with a policy
//        apply FILE [--from N | --from newest]  puts a desk's policy into force
//        explain CHAT [--all] [--desk NAME]     why this chat is where it is; while it waits, of every agent
//        token ROLE NAME [--shop S | --desk D]  a token for trying out
//              [--days N] [--policy FILE] [--key FILE]
//        replay FILE [--explain CHAT]           whether a desk decides again as it was recorded; why it chose for a chat
//
// Each takes the settings, if it needs them, and the words behind the command, and gives what there is to print and the exit code: 0 done,
// 1 it was refused or could not be done, 2 the words were not understood. `wall_ms` is now.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/options.hpp"

namespace deskd::errand {

struct Said {
  int code{};
  std::string out;    // for stdout
  std::string error;  // for stderr
};

using Words = std::vector<std::string>;

Said check_config(const Settings& settings, const Words& words, std::int64_t wall_ms);

// Through the admin API of the server that runs. With none running it writes the version itself, and takes no desk.
Said apply(const Settings& settings, const Words& words, std::int64_t wall_ms);

Said explain(const Settings& settings, const Words& words);

// With the first of the policy's keys that can sign. The keys' files are read here, so this is for the machine and the
// user of the server. The policy is that of the database, or a file's.
Said token(const Settings& settings, const Words& words, std::int64_t wall_ms);

// Takes no settings: a recording holds what its desk was made with.
Said replay(const Words& words);

}  // namespace deskd::errand
