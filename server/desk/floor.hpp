// floor.hpp - Everything a desk knows, and the few verbs that all its nouns share.
//
//                    ┌── book      the policy in force
//                    ├── roster    agents, what they hold          ┐ match: who could be seated with whom
//      Floor ────────├── chats     conversations and their buyers  ┘
//                    ├── sessions  who listens
//                    ├── ledger    what is not yet safe
//                    └── timers    what happens when nobody says anything
//
// The rules live in the files named for them and work on a Floor: each reads and changes it and adds effects. `now` and
// `out` belong to the step that runs. After the rules have run, seating::settle() seats whoever can be seated, so that no
// step ends with a free place beside a chat that could have it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/desk/chat.hpp"
#include "server/desk/counters.hpp"
#include "server/desk/effect.hpp"
#include "server/desk/event.hpp"
#include "server/desk/forecast.hpp"
#include "server/desk/ledger.hpp"
#include "server/desk/match.hpp"
#include "server/desk/names.hpp"
#include "server/desk/roster.hpp"
#include "server/desk/rulebook.hpp"
#include "server/desk/timers.hpp"

namespace deskd {

// A signed-in connection. Exactly one of buyer and agent is set.
struct Session {
  SessionId id;
  Role role{};
  Buyer* buyer{};
  AgentIndex agent{nobody};
  std::vector<ChatId> watched;
  bool resumed{};  // takes part: hears what concerns it
  ChatId follows;  // of a buyer: the chat it has heard from its beginning
  bool figures{};
};

// A line that has just become durable, and its author.
struct SafeLine {
  Chat* chat;
  Stream stream;
  AgentIndex author;  // nobody: the buyer
  bool deed;
  tell::StoredLine line;
};

// Who was picked for the chat that is traced, and from whom, as they stood before it was carried out.
struct Pick {
  Instant at;
  FactKind kind{};  // offered or assigned
  ChosenBy by{};
  std::string_view agent;
  std::vector<tell::Candidate> candidates;
};

struct Floor {
  Epoch epoch;
  std::size_t backlog_bytes_max{};
  std::shared_ptr<const Rulebook> book;
  std::shared_ptr<const Rulebook> book_before;  // effects of the step in which a policy came may point into it
  Names names;                                  // of queues that chats are or were in
  std::map<std::int64_t, std::shared_ptr<const Rulebook>> older_books;  // kept by chats that recovery brought back
  std::int64_t wall_ms{};                                               // wall clock minus desk time
  bool draining{};
  std::int32_t places{};  // of all agents who take chats
  bool surge{};
  Reason surge_by{};  // who or what began it
  bool recovering{};  // chats come in; nothing is decided yet
  bool starting{};    // they have: graces begin

  // Chats grow line by line and go again all day: their pieces are of few sizes and come back. Before the chats, too.
  std::pmr::unsynchronized_pool_resource transcripts{
      {limits::transcript_pieces_at_once, limits::transcript_piece_bytes_max}};
  Timers timers;  // before what holds a Timer, so that it outlives them
  Roster roster;
  Match match;
  std::map<ChatId, std::unique_ptr<Chat>> chats;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Buyer>> buyers;  // by shop, id
  std::vector<Session> sessions;                                                 // by slot
  std::map<std::string_view, Forecast> forecasts;                                // by queue, as kept in names
  Ledger ledger;
  Counters counters;
  Waited waited;
  Timer accepted_timer{desk_timer_first, 0};  // a record has waited for accepted_after
  Timer figures_timer{desk_timer_first + 1, 0};
  ChatId traced;            // no chat's while it serves
  std::vector<Pick> picks;  // for it
  Position accepted;        // authors of lines up to here were told, or need not be
  ChatId last_chat;

  // The step that runs.
  Instant now;
  Effects* out{};
  std::vector<AgentIndex> roomy;     // agents who may have got a free place in this step
  std::vector<ChatId> seekers;       // chats that may have become seatable in it
  bool someone_left{};               // an agent takes no more: who waits for her, or has nobody left to wait for?
  std::vector<SessionId> listeners;  // scratch
  std::vector<SafeLine> safe_lines;  // ...
  std::vector<tell::StoredLine> stored_lines;        // scratch that effects point into
  std::deque<std::vector<tell::WarnedChat>> warned;  // ...
  std::vector<tell::QueueFigures> queue_figures;     // ...
  std::deque<std::string> texts;                     // ...
  std::vector<std::unique_ptr<Chat>> gone_chats;     // forgotten in this step: effects may point at them
  std::vector<std::unique_ptr<Buyer>> gone_buyers;   // ...

  // Null when the session is not (or no longer) known.
  Session* session(SessionId id);
  Chat* chat(ChatId id);
  // A chat of this buyer that nobody had yet: with its timers, and nothing else.
  Chat& add_chat(ChatId id, Buyer& buyer);
  Buyer& buyer(std::string_view shop, std::string_view id, bool guest);
  // What the shop's token says they are. A level that no policy names is none: nothing but names is kept.
  void set_level(Buyer& buyer, std::string_view level);
  // Forgets a buyer who has neither session nor chat.
  void forget_if_gone(Buyer& buyer);
  std::string_view person(const Session& session) const;

  // As routing sees it now.
  const policy::Queue& queue(const Chat& chat) const;
  // As the chat was given it; where its queue is younger, as it is now.
  const policy::Queue& promise(const Chat& chat) const;
  // What its queue, its buyer's level and a breach put it ahead of its age.
  std::int32_t priority_s(const Chat& chat) const;
  const Calendar& hours(const Chat& chat) const;  // as the chat was promised

  void arm(Chat& chat, ChatTimer purpose, Instant due) { timers.arm(chat.timer(purpose), due); }
  void disarm(Chat& chat, ChatTimer purpose) { timers.disarm(chat.timer(purpose)); }

  void persist(Chat& chat, const record::Line& line);
  void persist(const record::Fact& fact);
  void persist(const record::Deed& deed);
  // Writes down where the chat is now.
  void persist_place(const Chat& chat);
  // A fact about a chat, its queue and its agent as they stand.
  record::Fact fact(const Chat& chat, FactKind kind, Reason reason = Reason::none) const;

  void tell(SessionId to, Tell message) { out->send(to, std::move(message)); }
  void tell(const std::vector<SessionId>& to, Tell message) { out->send(std::span{to}, std::move(message)); }
  void done(const Session& session, CommandId id, ChatId chat = {}, Seq seq = {}) {
    tell(session.id, tell::Done{id, chat, seq});
  }
  void refuse(const Session& session, CommandId id, Code code, std::string_view message = {},
              std::optional<std::int32_t> retry_after_ms = std::nullopt);
  // To every session of a supervisor.
  void alarm(const Chat& chat, ClockKind clock, Reason reason);
  // Those who see the chat's lines of this stream, but for one session; valid until asked again.
  std::span<const SessionId> hearing(const Chat& chat, Stream stream, SessionId except = {});
};

}  // namespace deskd
