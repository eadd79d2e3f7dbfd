#include "server/desk/rights.hpp"

#include <algorithm>

#include "server/desk/lifetime.hpp"
#include "server/desk/overload.hpp"
#include "server/desk/talk.hpp"

namespace deskd::rights {

namespace {

bool watches(const Chat& chat, const Session& session) {
  return std::find(chat.watchers.begin(), chat.watchers.end(), session.id) != chat.watchers.end();
}

bool holds(const Chat& chat, const Session& session) {
  return session.agent != nobody && chat.place == Place::held && chat.agent == session.agent;
}

// What was said before the chat ended, or before it was taken away, is answered once more. `content`: if it can differ.
bool answers_repeat(Floor& floor, const Session& session, const Chat& chat, Stream stream, CommandId command,
                    std::optional<std::uint64_t> content = {}) {
  const Transcript& transcript = chat.transcript(stream);
  const Seq seq = transcript.find(command);
  if (!seq) return false;
  const Transcript::Line& line = transcript.line(seq);
  const bool own = session.buyer != nullptr ? line.origin == Origin::buyer : line.author == session.agent;
  return own && talk::repeated(floor, session, chat, stream, command, content.value_or(line.content));
}

}  // namespace

Chat* chat_of(Floor& floor, const Session& session, ChatId id) {
  // Nearly every line is said to the buyer's chat of now, or to one that the agent holds: that takes no search among all.
  if (session.buyer != nullptr) {
    if (Chat* own = session.buyer->chat; own != nullptr && own->id == id) return own;
    Chat* chat = floor.chat(id);
    return chat != nullptr && chat->buyer == session.buyer ? chat : nullptr;
  }
  if (session.role == Role::ops) return nullptr;
  for (Chat* held : floor.roster.agent(session.agent).held)
    if (held->id == id) return held;
  Chat* chat = floor.chat(id);
  if (chat == nullptr) return nullptr;
  // Whom it is only offered to has not seen a word of it.
  return session.role == Role::supervisor || chat->last_agent == session.agent ? chat : nullptr;
}

Chat* known_chat(Floor& floor, const Session& session, ChatId id, CommandId command) {
  Chat* chat = chat_of(floor, session, id);
  if (chat == nullptr) floor.refuse(session, command, Code::unknown_chat);
  return chat;
}

Chat* chat_or_stored(Floor& floor, const Session& session, ChatId id, CommandId command) {
  if (Chat* chat = chat_of(floor, session, id)) return chat;
  const Chat* of_another = floor.chat(id);
  if (of_another == nullptr && session.role != Role::ops) {
    const Buyer* buyer = session.buyer;
    floor.out->add(effect::ReadChat{session.id, command, id, buyer == nullptr ? std::string_view{} : buyer->shop,
                                    buyer == nullptr ? std::string_view{} : buyer->id});
  } else if (of_another == nullptr || session.buyer != nullptr ||
             !answers_repeat(floor, session, *of_another, Stream::main, command)) {
    floor.refuse(session, command, Code::unknown_chat);
  }
  return nullptr;
}

Chat* chat_to_speak_in(Floor& floor, const Session& session, ChatId id, Stream stream, CommandId command,
                       std::uint64_t content) {
  if (session.role == Role::ops) {
    floor.refuse(session, command, Code::not_allowed, "for buyers and agents");
    return nullptr;
  }
  Chat* chat = chat_of(floor, session, id);
  // An agent may repeat what she said to a chat that others have had since.
  if (chat == nullptr && session.agent != nobody) chat = floor.chat(id);
  if (chat == nullptr) return chat_or_stored(floor, session, id, command);
  const bool of_buyer = session.buyer != nullptr;
  if (of_buyer && stream == Stream::inside) {
    floor.refuse(session, command, Code::not_allowed, "no such stream");
    return nullptr;
  }
  const bool may = of_buyer || holds(*chat, session) || (stream == Stream::inside && watches(*chat, session));
  if (may && chat->open()) return chat;
  if (answers_repeat(floor, session, *chat, stream, command, content)) return nullptr;
  floor.refuse(session, command, chat->open() ? Code::not_allowed : Code::chat_closed);
  return nullptr;
}

Chat* chat_to_recall_in(Floor& floor, const Session& session, ChatId id, Stream stream, CommandId command,
                        std::uint64_t content) {
  // Also when the chat has ended: what must not stand there must not stand there.
  if (session.role == Role::supervisor) return chat_or_stored(floor, session, id, command);
  return chat_to_speak_in(floor, session, id, stream, command, content);
}

Chat* held_chat(Floor& floor, const Session& session, ChatId id, CommandId command) {
  if (!is_staff(floor, session, command)) return nullptr;
  Chat* chat = chat_or_stored(floor, session, id, command);
  if (chat == nullptr) return nullptr;
  if (!chat->open()) {
    floor.refuse(session, command, Code::chat_closed);
    return nullptr;
  }
  if (!holds(*chat, session)) {
    floor.refuse(session, command, Code::not_allowed, "you do not hold this chat");
    return nullptr;
  }
  return chat;
}

bool is_buyer(Floor& floor, const Session& session, CommandId command) {
  if (session.buyer == nullptr) floor.refuse(session, command, Code::not_allowed, "for buyers");
  return session.buyer != nullptr;
}

bool is_staff(Floor& floor, const Session& session, CommandId command) {
  const bool staff = session.role == Role::agent || session.role == Role::supervisor;
  if (!staff) floor.refuse(session, command, Code::not_allowed, "for agents");
  return staff;
}

bool is_supervisor(Floor& floor, const Session& session, CommandId command) {
  if (session.role != Role::supervisor) floor.refuse(session, command, Code::not_allowed, "for supervisors");
  return session.role == Role::supervisor;
}

bool has_room(Floor& floor, const Session& session, Chat& chat, Stream stream, CommandId command) {
  if (!chat.transcript(stream).full()) return true;
  if (chat.open()) lifetime::close(floor, chat, Reason::too_long);
  floor.refuse(session, command, Code::chat_closed);
  return false;
}

bool storing_keeps_up(Floor& floor, const Session& session, CommandId command) {
  if (!overload::sheds(floor, limits::Shed::words, floor.counters.shed_words)) return true;
  floor.refuse(session, command, Code::storage_behind, {}, limits::storage_behind_retry_ms);
  return false;
}

bool may_add_line(Floor& floor, const Session& session, Chat& chat, Stream stream, CommandId command) {
  return storing_keeps_up(floor, session, command) && has_room(floor, session, chat, stream, command);
}

}  // namespace deskd::rights
