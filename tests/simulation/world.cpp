#include "tests/simulation/world.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <queue>

#include "server/desk/check.hpp"
#include "server/desk/desk.hpp"
#include "tests/simulation/client.hpp"
#include "tests/simulation/database.hpp"
#include "tests/simulation/random.hpp"

namespace deskd::simulation {

using namespace std::chrono_literals;

Marks all_marks() {
  return {"crash",
          "crash: tail lost",
          "crash: commit unknown",
          "session dropped",
          "line repeated",
          "accepted before stored",
          "offer declined",
          "offer lapsed",
          "agents: grace ended",
          "agent adjusted",
          "buyer absent",
          "buyer returned",
          "left message",
          "left message answered",
          "asked to choose",
          "chose to wait",
          "chose to leave a message",
          "woke above capacity",
          "transferred",
          "taken over",
          "reassigned",
          "order corrected",
          "order confirmed",
          "rated",
          "reopened",
          "recalled",
          "closed as idle",
          "left unanswered",
          "breached",
          "queue wait missed",
          "identified",
          "surge",
          "relaxed",
          "wrapped up",
          "no answer needed",
          "policy changed",
          "wall clock stepped",
          "storage behind",
          "unsure after a crash",
          "overloaded to a left message"};
}

namespace {

constexpr std::int64_t day_begins_ms = 1'790'000'000'000;

policy::Desk make_policy(Random& random, const Knobs& knobs, bool tight) {
  policy::Desk desk;
  desk.version = 1;
  desk.name = "sim";
  desk.shops = {{.name = "red", .title = "Red", .levels = {{"gold", 30}, {"vip", 120}}, .greeting = "hello"},
                {.name = "blue", .title = "Blue"}};
  for (const char* name : {"sales", "care", "vip"}) {
    policy::Queue queue;
    queue.name = name;
    queue.auto_accept = random.chance(0.5);
    queue.wrap_up = random.chance(0.5) ? Duration{random.between(1, 60) * 1000} : 0s;
    queue.quiet_weight = static_cast<std::int32_t>(random.below(2));
    queue.quiet_after = Duration{random.between(20, 180) * 1000};
    queue.reservation = Duration{random.between(2, 8) * 1000};
    queue.queue_max = tight ? 5 : 1000;
    queue.left_message_share_pct = static_cast<std::int32_t>(random.between(10, 60));
    queue.idle_close = Duration{random.between(120, 600) * 1000};
    queue.left_unanswered = Duration{random.between(60, 600) * 1000};
    desk.queues.push_back(std::move(queue));
  }
  desk.queues[1].skills = {"returns"};
  desk.queues[1].relax = {{30s, "returns"}};
  desk.queues[1].overflow = {{60s, "sales"}};
  desk.queues[2].priority_s = 120;
  desk.queues[2].kept_back_pct = random.chance(0.5) ? 20 : 0;
  const char* const sets[][2] = {{"sales", "care"}, {"sales", "vip"}, {"care", "vip"}, {"sales", "sales"}};
  for (int i = 0; i < knobs.agents; ++i) {
    policy::Agent agent;
    agent.name = (i < 10 ? "0" : "") + std::to_string(i);
    agent.title = "agent " + agent.name;
    const auto& set = sets[random.below(4)];
    agent.queues = {set[0]};
    if (std::string{set[0]} != set[1]) agent.queues.emplace_back(set[1]);
    if (random.chance(0.6)) agent.skills = {"returns"};
    agent.capacity = static_cast<std::int32_t>(tight ? random.between(1, 2) : random.between(1, 5));
    desk.agents.push_back(std::move(agent));
  }
  policy::Agent boss{
      .name = "boss", .title = "supervisor", .role = Role::supervisor, .queues = {"sales", "care", "vip"}};
  desk.agents.push_back(std::move(boss));
  return desk;
}

// One person at a screen.
struct Person {
  Client client;
  Role role{};
  std::string name;
  std::string shop;
  bool gone{};           // will not come back
  SessionId session;     // 0: no connection
  std::uint64_t wire{};  // counts connections; what is under way on an older one is lost
  ChatId chat;           // buyers: the one that is open
  int turns{};           // buyers: how much more there is to ask
  bool patient{};
  Status wants{Status::available};
  Instant down_free, up_free;  // the wire keeps its order
  explicit Person(bool staff) : client(staff) {}
};

class World {
 public:
  explicit World(const Knobs& knobs) : knobs_(knobs), random_(knobs.seed), now_(instant_of(day_begins_ms)) {
    short_staffed_ = random_.chance(0.4);
    policies_.push_back(std::make_shared<policy::Desk>(make_policy(random_, knobs_, short_staffed_)));
    start_server();
    for (const policy::Agent& agent : policies_.back()->agents) {
      people_.push_back(std::make_unique<Person>(true));
      Person& person = *people_.back();
      person.role = agent.role;
      person.name = agent.name;
      // Some days half of them are ill.
      if (short_staffed_ && agent.role == Role::agent && random_.chance(0.7)) continue;
      in(random_.pause(30s), [this, &person] { work(person); });
    }
    boss_ = people_.back().get();
    faulty_ = knobs_.faults;
    arrive();
    if (faulty_) {
      in(random_.pause(20min), [this] { disaster(); });
      in(random_.pause(3min), [this] { cut_someone(); });
    }
    in(random_.pause(1min), [this] { supervise(); });
    in(random_.pause(30min), [this] { change_policy(); });
  }

