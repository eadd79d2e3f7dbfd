#include "tests/support/desk_builder.hpp"

#include <utility>

namespace deskd {

policy::Desk a_desk() {
  policy::Desk desk;
  desk.version = 1;
  desk.name = "desk";
  policy::Shop& shop = desk.shops.emplace_back();
  shop.name = "demo";
  shop.title = "Demo";
  desk.queues.emplace_back().name = "chat";
  return desk;
}

policy::Agent an_agent(std::string name, std::int32_t capacity, Role role) {
  policy::Agent agent;
  agent.title = "Agent " + name;
  agent.name = std::move(name);
  agent.role = role;
  agent.queues = {"chat"};
  agent.capacity = capacity;
  return agent;
}

Scene::Scene(policy::Desk policy, Instant start, std::size_t backlog_bytes_max)
    : policy_{std::make_shared<const policy::Desk>(std::move(policy))},
      backlog_bytes_max_{backlog_bytes_max},
      now_{start} {
  naming_.start = start;
  policies_[policy_->version] = policy_;
  start_desk();
}

void Scene::start_desk() {
  epoch_ = Epoch{epoch_.value + 1};
  checker_ = {};
  desk_ = std::make_unique<Desk>(DeskOptions{DeskId{1}, epoch_, policy_, backlog_bytes_max_});
  for (const auto& [version, policy] : policies_)
    if (policy != policy_) run(event::RecoveredPolicy{policy});
  for (const auto& [name, agent] : database_.agents()) run(agent);
  run(database_.surge());
  for (const event::RecoveredChat& chat : database_.recover(now_ - policy_->reopen_within)) run(chat);
  newest_ = database_.newest();
  run(event::RecoveryDone{newest_});
}

void Scene::tell(std::string line) { story_.append(line).append("\n"); }

void Scene::run(const Event& event) {
  if (!std::holds_alternative<event::Tick>(event) && !std::holds_alternative<event::Durable>(event)) {
    const std::int64_t ms = (now_ - naming_.start).count();
    std::string at = std::to_string(ms / 60'000) + ':' + std::to_string(100 + ms / 1000 % 60).substr(1);
    tell(at + " > " + text_of(event, naming_));
  }
  effects_.clear();
  desk_->step(now_, event, effects_);
  // Before the sessions that the desk closes leave: that is a step of its own.
  if (wrong_.empty()) wrong_ = checker_.check(*desk_, effects_);
  apply();
  // The database has the chat that was named: now it is said again.
  if (const auto chat = std::exchange(named_, {})) {
    run(*chat);
    run(event);
  }
}

void Scene::step(const Event& event) {
  run(event);
  if (keeps_up_) catch_up();
}

void Scene::apply() {
  std::vector<SessionId> ended;
  for (const Effect& effect : effects_.list()) {
    if (const auto* send = std::get_if<effect::Send>(&effect)) {
      keep(*send);
      continue;
    }
    if (const auto* persist = std::get_if<effect::Persist>(&effect))
      if (const auto* chat = std::get_if<record::Chat>(&persist->body)) know(chat->chat, chat->buyer);
    const std::string text = text_of(effect, effects_, naming_);
    tell("    " + text);
    if (const auto* persist = std::get_if<effect::Persist>(&effect)) {
      database_.append(persist->position, persist->body);
      newest_ = persist->position;
      on_their_way_[newest_] = text;
      written_.push_back(text);
    } else if (const auto* close = std::get_if<effect::Close>(&effect)) {
      dropped_.push_back({close->session, close->code});
      ended.push_back(close->session);
    } else if (const auto* history = std::get_if<effect::ReadHistory>(&effect)) {
      heard_.push_back({history->session, text});
    } else if (const auto* lines = std::get_if<effect::ReadLines>(&effect)) {
      heard_.push_back({lines->session, text});
    } else if (const auto* chat = std::get_if<effect::ReadChat>(&effect)) {
      heard_.push_back({chat->session, text});
      named_ = database_.ended(*chat);
    }
  }
  for (const SessionId session : ended) leave(session);
}

// A chat is called by its buyer's name; the second one Li#2.
void Scene::know(ChatId chat, std::string_view buyer) {
  if (naming_.chats.count(chat) != 0) return;
  std::set<std::string> taken;
  for (const auto& [id, name] : naming_.chats) taken.insert(name);
  std::string called{buyer};
  for (int n = 2; taken.count(called) != 0; ++n) called = std::string{buyer} + "#" + std::to_string(n);
  naming_.chats[chat] = called;
}

void Scene::keep(const effect::Send& send) {
  const std::string text = text_of(send.message, naming_);
  for (const SessionId to : effects_.audience(send)) {
    const auto known = naming_.sessions.find(to);
    tell("    " + (known == naming_.sessions.end() ? std::string{"?"} : known->second) + " hears " + text);
    heard_.push_back({to, text});
    const auto at = alive_.find(to);
    if (at == alive_.end()) continue;
    if (const auto* line = std::get_if<tell::Line>(&send.message)) {
      ask::Held& held = at->second[line->chat];
      held.chat = line->chat;
      held.epoch = epoch_;
      Seq& seq = line->stream == Stream::main ? held.seq : held.inside;
      Seq& stored = line->stream == Stream::main ? held.stored : held.inside_stored;
      // A line comes to a buyer once, in order: that is what resuming rests on. Their own come by `stored`. One that was
      // refused is told again, and if it was a recall, what it hid after it.
      const bool refused = line->kind == LineKind::refused;
      const bool shown_again = !refused && refused_to_.erase(to) != 0;
      if (refused) refused_to_.insert(to);
      if (line->seq <= seq && !refused && !shown_again && buyers_.count(to) != 0 && wrong_.empty())
        wrong_ = naming_.sessions[to] + " hears a line twice: " + text;
      seq = std::max(seq, line->seq);
      stored = std::max(stored, line->stored);
    } else if (const auto* safe = std::get_if<tell::Stored>(&send.message)) {
      ask::Held& held = at->second[safe->chat];
      held.chat = safe->chat;
      held.epoch = epoch_;
      Seq& seq = safe->stream == Stream::main ? held.seq : held.inside;
      Seq& stored = safe->stream == Stream::main ? held.stored : held.inside_stored;
      stored = std::max(stored, safe->stored);
      for (const tell::StoredLine& own : safe->lines) seq = std::max(seq, own.seq);
    }
  }
}

void Scene::advance(Instant to) {
  while (desk_ != nullptr) {
    const auto due = desk_->next_deadline();
    if (!due || *due > to) break;
    now_ = std::max(now_, *due);
    step(event::Tick{});
  }
  now_ = std::max(now_, to);
}

SessionId Scene::arrive(std::string name, Role role, std::string_view person, std::string_view shop,
                        std::string_view level) {
  ++last_session_;
  const SessionId session{last_session_ | (last_session_ << 32)};
  naming_.sessions[session] = std::move(name);
  alive_[session];
  const bool buyer = role == Role::buyer || role == Role::guest;
  if (buyer) buyers_.insert(session);
  step(event::SessionOpened{session, role, person, buyer ? shop : std::string_view{}, level});
  return session;
}

void Scene::leave(SessionId session) {
  const auto known = alive_.find(session);
  if (known == alive_.end()) return;
  gone_[session] = std::move(known->second);
  alive_.erase(known);
  step(event::SessionClosed{session});
}

void Scene::change_policy(policy::Desk policy) {
  policy.version = policy_->version + 1;
  policy_ = std::make_shared<const policy::Desk>(std::move(policy));
  policies_[policy_->version] = policy_;
  step(event::PolicyChanged{policy_});
}

void Scene::catch_up() {
  // Telling that something is safe writes nothing, so this ends.
  while (database_.begin_commit()) {
    const Position stored = database_.end_commit();
    on_their_way_.erase(on_their_way_.begin(), on_their_way_.upper_bound(stored));
    run(event::Durable{stored});
  }
  if (wrong_.empty()) wrong_ = database_.wrong();
}

void Scene::die() {
  tell("the server dies");
  database_.crash(false);
  on_their_way_.clear();
  desk_.reset();
  for (auto& [session, held] : alive_) gone_[session] = std::move(held);
  alive_.clear();
}

void Scene::start_again() {
  tell("a server starts");
  keeps_up_ = true;
  start_desk();
  catch_up();
}

void Scene::forget() {
  heard_.clear();
  written_.clear();
  dropped_.clear();
}

std::vector<ask::Held> Scene::held_by(SessionId session) const {
  std::vector<ask::Held> all;
  for (const auto* sessions : {&alive_, &gone_}) {
    const auto known = sessions->find(session);
    if (known == sessions->end()) continue;
    for (const auto& [chat, held] : known->second) all.push_back(held);
  }
  return all;
}

}  // namespace deskd
