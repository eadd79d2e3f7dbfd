#include "server/desk/floor.hpp"

#include <algorithm>

#include "server/desk/assert.hpp"

namespace deskd {

namespace {

// What a record weighs in the backlog beside its words: the head in the batch and in the ledger.
constexpr std::uint32_t record_bytes = 192;

std::uint32_t slot_of(SessionId id) { return static_cast<std::uint32_t>(id.value); }

}  // namespace

Session* Floor::session(SessionId id) {
  const std::uint32_t slot = slot_of(id);
  if (slot >= sessions.size() || sessions[slot].id != id) return nullptr;
  return &sessions[slot];
}

Chat* Floor::chat(ChatId id) {
  const auto found = chats.find(id);
  return found == chats.end() ? nullptr : found->second.get();
}

Chat& Floor::add_chat(ChatId id, Buyer& buyer) {
  auto& slot = chats[id];
  slot = std::make_unique<Chat>(transcripts);
  slot->id = id;
  slot->buyer = &buyer;
  ++buyer.chats;
  for (std::size_t i = 0; i < chat_timers; ++i) {
    slot->timers[i].owner = id.value;
    slot->timers[i].purpose = static_cast<std::uint8_t>(i);
  }
  return *slot;
}

Buyer& Floor::buyer(std::string_view shop, std::string_view id, bool guest) {
  auto& slot = buyers[{std::string{shop}, std::string{id}}];
  if (!slot) {
    slot = std::make_unique<Buyer>();
    slot->shop = shop;
    slot->id = id;
    slot->guest = guest;
  }
  return *slot;
}

void Floor::set_level(Buyer& buyer, std::string_view level) {
  buyer.level = book->level(buyer.shop, level) != nullptr ? names.keep(level) : std::string_view{};
}

void Floor::forget_if_gone(Buyer& buyer) {
  if (!buyer.attached.empty() || buyer.chats != 0) return;
  const auto known = buyers.find({buyer.shop, buyer.id});
  gone_buyers.push_back(std::move(known->second));
  buyers.erase(known);
}

std::string_view Floor::person(const Session& session) const {
  return session.buyer != nullptr ? std::string_view{session.buyer->id}
                                  : std::string_view{roster.agent(session.agent).name};
}

const policy::Queue& Floor::queue(const Chat& chat) const {
  const auto found = book->queue(chat.queue);
  return found ? book->queue(*found) : promise(chat);
}

const policy::Queue& Floor::promise(const Chat& chat) const {
  if (const auto then = chat.book->queue(chat.queue)) return chat.book->queue(*then);
  if (const auto today = book->queue(chat.queue)) return book->queue(*today);
  // A chat that has ended may outlive its queue.
  return book->queue(QueueIndex{0});
}

std::int32_t Floor::priority_s(const Chat& chat) const {
  const policy::Queue& queue = this->queue(chat);
  const policy::Level* level = chat.buyer->level.empty() ? nullptr : book->level(chat.shop, chat.buyer->level);
  return queue.priority_s + (chat.is_breached() ? queue.breached_priority_s : 0) +
         (level != nullptr ? level->priority_s : 0);
}

const Calendar& Floor::hours(const Chat& chat) const {
  if (const auto shop = chat.book->shop(chat.shop)) return chat.book->hours(*shop);
  return book->hours(book->shop(chat.shop).value_or(ShopIndex{0}));
}

void Floor::persist(Chat& chat, const record::Line& line) {
  const Position position = ledger.add({.bytes = record_bytes + static_cast<std::uint32_t>(line.text.size()),
                                        .stream = line.stream,
                                        .seq = line.seq,
                                        .chat = &chat,
                                        .at = now});
  ++counters.records;
  out->add(effect::Persist{position, line});
  if (!accepted_timer.armed()) timers.arm(accepted_timer, now + limits::accepted_after);
}

void Floor::persist(const record::Fact& fact) {
  const Position position =
      ledger.add({.bytes = record_bytes + static_cast<std::uint32_t>(fact.detail.size()), .at = now});
  ++counters.records;
  out->add(effect::Persist{position, fact});
}

void Floor::persist(const record::Deed& deed) {
  const auto body = static_cast<std::uint32_t>(std::visit([](const auto& said) { return bytes_of(said); }, deed.body));
  const Position position = ledger.add({.bytes = record_bytes + body, .at = now});
  ++counters.records;
  out->add(effect::Persist{position, deed});
}

void Floor::persist_place(const Chat& chat) {
  // Whom it is only offered to has never had it.
  const AgentIndex agent = chat.place == Place::held ? chat.agent : chat.last_agent;
  record::Chat row{.chat = chat.id,
                   .shop = chat.shop,
                   .buyer = chat.buyer->id,
                   .guest = chat.buyer->guest,
                   .level = chat.buyer->level,
                   .place = chat.place,
                   .queue = chat.queue,
                   .agent = agent == nobody ? std::string_view{} : roster.agent(agent).name,
                   .wanted = chat.wanted == nobody ? std::string_view{} : roster.agent(chat.wanted).name,
                   .opened = chat.opened,
                   .queued = chat.queued,
                   .lined_up = chat.lined_up,
                   .placed = chat.placed,
                   .priority_s = priority_s(chat),
                   .policy_version = chat.book->version(),
                   .reason = chat.reason,
                   .closed = chat.closed,
                   .left_since = chat.left_since,
                   .told = chat.told,
                   .asked = chat.asked,
                   .answered_first = chat.answered_first,
                   .excused = chat.excused,
                   .skills = {chat.skills.begin(), chat.skills.end()}};
  const Position position = ledger.add({.bytes = record_bytes, .at = now});
  ++counters.records;
  out->add(effect::Persist{position, std::move(row)});
}

record::Fact Floor::fact(const Chat& chat, FactKind kind, Reason reason) const {
  return {.chat = chat.id,
          .at = now,
          .kind = kind,
          .reason = reason,
          .shop = chat.shop,
          .queue = chat.queue,
          .agent = chat.agent == nobody ? std::string_view{} : roster.agent(chat.agent).name};
}

void Floor::refuse(const Session& session, CommandId id, Code code, std::string_view message,
                   std::optional<std::int32_t> retry_after_ms) {
  ++counters.refused_commands;
  tell(session.id, tell::Error{id, code, message, retry_after_ms});
}

void Floor::alarm(const Chat& chat, ClockKind clock, Reason reason) {
  const std::int64_t has_waited =
      chat.waiting_since ? (now - *chat.waiting_since).count() : (now - chat.placed).count();
  listeners.clear();
  for (const auto& agent : roster.all())
    if (agent->role == Role::supervisor)
      listeners.insert(listeners.end(), agent->sessions.begin(), agent->sessions.end());
  tell(listeners, tell::Alarm{chat.id, clock, reason, chat.queue, has_waited});
}

std::span<const SessionId> Floor::hearing(const Chat& chat, Stream stream, SessionId except) {
  listeners.clear();
  const auto add = [&](const std::vector<SessionId>& some) {
    for (const SessionId id : some)
      if (id != except && std::find(listeners.begin(), listeners.end(), id) == listeners.end()) listeners.push_back(id);
  };
  if (stream == Stream::main) add(chat.buyer->sessions);
  if (chat.place == Place::held) add(roster.agent(chat.agent).sessions);
  add(chat.watchers);
  return listeners;
}

}  // namespace deskd
