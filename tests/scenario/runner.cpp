// runner.cpp - Plays the tables of tests/scenario/*.txt, one test a file.
//
// Who: a name of the policy is staff, `Li` or `Li/2` a buyer and a second tab, `guest-7` a guest; `database`, `server`,
// `shop` and `clock` are the world; `-` only lets time pass.
//
// Does, a person: comes | comes as LEVEL | comes quietly | comes back | signs in (and does not resume) | leaves |
// says: T | says to LI: T | asks: T (comes, opens, says) | opens [queue=Q] [agent=A] [skills=S,S] | whispers to LI:
// T | suggests to LI: T | replies to N: T | recalls N [in LI] | recalls inside N in LI | types [in LI] | reads N [in
// LI] | chooses wait | chooses leave_message | accepts LI | declines LI | pulls [LI] | is STATUS | closes [LI] |
// transfers LI to agent|queue X | takes over LI | reassigns LI to agent|queue X | watches LI | stops watching LI |
// excuses LI [to N] | proposes to LI: KEY=V, ... | confirms N vV | corrects N vV: FIELD=V, ... | rates N | sets A
// KEY=V ... | surge on|off | explains [all of] LI | wraps up LI | looks back | figures on | becomes NAME [as LEVEL]
// | again [from TAB] | again, saying: T.
// The world: database stalls | catches up | refuses LI N; server dies | starts | drains; shop changes ROW |
// dismisses AGENT | revokes PERSON; clock jumps SECONDS s.
//
// Follows: WHO hears WORDS (each a member, or the value of one; "..." a text) | WHO hears no WORDS | WHO hears nothing
// | WHO hears N times WORDS | fact WORDS | no fact WORDS | row WORDS | place WORDS | LI is PLACE [by AGENT] [REASON] | LI is absent |
// LI waits since T | LI does not wait | LI is nobody | A is STATUS [REASON] | A has load N held M | count COUNTER N |
// WHO is dropped [CODE] | chats N.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>

#include "tests/scenario/script.hpp"
#include "tests/support/desk_builder.hpp"

namespace deskd::scenario {

namespace {

// What stands after `word` at the beginning of `text`, or nothing.
std::optional<std::string> after(const std::string& text, std::string_view word) {
  if (text.compare(0, word.size(), word) != 0) return std::nullopt;
  return std::string{trim(std::string_view{text}.substr(word.size()))};
}

std::int64_t number_of(const std::string& text) {
  try {
    return std::stoll(text);
  } catch (const std::exception&) { return -1; }
}

// Every word is a member of the line (`agent=01`, `choose`) or the value of one (`01`); ~word is anywhere in it.
bool fits(const std::string& line, const std::vector<std::string>& words) {
  const std::vector<std::string> members = split(line, ' ');
  return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
    if (word.front() == '~') return line.find(word.substr(1)) != std::string::npos;
    return std::any_of(members.begin(), members.end(), [&](const std::string& member) {
      if (member == word) return true;
      const std::size_t equals = member.find('=');
      if (equals == std::string::npos) return false;
      const std::string_view value = std::string_view{member}.substr(equals + 1);
      if (value == word) return true;
      // A text of one word is printed without quotes.
      return word.size() > 2 && word.front() == '"' && value == std::string_view{word}.substr(1, word.size() - 2);
    });
  });
}

class Play {
 public:
  explicit Play(const Script& script)
      : scene_{script.policy, Scene::start_of_day + (script.starts - std::chrono::hours{10}), script.backlog_bytes_max},
        start_{scene_.now()} {}

  // The first thing that is not as written; empty when the play went as the table says.
  std::string row(const Row& row);
  const std::string& story() const { return scene_.story(); }

 private:
  struct Person {
    bool staff{};
    bool guest{};
    std::string id;
    std::vector<SessionId> tabs;  // of a tab's name: one
    Ask last{ask::Pong{}};
    std::vector<std::string> words;  // what `last` points at
  };

