// mail.hpp - What other threads can say to a shard.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/admin_codec.hpp"
#include "protocol/policy.hpp"
#include "protocol/words.hpp"
#include "server/ops/admin.hpp"
#include "server/ops/scrape.hpp"
#include "server/session/arrival.hpp"
#include "server/session/token.hpp"
#include "storage/reader.hpp"
#include "storage/writer.hpp"

namespace deskd {

struct Placement;

namespace mail {

// A desk to serve from now on.
struct Place {
  std::shared_ptr<Placement> placement;
};

// A client for this desk.
struct Arrive {
  DeskId desk;
  Arrival arrival;
};
struct Stored {
  Outcome outcome;
};

// An answer of the reader, and what it was asked for.
struct ReadHistory {
  CommandId id;
};
struct ReadLines {
  ChatId chat;
};
struct ReadChat {
  CommandId id;
  std::string frame;  // in which the session named the chat
};
using ReadFor = std::variant<ReadHistory, ReadLines, ReadChat>;
struct Read {
  DeskId desk;
  SessionId session;
  ReadFor what;
  Answer answer;
};

// A newer version is in force. The keys are of this version too.
struct NewPolicy {
  DeskId desk;
  std::shared_ptr<const policy::Desk> policy;
  std::shared_ptr<const KeyRing> keys;
};
// The reply comes when it is stored, or has not been for some seconds; with nothing when the desk is not here, or no more.
struct Revoke {
  DeskId desk;
  admin::Revocation who;
  std::function<void(std::optional<SentAway>)> reply;
};
// What this policy would drop although it still holds chats. The reply is called on the shard's thread, as all are.
struct WouldDrop {
  DeskId desk;
  std::shared_ptr<const policy::Desk> policy;
  std::function<void(std::vector<std::string>)> reply;
};
// Why this chat is where it is: JSON, or empty when the desk does not hold it in memory; or all candidates as a table,
// empty when it does not wait. Another desk may have a chat of the same number.
struct Explain {
  DeskId desk;
  ChatId chat;
  bool all{};
  std::function<void(std::string)> reply;
};
// What this thread and its desks have counted, and their figures now.
struct Report {
  std::function<void(const Scrape&)> reply;
};
// No new chats; every session is told to come back elsewhere, spread over `jitter`.
struct Drain {
  Duration jitter{};
};
struct Stop {};

}  // namespace mail

using Mail = std::variant<mail::Place, mail::Arrive, mail::Stored, mail::Read, mail::NewPolicy, mail::Revoke,
                          mail::WouldDrop, mail::Explain, mail::Report, mail::Drain, mail::Stop>;

}  // namespace deskd
