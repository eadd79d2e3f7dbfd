// talk.hpp - Lines: how they come into being, who hears them, how they are taken back; and typing and marks, which are
// state and not lines.
//
//      say ──> append ──> transcript ──> persist ──> everyone who hears the stream, in order of seq
//                             │
//                             └──> round: a buyer's words begin a wait, words of a person of the shop end it
#pragma once

#include "server/desk/floor.hpp"

namespace deskd::talk {

// Makes a line. `session` said it and hears of it by `stored` instead; 0 when the desk made it. A deed is written down
// with its line; `content` then stands for its body where a repeat is to be known.
Seq append(Floor& floor, Chat& chat, Stream stream, Transcript::Line line, std::string_view words,
           SessionId session = {}, std::optional<Chat::Deed> deed = std::nullopt,
           std::optional<std::uint64_t> content = std::nullopt);
// A line of the desk's own: joined, transferred, closed ...
Seq note(Floor& floor, Chat& chat, LineKind kind, Origin origin, std::string_view words = {},
         AgentIndex author = nobody, Reason reason = Reason::none, CommandId id = {}, SessionId session = {});

// A line as it goes to a reader.
tell::Line line_of(const Floor& floor, const Chat& chat, Stream stream, Seq seq);
// Sends one line again, in the place of what the session holds of it.
void tell_again(Floor& floor, const Chat& chat, Stream stream, Seq seq, SessionId to);
// Sends what follows `after` of a stream to one session.
void replay(Floor& floor, const Chat& chat, Stream stream, Seq after, SessionId to);
// Tells a session the chat as it is.
void tell_state(Floor& floor, const Chat& chat, SessionId to);
void tell_state(Floor& floor, const Chat& chat);  // everyone concerned

void handle(Floor& floor, Session& session, const ask::Say& say);
void handle(Floor& floor, Session& session, const ask::Recall& recall);
void handle(Floor& floor, Session& session, const ask::Typing& typing);
void handle(Floor& floor, Session& session, const ask::Mark& mark);

void on_marks_due(Floor& floor, Chat& chat);
void on_durable(Floor& floor, Position position);
void on_refused(Floor& floor, Position position);
// Tells authors that what they said is routed though not yet safe.
void on_accepted_due(Floor& floor);

// True when this command was answered before: answers it again (or says id_reused), and nothing more must happen.
bool repeated(Floor& floor, const Session& session, const Chat& chat, Stream stream, CommandId id,
              std::uint64_t content);

}  // namespace deskd::talk