  bool is_staff(const std::string& name) const {
    // Who was dismissed is staff still.
    const auto& agents = scene_.floor().roster.all();
    return std::any_of(agents.begin(), agents.end(), [&](const auto& agent) { return agent->name == name; });
  }
  static std::string person_of(const std::string& who) { return who.substr(0, who.find('/')); }
  // The session that acts: of that tab, or the newest.
  std::optional<SessionId> session(const std::string& who) {
    const auto known = tabs_.find(who);
    if (known == tabs_.end() || !scene_.alive(known->second)) return std::nullopt;
    return known->second;
  }
  std::vector<SessionId> sessions(const std::string& who) {
    std::vector<SessionId> all;
    for (const auto& [name, tab] : all_tabs_)
      if (name == who || person_of(name) == who) all.push_back(tab);
    return all;
  }
  const Chat* chat(const std::string& buyer) {
    for (const auto& [id, name] : scene_.naming().chats)
      if (name == buyer)
        if (const auto found = scene_.floor().chats.find(id); found != scene_.floor().chats.end())
          return found->second.get();
    return nullptr;
  }
  ChatId chat_id(const std::string& name) {
    for (const auto& [id, called] : scene_.naming().chats)
      if (called == name) return id;
    return ChatId{1};
  }
  // The newest chat of the buyer.
  ChatId own_chat(const std::string& buyer) {
    ChatId newest{1};
    for (const auto& [id, name] : scene_.naming().chats)
      if (name == buyer || name.substr(0, name.find('#')) == buyer) newest = id;
    for (const auto& [key, one] : scene_.floor().buyers)
      if (one->id == buyer && one->chat != nullptr) newest = one->chat->id;
    return newest;
  }

  // What the client of this name has heard, over all its sessions.
  std::vector<ask::Held> remembered(const std::string& who) {
    std::map<ChatId, ask::Held> all;
    for (const SessionId tab : sessions(who))
      for (const ask::Held& held : scene_.held_by(tab)) {
        ask::Held& known = all[held.chat];
        if (held.epoch < known.epoch) continue;
        // What another epoch did not store is forgotten.
        if (known.epoch < held.epoch) known.seq = known.inside = Seq{};
        known = {held.chat,
                 held.epoch,
                 std::max(known.seq, held.seq),
                 std::max(known.stored, held.stored),
                 std::max(known.inside, held.inside),
                 std::max(known.inside_stored, held.inside_stored)};
      }
    std::vector<ask::Held> chats;
    for (const auto& [id, held] : all) chats.push_back(held);
    return chats;
  }

  void come(const std::string& who, std::string level = {});
  std::string perform(const Row& row);
  std::string world(const Row& row);
  std::string person(const Row& row);
  std::string say(const std::string& who, Ask ask);
  std::string expect(const std::string& what);
  // The text outlives the step.
  std::string_view keep(std::string text) { return kept_.emplace_back(std::move(text)); }

  Scene scene_;
  Instant start_;
  std::map<std::string, SessionId> tabs_;  // the newest of each name
  std::vector<std::pair<std::string, SessionId>> all_tabs_;
  std::map<std::string, Ask> last_;  // by person
  std::deque<std::string> kept_;
};

void Play::come(const std::string& who, std::string level) {
  const std::string id = person_of(who);
  Role role = Role::buyer;
  if (is_staff(id)) {
    role = Role::agent;
    for (const auto& agent : scene_.policy().agents)
      if (agent.name == id) role = agent.role;
  } else if (id.rfind("guest", 0) == 0) {
    role = Role::guest;
  }
  const SessionId tab = scene_.arrive(who, role, keep(id), "demo", keep(level));
  tabs_[who] = tab;
  all_tabs_.emplace_back(who, tab);
}

std::string Play::say(const std::string& who, Ask ask) {
  const auto tab = session(who);
  if (!tab) return who + " is not there";
  if (!std::holds_alternative<ask::Resume>(ask)) last_[person_of(who)] = ask;
  scene_.ask(*tab, ask);
  return {};
}

