// desk_builder.hpp - A desk, the people around it and the database behind it, for tests that tell a story.
//
//      arrive, say, leave ──> Scene ── step ──> Desk
//      advance(to)        ──>   │ <── effects: heard, written, dropped, and all of it as text in story()
//                               └── Durable at once, or when catch_up() says so
//
// Scene is the host: it sends Tick when next_deadline() has come, acknowledges records, ends the sessions that the desk
// closes, checks the invariants after every step, and can die and start again from what was stored.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/desk/check.hpp"
#include "server/desk/desk.hpp"
#include "tests/simulation/database.hpp"
#include "tests/support/printing.hpp"

namespace deskd {

// A shop "demo" with a queue "chat"; nobody works there yet.
policy::Desk a_desk();
policy::Agent an_agent(std::string name, std::int32_t capacity = 5, Role role = Role::agent);

class Scene {
 public:
  struct Heard {
    SessionId to;
    std::string text;
  };
  struct Dropped {
    SessionId session;
    CloseCode code;
  };

  // Ten o'clock on a Monday, UTC.
  static constexpr Instant start_of_day{instant_of(1'795'428'000'000)};

  explicit Scene(policy::Desk policy, Instant start = start_of_day,
                 std::size_t backlog_bytes_max = limits::backlog_bytes_max);

  Instant now() const { return now_; }
  Desk& desk() { return *desk_; }
  const Floor& floor() const { return desk_->floor(); }
  const policy::Desk& policy() const { return *policy_; }

  // Lets time pass: every deadline until then is met at its moment, and the clock stands at `to` afterwards.
  void advance(Instant to);
  void step(const Event& event);

  // `name` is what the session is called in the story.
  SessionId arrive(std::string name, Role role, std::string_view person, std::string_view shop = "demo",
                   std::string_view level = {});
  void leave(SessionId session);
  void ask(SessionId session, const Ask& ask) { step(event::Heard{session, ask}); }
  bool alive(SessionId session) const { return alive_.count(session) != 0; }
  CommandId next_id() { return {0x5eed, ++last_id_}; }

  void change_policy(policy::Desk policy);

  // The database. It keeps up by default: what is written is safe in the same moment.
  void stall() { keeps_up_ = false; }
  void keep_up() {
    keeps_up_ = true;
    catch_up();
  }
  void catch_up();
  Position newest() const { return newest_; }
  // Every record written and not yet safe, oldest first.
  const std::map<Position, std::string>& on_their_way() const { return on_their_way_; }

  // The server dies; what is not safe is lost. A new one begins with what is stored and the newest policy.
  void die();
  void start_again();

  // What followed since forget(): told, written, closed.
  const std::vector<Heard>& heard() const { return heard_; }
  const std::vector<std::string>& written() const { return written_; }
  const std::vector<Dropped>& dropped() const { return dropped_; }
  void forget();

  void name(ChatId chat, std::string name) { naming_.chats[chat] = std::move(name); }
  const Naming& naming() const { return naming_; }
  // All that happened, a line each.
  const std::string& story() const { return story_; }
  // The first invariant that did not hold; empty when all did.
  const std::string& wrong() const { return wrong_; }
  // What one session holds of each chat, as a client would keep it.
  std::vector<ask::Held> held_by(SessionId session) const;

 private:
  void start_desk();
  void run(const Event& event);
  void apply();
  void keep(const effect::Send& send);
  void know(ChatId chat, std::string_view buyer);
  void tell(std::string line);

  std::shared_ptr<const policy::Desk> policy_;
  std::map<std::int64_t, std::shared_ptr<const policy::Desk>> policies_;
  std::size_t backlog_bytes_max_;
  Instant now_;
  Epoch epoch_{0};
  std::unique_ptr<Desk> desk_;
  Checker checker_;
  simulation::Database database_;
  std::optional<event::RecoveredChat> named_;  // of the step that runs
  Effects effects_;

  bool keeps_up_{true};
  Position newest_;
  std::map<Position, std::string> on_their_way_;
  std::map<SessionId, std::map<ChatId, ask::Held>> alive_;  // with what each holds
  std::map<SessionId, std::map<ChatId, ask::Held>> gone_;
  std::set<SessionId> buyers_;
  std::uint64_t last_session_{};
  std::uint64_t last_id_{};

  Naming naming_;
  std::vector<Heard> heard_;
  std::vector<std::string> written_;
  std::vector<Dropped> dropped_;
  std::string story_;
  std::string wrong_;
  std::set<SessionId> refused_to_;  // whose last line was one that was refused
};

}  // namespace deskd
