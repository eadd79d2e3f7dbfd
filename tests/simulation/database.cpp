#include "tests/simulation/database.hpp"

namespace deskd::simulation {

void Database::append(Position position, const record::Body& body) {
  const Position expected{(waiting_.empty() ? stored_ : waiting_.back().position).value + 1};
  if (position != expected && wrong_.empty()) wrong_ = "position " + std::to_string(position.value) + " leaves a gap";
  Owned& owned = waiting_.emplace_back(Owned{position, body, {}});
  // Views of the record are made to look at copies; reserve first, so that they do not move.
  owned.text.reserve(16);
  const auto own = [&](std::string_view& view) { view = owned.text.emplace_back(view); };
  if (auto* line = std::get_if<record::Line>(&owned.body)) {
    own(line->person);
    own(line->text);
  } else if (auto* fact = std::get_if<record::Fact>(&owned.body)) {
    own(fact->shop);
    own(fact->queue);
    own(fact->agent);
    own(fact->detail);
  } else if (auto* chat = std::get_if<record::Chat>(&owned.body)) {
    own(chat->shop);
    own(chat->buyer);
    own(chat->level);
    own(chat->queue);
    own(chat->agent);
    own(chat->wanted);
    for (std::string_view& skill : chat->skills) own(skill);
  }
}

bool Database::begin_commit() {
  if (committing() || waiting_.empty()) return false;
  commit_end_ = waiting_.size();
  return true;
}

Position Database::end_commit() {
  for (; commit_end_ > 0; --commit_end_) {
    store(waiting_.front());
    waiting_.pop_front();
  }
  return stored_;
}

void Database::crash(bool commit_arrived) {
  if (commit_arrived) end_commit();
  commit_end_ = 0;
  waiting_.clear();
}

void Database::store(const Owned& owned) {
  stored_ = owned.position;
  const auto refuse = [&](const std::string& sentence) {
    if (wrong_.empty()) wrong_ = sentence;
  };
  if (const auto* line = std::get_if<record::Line>(&owned.body)) {
    newest_at_ = std::max(newest_at_, line->at);
    StoredChat& chat = chats_[line->chat];
    const std::string where = "chat " + std::to_string(line->chat.value) + " line " + std::to_string(line->seq.value);
    stored::Line row{
        line->stream, line->seq,      line->at,     line->origin,           line->kind, std::string{line->person},
        line->id,     line->reply_to, line->reason, std::string{line->text}};
    if (!chat.lines.emplace(std::pair{line->stream, line->seq}, std::move(row)).second) refuse(where + " stored twice");
    if (line->id && !chat.ids.emplace(std::string{line->person}, line->id).second) refuse(where + " repeats an id");
    if (line->seq.value > 1 && chat.lines.count({line->stream, Seq{line->seq.value - 1}}) == 0)
      refuse(where + " leaves a gap");
  } else if (const auto* fact = std::get_if<record::Fact>(&owned.body)) {
    newest_at_ = std::max(newest_at_, fact->at);
    ++facts_[static_cast<std::size_t>(fact->kind)];
    if (fact->kind == FactKind::missed &&
        !chats_[fact->chat].fired.try_emplace({fact->clock, fact->ordinal}, fact->at).second) {
      refuse("chat " + std::to_string(fact->chat.value) + " clock " + std::string{word_of(fact->clock)} +
             " fired twice as " + std::to_string(fact->ordinal));
    }
    if (fact->kind == FactKind::status || fact->kind == FactKind::adjusted) {
      event::RecoveredAgent& agent = agents_[std::string{fact->agent}];
      agent.agent = fact->agent;
      if (fact->kind == FactKind::status) {
        agent.status = static_cast<Status>(fact->ordinal);
        agent.reason = fact->reason;
        agent.since = fact->at;
      } else {
        agent.capacity = fact->ordinal;
        agent.adjusted_under = fact->number;
        agent.queues = stored::names_of(fact->detail);
      }
    }
    if (fact->kind == FactKind::surge) surge_ = {fact->ordinal != 0, fact->reason};
    if (fact->kind == FactKind::missed && fact->number < 0) refuse("a clock fired early");
  } else if (const auto* row = std::get_if<record::Chat>(&owned.body)) {
    event::RecoveredChat& to = chats_[row->chat].row;
    to.chat = row->chat;
    to.shop = row->shop;
    to.buyer = row->buyer;
    to.guest = row->guest;
    to.level = row->level;
    to.place = row->place;
    to.queue = row->queue;
    to.agent = row->agent;
    to.wanted = row->wanted;
    to.opened = row->opened;
    to.queued = row->queued;
    to.lined_up = row->lined_up;
    to.left_since = row->left_since;
    to.told = row->told;
    to.asked = row->asked;
    to.placed = row->placed;
    to.answered_first = row->answered_first;
    to.priority_s = row->priority_s;
    to.policy_version = row->policy_version;
    to.reason = row->reason;
    to.excused = row->excused;
    to.skills.assign(row->skills.begin(), row->skills.end());
    to.closed = row->closed;
  } else {
    const auto& deed = std::get<record::Deed>(owned.body);
    StoredChat& chat = chats_[deed.chat];
    const std::pair key{deed.stream, deed.seq};
    if (!chat.deeds.emplace(key, deed).second) refuse("a deed stored twice");
    if (chat.lines.count(key) == 0) refuse("a deed without its line");
  }
}

namespace {

event::RecoveredChat whole(const StoredChat& chat) {
  event::RecoveredChat one{chat.row};
  for (const auto& [key, line] : chat.lines) one.lines.push_back(line);
  for (const auto& [step, at] : chat.fired) one.fired.push_back({step.first, step.second, at});
  for (const auto& [key, deed] : chat.deeds) one.deeds.push_back({deed.seq, deed.body, deed.stream});
  return one;
}

}  // namespace

std::vector<event::RecoveredChat> Database::recover(Instant since) const {
  std::vector<event::RecoveredChat> all;
  for (const auto& [id, chat] : chats_) {
    if (!chat.row.chat) continue;
    if (chat.row.closed && *chat.row.closed < since) continue;
    all.push_back(whole(chat));
  }
  return all;
}

std::optional<event::RecoveredChat> Database::ended(const effect::ReadChat& asked) const {
  const auto found = chats_.find(asked.chat);
  if (found == chats_.end() || !found->second.row.closed) return std::nullopt;
  const event::RecoveredChat& row = found->second.row;
  const bool theirs = asked.shop.empty() || (row.shop == asked.shop && row.buyer == asked.buyer);
  return theirs ? std::optional{whole(found->second)} : std::nullopt;
}

}  // namespace deskd::simulation
