#include "server/shard/shard.hpp"

#include <algorithm>

#include "server/log.hpp"
#include "server/shard/candidate_table.hpp"

namespace deskd {

namespace {

// A timer so late was kept waiting by one turn: a shop would notice.
constexpr Duration stall{500};

constexpr Duration wall_watched_every{std::chrono::seconds{1}};

using Tallies = Shard::Tallies;
constexpr MetricRow<Tallies> tally_rows[]{
    {"deskd_messages_in_total",
     MetricType::counter,
     "messages of signed-in sessions that reached a desk",
     [](const Tallies& t) { return static_cast<double>(t.messages_in); },
     {}},
    {"deskd_frames_out_total",
     MetricType::counter,
     "messages sent to sessions",
     [](const Tallies& t) { return static_cast<double>(t.frames_out); },
     {}},
    {"deskd_sends_total",
     MetricType::counter,
     "send() calls: messages of one turn share one",
     [](const Tallies& t) { return static_cast<double>(t.sends); },
     {}},
    {"deskd_sent_bytes_total",
     MetricType::counter,
     "bytes sent to sessions",
     [](const Tallies& t) { return static_cast<double>(t.bytes_out); },
     {}},
    {"deskd_loop_turns_total",
     MetricType::counter,
     "turns of the shard's loop",
     [](const Tallies& t) { return static_cast<double>(t.turns); },
     {}},
    {"deskd_sign_ins_refused_total",
     MetricType::counter,
     "tokens that were not accepted",
     [](const Tallies& t) { return static_cast<double>(t.sign_ins_refused); },
     {}},
    {"deskd_connections",
     MetricType::gauge,
     "WebSockets open, signed in or not",
     [](const Tallies& t) { return static_cast<double>(t.sessions); },
     {}},
    {"deskd_timer_late_seconds_max",
     MetricType::gauge,
     "the latest timer since the last scrape",
     [](const Tallies& t) { return t.timer_late_s_max; },
     {}},
};

constexpr std::uint32_t slot_of(std::uint64_t id) { return static_cast<std::uint32_t>(id); }

}  // namespace

Shard::Shard(ShardOptions options, const Clock& clock, Writer& writer, Reader& reader, Listeners listeners)
    : options_{std::move(options)},
      clock_{clock},
      writer_{writer},
      reader_{reader},
      listeners_{std::move(listeners)},
      mailbox_{loop_.context(), [this](Mail&& letter) { read(std::move(letter)); }, [this] { after_letters(); }},
      alarm_{loop_.context()},
      turned_ms_{ms_of(clock.now())} {
  loop_.at_turn_end([this] {
    arm();
    if (!replays_.empty()) loop_.flush_later(replays_);
  });
  timers_.arm(wall_timer_, clock_.now() + wall_watched_every);
}

// Sessions go before the rooms and the loop that they point at.
Shard::~Shard() {
  slots_.clear();
  loop_.forget(replays_);
}

void Shard::place(Placement placement) {
  const DeskId id = placement.id;
  rooms_.emplace(id, std::make_unique<Room>(*this, std::move(placement)));
}

void Shard::run() {
  arm();
  loop_.run();
}

void Shard::count_close(CloseCode code) {
  const auto row = std::ranges::find(close_table, code, &CloseRow::code);
  if (row != close_table.end()) ++closes_[static_cast<std::size_t>(row - close_table.begin())];
}

LiveSession* Shard::session(SessionId id) {
  const std::uint32_t slot = slot_of(id.value);
  if (slot >= slots_.size()) return nullptr;
  LiveSession* session = slots_[slot].session.get();
  return session != nullptr && session->id() == id ? session : nullptr;
}

void Shard::each_session(const Room& room, const std::function<void(LiveSession&)>& act) {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].room == &room && slots_[i].session != nullptr) act(*slots_[i].session);
}

// A session is destroyed from its own on_gone: nothing of it is touched after.
void Shard::forget(LiveSession& session) {
  const std::uint32_t index = slot_of(session.id().value);
  Slot& slot = slots_[index];
  slot.room = nullptr;
  free_slots_.push_back(index);
  --sessions_;
  std::exchange(slot.session, nullptr).reset();
  if (draining_ && sessions_ == 0 && listeners_.drained) listeners_.drained();
}

void Shard::read(Mail&& letter) {
  std::visit([this](auto&& each) { read(std::move(each)); }, std::move(letter));
}

void Shard::read(mail::Place&& letter) { place(std::move(*letter.placement)); }

