#include "tests/simulation/world.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <queue>
#include <set>
#include <utility>

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
          "old session outlived the new",
          "heard late on an old session",
          "older line repeated",
          "command repeated",
          "command repeated after its chat moved on",
          "durable late",
          "durable at once",
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
          "chat read back",
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
          "wall step moved a clock",
          "asked after hours",
          "left message live again",
          "left message missed",
          "complaint missed",
          "clock paused while closed",
          "complaint's day ended",
          "storage behind",
          "unsure after a crash",
          "overloaded to a left message"};
}

namespace {

constexpr std::int64_t day_begins_ms = 1'790'000'000'000;

// Red is always open. Blue closes twice in a day of the simulation, for an hour in its evening and for two at night; its
// zone is half an hour off the others and moves by an hour in between.
policy::Calendar make_hours() {
  policy::Calendar hours{.name = "late"};
  hours.week.assign(7, {{4 * 60, 21 * 60}, {22 * 60, 26 * 60}});
  hours.offsets = {{0, 19'800}, {day_begins_ms / 3'600'000 * 3'600'000 + 4 * 3'600'000, 23'400}};
  return hours;
}

policy::Desk make_policy(Random& random, const Knobs& knobs, bool tight) {
  policy::Desk desk;
  desk.version = 1;
  desk.name = "sim";
  desk.calendars = {make_hours()};
  desk.shops = {{.name = "red", .title = "Red", .levels = {{"gold", 30}, {"vip", 120}}, .greeting = "hello"},
                {.name = "blue", .title = "Blue", .calendar = "late"}};
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
    queue.left_message_answer = Duration{random.between(5, 40) * 60'000};
    queue.idle_close = Duration{random.between(120, 600) * 1000};
    queue.left_unanswered = Duration{random.between(60, 600) * 1000};
    desk.queues.push_back(std::move(queue));
  }
  desk.queues[1].skills = {"returns"};
  desk.queues[1].relax = {{30s, "returns"}};
  desk.queues[1].overflow = {{60s, "sales"}};
  desk.queues[1].complaint_answer = 10min;
  desk.queues[2].priority_s = 120;
  desk.queues[2].first_response = desk.queues[2].next_response = {5s, 20s, 50s, 60s};
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

ChatId chat_of(const Ask& ask) {
  return std::visit(
      [](const auto& said) {
        if constexpr (requires { said.chat; }) return said.chat;
        else return ChatId{};
      },
      ask);
}

// What happens once, however often it is said. The others say how things shall be, and mean it whenever they come.
bool happens_once(const Ask& ask) {
  return std::visit(
      []<class T>(const T&) {
        return std::is_same_v<T, ask::Say> || std::is_same_v<T, ask::Recall> || std::is_same_v<T, ask::ProposeOrder> ||
               std::is_same_v<T, ask::AnswerOrder> || std::is_same_v<T, ask::Rate> || std::is_same_v<T, ask::Close> ||
               std::is_same_v<T, ask::Transfer> || std::is_same_v<T, ask::Reassign> ||
               std::is_same_v<T, ask::TakeOver> || std::is_same_v<T, ask::Accept> || std::is_same_v<T, ask::Decline> ||
               std::is_same_v<T, ask::Choose> || std::is_same_v<T, ask::NoAnswerNeeded>;
      },
      ask);
}

// One person at a screen.
struct Person {
  Client client;
  Role role{};
  std::string name;
  std::string shop;
  bool gone{};           // will not come back
  SessionId session;     // 0: no connection
  std::uint64_t wire{};  // counts connections; what is told on an older one is lost
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
    for (const auto& person : people_) hang_up(*person);
    while (!lingering_.empty()) close(lingering_.begin()->first);
    carried_out_.clear();
    untold_ = false;
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
    if (std::string wrong = checker_.check(*desk_, effects_); !wrong.empty()) {
      for (const auto& [id, chat] : desk_->floor().chats)
        if (wrong.find(std::to_string(id.value)) != std::string::npos) wrong += "; " + desk_->explain(id);
      broken(wrong + "; event " + std::to_string(event.index()));
    }
    if (!database_.wrong().empty()) broken(database_.wrong());
    commit();
    // The database has the chat that was named: now it is said again.
    if (auto chat = std::exchange(named_, {})) {
      outcome_.marks.meet("chat read back");
      step(std::move(*chat));
      step(event);
    }
  }

  void apply() {
    for (const Effect& effect : effects_.list()) {
      outcome_.digest = outcome_.digest * 1'000'003 + effect.index();
      if (const auto* send = std::get_if<effect::Send>(&effect)) {
        outcome_.digest = outcome_.digest * 1'000'003 + send->message.index();
        for (const SessionId to : effects_.audience(*send)) deliver(to, own(send->message));
        if (const auto* done = std::get_if<tell::Done>(&send->message)) carried_out_.insert(done->id);
      } else if (const auto* persist = std::get_if<effect::Persist>(&effect)) {
        database_.append(persist->position, persist->body);
        look_at(persist->body);
      } else if (const auto* close = std::get_if<effect::Close>(&effect)) {
        in(1ms, [this, session = close->session] {
          if (Person* person = who(session)) disconnect(*person);
          this->close(session);
        });
      } else if (const auto* read = std::get_if<effect::ReadChat>(&effect)) {
        named_ = database_.ended(*read);
        if (!named_) deliver(read->session, {tell::Error{read->id, Code::unknown_chat, {}, {}}, {}, {}});
      }
    }
  }

  // Facts are where the desk says what it did.
  void look_at(const record::Body& body) {
    const auto* fact = std::get_if<record::Fact>(&body);
    if (fact == nullptr) {
      if (const auto* line = std::get_if<record::Line>(&body)) ++outcome_.lines, see(*line);
      return;
    }
    const Chat* chat = const_cast<Floor&>(desk_->floor()).chat(fact->chat);
    outcome_.digest = outcome_.digest * 1'000'003 + static_cast<std::uint64_t>(fact->number);
    Marks& marks = outcome_.marks;
    switch (fact->kind) {
      case FactKind::opened: ++outcome_.chats; break;
      case FactKind::queued:
        if (!is_open(*chat)) broken("a new chat stands in line after hours");
        break;
      case FactKind::requeued:
        if (fact->reason == Reason::by_buyer) marks.meet("left message live again");
        break;
      case FactKind::declined:
        if (fact->reason == Reason::declined) marks.meet("offer declined");
        if (fact->reason == Reason::lapsed) marks.meet("offer lapsed");
        break;
      case FactKind::absent: marks.meet("buyer absent"); break;
      case FactKind::returned: marks.meet("buyer returned"); break;
      case FactKind::left_message:
        marks.meet("left message");
        if (fact->reason == Reason::overload) marks.meet("overloaded to a left message");
        if (fact->reason != Reason::after_hours) break;
        marks.meet("asked after hours");
        if (is_open(*chat)) broken("a message is left after hours while the shop is open");
        break;
      case FactKind::asked: marks.meet("asked to choose"); break;
      case FactKind::chose: marks.meet(fact->ordinal == 0 ? "chose to wait" : "chose to leave a message"); break;
      case FactKind::overloaded:
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
        if (fact->number < 0) broken("a clock fired early");
        see_miss(*fact, chat);
        break;
      case FactKind::assigned:
        if (fact->number < 0) broken("assigned before it was queued");
        break;
      default: break;
    }
  }

  bool is_open(const Chat& chat) const {
    const policy::Calendar* calendar = calendar_of(desk_->floor(), chat);
    return calendar == nullptr || open_at(*calendar, ms_of(now_) + wall_ms_);
  }

  void see_miss(const record::Fact& fact, const Chat* chat) {
    Marks& marks = outcome_.marks;
    if (fact.clock == ClockKind::queue_wait) return marks.meet("queue wait missed");
    if (fact.clock == ClockKind::complaint) marks.meet("complaint missed");
    if (fact.clock == ClockKind::left_message) marks.meet("left message missed");
    if (chat == nullptr || !chat->waiting_since) return;
    if (fact.clock == ClockKind::complaint &&
        now_ - *chat->waiting_since < desk_->floor().promise(*chat).complaint_answer)
      marks.meet("complaint's day ended");
    const Instant since =
        fact.clock == ClockKind::left_message ? chat->left_since.value_or(now_) : *chat->waiting_since;
    const Duration open = open_time(calendar_of(desk_->floor(), *chat), since, now_, wall_ms_);
    if (fact.clock != ClockKind::complaint && now_ - since - open > 30min) marks.meet("clock paused while closed");
  }

  void see(const record::Line& line) {
    if (line.id) carried_out_.insert(line.id);
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
    in(Duration{random_.between(0, 8)}, [this, began = now_, commits = commits_] {
      if (now_ == began) outcome_.marks.meet("durable at once");
      finish_commit(commits);
    });
  }

  void finish_commit(std::uint64_t commits) {
    if (commits != commits_) return;  // the server that waited for it is dead
    if (stalled_) return in(100ms, [this, commits] { finish_commit(commits); });
    const Position stored = database_.end_commit();
    if (!database_.wrong().empty()) broken(database_.wrong());
    // The word of it may stand in line behind what was said since; it never overtakes the one before.
    const Duration late = faulty_ && random_.chance(0.05) ? random_.pause(300ms) : Duration{};
    durable_free_ = std::max(durable_free_, now_ + late);
    if (durable_free_ == now_) return step(event::Durable{stored});
    untold_ = true;
    in(durable_free_ - now_, [this, stored, commits] {
      if (commits != commits_) return;
      untold_ = now_ < durable_free_;
      step(event::Durable{stored});
    });
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
    sessions_open_.insert(person.session);
    step(event::SessionOpened{person.session, person.role, person.name, person.shop, some_level(person.role)});
    if (!person.session) return;
    send(person, person.client.resume());
    for (Ask& ask : person.client.again()) send(person, std::move(ask));
    if (person.role == Role::buyer || person.role == Role::guest) return;
    send(person, ask::SetStatus{random_.id(), person.wants});
  }

  // The wire breaks. The desk hears of it at once, or much later: until then it hears what was under way, and tells
  // nobody what it tells this session.
  void hang_up(Person& person) {
    if (!person.session) return;
    const SessionId session = disconnect(person);
    if (!desk_ || !faulty_ || random_.chance(0.5)) return close(session);
    lingering_[session] = random_.pause(1s);
    in(random_.pause(10s), [this, session, &person] {
      if (lingering_.count(session) == 0) return;
      const Session* anew = desk_ ? const_cast<Floor&>(desk_->floor()).session(person.session) : nullptr;
      if (anew != nullptr && anew->resumed) outcome_.marks.meet("old session outlived the new");
      close(session);
    });
  }

  SessionId disconnect(Person& person) {
    by_session_.erase(person.session);
    ++person.wire;
    return std::exchange(person.session, SessionId{});
  }

  void close(SessionId session) {
    if (by_session_.count(session) != 0 || !sessions_open_.erase(session)) return;
    lingering_.erase(session);
    free_slots_.push_back(static_cast<std::uint32_t>(session.value));
    step(event::SessionClosed{session});
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
    const auto said = [this, ask = std::move(ask), text](SessionId session) { hear(session, ask); };
    in(person.up_free - now_, [this, said, session = person.session] {
      if (const auto old = lingering_.find(session); old == lingering_.end()) said(session);
      else in(old->second, [said, session] { said(session); });
    });
    // Some wires break just after something was said.
    if (faulty_ && random_.chance(0.005)) in(Duration{random_.between(0, 5)}, [this, &person] { cut(person); });
    // Who gets no answer asks again.
    if (faulty_ && random_.chance(0.03)) in(random_.pause(15s), [said, &person] { said(person.session); });
  }

  // What a session said reaches the desk, if the session has not ended before.
  void hear(SessionId session, const Ask& ask) {
    if (!desk_ || sessions_open_.count(session) == 0) return;
    Marks& marks = outcome_.marks;
    if (lingering_.count(session) != 0) marks.meet("heard late on an old session");
    if (untold_) marks.meet("durable late");
    const bool again = happens_once(ask) && carried_out_.count(id_of(ask)) != 0;
    if (!again) return step(event::Heard{session, ask});
    marks.meet("command repeated");
    step(event::Tick{});  // so that what follows is from the repeat alone
    if (const Chat* chat = const_cast<Floor&>(desk_->floor()).chat(chat_of(ask))) {
      const Seq seq = chat->main.find(id_of(ask));
      if (seq && seq < chat->main.last()) marks.meet("older line repeated");
      const bool is_theirs =
          chat->place == Place::held && desk_->floor().roster.agent(chat->agent).sessions == std::vector{session};
      if (!seq && !is_theirs) marks.meet("command repeated after its chat moved on");
    }
    step(event::Heard{session, ask});
    for (const Effect& effect : effects_.list())
      if (std::holds_alternative<effect::Persist>(effect))
        broken("what happens once happened twice: command " + std::to_string(ask.index()));
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
        if (state->place == Place::left_message && random_.chance(0.1))
          in(random_.pause(20min), [this, &buyer] { speak(buyer); });
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
      hang_up(buyer);
    }
  }

