// database.hpp - What PostgreSQL is to a desk, without PostgreSQL: records go in by position, become durable later, and
// come back after a crash.
//
//      persist ──> [ waiting ][ in commit ] ──> stored ──> Durable
//                        lost by a crash    ^
//                                           └ a crash here: stored, though nobody was told
//
// It refuses what the real one would refuse: a second line under one number or one id, a clock's step written twice.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/desk/effect.hpp"
#include "server/desk/event.hpp"
#include "storage/records.hpp"

namespace deskd::simulation {

struct StoredChat {
  event::RecoveredChat row;  // lines, fired and deeds stay empty here
  std::map<std::pair<Stream, Seq>, stored::Line> lines;
  std::set<std::pair<std::string, CommandId>> ids;
  std::map<std::pair<ClockKind, std::int32_t>, Instant> fired;
  std::map<std::pair<Stream, Seq>, record::Deed> deeds;
};

class Database {
 public:
  // Takes a copy of the record. Returns what it would refuse, as a sentence.
  void append(Position position, const record::Body& body);
  // Begins a commit of what waits; false when there is nothing, or one is under way.
  bool begin_commit();
  // Ends it: everything in it is stored. Returns the newest position.
  Position end_commit();
  bool committing() const { return commit_end_ != 0; }
  bool anything_waits() const { return !waiting_.empty(); }
  // The server died: what waits is gone. A commit under way is stored or not; the world decides.
  void crash(bool commit_arrived);

  // What a new server reads: open chats, and those closed since `since`.
  std::vector<event::RecoveredChat> recover(Instant since) const;
  // A chat that has ended, of this buyer of this shop; both empty: of anybody.
  std::optional<event::RecoveredChat> ended(const effect::ReadChat& asked) const;
  event::RecoveredSurge surge() const { return surge_; }
  // What agents were, by name.
  const std::map<std::string, event::RecoveredAgent, std::less<>>& agents() const { return agents_; }
  Position newest() const { return stored_; }
  Instant newest_at() const { return newest_at_; }
  const std::map<ChatId, StoredChat>& chats() const { return chats_; }
  // The first thing that must not have happened; empty when nothing did.
  const std::string& wrong() const { return wrong_; }
  std::uint64_t facts(FactKind kind) const { return facts_[static_cast<std::size_t>(kind)]; }

 private:
  // A record that owns its words.
  struct Owned {
    Position position;
    record::Body body;
    std::vector<std::string> text;
  };
  void store(const Owned& owned);

  std::deque<Owned> waiting_;
  std::size_t commit_end_{};  // how many of waiting_ are in the commit
  std::map<ChatId, StoredChat> chats_;
  event::RecoveredSurge surge_;
  std::map<std::string, event::RecoveredAgent, std::less<>> agents_;
  Position stored_;
  Instant newest_at_;
  std::string wrong_;
  std::array<std::uint64_t, words::fact_kind.size()> facts_{};
};

}  // namespace deskd::simulation
