// messages.hpp - What is said on the wire, as plain values. SPEC.md says it in prose; codec.hpp turns it into text.
//
//        client ── ask::* ──> deskd          a command or a report
//        client <── tell::* ── deskd         an answer, a line, or state
//
// A string_view lives until the step that it was made for has ended: whoever keeps the words copies them.
// Commands that change something carry a CommandId, made before the first sending and kept until the answer is stored.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/codes.hpp"
#include "protocol/ids.hpp"
#include "protocol/words.hpp"
#include "storage/records.hpp"

// A short message is one line.
// clang-format off
namespace deskd::ask {

// The first message of every session. The session's edge answers it; the desk only ever sees a person whose token held.
// A guest without a token leaves it empty and is given one.
struct SignIn { std::string_view token; };
struct Refresh { std::string_view token; };
struct Pong { std::uint32_t n{}; };

// What the client holds of one chat. Same epoch: it gets what follows `seq`. Another: what follows `stored`.
struct Held {
  ChatId chat;
  Epoch epoch;
  Seq seq;
  Seq stored;
  Seq inside;         // staff only: the same for the inside stream
  Seq inside_stored;
};
struct Resume { std::vector<Held> chats; };

// Buyer. Gives the open chat if there is one. `agent`: wait for this one, for at most wanted_agent_wait.
struct Open {
  CommandId id;
  std::string_view queue;   // empty: the shop's first queue
  std::string_view agent;
  std::vector<std::string_view> skills;
};
struct Say {
  CommandId id;
  ChatId chat;
  std::string_view text;
  Seq reply_to;
  bool assist{};            // agent: a suggested reply was pressed
  bool inside{};            // staff: a whisper or note
};
struct Recall { CommandId id; ChatId chat; Seq seq; bool inside{}; };
struct Typing { ChatId chat; bool on{}; };
struct Mark { ChatId chat; Seq delivered; Seq read; };
struct Choose { CommandId id; ChatId chat; Choice choice{}; };
struct AnswerOrder { CommandId id; ChatId chat; record::OrderAnswer answer; };
struct Rate { CommandId id; ChatId chat; record::Rating rating; };
struct Close { CommandId id; ChatId chat; };

// Agent.
struct SetStatus { CommandId id; Status status{}; };
struct Accept { CommandId id; ChatId chat; };
struct Decline { CommandId id; ChatId chat; };
struct Pull { CommandId id; ChatId chat; };                   // chat 0: the oldest this agent may take
struct NoAnswerNeeded { CommandId id; ChatId chat; Seq seq; };   // to what the buyer said up to this line
struct ProposeOrder { CommandId id; ChatId chat; record::Order order; };
// Exactly one of agent and queue. An agent without a free place refuses it with no_place.
struct Transfer { CommandId id; ChatId chat; std::string_view agent; std::string_view queue; };
struct WrapUpDone { CommandId id; ChatId chat; };
// Earlier chats of the buyer of `chat`; for a buyer, their own. Answered with History, newest first, before `before`;
// with `before_seq` what that chat holds before this line, first.
struct ReadHistory { CommandId id; ChatId chat; ChatId before; Seq before_seq; };

// Supervisor.
struct Watch { CommandId id; ChatId chat; bool on{}; };
struct TakeOver { CommandId id; ChatId chat; };
struct Reassign { CommandId id; ChatId chat; std::string_view agent; std::string_view queue; };
struct SetAgent {
  CommandId id;
  std::string_view agent;
  std::optional<Status> status;
  std::optional<std::int32_t> capacity;
  std::optional<std::vector<std::string_view>> queues;
};
struct SetSurge { CommandId id; bool on{}; };
struct Explain { CommandId id; ChatId chat; bool all{}; };   // also an agent, of a chat that she holds

// Ops and supervisors: live figures, once a second while on.
struct Figures { CommandId id; bool on{}; };

}  // namespace deskd::ask

// clang-format on
namespace deskd {
using Ask = std::variant<ask::SignIn, ask::Refresh, ask::Pong, ask::Resume, ask::Open, ask::Say, ask::Recall,
                         ask::Typing, ask::Mark, ask::Choose, ask::AnswerOrder, ask::Rate, ask::Close, ask::SetStatus,
                         ask::Accept, ask::Decline, ask::Pull, ask::NoAnswerNeeded, ask::ProposeOrder, ask::Transfer,
                         ask::WrapUpDone, ask::ReadHistory, ask::Watch, ask::TakeOver, ask::Reassign, ask::SetAgent,
                         ask::SetSurge, ask::Explain, ask::Figures>;

// The id of a command, so that its author learns which one an answer is about; none of a report.
inline CommandId id_of(const Ask& ask) {
  return std::visit(
      [](const auto& asked) {
        if constexpr (requires { asked.id; }) return asked.id;
        else return CommandId{};
      },
      ask);
}
}  // namespace deskd