  Outcome go() {
    const Instant evening = now_ + Duration{knobs_.hours * 3'600'000LL};
    run_until(evening);
    // Every fault stops and nobody new comes. Given time, every chat must end and every word be safe.
    faulty_ = false;
    closing_ = true;
    for (const auto& person : people_)
      if (!person->gone && !person->session) connect(*person);
    run_until(evening + 8h);
    if (outcome_.wrong.empty()) judge();
    outcome_.marks.meet("breached", desk_->counters().missed_breach + counted_.missed_breach);
    return std::move(outcome_);
  }

 private:
  // --- time ---------------------------------------------------------------------------------------------------------

  struct Planned {
    Instant at;
    std::uint64_t order;
    std::function<void()> act;
    bool operator<(const Planned& other) const { return std::tie(other.at, other.order) < std::tie(at, order); }
  };
  void in(Duration after, std::function<void()> act) {
    planned_.push({now_ + after, ++planned_count_, std::move(act)});
  }

  void run_until(Instant end) {
    while (outcome_.wrong.empty() && now_ < end) {
      const Instant next = planned_.empty() ? end : planned_.top().at;
      const auto deadline = desk_ ? desk_->next_deadline() : std::nullopt;
      if (deadline && *deadline < next && *deadline < end) {
        // A loop is sometimes late, and never early.
        now_ = std::max(now_, *deadline + Duration{random_.chance(0.1) ? random_.between(0, 20) : 0});
        step(event::Tick{});
        continue;
      }
      if (planned_.empty() || next >= end) {
        now_ = end;
        break;
      }
      now_ = std::max(now_, next);
      const std::function<void()> act = std::move(const_cast<Planned&>(planned_.top()).act);
      planned_.pop();
      act();
    }
  }

  void broken(std::string what) {
    if (outcome_.wrong.empty())
      outcome_.wrong = "at " + std::to_string(ms_of(now_) - day_begins_ms) + " ms: " + std::move(what);
  }

  // --- the server ---------------------------------------------------------------------------------------------------