void Shard::read(mail::Arrive&& letter) {
  Room* where = room(letter.desk);
  // The listener asks the directory first: a desk that is gone and a drain are rare here.
  if (where == nullptr || draining_) return turn_away(letter.arrival);
  // Staff have descriptors of their own, which bound them: they come in past the buyers who have filled the server.
  if (sessions_ >= options_.sessions_max && letter.arrival.entrance == Entrance::buyer) {
    note(Happened::sessions_full, {{"sessions", sessions_}});
    return turn_away(letter.arrival);
  }
  std::uint32_t index;
  if (free_slots_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& slot = slots_[index];
  const SessionId id{static_cast<std::uint64_t>(++slot.users) << 32 | index};
  slot.session = std::make_unique<LiveSession>(*where, id, letter.arrival);
  slot.room = where;
  ++sessions_;
  slot.session->timer.purpose = static_cast<std::uint8_t>(Wakes::session);
  slot.session->timer.owner = static_cast<std::int64_t>(id.value);
  if (!slot.session->open(loop_, letter.arrival)) forget(*slot.session);
}

void Shard::read(mail::Stored&& letter) {
  std::visit([this](const auto& outcome) { on_outcome(outcome); }, letter.outcome);
}

void Shard::on_outcome(const outcome::Durable& durable) {
  Room* where = room(durable.desk);
  if (where == nullptr) return;
  where->note_durable(durable.position);
  if (durable_rooms_.empty() || durable_rooms_.back() != where) durable_rooms_.push_back(where);
}

void Shard::on_outcome(const outcome::Refused& refused) {
  if (Room* where = room(refused.desk)) where->step(event::Refused{refused.position});
}

// Another server has the desk: its word counts from now on, and ours would be one too many. The room stays until its
// sessions have read why, and decides nothing any more.
void Shard::on_outcome(const outcome::Fenced& fenced) {
  const auto it = rooms_.find(fenced.desk);
  if (it == rooms_.end() || it->second->epoch() != fenced.epoch) return;
  Room& where = *it->second;
  writer_.forget(fenced.desk, fenced.epoch);
  where.lose();
  std::erase(durable_rooms_, &where);
  lost_rooms_.push_back(std::move(it->second));
  rooms_.erase(it);
  if (listeners_.lost) listeners_.lost(fenced.desk);
}

void Shard::after_letters() {
  for (Room* where : durable_rooms_) where->settle_durable();
  durable_rooms_.clear();
}

void Shard::read(mail::Read&& letter) {
  if (Room* where = room(letter.desk)) where->answer(std::move(letter));
}

void Shard::read(mail::NewPolicy&& letter) {
  if (Room* where = room(letter.desk)) where->change(std::move(letter));
}

void Shard::read(mail::Revoke&& letter) {
  if (Room* where = room(letter.desk)) where->revoke(std::move(letter));
  else letter.reply(std::nullopt);
}

void Shard::read(mail::WouldDrop&& letter) {
  Room* where = room(letter.desk);
  letter.reply(where == nullptr ? std::vector<std::string>{} : where->desk().in_use(*letter.policy));
}

void Shard::read(mail::Explain&& letter) {
  Room* where = room(letter.desk);
  letter.reply(where == nullptr ? std::string{}
               : letter.all     ? candidate_table(where->desk().candidates(letter.chat))
                                : where->desk().explain(letter.chat));
}

void Shard::read(mail::Report&& letter) {
  Tallies now = tallies_;
  now.turns = loop_.counters().turns;
  now.sends = loop_.counters().sends;
  now.bytes_out = loop_.counters().bytes_sent;
  now.sessions = sessions_;
  now.timer_late_s_max = std::chrono::duration<double>{std::exchange(late_max_, Duration{})}.count();
  Scrape scrape;
  const std::string number = std::to_string(options_.number);
  const Label shard{"shard", number};
  scrape.add<Tallies>(tally_rows, now, {&shard, 1});
  for (std::size_t i = 0; i < closes_.size(); ++i)
    scrape.add("deskd_sockets_closed_total", MetricType::counter, "Sockets that were closed, by what for.",
               static_cast<double>(closes_[i]), {&shard, 1}, {"code", close_table[i].name});
  for (const auto& [id, where] : rooms_) where->report(scrape);
  letter.reply(scrape);
}

void Shard::read(mail::Drain&& letter) {
  if (std::exchange(draining_, true)) return;
  std::size_t told = 0;
  for (const auto& [id, where] : rooms_) {
    where->step(event::Drain{});
    // Spread over the jitter, so that the next server is not met by everybody at once.
    each_session(*where, [&](LiveSession& session) {
      const auto after = letter.jitter * static_cast<std::int64_t>(told++) / static_cast<std::int64_t>(sessions_);
      session.tell(
          tell::Error{{}, Code::draining, "the server is going down", static_cast<std::int32_t>(after.count())});
      session.close(CloseCode::going_away);
    });
  }
  if (sessions_ == 0 && listeners_.drained) listeners_.drained();
}

void Shard::read(mail::Stop&&) { loop_.stop(); }

Room* Shard::room(DeskId id) {
  const auto it = rooms_.find(id);
  return it == rooms_.end() ? nullptr : it->second.get();
}

// One alarm for all timers of this thread. The wheel may name an instant too early, never one too late.
void Shard::arm() {
  const auto next = timers_.next();
  if (!next || (armed_ && *armed_ <= *next)) return;
  armed_ = next;
  alarm_.expires_at(clock_.steady_at(*next));
  alarm_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) fire();
  });
}

void Shard::fire() {
  armed_.reset();
  const Instant now = clock_.now();
  while (Timer* due = timers_.fire(now)) {
    const Duration late = now - due->due();
    late_max_ = std::max(late_max_, late);
    if (late >= stall) note(Happened::loop_stalled, {{"late_ms", late}});
    fire(*due);
  }
}

void Shard::fire(Timer& timer) {
  switch (static_cast<Wakes>(timer.purpose)) {
    case Wakes::room:
      if (Room* where = room(DeskId{static_cast<std::int32_t>(timer.owner)})) where->tick();
      return;
    case Wakes::session:
      if (LiveSession* each = session(SessionId{static_cast<std::uint64_t>(timer.owner)})) each->on_timer();
      return;
    case Wakes::wall: return watch_wall();
  }
}

void Shard::watch_wall() {
  turned_ms_.store(ms_of(clock_.now()), std::memory_order_relaxed);
  timers_.arm(wall_timer_, clock_.now() + wall_watched_every);
  for (const auto& [id, where] : rooms_) {
    where->watch_wall();
    where->answer_revokers();
  }
}

}  // namespace deskd
