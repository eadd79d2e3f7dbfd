// room.hpp - One desk on its shard, with the sessions of its people: where events become steps and effects become acts.
//
//      session says ──┐                                        ┌──> frames, encoded once, to each of the audience
//      a letter ──────┼──> step(event) ──> Desk ──> effects ───┼──> records, to the writer, as one transaction
//      the timer ─────┘                                        ├──> closes
//                                                              └──> questions to the reader
//
// Only this file pair and apply.cpp touch a Desk. An act can make an event (a frame that does not fit ends its
// session): those wait until the acts of the step that made them are done.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/desk/desk.hpp"
#include "server/session/session.hpp"
#include "server/shard/banned.hpp"
#include "server/shard/mail.hpp"

namespace deskd {

class Shard;
class Recorder;

// A desk to serve, ready to begin: taken, its policy read, its open chats read back.
struct Placement {
  DeskId id;
  std::string name;
  Epoch epoch;
  std::shared_ptr<const policy::Desk> policy;
  std::shared_ptr<const KeyRing> keys;
  std::vector<Event> recovered;  // RecoveredPolicy, RecoveredAgent and RecoveredChat, then RecoveryDone
  std::vector<stored::Revoked> revoked;
};

class Room final : public SessionHost {
 public:
  Room(Shard& shard, Placement placement);
  ~Room();

  DeskId desk_id() const { return id_; }
  const std::string& name() const { return name_; }

  void step(const Event& event);
  void tick() { step(event::Tick{}); }

  // The newest of several outcomes is enough; see settle_durable().
  void note_durable(Position position) { durable_ = std::max(durable_, position); }
  // Tells the desk what has become durable since the last time.
  void settle_durable();

  void answer(mail::Read&& read);
  void change(mail::NewPolicy&& change);
  void revoke(mail::Revoke&& revoke);
  // Tells those who revoked that it is stored, or that it takes too long.
  void answer_revokers();
  void report(Scrape& scrape) const;
  Desk& desk() { return desk_; }

  // Tells the desk when wall clock and desk time have parted, or met again.
  void watch_wall();

  // The desk is another server's now: sessions are told to go there, and nothing is decided here any more.
  void lose();

  Timer timer;

  // SessionHost.
  Instant now() override;
  std::int64_t wall_ms() override;
  const SessionOptions& session_options() const override;
  const KeyRing& keys() const override { return *keys_; }
  const policy::Desk& policy() const override { return *policy_; }
  Epoch epoch() const override { return epoch_; }
  Decoder& decoder() override;
  void wake(LiveSession& session, Instant at) override;
  bool may_stay(const Identity& who) override;
  void opened(LiveSession& session, const Identity& who) override;
  void heard(LiveSession& session, const Ask& ask) override;
  void identified(LiveSession& session, const std::string& guest, const Identity& buyer) override;
  void closes(CloseCode code) override;
  void closed(LiveSession& session) override;
  void refused(const NotWelcome& why) override;
  void gone(LiveSession& session) override;

 private:
  // apply.cpp
  void apply();
  void apply(const effect::Send& send);
  void apply(const effect::Close& close);
  void apply(const effect::ReadHistory& read);
  void apply(const effect::ReadLines& read);
  void apply(const effect::ReadChat& read);
  void deliver(SessionId to, std::string_view frame);
  void answer(LiveSession& session, const mail::ReadHistory& what, const Answer& answer);
  void answer(LiveSession& session, const mail::ReadLines& what, const Answer& answer);
  void answer(LiveSession& session, const mail::ReadChat& what, Answer& answer);
  bool may_read(SessionId session, CommandId command);
  void ask(Query query, SessionId session, mail::ReadFor what);

  Banned& revoked(std::string_view shop);

  // Somebody who wants to hear that what was revoked will stay so.
  struct Revoker {
    Position position;  // stored with this one
    Instant until;      // waits no longer
    std::int64_t sessions{};
    std::function<void(std::optional<SentAway>)> reply;
  };

  Shard& shard_;
  DeskId id_;
  std::string name_;
  Epoch epoch_;
  std::shared_ptr<const policy::Desk> policy_;
  std::shared_ptr<const KeyRing> keys_;
  Desk desk_;
  std::unique_ptr<Recorder> recorder_;

  Effects effects_;
  std::vector<Record> records_;    // of the step that runs
  std::vector<SessionId> closed_;  // ended while effects were applied
  bool applying_{};
  bool lost_{};
  std::string frame_;
  Position durable_;
  Position told_durable_;
  std::int64_t wall_offset_ms_{};

  // The session that this step spoke to last, and how much it was told in a row.
  struct {
    SessionId to;
    std::size_t bytes{};
  } run_;

  std::unordered_map<std::uint64_t, int> reads_;  // of each session, not answered yet; lines of resumes apart

  // Each with a bound of its own, so that no crowd of one kind brings back somebody of another. All are facts of the desk.
  Banned staff_revoked_;
  Banned buyers_revoked_;
  Banned guests_ended_;           // who became a named buyer
  std::deque<Revoker> revokers_;  // in order of position and of time
  std::size_t buyers_{};
  std::size_t staff_{};
};

}  // namespace deskd