std::string Play::row(const Row& row) {
  scene_.forget();
  scene_.advance(start_ + row.at);
  if (std::string wrong = perform(row); !wrong.empty()) return wrong;
  // What is due at this very moment belongs to it.
  // ... and, after the last deed of this moment, what is said as soon as it is over.
  if (row.ends_moment) scene_.advance(scene_.now() + Duration{1});
  if (!scene_.wrong().empty()) return scene_.wrong();
  for (const std::string& what : row.follows)
    if (std::string wrong = expect(what); !wrong.empty()) return "expected: " + what + "\n  but " + wrong;
  return {};
}

std::string Play::perform(const Row& row) {
  if (row.who == "-" || row.does == "-" || row.does.empty()) return {};
  if (row.who == "database" || row.who == "server" || row.who == "shop" || row.who == "clock") return world(row);
  return person(row);
}

std::string Play::world(const Row& row) {
  if (row.who == "database") {
    if (row.does == "stalls") return scene_.stall(), std::string{};
    if (row.does == "catches up") return scene_.keep_up(), std::string{};
    if (const auto what = after(row.does, "refuses ")) {
      const std::vector<std::string> words = split(*what, ' ');
      for (const auto& [position, text] : scene_.on_their_way())
        if (words.size() == 2 && fits(text, {"row", words[0], "seq=" + words[1]})) {
          scene_.step(event::Refused{position});
          return {};
        }
      return "no such line on its way";
    }
  } else if (row.who == "server") {
    if (row.does == "dies") return scene_.die(), std::string{};
    if (row.does == "starts") return scene_.start_again(), std::string{};
    if (row.does == "drains") return scene_.step(event::Drain{}), std::string{};
  } else if (row.who == "shop") {
    if (const auto what = after(row.does, "changes ")) {
      policy::Desk policy = scene_.policy();
      for (const std::string& each : split(*what, '&'))
        if (std::string wrong = change(policy, trim(each)); !wrong.empty()) return wrong;
      scene_.change_policy(std::move(policy));
      return {};
    }
    if (const auto what = after(row.does, "dismisses ")) {
      policy::Desk policy = scene_.policy();
      std::erase_if(policy.agents, [&](const auto& agent) { return agent.name == *what; });
      scene_.change_policy(std::move(policy));
      return {};
    }
    if (const auto what = after(row.does, "revokes ")) {
      const bool staff = is_staff(*what);
      scene_.step(event::Revoked{staff ? Role::agent : Role::buyer, staff ? std::string_view{} : "demo", keep(*what)});
      return {};
    }
  } else if (const auto what = after(row.does, "jumps ")) {
    scene_.step(event::WallOffset{number_of(*what) * 1000});
    return {};
  }
  return "the " + row.who + " cannot do this: " + row.does;
}