// clang-format off
namespace deskd::tell {

struct SignedIn {
  SessionId session;
  Role role{};
  std::string_view person;
  std::string_view desk;
  std::string_view shop;      // empty for staff
  Epoch epoch;
  Instant now;
  std::string_view token;     // a guest's; else empty
  Instant expires;            // of the token in force
};

// A line, as either side sees it. Bodies of deeds ride along. `stored` is the chat's watermark at this moment.
struct Line {
  ChatId chat;
  Stream stream{};
  Seq seq;
  Instant at;
  Origin origin{};
  LineKind kind{};
  std::string_view from;      // of staff: the agent's name; of the buyer: empty
  CommandId id;
  Seq reply_to;
  Reason reason{};
  std::string_view text;
  bool hidden{};              // recalled: the words are not sent any more
  Seq stored;
  const record::Order* order{};              // of order; null elsewhere
  const record::OrderAnswer* order_answer{}; // of order_answer
  const record::Rating* rating{};            // of rating
};

// One watermark per chat and stream: every line up to `stored` is in the database. `lines` are those of the reader's own
// that became safe just now.
struct StoredLine { CommandId id; Seq seq; Instant at; };
struct Stored { ChatId chat; Stream stream{}; Seq stored; std::span<const StoredLine> lines; };
// Routed, not yet safe; sent only when storing takes longer than a second.
struct Accepted { ChatId chat; Stream stream{}; CommandId id; Seq seq; Instant at; };

struct Done { CommandId id; ChatId chat; Seq seq; };  // chat and seq 0 where they mean nothing
struct Error { CommandId id; Code code{}; std::string_view message; std::optional<std::int32_t> retry_after_ms; };

// The whole state of a chat, sent after open, resume and whenever it moves. `mine`: the reader holds it (agent).
struct ChatState {
  ChatId chat;
  Epoch epoch;
  Place place{};
  std::string_view shop;
  std::string_view queue;
  std::string_view agent;      // who holds it, or empty
  std::string_view agent_title;
  std::string_view buyer;      // to staff only
  Instant opened;
  std::optional<Instant> waiting_since;
  Seq seq;
  Seq stored;
  Seq inside;                  // to staff only
  Seq inside_stored;
  Seq buyer_delivered, buyer_read, agent_delivered, agent_read;
  bool buyer_present{};
  bool agent_present{};
  bool mine{};
  bool rated{};
  Reason reason{};
  ChatId other;                // of a chat closed as identified: the chat to go on with
};

struct Typing { ChatId chat; bool buyer{}; bool on{}; };
struct Marks { ChatId chat; bool buyer{}; Seq delivered; Seq read; };
struct Presence { ChatId chat; bool buyer{}; bool present{}; };
// Place in line, and the honest range of the wait. `choose`: the buyer is asked to wait or to leave a message.
struct InLine {
  ChatId chat;
  std::int32_t ahead{};
  std::optional<std::int32_t> wait_p50_s;   // absent: not enough seen to say
  std::optional<std::int32_t> wait_p90_s;
  bool choose{};
};

// To agents.
struct AgentState {
  std::string_view agent;
  std::string_view title;
  Status status{};
  Reason reason{};
  std::int32_t capacity{};
  std::int32_t held_max{};
  std::int32_t load{};
  std::int32_t held{};
  std::int32_t wrapping{};
};
struct Offer { ChatId chat; std::string_view queue; Instant until; std::int64_t waited_ms{}; };
struct OfferEnded { ChatId chat; Reason reason{}; };
// No longer yours; its words are no longer for you. Buyers: after resume.
struct Released { ChatId chat; Reason reason{}; };
struct WrapUp { ChatId chat; Instant until; };
// The chats of this agent whose buyers wait, longest first: one message however many there are.
struct WarnedChat { ChatId chat; Instant waiting_since; ClockKind clock{}; std::int32_t percent{}; bool breached{}; };
struct Warning { std::span<const WarnedChat> chats; };

// Answers.
struct HistoryLine {
  Seq seq;
  Instant at;
  Origin origin{};
  LineKind kind{};
  std::string_view from;
  std::string_view text;
  bool hidden{};
  const record::Order* order{};               // as in Line
  const record::OrderAnswer* order_answer{};
  const record::Rating* rating{};
};
struct HistoryChat {
  ChatId chat;
  std::string_view shop;
  Instant opened;
  std::optional<Instant> closed;
  std::vector<HistoryLine> lines;
};
struct History { CommandId id; std::vector<HistoryChat> chats; bool more{}; };
// An agent beside a chat that waits: why she has it not, or `eligible`.
struct Candidate {
  std::string_view agent;
  std::string_view fell_out;
  std::int32_t load{};
  std::int32_t capacity{};
  std::int32_t held{};
  std::int32_t held_max{};
  Instant last_assigned;      // none: never
};
struct Explained { CommandId id; ChatId chat; std::string_view text; std::vector<Candidate> candidates; };

// A queue and the desk, now. One row a queue.
struct QueueFigures {
  std::string_view queue;
  std::int32_t waiting{};
  std::int32_t absent{};
  std::int32_t left_messages{};
  std::int64_t oldest_wait_ms{};
};
struct Figures {
  Instant now;
  std::int32_t agents_available{};
  std::int32_t places{};
  std::int32_t places_taken{};
  std::int32_t held{};
  std::int64_t backlog_bytes{};
  bool surge{};
  std::span<const QueueFigures> queues;
};
// To supervisors: something a person must look at.
struct Alarm { ChatId chat; ClockKind clock{}; Reason reason{}; std::string_view queue; std::int64_t waited_ms{}; };

struct Ping { std::uint32_t n{}; };

}  // namespace deskd::tell

// clang-format on
namespace deskd {
using Tell = std::variant<tell::SignedIn, tell::Line, tell::Stored, tell::Accepted, tell::Done, tell::Error,
                          tell::ChatState, tell::Typing, tell::Marks, tell::Presence, tell::InLine, tell::AgentState,
                          tell::Offer, tell::OfferEnded, tell::Released, tell::WrapUp, tell::Warning, tell::History,
                          tell::Explained, tell::Figures, tell::Alarm, tell::Ping>;
}