  void leave(Person& buyer) {
    if (buyer.gone || !buyer.client.outbox.empty()) return;
    buyer.gone = true;
    hang_up(buyer);
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
    // What was left after hours can wait until the morning, some think.
    const auto left = agent.client.chats.find(chat);
    if (left != agent.client.chats.end() && left->second.state.reason == Reason::after_hours && random_.chance(0.4))
      return in(random_.pause(1h), [this, &agent, chat] { answer(agent, chat); });
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
    switch (random_.below(9)) {
      case 8: recall_long_after(); break;
      case 0: send(*boss_, ask::TakeOver{random_.id(), chat}); break;
      case 1: send(*boss_, ask::Reassign{random_.id(), chat, some_agent(), {}}); break;
      case 2: send(*boss_, ask::Reassign{random_.id(), chat, {}, "care"}); break;
      case 3:
        send(*boss_, ask::Watch{random_.id(), chat, true});
        command(*boss_, {.id = random_.id(), .chat = chat, .stream = Stream::inside, .text = words()});
        in(random_.pause(2min), [this, chat] { send(*boss_, ask::Watch{random_.id(), chat, false}); });
        break;
      case 4: send(*boss_, ask::Explain{random_.id(), chat, true}); break;
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

  // Of any chat that ended, however long ago.
  void recall_long_after() {
    std::vector<std::pair<ChatId, Seq>> words;
    for (const auto& [id, chat] : database_.chats())
      for (const auto& [key, line] : chat.lines)
        if (chat.row.closed && line.kind == LineKind::words && line.stream == Stream::main)
          words.emplace_back(id, line.seq);
    if (words.empty()) return;
    const auto [chat, seq] = words[random_.below(words.size())];
    command(*boss_, {.id = random_.id(), .chat = chat, .kind = LineKind::recalled, .reply_to = seq});
  }

  // --- trouble ------------------------------------------------------------------------------------------------------

  void cut_someone() {
    if (!faulty_) return;
    in(random_.pause(15s), [this] { cut_someone(); });
    if (by_session_.empty()) return;
    auto some = by_session_.begin();
    std::advance(some, static_cast<std::ptrdiff_t>(random_.below(by_session_.size())));
    cut(*some->second);
  }

  void cut(Person& person) {
    if (!person.session) return;
    outcome_.marks.meet("session dropped");
    hang_up(person);
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
      default: step_wall(random_.chance(0.5) ? 3'600'000 : -86'400'000);
    }
  }

  void step_wall(std::int64_t by_ms) {
    wall_ms_ += by_ms;
    outcome_.marks.meet("wall clock stepped");
    if (!desk_) return;
    const auto due = [this] {
      std::map<ChatId, Instant> clocks;
      for (const auto& [id, chat] : desk_->floor().chats)
        if (const Timer& clock = chat->timer(ChatTimer::shop_clock); clock.armed()) clocks[id] = clock.due();
      return clocks;
    };
    step(event::Tick{});  // what is due is not moved
    const auto before = due();
    step(event::WallOffset{wall_ms_});
    if (due() != before) outcome_.marks.meet("wall step moved a clock");
  }

  void change_policy() {
    in(random_.pause(45min), [this] { change_policy(); });
    if (!desk_ || closing_) return;
    auto policy = std::make_shared<policy::Desk>(*policies_.back());
    ++policy->version;
    for (policy::Agent& agent : policy->agents) {
      // Nobody's places are all gone but the supervisor's, who then only watches.
      agent.capacity = static_cast<std::int32_t>(random_.between(agent.role == Role::agent ? 1 : 0, 5));
      if (agent.role == Role::agent && random_.chance(0.2))
        agent.queues = {policy->queues[static_cast<std::size_t>(random_.below(3))].name};
    }
    // Somebody can have every chat, or in the evening not all would have ended.
    policy->agents[0].queues = {"sales", "care", "vip"};
    policy->agents[0].skills = {"returns"};
    policy->queues[0].skills.clear();
    if (random_.chance(0.3)) policy->queues[0].skills = {"returns"};
    policy->queues[1].overflow.clear();
    if (random_.chance(0.5)) policy->queues[1].overflow = {{60s, "sales"}};
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
  std::optional<event::RecoveredChat> named_;  // of the step that runs
  std::set<CommandId> carried_out_;            // by the server that runs
  std::unique_ptr<Desk> desk_;
  Checker checker_;
  Effects effects_;
  Epoch epoch_;
  std::uint64_t commits_{};
  bool short_staffed_{}, stalled_{}, faulty_{}, closing_{}, crash_soon_{};
  std::vector<std::unique_ptr<Person>> people_;
  Person* boss_{};
  std::map<SessionId, Person*> by_session_;  // those that have a wire
  std::set<SessionId> sessions_open_;        // those that the desk has not heard the end of
  std::map<SessionId, Duration> lingering_;  // ... without a wire: how much later what was under way comes
  Instant durable_free_;                     // the newest word of a commit comes then
  bool untold_{};                            // ... and is under way
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