std::string Play::person(const Row& row) {
  const std::string& who = row.who;
  const std::string& does = row.does;
  const std::string id = person_of(who);
  const bool staff = is_staff(id);
  std::optional<std::string> what;

  if (does == "signs in") {
    come(who);
    return {};
  }
  if (does == "comes quietly") {
    come(who);
    // Who may not come in is gone already.
    return session(who) ? say(who, ask::Resume{}) : std::string{};
  }
  if (does == "comes") {
    come(who);
    if (std::string wrong = say(who, ask::Resume{}); !wrong.empty()) return wrong;
    const bool sits = staff && scene_.floor().sessions[static_cast<std::uint32_t>(tabs_[who].value)].role != Role::ops;
    return sits ? say(who, ask::SetStatus{scene_.next_id(), Status::available}) : std::string{};
  }
  if ((what = after(does, "comes as "))) {
    come(who, *what);
    return say(who, ask::Resume{});
  }
  if (does == "comes back") {
    const ask::Resume resume{remembered(who)};
    come(who);
    return say(who, resume);
  }
  if (does == "leaves") {
    for (const SessionId tab : sessions(who)) scene_.leave(tab);
    return {};
  }
  if ((what = after(does, "asks:"))) {
    if (!session(who)) {
      come(who);
      scene_.ask(tabs_[who], ask::Resume{});
    }
    scene_.ask(tabs_[who], ask::Open{scene_.next_id(), {}, {}, {}});
    return say(who, ask::Say{scene_.next_id(), own_chat(id), keep(*what), {}, false, false});
  }
  if (does == "opens" || (what = after(does, "opens "))) {
    ask::Open open{.id = scene_.next_id()};
    for (const std::string& each : split(what.value_or(""), ' ')) {
      if (const auto queue = after(each, "queue=")) open.queue = keep(*queue);
      if (const auto agent = after(each, "agent=")) open.agent = keep(*agent);
      if (const auto skills = after(each, "skills="))
        for (const std::string& skill : split(*skills, ',')) open.skills.push_back(keep(skill));
    }
    return say(who, open);
  }
  if ((what = after(does, "says:")))
    return say(who, ask::Say{scene_.next_id(), own_chat(id), keep(*what), {}, false, false});
  for (const auto& [verb, assist, inside] :
       {std::tuple{"says to ", false, false}, std::tuple{"suggests to ", true, false},
        std::tuple{"whispers to ", false, true}}) {
    if (!(what = after(does, verb))) continue;
    const std::size_t colon = what->find(':');
    if (colon == std::string::npos) return "to whom: what";
    return say(who, ask::Say{scene_.next_id(),
                             chat_id(what->substr(0, colon)),
                             keep(std::string{trim(std::string_view{*what}.substr(colon + 1))}),
                             {},
                             assist,
                             inside});
  }
  if ((what = after(does, "replies to "))) {
    const std::size_t colon = what->find(':');
    return say(who, ask::Say{scene_.next_id(), own_chat(id), keep(what->substr(colon + 2)),
                             Seq{static_cast<std::uint32_t>(number_of(*what))}, false, false});
  }
  if ((what = after(does, "recalls "))) {
    const bool inside = what->rfind("inside ", 0) == 0;
    if (inside) what = what->substr(7);
    const std::vector<std::string> words = split(*what, ' ');
    const ChatId in = words.size() == 3 ? chat_id(words[2]) : own_chat(id);
    return say(who, ask::Recall{scene_.next_id(), in, Seq{static_cast<std::uint32_t>(number_of(words[0]))}, inside});
  }
  if (does == "types" || (what = after(does, "types in "))) {
    return say(who, ask::Typing{what ? chat_id(*what) : own_chat(id), true});
  }
  if ((what = after(does, "reads "))) {
    const std::vector<std::string> words = split(*what, ' ');
    const Seq seq{static_cast<std::uint32_t>(number_of(words[0]))};
    return say(who, ask::Mark{words.size() == 3 ? chat_id(words[2]) : own_chat(id), seq, seq});
  }
  if ((what = after(does, "chooses "))) {
    const auto choice = from_word<Choice>(*what);
    if (!choice) return "wait or leave_message";
    return say(who, ask::Choose{scene_.next_id(), own_chat(id), *choice});
  }
  if ((what = after(does, "accepts "))) return say(who, ask::Accept{scene_.next_id(), chat_id(*what)});
  if ((what = after(does, "declines "))) return say(who, ask::Decline{scene_.next_id(), chat_id(*what)});
  if (does == "pulls") return say(who, ask::Pull{scene_.next_id(), {}});
  if ((what = after(does, "pulls "))) return say(who, ask::Pull{scene_.next_id(), chat_id(*what)});
  if ((what = after(does, "is "))) {
    const auto status = from_word<Status>(*what);
    if (!status) return "no such status";
    return say(who, ask::SetStatus{scene_.next_id(), *status});
  }
  if (does == "closes") return say(who, ask::Close{scene_.next_id(), own_chat(id)});
  if ((what = after(does, "closes "))) return say(who, ask::Close{scene_.next_id(), chat_id(*what)});
  if ((what = after(does, "takes over "))) return say(who, ask::TakeOver{scene_.next_id(), chat_id(*what)});
  const bool reassigns = does.rfind("reassigns ", 0) == 0;
  if (reassigns || does.rfind("transfers ", 0) == 0) {
    const std::vector<std::string> words = split(does, ' ');  // transfers LI to agent 02
    if (words.size() != 5) return "transfers LI to agent|queue X";
    const std::string_view agent = words[3] == "agent" ? keep(words[4]) : std::string_view{};
    const std::string_view queue = words[3] == "queue" ? keep(words[4]) : std::string_view{};
    if (reassigns) return say(who, ask::Reassign{scene_.next_id(), chat_id(words[1]), agent, queue});
    return say(who, ask::Transfer{scene_.next_id(), chat_id(words[1]), agent, queue});
  }
  if ((what = after(does, "watches "))) return say(who, ask::Watch{scene_.next_id(), chat_id(*what), true});
  if ((what = after(does, "stops watching "))) return say(who, ask::Watch{scene_.next_id(), chat_id(*what), false});
  if ((what = after(does, "excuses "))) {
    const std::size_t to = what->find(" to ");
    const ChatId chat = chat_id(what->substr(0, to));
    const auto found = scene_.floor().chats.find(chat);
    Seq seq = found == scene_.floor().chats.end() ? Seq{} : found->second->main.last();
    if (to != std::string::npos) seq = Seq{static_cast<std::uint32_t>(number_of(what->substr(to + 4)))};
    return say(who, ask::NoAnswerNeeded{scene_.next_id(), chat, seq});
  }
  if ((what = after(does, "wraps up "))) return say(who, ask::WrapUpDone{scene_.next_id(), chat_id(*what)});
  if ((what = after(does, "explains all of "))) return say(who, ask::Explain{scene_.next_id(), chat_id(*what), true});
  if ((what = after(does, "explains "))) return say(who, ask::Explain{scene_.next_id(), chat_id(*what)});
  if (does == "looks back") return say(who, ask::ReadHistory{scene_.next_id(), {}, {}});
  if (does == "figures on") return say(who, ask::Figures{scene_.next_id(), true});
  if (does == "surge on" || does == "surge off") return say(who, ask::SetSurge{scene_.next_id(), does == "surge on"});
  if ((what = after(does, "rates "))) {
    return say(who, ask::Rate{scene_.next_id(), own_chat(id), {static_cast<std::int32_t>(number_of(*what)), {}}});
  }
  if ((what = after(does, "proposes to "))) {
    const std::size_t colon = what->find(':');
    if (colon == std::string::npos) return "proposes to LI: KEY=V, ...";
    record::Order order{.order_no = "A1",
                        .items = {{"shirt", "cotton", "blue", 1}},
                        .address = "1 Lake Road",
                        .recipient = "Li",
                        .phone = "13800000000",
                        .return_terms = "7 days"};
    for (const std::string& each : split(what->substr(colon + 1), ',')) {
      const std::string pair{trim(each)};
      if (const auto v = after(pair, "order_no=")) order.order_no = *v;
      if (const auto v = after(pair, "address=")) order.address = *v;
      if (const auto v = after(pair, "quantity=")) order.items[0].quantity = static_cast<std::int32_t>(number_of(*v));
      if (const auto v = after(pair, "return_terms=")) order.return_terms = *v;
    }
    return say(who, ask::ProposeOrder{scene_.next_id(), chat_id(what->substr(0, colon)), order});
  }
  const bool confirms = does.rfind("confirms ", 0) == 0;
  if (confirms || does.rfind("corrects ", 0) == 0) {
    const std::size_t colon = does.find(':');
    const std::vector<std::string> words = split(does.substr(0, colon), ' ');  // corrects 3 v1
    if (words.size() != 3) return "confirms N vV, or corrects N vV: FIELD=V, ...";
    record::OrderAnswer answer{Seq{static_cast<std::uint32_t>(number_of(words[1]))},
                               static_cast<std::int32_t>(number_of(words[2].substr(1))),
                               confirms,
                               {}};
    if (colon != std::string::npos)
      for (const std::string& each : split(does.substr(colon + 1), ',')) {
        const std::string pair{trim(each)};
        const std::size_t equals = pair.find('=');
        answer.corrections.push_back(
            {pair.substr(0, equals), equals == std::string::npos ? "" : pair.substr(equals + 1)});
      }
    return say(who, ask::AnswerOrder{scene_.next_id(), own_chat(id), answer});
  }
  if ((what = after(does, "sets "))) {
    const std::vector<std::string> words = split(*what, ' ');
    ask::SetAgent set{.id = scene_.next_id(), .agent = keep(words[0])};
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (const auto v = after(words[i], "status=")) set.status = from_word<Status>(*v);
      if (const auto v = after(words[i], "capacity=")) set.capacity = static_cast<std::int32_t>(number_of(*v));
      if (const auto v = after(words[i], "queues=")) {
        set.queues.emplace();
        for (const std::string& queue : split(*v, ',')) set.queues->push_back(keep(queue));
      }
    }
    return say(who, set);
  }
  if ((what = after(does, "becomes "))) {
    const auto tab = session(who);
    if (!tab) return who + " is not there";
    const std::size_t as = what->find(" as ");
    const std::string name = what->substr(0, as);
    const std::string_view level = as == std::string::npos ? std::string_view{} : keep(what->substr(as + 4));
    scene_.step(event::Identified{"demo", keep(id), keep(name), *tab, level});
    // From now on the tab is the named buyer's.
    tabs_[name] = *tab;
    all_tabs_.emplace_back(name, *tab);
    std::erase_if(all_tabs_, [&](const auto& one) { return one.first == who && one.second == *tab; });
    tabs_.erase(who);
    return {};
  }
  if (does == "again" || (what = after(does, "again, saying:"))) {
    Ask ask = last_[id];
    if (what)
      if (auto* said = std::get_if<ask::Say>(&ask)) said->text = keep(*what);
    const auto tab = session(who);
    if (!tab) return who + " is not there";
    scene_.ask(*tab, ask);
    return {};
  }
  return "cannot do this: " + does;
}

