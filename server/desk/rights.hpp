// rights.hpp - Who may do what to which chat. Every command passes here first.
//
//                    own chat   held chat   watched chat   any chat
//      buyer            x
//      agent                        x
//      supervisor                   x             x            x (routing, closing, recall)
//      ops                                                     figures only
//
// A refusal is answered here, so the caller only has to stop. A chat that is not this buyer's does not exist for them:
// nobody learns of a chat by guessing its id.
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::rights {

// The chat, if this session may know of it at all; says nothing otherwise.
Chat* chat_of(Floor& floor, const Session& session, ChatId id);
// The same, answering unknown_chat or not_allowed.
Chat* known_chat(Floor& floor, const Session& session, ChatId id, CommandId command);
// The same for what may concern a chat that has left memory, as a repeat, a supervisor's recall, or somebody's past: the
// chat is read back, and the command comes again.
Chat* chat_or_stored(Floor& floor, const Session& session, ChatId id, CommandId command);
// The open chat in which this session may say something, of this content, on the stream. A repeat of what was said to a
// chat that has ended is answered as the repeat it is.
Chat* chat_to_speak_in(Floor& floor, const Session& session, ChatId id, Stream stream, CommandId command,
                       std::uint64_t content);
Chat* chat_to_recall_in(Floor& floor, const Session& session, ChatId id, Stream stream, CommandId command,
                        std::uint64_t content);
// The open chat that this agent holds.
Chat* held_chat(Floor& floor, const Session& session, ChatId id, CommandId command);
// The session is of a role that commands like these are for; else answers not_allowed.
bool is_buyer(Floor& floor, const Session& session, CommandId command);
bool is_staff(Floor& floor, const Session& session, CommandId command);
bool is_supervisor(Floor& floor, const Session& session, CommandId command);

// The chat's transcript can take one more line; else it is closed as too long.
bool has_room(Floor& floor, const Session& session, Chat& chat, Stream stream, CommandId command);
// The backlog can take one more line. Not asked for routing: that goes on while the database is away.
bool storing_keeps_up(Floor& floor, const Session& session, CommandId command);
// Both.
bool may_add_line(Floor& floor, const Session& session, Chat& chat, Stream stream, CommandId command);

}  // namespace deskd::rights