  void start_server() {
    now_ = std::max(now_, database_.newest_at());
    ++epoch_.value;
    checker_ = {};
    desk_ = std::make_unique<Desk>(
        DeskOptions{DeskId{1}, epoch_, policies_.back(), knobs_.faults ? 20'000u : 64'000'000u, wall_ms_});
    for (const auto& policy : policies_) step(event::RecoveredPolicy{policy});
    for (const auto& [name, agent] : database_.agents()) step(agent);
    step(database_.surge());
    for (event::RecoveredChat& chat : database_.recover(now_ - policies_.back()->reopen_within)) step(std::move(chat));
    step(event::RecoveryDone{database_.newest()});
  }

  void crash() {
    ++outcome_.crashes;
    outcome_.marks.meet("crash");
    const bool arrived = random_.chance(0.5);
    if (database_.committing() && arrived) outcome_.marks.meet("crash: commit unknown");
    if (database_.anything_waits()) outcome_.marks.meet("crash: tail lost");
    database_.crash(arrived);
    ++commits_;
    add(desk_->counters());
    desk_.reset();
    for (const auto& person : people_) hang_up(*person, false);
    // A server is back in a moment, or somebody has to be woken.
    const Duration away = random_.chance(0.8) ? random_.pause(2s) : random_.pause(90s);
    in(away, [this] {
      start_server();
      for (const auto& person : people_)
        if (!person->gone) in(random_.pause(2s), [this, p = person.get()] { connect(*p); });
    });
  }

  void step(const Event& event) {
    if (!desk_) return;
    effects_.clear();
    desk_->step(now_, event, effects_);
    ++outcome_.steps;
    apply();
    if (std::string wrong = checker_.check(*desk_); !wrong.empty()) {
      for (const auto& [id, chat] : desk_->floor().chats)
        if (wrong.find(std::to_string(id.value)) != std::string::npos) wrong += "; " + desk_->explain(id);
      broken(wrong + "; event " + std::to_string(event.index()));
    }
    if (!database_.wrong().empty()) broken(database_.wrong());
    commit();
  }

  void apply() {
    std::vector<std::string_view> overloaded;
    for (const Effect& effect : effects_.list()) {
      outcome_.digest = outcome_.digest * 1'000'003 + effect.index();
      if (const auto* send = std::get_if<effect::Send>(&effect)) {
        outcome_.digest = outcome_.digest * 1'000'003 + send->message.index();
        for (const SessionId to : effects_.audience(*send)) deliver(to, own(send->message));
      } else if (const auto* persist = std::get_if<effect::Persist>(&effect)) {
        database_.append(persist->position, persist->body);
        look_at(persist->body, overloaded);
      } else if (const auto* close = std::get_if<effect::Close>(&effect)) {
        if (Person* person = who(close->session)) {
          in(1ms, [this, person, wire = person->wire, session = close->session] {
            if (person->wire == wire && person->session == session) hang_up(*person, true);
          });
        }
      } else if (const auto* read = std::get_if<effect::ReadCommand>(&effect)) {
        answer_from_database(*read);
      }
    }
  }

  // Facts are where the desk says what it did: marks, and the bounds that no routed seating may pass.
  void look_at(const record::Body& body, std::vector<std::string_view>& overloaded) {
    const auto* fact = std::get_if<record::Fact>(&body);
    if (fact == nullptr) {
      if (const auto* line = std::get_if<record::Line>(&body)) ++outcome_.lines, see(*line);
      return;
    }
    outcome_.digest = outcome_.digest * 1'000'003 + static_cast<std::uint64_t>(fact->number);
    Marks& marks = outcome_.marks;
    switch (fact->kind) {
      case FactKind::opened: ++outcome_.chats; break;
      case FactKind::offered: {
        offered_.insert(fact->chat);
        const Chat* chat = const_cast<Floor&>(desk_->floor()).chat(fact->chat);
        if (chat == nullptr || chat->place != Place::reserved) break;
        const Agent& agent = desk_->floor().roster.agent(chat->agent);
        if (agent.load > agent.capacity) broken("agent " + agent.name + " was offered more than her capacity");
        break;
      }
      case FactKind::declined:
        offered_.erase(fact->chat);
        if (fact->reason == Reason::declined) marks.meet("offer declined");
        if (fact->reason == Reason::lapsed) marks.meet("offer lapsed");
        break;
      case FactKind::absent: marks.meet("buyer absent"); break;
      case FactKind::returned: marks.meet("buyer returned"); break;
      case FactKind::left_message:
        marks.meet("left message");
        if (fact->reason == Reason::overload) marks.meet("overloaded to a left message");
        break;
      case FactKind::asked: marks.meet("asked to choose"); break;
      case FactKind::chose: marks.meet(fact->ordinal == 0 ? "chose to wait" : "chose to leave a message"); break;
      case FactKind::overloaded:
        overloaded.push_back(fact->agent);
        if (fact->reason == Reason::none) marks.meet("woke above capacity");
        break;
      case FactKind::transferred: marks.meet(fact->reason == Reason::by_agent ? "transferred" : "reassigned"); break;
      case FactKind::taken_over: marks.meet("taken over"); break;
      case FactKind::closed:
        if (fact->reason == Reason::idle) marks.meet("closed as idle");
        if (fact->reason == Reason::left_unanswered) marks.meet("left unanswered");
        if (fact->reason == Reason::answered) marks.meet("left message answered");
        break;
      case FactKind::reopened: marks.meet("reopened"); break;
      case FactKind::rated: marks.meet("rated"); break;
      case FactKind::identified: marks.meet("identified"); break;
      case FactKind::surge: marks.meet("surge"); break;
      case FactKind::relaxed: marks.meet("relaxed"); break;
      case FactKind::wrapped_up: marks.meet("wrapped up"); break;
      case FactKind::no_answer_needed: marks.meet("no answer needed"); break;
      case FactKind::adjusted: marks.meet("agent adjusted"); break;
      case FactKind::policy: marks.meet("policy changed"); break;
      case FactKind::status:
        if (fact->reason == Reason::presence_lost) marks.meet("agents: grace ended");
        break;
      case FactKind::missed:
        if (fact->clock == ClockKind::queue_wait) marks.meet("queue wait missed");
        if (fact->number < 0) broken("a clock fired early");
        break;
      case FactKind::assigned: {
        if (fact->number < 0) broken("assigned before it was queued");
        const Chat* chat = const_cast<Floor&>(desk_->floor()).chat(fact->chat);
        // What was offered within her capacity is hers, though a quiet chat of hers may have woken since.
        if (offered_.erase(fact->chat) > 0 || chat == nullptr || chat->place != Place::held ||
            fact->detail.find("\"by\":\"hand\"") != std::string_view::npos)
          break;
        const Agent& agent = desk_->floor().roster.agent(chat->agent);
        const bool named = std::find(overloaded.begin(), overloaded.end(), agent.name) != overloaded.end();
        if (!named && agent.load > agent.capacity) {
          broken("agent " + agent.name + " was given more than her capacity: " + std::to_string(agent.load) + "/" +
                 std::to_string(agent.capacity) + ", " + std::string{fact->detail});
        }
        if (static_cast<std::int32_t>(agent.held.size()) > agent.held_max)
          broken("agent " + agent.name + " holds too many");
        break;
      }
      default: break;
    }
  }

  void see(const record::Line& line) {
    if (line.kind == LineKind::recalled) outcome_.marks.meet("recalled");
    if (line.kind == LineKind::order_answer) {
      const Chat* chat = const_cast<Floor&>(desk_->floor()).chat(line.chat);
      const auto& answer = std::get<record::OrderAnswer>(*chat->deed(line.seq));
      outcome_.marks.meet(answer.confirmed ? "order confirmed" : "order corrected");
    }
  }

  void commit() {
    if (crash_soon_ && database_.anything_waits()) {
      crash_soon_ = false;
      in(Duration{random_.between(0, 6)}, [this] {
        if (desk_) crash();
      });
    }
    if (stalled_ || !database_.begin_commit()) return;
    in(Duration{random_.between(1, 8)}, [this, commits = commits_] { finish_commit(commits); });
  }

  void finish_commit(std::uint64_t commits) {
    if (commits != commits_) return;  // the server that waited for it is dead
    if (stalled_) return in(100ms, [this, commits] { finish_commit(commits); });
    const Position stored = database_.end_commit();
    if (!database_.wrong().empty()) broken(database_.wrong());
    step(event::Durable{stored});
  }

  void answer_from_database(const effect::ReadCommand& read) {
    Heard heard{tell::Error{read.id, Code::unknown_chat, {}, {}}, {}, {}};
    if (const auto chat = database_.chats().find(read.chat); chat != database_.chats().end()) {
      for (const auto& [key, line] : chat->second.lines) {
        if (line.id != read.id || line.person != read.person) continue;
        heard.stored.push_back({line.id, line.seq, line.at});
        heard.message = tell::Stored{read.chat, line.stream, line.seq, {}};
      }
      if (heard.stored.empty()) heard.message = tell::Error{read.id, Code::chat_closed, {}, {}};
    }
    if (auto* stored = std::get_if<tell::Stored>(&heard.message)) stored->lines = heard.stored;
    deliver(read.session, std::move(heard));
  }

  void add(const Counters& counters) {
    counted_.missed_breach += counters.missed_breach;
    outcome_.breaches += counters.missed_breach;
    outcome_.marks.meet("line repeated", counters.lines_repeated);
    outcome_.marks.meet("storage behind", counters.shed_words + counters.shed_chats);
  }

  // --- wires --------------------------------------------------------------------------------------------------------

  Person* who(SessionId session) {
    const auto found = by_session_.find(session);
    return found == by_session_.end() ? nullptr : found->second;
  }

  // A back end says what it likes, at every sign-in anew, also what no policy knows.
  std::string_view some_level(Role role) {
    static constexpr std::array<std::string_view, 4> levels{"", "gold", "vip", "emperor"};
    return role == Role::buyer ? levels[static_cast<std::size_t>(random_.below(levels.size()))] : std::string_view{};
  }

  void connect(Person& person) {
    if (person.session || person.gone) return;
    if (!desk_) return;  // whoever starts the server calls everyone
    person.session = SessionId{(++sessions_ << 32) | slot()};
    ++outcome_.sessions;
    ++person.wire;
    person.up_free = person.down_free = now_;
    by_session_[person.session] = &person;
    step(event::SessionOpened{person.session, person.role, person.name, person.shop, some_level(person.role)});
    if (!person.session) return;
    send(person, person.client.resume());
    for (Ask& ask : person.client.again()) send(person, std::move(ask));
    if (person.role == Role::buyer || person.role == Role::guest) return;
    send(person, ask::SetStatus{random_.id(), person.wants});
  }

  void hang_up(Person& person, bool told) {
    if (!person.session) return;
    by_session_.erase(person.session);
    const SessionId session = person.session;
    free_slots_.push_back(static_cast<std::uint32_t>(session.value));
    person.session = {};
    ++person.wire;
    if (told || desk_) step(event::SessionClosed{session});
  }

  std::uint32_t slot() {
    if (free_slots_.empty()) return slots_++;
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }

  Duration latency() { return Duration{random_.between(2, 40)}; }

  // Commands own their words here: the closure keeps the strings alive until the step has run.
  void send(Person& person, Ask ask) {
    if (!person.session) return;
    auto text = std::make_shared<std::vector<std::string>>();
    text->reserve(8);
    if (auto* say = std::get_if<ask::Say>(&ask)) say->text = text->emplace_back(say->text);
    if (auto* open = std::get_if<ask::Open>(&ask)) {
      open->queue = text->emplace_back(open->queue);
      open->agent = text->emplace_back(open->agent);
    }
    if (auto* transfer = std::get_if<ask::Transfer>(&ask)) {
      transfer->agent = text->emplace_back(transfer->agent);
      transfer->queue = text->emplace_back(transfer->queue);
    }
    if (auto* reassign = std::get_if<ask::Reassign>(&ask)) {
      reassign->agent = text->emplace_back(reassign->agent);
      reassign->queue = text->emplace_back(reassign->queue);
    }
    if (auto* set = std::get_if<ask::SetAgent>(&ask)) set->agent = text->emplace_back(set->agent);
    person.up_free = std::max(person.up_free, now_ + latency());
    in(person.up_free - now_, [this, &person, wire = person.wire, ask = std::move(ask), text] {
      if (person.wire == wire && person.session) step(event::Heard{person.session, ask});
    });
  }

  void deliver(SessionId to, Heard heard) {
    Person* person = who(to);
    if (person == nullptr) return;
    person->down_free = std::max(person->down_free, now_ + latency());
    auto kept = std::make_shared<Heard>(std::move(heard));
    in(person->down_free - now_, [this, person, wire = person->wire, kept] {
      if (person->wire != wire) return;
      if (std::string wrong = person->client.hear(*kept, epoch_); !wrong.empty()) broken(person->name + ": " + wrong);
      react(*person, kept->message);
    });
  }

  // --- people -------------------------------------------------------------------------------------------------------

  void arrive() {
    if (closing_) return;
    in(random_.pause(Duration{3'600'000 / knobs_.chats_per_hour}), [this] {
      if (closing_) return;
      people_.push_back(std::make_unique<Person>(false));
      Person& buyer = *people_.back();
      buyer.role = random_.chance(0.3) ? Role::guest : Role::buyer;
      buyer.name = "buyer" + std::to_string(people_.size());
      buyer.shop = random_.chance(0.5) ? "red" : "blue";
      buyer.turns = static_cast<int>(random_.between(1, 6));
      buyer.patient = random_.chance(0.5);
      connect(buyer);
      ask_open(buyer);
      arrive();
    });
  }

  void ask_open(Person& buyer) {
    static constexpr const char* queues[] = {"", "sales", "care", "vip"};
    const std::string agent = random_.chance(0.05) ? policies_.back()->agents[random_.below(3)].name : "";
    send(buyer, ask::Open{random_.id(), queues[random_.below(4)], agent, {}});
    // Some only look; and a connection that breaks now must be asked again.
    in(random_.pause(5s) + 200ms, [this, &buyer] {
      if (buyer.gone) return;
      if (!buyer.chat) return buyer.session || closing_ ? ask_open(buyer) : connect(buyer);
      if (!random_.chance(0.03)) speak(buyer);
    });
  }

  std::string words() { return "w" + std::to_string(++words_) + std::string(random_.below(60), 'x'); }

  void speak(Person& person, ChatId chat = {}) {
    if (!chat) chat = person.chat;
    if (!chat || person.gone) return;
    Ask ask = person.client.say({.id = random_.id(), .chat = chat, .text = words(), .kind = LineKind::words});
    send(person, std::move(ask));
  }

  void command(Person& person, Client::Unsafe said) { send(person, person.client.say(std::move(said))); }

  void react(Person& person, const Tell& message) {
    if (const auto* error = std::get_if<tell::Error>(&message);
        error != nullptr && error->code == Code::storage_behind) {
      in(Duration{error->retry_after_ms.value_or(1000)} + random_.pause(1s), [this, &person, id = error->id] {
        for (const Client::Unsafe& said : person.client.outbox)
          if (said.id == id) return send(person, person.client.again(said));
      });
    }
    if (person.role == Role::buyer || person.role == Role::guest) return react_buyer(person, message);
    react_agent(person, message);
  }

  void react_buyer(Person& buyer, const Tell& message) {
    if (const auto* state = std::get_if<tell::ChatState>(&message)) {
      if (state->place == Place::closed) {
        if (buyer.chat == state->chat && random_.chance(0.3)) {
          command(buyer, {.id = random_.id(), .chat = state->chat, .kind = LineKind::rating, .score = 5});
        }
        buyer.chat = {};
        if (random_.chance(0.1) && !closing_) {
          in(random_.pause(3min), [this, &buyer] { ask_open(buyer); });
        } else {
          in(random_.pause(30s) + 10s, [this, &buyer] { leave(buyer); });
        }
      } else {
        buyer.chat = state->chat;
      }
    } else if (const auto* line = std::get_if<tell::Line>(&message)) {
      send(buyer, ask::Mark{line->chat, line->seq, random_.chance(0.8) ? line->seq : Seq{}});
      if (line->kind == LineKind::order) {
        const std::int32_t version = buyer.client.chats[line->chat].main[line->seq].version;
        in(random_.pause(10s), [this, &buyer, chat = line->chat, seq = line->seq, version] {
          record::OrderAnswer answer{.order = seq, .version = version, .confirmed = version > 1 || random_.chance(0.5)};
          if (!answer.confirmed) answer.corrections = {{"address", "elsewhere"}};
          if (!buyer.gone)
            command(buyer, {.id = random_.id(), .chat = chat, .kind = LineKind::order_answer, .answer = answer});
        });
        return;
      }
      if (line->kind != LineKind::words || line->origin == Origin::automatic) return;
      if (--buyer.turns > 0) {
        in(random_.pause(random_.chance(0.15) ? 150s : 25s), [this, &buyer] { speak(buyer); });
      } else if (random_.chance(0.1)) {
        in(random_.pause(5s), [this, &buyer, chat = line->chat] {
          if (!buyer.gone) command(buyer, {.id = random_.id(), .chat = chat, .kind = LineKind::closed});
        });
      } else if (random_.chance(0.1)) {
        speak(buyer);
        in(2s, [this, &buyer] { leave(buyer); });  // asks once more and is gone
      }
    } else if (const auto* in_line = std::get_if<tell::InLine>(&message)) {
      if (!in_line->choose) return;
      in(random_.pause(5s), [this, &buyer, chat = in_line->chat] {
        if (!buyer.gone)
          send(buyer, ask::Choose{random_.id(), chat, buyer.patient ? Choice::wait : Choice::leave_message});
      });
    } else if (std::get_if<tell::Done>(&message) != nullptr && buyer.role == Role::guest && random_.chance(0.1)) {
      step(event::Identified{buyer.shop, buyer.name, "member" + std::to_string(random_.below(40)), buyer.session,
                             some_level(Role::buyer)});
      outcome_.marks.meet("identified", 0);
      buyer.gone = true;  // whoever it was, the guest is nobody now
      hang_up(buyer, true);
    }
  }

  void leave(Person& buyer) {
    if (buyer.gone || !buyer.client.outbox.empty()) return;
    buyer.gone = true;
    hang_up(buyer, true);
  }

  void react_agent(Person& agent, const Tell& message) {
    if (const auto* offer = std::get_if<tell::Offer>(&message)) {
      in(random_.pause(2s), [this, &agent, chat = offer->chat] {
        if (random_.chance(0.1)) return send(agent, ask::Decline{random_.id(), chat});
        if (!random_.chance(0.05)) send(agent, ask::Accept{random_.id(), chat});
      });
    } else if (const auto* line = std::get_if<tell::Line>(&message)) {
      if (line->stream == Stream::inside) return;
      send(agent, ask::Mark{line->chat, line->seq, line->seq});
      const bool asks =
          line->origin == Origin::buyer && (line->kind == LineKind::words || line->kind == LineKind::order_answer);
      if (!asks) return;
      const Duration pause = random_.chance(0.02) ? random_.pause(400s) : random_.pause(15s);
      in(pause, [this, &agent, chat = line->chat] { answer(agent, chat); });
    } else if (const auto* state = std::get_if<tell::ChatState>(&message)) {
      // What was asked before she came is waiting for her too.
      if (state->mine && state->waiting_since) {
        in(random_.pause(12s), [this, &agent, chat = state->chat] { answer(agent, chat); });
      } else if (state->mine) {
        in(random_.pause(200s), [this, &agent, chat = state->chat] { finish(agent, chat); });
      }
    } else if (const auto* self = std::get_if<tell::AgentState>(&message)) {
      if (self->status != agent.wants)
        in(random_.pause(20s), [this, &agent] { send(agent, ask::SetStatus{random_.id(), agent.wants}); });
    }
  }

  void answer(Person& agent, ChatId chat) {
    if (!agent.session) return;
    if (!closing_ && random_.chance(short_staffed_ ? 0.2 : 0.02)) {  // sometimes one is overlooked, for a while
      return in(random_.pause(15min), [this, &agent, chat] { answer(agent, chat); });
    }
    const double what = static_cast<double>(random_.below(1000)) / 1000;
    if (what < 0.03) {
      in(20s, [this, &agent, chat] { answer(agent, chat); });  // nobody may have had a place for it
      const std::string to = policies_.back()->agents[random_.below(policies_.back()->agents.size() - 1)].name;
      return random_.chance(0.5)
                 ? send(agent, ask::Transfer{random_.id(), chat, to, {}})
                 : send(agent, ask::Transfer{random_.id(), chat, {}, random_.chance(0.5) ? "sales" : "care"});
    }
    if (what < 0.05) return send(agent, ask::NoAnswerNeeded{random_.id(), chat, agent.client.chats[chat].last()});
    if (what < 0.20) {
      record::Order order{.order_no = "o1",
                          .items = {{"cup", "big", "red", 2}},
                          .address = "here",
                          .recipient = "me",
                          .phone = "1",
                          .return_terms = "7 days"};
      return command(agent, {.id = random_.id(), .chat = chat, .kind = LineKind::order, .order = order});
    }
    if (what < 0.25) command(agent, {.id = random_.id(), .chat = chat, .stream = Stream::inside, .text = words()});
    speak(agent, chat);
    if (what > 0.95) {
      const auto copy = agent.client.chats.find(chat);
      if (copy != agent.client.chats.end() && !copy->second.main.empty()) {
        command(agent, {.id = random_.id(), .chat = chat, .kind = LineKind::recalled, .reply_to = copy->second.last()});
      }
    }
    in(random_.pause(240s), [this, &agent, chat] { finish(agent, chat); });
  }

  void finish(Person& agent, ChatId chat) {
    if (!agent.session || random_.chance(0.3)) return;
    command(agent, {.id = random_.id(), .chat = chat, .kind = LineKind::closed});
  }

  // An agent's day: there, away for a while, back.
  void work(Person& agent) {
    connect(agent);
    in(random_.pause(40min), [this, &agent] {
      if (closing_) return;
      agent.wants = random_.chance(0.5) ? Status::on_break : Status::draining;
      send(agent, ask::SetStatus{random_.id(), agent.wants});
      in(random_.pause(6min), [this, &agent] {
        agent.wants = Status::available;
        send(agent, ask::SetStatus{random_.id(), agent.wants});
        work(agent);
      });
    });
  }

  void supervise() {
    in(random_.pause(90s), [this] { supervise(); });
    if (!desk_ || closing_) return;
    std::vector<ChatId> open;
    for (const auto& [id, chat] : desk_->floor().chats)
      if (chat->open() && chat->place != Place::greeted) open.push_back(id);
    if (open.empty()) return;
    const ChatId chat = open[random_.below(open.size())];
    const auto some_agent = [&] {
      return policies_.back()->agents[random_.below(policies_.back()->agents.size())].name;
    };
    switch (random_.below(8)) {
      case 0: send(*boss_, ask::TakeOver{random_.id(), chat}); break;
      case 1: send(*boss_, ask::Reassign{random_.id(), chat, some_agent(), {}}); break;
      case 2: send(*boss_, ask::Reassign{random_.id(), chat, {}, "care"}); break;
      case 3:
        send(*boss_, ask::Watch{random_.id(), chat, true});
        command(*boss_, {.id = random_.id(), .chat = chat, .stream = Stream::inside, .text = words()});
        in(random_.pause(2min), [this, chat] { send(*boss_, ask::Watch{random_.id(), chat, false}); });
        break;
      case 4: send(*boss_, ask::Explain{random_.id(), chat}); break;
      case 5: send(*boss_, ask::SetSurge{random_.id(), !desk_->floor().surge}); break;
      case 6: {
        const std::string name = some_agent();
        ask::SetAgent set{.id = random_.id(), .agent = name};
        if (random_.chance(0.5)) {
          set.capacity = static_cast<std::int32_t>(random_.between(1, 5));
        } else {
          set.queues = std::vector<std::string_view>{"sales", "care"};
        }
        send(*boss_, std::move(set));
        break;
      }
      default: send(*boss_, ask::Pull{random_.id(), {}}); break;
    }
  }

  // --- trouble ------------------------------------------------------------------------------------------------------

  void cut_someone() {
    if (!faulty_) return;
    in(random_.pause(15s), [this] { cut_someone(); });
    if (by_session_.empty()) return;
    auto some = by_session_.begin();
    std::advance(some, static_cast<std::ptrdiff_t>(random_.below(by_session_.size())));
    Person& person = *some->second;
    outcome_.marks.meet("session dropped");
    hang_up(person, true);
    const Duration away = random_.chance(0.7)   ? random_.pause(3s)
                          : random_.chance(0.7) ? random_.pause(60s)
                                                : random_.pause(15min);
    in(away, [this, &person] { connect(person); });
  }

  void disaster() {
    if (!faulty_) return;
    in(random_.pause(25min), [this] { disaster(); });
    switch (random_.below(4)) {
      case 0:
      case 1:
        // In the middle of something: just after a step, while its records are on their way.
        crash_soon_ = true;
        break;
      case 2:
        stalled_ = true;
        in(random_.pause(30s), [this] {
          stalled_ = false;
          commit();
        });
        break;
      default:
        wall_ms_ += random_.chance(0.5) ? 3'600'000 : -86'400'000;
        outcome_.marks.meet("wall clock stepped");
        step(event::WallOffset{wall_ms_});
    }
  }

  void change_policy() {
    in(random_.pause(45min), [this] { change_policy(); });
    if (!desk_ || closing_) return;
    auto policy = std::make_shared<policy::Desk>(*policies_.back());
    ++policy->version;
    for (policy::Agent& agent : policy->agents)
      if (agent.role == Role::agent) agent.capacity = static_cast<std::int32_t>(random_.between(1, 5));
    policy->queues[0].first_response.limit = Duration{random_.between(15, 60) * 1000};
    if (!desk_->in_use(*policy).empty()) return;
    policies_.push_back(policy);
    step(event::PolicyChanged{policy});
  }

  // --- the evening --------------------------------------------------------------------------------------------------

  void judge() {
    add(desk_->counters());
    for (const auto& [id, chat] : desk_->floor().chats)
      if (chat->open())
        broken("chat " + std::to_string(id.value) + " never ended: " + std::string{word_of(chat->place)} + ", queue " +
               std::string{chat->queue} + ", " + desk_->explain(id));
    if (desk_->floor().ledger.backlog_records() != 0) broken("records never became durable");
    for (const auto& person : people_) {
      outcome_.marks.meet("accepted before stored", person->client.accepted);
      outcome_.marks.meet("unsure after a crash", person->client.unsure);
      for (const Client::Safe& safe : person->client.safe) judge_safe(*person, safe);
      // A buyer has the chat from its first line to its last; staff come and go.
      if (person->session && (person->role == Role::buyer || person->role == Role::guest)) {
        for (const auto& [id, copy] : person->client.chats)
          if (copy.state.place == Place::closed) judge_copy(*person, id, copy);
      }
    }
  }

  // What somebody was told is stored is stored, as it was said.
  void judge_safe(const Person& person, const Client::Safe& safe) {
    const auto chat = database_.chats().find(safe.chat);
    const auto line = chat == database_.chats().end() ? std::map<std::pair<Stream, Seq>, stored::Line>::const_iterator{}
                                                      : chat->second.lines.find({safe.stream, safe.seq});
    if (chat == database_.chats().end() || line == chat->second.lines.end())
      return broken(person.name + ": a stored line is lost");
    if (line->second.id != safe.id) return broken(person.name + ": a stored line is another now");
    if (safe.kind == LineKind::words && line->second.text != safe.text)
      broken(person.name + ": a stored line says something else");
  }

  // Whoever saw the end of a chat saw all of it.
  void judge_copy(const Person& person, ChatId id, const Client::Copy& copy) {
    const auto chat = database_.chats().find(id);
    if (chat == database_.chats().end()) return;
    for (const auto& [key, line] : chat->second.lines) {
      if (key.first != Stream::main || key.second > copy.last()) continue;
      const auto seen = copy.main.find(key.second);
      if (seen == copy.main.end()) {
        return broken(person.name + " never saw line " + std::to_string(key.second.value) + " of chat " +
                      std::to_string(id.value));
      }
      if (seen->second.id != line.id) return broken(person.name + " saw another line than was stored");
    }
  }

  Knobs knobs_;
  Random random_;
  Instant now_;
  std::int64_t wall_ms_{};
  std::vector<std::shared_ptr<policy::Desk>> policies_;
  Database database_;
  std::set<ChatId> offered_;
  std::unique_ptr<Desk> desk_;
  Checker checker_;
  Effects effects_;
  Epoch epoch_;
  std::uint64_t commits_{};
  bool short_staffed_{}, stalled_{}, faulty_{}, closing_{}, crash_soon_{};
  std::vector<std::unique_ptr<Person>> people_;
  Person* boss_{};
  std::map<SessionId, Person*> by_session_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t sessions_{};
  std::uint32_t slots_{};
  std::uint64_t words_{};
  std::priority_queue<Planned> planned_;
  std::uint64_t planned_count_{};
  Counters counted_;
  Outcome outcome_{.marks = all_marks()};
};

}  // namespace

Outcome run(const Knobs& knobs) { return World{knobs}.go(); }

}  // namespace deskd::simulation