std::string Play::expect(const std::string& what) {
  const std::vector<std::string> words = split(what, ' ');
  const auto rest = [&](std::size_t from) {
    return std::vector<std::string>(words.begin() + static_cast<std::ptrdiff_t>(from), words.end());
  };

  const bool no_fact = words[0] == "no" && words.size() > 1;
  if (words[0] == "fact" || words[0] == "row" || words[0] == "place" || words[0] == "deed" || no_fact) {
    const std::vector<std::string> wanted = no_fact ? rest(1) : words;
    const bool found = std::any_of(scene_.written().begin(), scene_.written().end(),
                                   [&](const std::string& line) { return fits(line, wanted); });
    return found != no_fact ? std::string{} : found ? "it was written" : "nothing like it was written";
  }
  if (words[0] == "chats" && words.size() == 2) {
    const auto have = scene_.floor().chats.size();
    return have == static_cast<std::size_t>(number_of(words[1])) ? std::string{} : "there are " + std::to_string(have);
  }
  if (words[0] == "count" && words.size() == 3) {
    const Counters& counters = scene_.desk().counters();
    const Waited& waited = scene_.desk().waited();
    const auto sum = [](const Waits& waits) {
      return std::accumulate(waits.counts.begin(), waits.counts.end(), std::uint64_t{});
    };
    const std::map<std::string, std::uint64_t> all{{"over_capacity", counters.over_capacity},
                                                   {"lines", counters.lines},
                                                   {"lines_repeated", counters.lines_repeated},
                                                   {"left_messages", counters.left_messages},
                                                   {"missed_queue_wait", counters.missed_queue_wait},
                                                   {"missed_breach", counters.missed_breach},
                                                   {"waits_unanswered", counters.waits_unanswered},
                                                   {"waits_excused", counters.waits_excused},
                                                   {"first_responses", sum(waited.first_response)},
                                                   {"first_response_ms", waited.first_response.sum_ms},
                                                   {"next_responses", sum(waited.next_response)},
                                                   {"next_response_ms", waited.next_response.sum_ms},
                                                   {"left_answers", sum(waited.left_message)},
                                                   {"left_answer_ms", waited.left_message.sum_ms},
                                                   {"lines_to_agent", sum(waited.line_to_agent)},
                                                   {"line_to_agent_ms", waited.line_to_agent.sum_ms},
                                                   {"lines_to_left_message", sum(waited.line_to_left_message)},
                                                   {"line_to_left_message_ms", waited.line_to_left_message.sum_ms},
                                                   {"lines_to_close", sum(waited.line_to_close)},
                                                   {"line_to_close_ms", waited.line_to_close.sum_ms},
                                                   {"chats_opened", counters.chats_opened},
                                                   {"assigned", counters.assigned},
                                                   {"shed_typing", counters.shed_typing},
                                                   {"shed_receipts", counters.shed_receipts},
                                                   {"shed_figures", counters.shed_figures},
                                                   {"shed_history", counters.shed_history},
                                                   {"shed_guests", counters.shed_guests},
                                                   {"shed_chats", counters.shed_chats},
                                                   {"shed_words", counters.shed_words}};
    const auto counter = all.find(words[1]);
    if (counter == all.end()) return "no such counter is known here";
    return counter->second == static_cast<std::uint64_t>(number_of(words[2]))
               ? std::string{}
               : "it is " + std::to_string(counter->second);
  }
  if (words.size() < 2) return "this is not understood";

  const std::string& who = words[0];
  if (words[1] == "hears") {
    const std::vector<SessionId> tabs = sessions(who);
    std::vector<std::string> wanted = rest(2);
    std::optional<std::int64_t> times;
    bool none = false;
    if (wanted.size() == 1 && wanted[0] == "nothing") {
      none = true;
      wanted.clear();
    } else if (!wanted.empty() && wanted[0] == "no") {
      none = true;
      wanted.erase(wanted.begin());
    } else if (wanted.size() > 2 && wanted[1] == "times") {
      times = number_of(wanted[0]);
      wanted.erase(wanted.begin(), wanted.begin() + 2);
    }
    std::int64_t found = 0;
    std::string heard;
    for (const Scene::Heard& one : scene_.heard()) {
      if (std::find(tabs.begin(), tabs.end(), one.to) == tabs.end()) continue;
      heard += "\n    " + one.text;
      found += fits(one.text, wanted) ? 1 : 0;
    }
    const bool good = none ? found == 0 : times ? found == *times : found > 0;
    return good ? std::string{} : who + " heard:" + (heard.empty() ? " nothing" : heard);
  }
  if (words[1] == "is" && words.size() > 2 && words[2] == "dropped") {
    const std::vector<SessionId> tabs = sessions(who);
    for (const Scene::Dropped& one : scene_.dropped())
      if (std::find(tabs.begin(), tabs.end(), one.session) != tabs.end())
        if (words.size() == 3 || words[3] == name_of(one.code)) return {};
    return "no session was closed so";
  }
  if (is_staff(person_of(who))) {
    const Agent* agent = nullptr;
    for (const auto& one : scene_.floor().roster.all())
      if (one->name == who) agent = one.get();
    if (agent == nullptr) return "there is no such agent";
    if (words[1] == "is" && words.size() > 2) {
      if (word_of(agent->status) != words[2]) return "is " + std::string{word_of(agent->status)};
      if (words.size() > 3 && word_of(agent->status_reason) != words[3])
        return "is so by " + std::string{word_of(agent->status_reason)};
      return {};
    }
    if (words[1] == "has") {
      for (std::size_t i = 2; i + 1 < words.size(); i += 2) {
        const std::int64_t have = words[i] == "load"       ? agent->load
                                  : words[i] == "held"     ? static_cast<std::int64_t>(agent->held.size())
                                  : words[i] == "reserved" ? static_cast<std::int64_t>(agent->reserved.size())
                                  : words[i] == "left"     ? agent->left
                                  : words[i] == "wrapping" ? static_cast<std::int64_t>(agent->wrapping.size())
                                  : words[i] == "capacity" ? agent->capacity
                                                           : -2;
        if (have != number_of(words[i + 1])) return "has " + words[i] + " " + std::to_string(have);
      }
      return {};
    }
    return "this is not understood";
  }

  const Chat* one = chat(who);
  if (words[1] == "is" && words.size() > 2 && words[2] == "nobody")
    return one == nullptr ? std::string{} : "is remembered";
  if (one == nullptr) return "there is no such chat";
  if (words[1] == "does") return one->waiting_since ? "waits" : std::string{};
  if (words[1] == "waits" && words.size() == 4) {
    Duration since;
    if (!read_time(words[3], since)) return "this is not a time";
    if (!one->waiting_since) return "does not wait";
    const Duration is = *one->waiting_since - start_;
    return is == since ? std::string{} : "waits since " + std::to_string(is.count()) + " ms";
  }
  if (words[1] != "is" || words.size() < 3) return "this is not understood";
  if (words[2] == "absent") return one->absent ? std::string{} : "is there, or not waiting";
  std::string is = std::string{word_of(one->place)} +
                   (one->agent ? " by " + scene_.floor().roster.agent(one->agent).name : "") + " (" +
                   std::string{word_of(one->reason)} + ", queue " + std::string{one->queue} + ")";
  if (word_of(one->place) != words[2]) return "is " + is;
  for (std::size_t i = 3; i < words.size(); ++i) {
    if (words[i] == "by" && i + 1 < words.size()) {
      if (!one->agent || scene_.floor().roster.agent(one->agent).name != words[++i]) return "is " + is;
    } else if (words[i] == "in" && i + 1 < words.size()) {
      if (one->queue != words[++i]) return "is " + is;
    } else if (word_of(one->reason) != words[i]) {
      return "is " + is;
    }
  }
  return {};
}

