// effect.hpp - What a step decided, in the order it must be done. The host applies effects; it decides nothing.
//
// A Persist stands before every Send that tells of what it holds. Views are into the event or into the desk and live until
// the next step.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/messages.hpp"
#include "storage/records.hpp"

namespace deskd::effect {

// To the sessions audience[first, first + count) of the Effects it stands in; encoded once.
struct Send {
  std::uint32_t first{};
  std::uint32_t count{};
  Tell message;
};

struct Persist {
  Position position;
  record::Body body;
};

// Ends a session; what was sent to it before leaves first.
struct Close {
  SessionId session;
  CloseCode code{};
};

// Read from the database and answer the session; the desk has checked the right.
struct ReadHistory {
  SessionId session;
  CommandId id;
  std::string_view shop;  // empty: every shop of the desk
  std::string_view buyer;
  ChatId before;   // 0: from the newest
  Seq before_seq;  // that chat too, from before this line
};

// Lines that the chat no longer keeps in memory: read seq in (after, until] of the main or inside stream and send them.
struct ReadLines {
  SessionId session;
  ChatId chat;
  Stream stream{};
  Seq after;
  Seq until;
};

// What the session just said names a chat that is no longer in memory: read it back (RecoveredChat) and let the session say
// it again; error unknown_chat when there is none, or not this buyer's.
struct ReadChat {
  SessionId session;
  CommandId id;
  ChatId chat;
  std::string_view shop;  // both empty: any of the desk, for staff
  std::string_view buyer;
};

}  // namespace deskd::effect

namespace deskd {

using Effect = std::variant<effect::Send, effect::Persist, effect::Close, effect::ReadHistory, effect::ReadLines,
                            effect::ReadChat>;

// One step's effects. The host clears and keeps it, so that a step allocates nothing once it has run for a while.
class Effects {
 public:
  void clear() {
    list_.clear();
    audience_.clear();
  }
  void add(Effect effect) { list_.push_back(std::move(effect)); }
  void send(SessionId to, Tell message) { send(std::span{&to, 1}, std::move(message)); }
  void send(std::span<const SessionId> to, Tell message) {
    if (to.empty()) return;
    const auto first = static_cast<std::uint32_t>(audience_.size());
    audience_.insert(audience_.end(), to.begin(), to.end());
    list_.push_back(effect::Send{first, static_cast<std::uint32_t>(to.size()), std::move(message)});
  }
  std::span<const SessionId> audience(const effect::Send& send) const {
    return std::span{audience_}.subspan(send.first, send.count);
  }
  const std::vector<Effect>& list() const { return list_; }

 private:
  std::vector<Effect> list_;
  std::vector<SessionId> audience_;
};

}  // namespace deskd
