// session.hpp - One person's connection: signs in, is listened to, is kept awake, ends with a reason.
//
//      silent ── sign_in, within 10 s ──> signed in ── refresh ──> signed in, longer
//        │                                    │
//        └── bad token, too late              └── expired, unresponsive, flooding, slow reader, the desk's wish
//                      └──────────────┬───────────────────────────┘
//                                  closing ── the peer's answer, or 5 s ──> gone
//
// A session is of one desk, lives on its thread and dies there. It decides nothing about chats: what the codec
// understood goes to its SessionHost, and what the desk answers comes back as frames. The host is told once that a
// session was opened and once that it was closed (from then on the desk must not count on it), and at last that it is
// gone and may be destroyed.
//
// Liveness asks nothing of Beast: any message is a sign of life, written down as one number; when the session's timer
// comes round, a quiet one is pinged and a dead one let go. So a message re-arms nothing. What we say is written down
// likewise: one that has heard nothing of us is pinged too.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/codec.hpp"
#include "protocol/messages.hpp"
#include "server/desk/timers.hpp"
#include "server/session/arrival.hpp"
#include "server/session/bucket.hpp"
#include "server/session/sign_in.hpp"
#include "server/session/websocket.hpp"

namespace deskd {

class LiveSession;

struct SessionOptions {
  Rate buyers;  // a person types two lines a second at most; a client that resends after a break has a burst
  Rate staff;   // several chats at once, and marks and typing of each
  WebSocket::Limits socket;
};

// How long a client has to sign in: a slow phone's round trip three times over.
inline constexpr Duration sign_in_within{std::chrono::seconds{10}};
// A quiet session is pinged so often, and let go when nothing was heard for so long. An agent's dead line must be
// noticed within 30 s, a buyer's within 60 s.
inline constexpr Duration staff_ping_every{std::chrono::seconds{10}};
inline constexpr Duration staff_dead_after{std::chrono::seconds{25}};
inline constexpr Duration buyer_ping_every{std::chrono::seconds{25}};
inline constexpr Duration buyer_dead_after{std::chrono::seconds{55}};
// A session is not left without a word for longer, however much it says itself: a client that hears nothing for 90 s takes
// the line for dead.
inline constexpr Duration speak_every{std::chrono::seconds{60}};
// For the peer to answer a close.
inline constexpr Duration close_within{std::chrono::seconds{5}};

// What a session needs of the desk it belongs to, and tells it.
class SessionHost {
 public:
  virtual Instant now() = 0;
  virtual std::int64_t wall_ms() = 0;
  virtual const SessionOptions& session_options() const = 0;
  virtual const KeyRing& keys() const = 0;
  virtual const policy::Desk& policy() const = 0;
  virtual Epoch epoch() const = 0;
  virtual Decoder& decoder() = 0;
  // Sets the session's one timer; the host calls on_timer() then.
  virtual void wake(LiveSession& session, Instant at) = 0;

  // Whether this person may be here at all; false for the revoked.
  virtual bool may_stay(const Identity& who) = 0;
  virtual void opened(LiveSession& session, const Identity& who) = 0;
  virtual void heard(LiveSession& session, const Ask& ask) = 0;
  // The guest of this session, in all its sessions, is now this buyer.
  virtual void identified(LiveSession& session, const std::string& guest, const Identity& buyer) = 0;
  // We end a session, signed in or not.
  virtual void closes(CloseCode code) = 0;
  // One that was opened is no more.
  virtual void closed(LiveSession& session) = 0;
  virtual void refused(const NotWelcome& why) = 0;
  virtual void gone(LiveSession& session) = 0;

 protected:
  ~SessionHost() = default;
};

class LiveSession final : WebSocket::Reader {
 public:
  LiveSession(SessionHost& host, SessionId id, const Arrival& arrival);
  LiveSession(const LiveSession&) = delete;
  LiveSession& operator=(const LiveSession&) = delete;

  // Answers the upgrade. False: the client was gone already; destroy the session.
  bool open(Loop& loop, Arrival& arrival);

  SessionId id() const { return id_; }
  Role role() const { return role_; }
  bool is_staff() const { return entrance_ != Entrance::buyer; }
  bool is_signed_in() const { return state_ == State::signed_in; }
  const std::string& person() const { return person_; }
  // Of a buyer's; empty for staff.
  std::string_view shop() const { return is_staff() ? std::string_view{} : std::string_view{name_}; }

  // One encoded message. A session that cannot take it is closed as slow_reader; nothing is lost, it resumes.
  void send(std::string_view frame);
  void tell(const Tell& message);
  // So much more leaves the outbox at most half full: what nobody waits for may be sent now.
  bool has_room_for(std::size_t bytes) const;

  // Ends it with one of our codes. What was sent before leaves first.
  void close(CloseCode code);

  // The message that is being heard, and one that was, once more: the host had to look something up first.
  std::string_view frame() const { return frame_; }
  void hear_again(std::string_view frame);

  void on_timer();
  // A guest's session goes on as a named buyer.
  void become(const Identity& buyer);
  // The host's policy and keys are newer ones. Who came in by a key, a shop, a name or a role that they no longer give
  // is sent away: the token may open the door again, for what it now is.
  void on_policy();

  Timer timer;

 private:
  enum class State : std::uint8_t { silent, signed_in, closing };

  void on_message(std::string_view text, bool binary) override;
  void on_control() override;
  void on_gone() override;

  void hear(const Ask& ask);
  void hear(const ask::SignIn& asked);
  void hear(const ask::Refresh& asked);
  void welcome(const Welcome& welcome);
  void watch();
  void error(CommandId id, Code code, std::string_view message, std::optional<std::int32_t> retry_after_ms = {});

  Duration ping_every() const { return is_staff() ? staff_ping_every : buyer_ping_every; }
  Duration dead_after() const { return is_staff() ? staff_dead_after : buyer_dead_after; }
  Rate rate() const;

  SessionHost& host_;
  SessionId id_;
  std::unique_ptr<WebSocket> socket_;
  std::unique_ptr<Admitted> admitted_;
  std::string name_;  // the shop's or the desk's
  std::string person_;
  std::string kid_;  // of the key that vouches; empty: the server's own
  std::int64_t expires_wall_ms_{};
  Instant heard_{};         // when the last message came
  Instant said_{};          // when the last one went
  std::string_view frame_;  // means something only while a message is heard
  Bucket bucket_;
  std::uint32_t pings_{};
  Role role_{};
  Entrance entrance_{};
  State state_{State::silent};
  bool has_origin_{};
};

}  // namespace deskd
