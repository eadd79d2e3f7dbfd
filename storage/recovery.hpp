// recovery.hpp - Taking a desk, and reading back what it was.
//
//        take_desk      raises the epoch: from its commit on, no older server can write a row of this desk
//           │
//        read_open      every chat that is not closed (and those closed a moment ago), with all its lines, fired
//                       clocks and deeds, the older policies whose promises those chats keep, what agents were,
//                       and whether there was surge
//
// Both block, make a connection of their own and are called once per desk at start, never on a reactor thread that
// serves already. They throw StorageError when the database is away or does not hold what it should: a start that
// cannot recover must not serve.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.hpp"
#include "storage/stored.hpp"

namespace deskd {

// The database is away, or is not what this server can work with. `what()` is for the person who starts it.
class StorageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A desk that is this server's now.
struct Taken {
  DeskId desk;
  Epoch epoch;
  Position position;                     // the newest stored; the next record is one above it
  Instant newest;                        // no stored time is later: desk time starts no earlier
  std::vector<stored::Policy> policies;  // the newest version, or none when the desk has no policy yet
};

// Takes the desk of this name, and makes it when there is none. A server that had it is fenced when this returns.
Taken take_desk(const std::string& connection, std::string_view name);

// The desk of this name, made when there is none. Takes nothing from whoever has it.
DeskId make_desk(const std::string& connection, std::string_view name);

// Whether a server is writing to this database, from wherever it runs.
bool is_served(const std::string& connection);

struct Open {
  std::vector<stored::Agent> agents;  // by name: everyone who ever had a status
  stored::Surge surge;
  std::vector<stored::Chat> chats;       // by chat id
  std::vector<ChatId> torn;              // those that are left out, see stored::is_torn
  std::vector<stored::Policy> policies;  // older versions that these chats were opened under, ascending
};

// `closed_since`: chats closed at this time or later come too, since their buyers may still reopen them.
Open read_open(const std::string& connection, DeskId desk, Instant closed_since);

// Who was revoked at this time or later, oldest first.
std::vector<stored::Revoked> read_revoked(const std::string& connection, DeskId desk, Instant since);

// Policies: one row a version, never changed.

// The newest, or none.
std::vector<stored::Policy> read_policy(const std::string& connection, std::string_view desk_name);

// Adds version `base + 1`. False: `base` is not the newest any more, and nothing was written. A desk without a policy
// has version 0, so its first one is written with base 0. Needs no ownership: policies are for whoever serves the desk.
bool add_policy(const std::string& connection, DeskId desk, std::int64_t base, const record::Policy& policy);

}  // namespace deskd