class Scenario : public testing::Test {
 public:
  explicit Scenario(std::filesystem::path file) : file_{std::move(file)} {}

  void TestBody() override {
    std::ifstream in{file_};
    std::stringstream text;
    text << in.rdbuf();
    const std::string all = text.str();
    const Script script = read(all);
    ASSERT_EQ(script.wrong, "") << file_;
    Play play{script};
    for (const Row& row : script.rows) {
      const std::string wrong = play.row(row);
      if (wrong.empty()) continue;
      // The end of the story is what matters; the rest is in the file.
      std::string story = play.story();
      if (story.size() > 6000) story = "...\n" + story.substr(story.find('\n', story.size() - 6000) + 1);
      FAIL() << file_.string() << ":" << row.line << ": " << row.who << " " << row.does << "\n  " << wrong << "\n"
             << story;
    }
  }

 private:
  std::filesystem::path file_;
};

// Every file is a test of its name.
const bool registered = [] {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator{DESKD_SOURCE_DIR "/tests/scenario"})
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& file : files) {
    testing::RegisterTest("Scenario", file.stem().c_str(), nullptr, nullptr, file.c_str(), 1,
                          [file]() -> Scenario* { return new Scenario{file}; });
  }
  return !files.empty();
}();

TEST(Scenarios, AreThere) { EXPECT_TRUE(registered); }

}  // namespace

}  // namespace deskd::scenario
