// event.hpp - What goes into a desk. Together with `now` it is all that a desk ever learns.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/messages.hpp"
#include "protocol/policy.hpp"
#include "storage/stored.hpp"

// A short event is one line.
// clang-format off
namespace deskd::event {

// A person signed in on a new session. The edge has checked the token; `person` is the buyer's id or the agent's name.
struct SessionOpened {
  SessionId session;
  Role role{};
  std::string_view person;
  std::string_view shop;   // empty for staff
  std::string_view level;  // of a buyer: what the token says
};

// The session is gone, whoever ended it.
struct SessionClosed { SessionId session; };

// The session said something the codec understood.
struct Heard { SessionId session; Ask ask; };

// The guest behind these sessions has shown a token of a named buyer.
struct Identified {
  std::string_view shop;
  std::string_view guest;
  std::string_view buyer;
  SessionId session;
  std::string_view level;
};

// Everything up to `position` is committed. The only event that moves watermarks and completes deeds.
struct Durable { Position position; };

// The database would not hold this record whatever we do. Comes before the Durable that passes it.
struct Refused { Position position; };

// A policy of a newer version is in force. The edge has validated it (protocol/policy_rules.hpp).
struct PolicyChanged { std::shared_ptr<const policy::Desk> policy; };

// Wall clock minus desk time, when it has moved by more than a second.
struct WallOffset { std::int64_t offset_ms{}; };

// This person may no longer be here: sessions close, chats move. Or may come again, when it is lifted.
struct Revoked { Role role{}; std::string_view shop; std::string_view person; bool lifted{}; };

// The server goes down: no new chats.
struct Drain {};

// Time has passed; the host sends it when next_deadline() has come.
struct Tick {};

// What was when the last server stopped, read back from the database. Comes before anything else: the older policies that
// open chats keep, then agents and surge as they last were, then chats that are open or were closed within
// reopen_within, each with all its lines, and RecoveryDone. After that a chat only as the answer to ReadChat.
using RecoveredAgent = stored::Agent;
using RecoveredSurge = stored::Surge;
using RecoveredChat = stored::Chat;
struct RecoveredPolicy { std::shared_ptr<const policy::Desk> policy; };
struct RecoveryDone { Position position; };  // the newest stored; the next record is one above it

}  // namespace deskd::event

// clang-format on
namespace deskd {
using Event = std::variant<event::SessionOpened, event::SessionClosed, event::Heard, event::Identified, event::Durable,
                           event::Refused, event::PolicyChanged, event::WallOffset, event::Revoked, event::Drain,
                           event::Tick, event::RecoveredPolicy, event::RecoveredAgent, event::RecoveredSurge,
                           event::RecoveredChat, event::RecoveryDone>;
}
