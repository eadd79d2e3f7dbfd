#include "server/shard/room.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "server/log.hpp"
#include "server/ops/desk_rows.hpp"
#include "server/shard/recorder.hpp"
#include "server/shard/shard.hpp"

namespace deskd {

namespace {

// Wall clock and desk time part by a leap second or a drift without anybody minding.
constexpr std::int64_t wall_offset_told_ms{1000};

// Whoever revokes waits so long for it to be stored, well within the time that the listener gives an answer.
constexpr Duration revoked_stored_within{5000};

// A resume is one message and may be ten thousand lines: a session is owed one at a time. Most are told within so long.
constexpr std::int32_t resume_next_ms{1000};

}  // namespace

Room::Room(Shard& shard, Placement placement)
    : timer{static_cast<std::uint8_t>(Shard::Wakes::room), placement.id.value},
      shard_{shard},
      id_{placement.id},
      name_{std::move(placement.name)},
      epoch_{placement.epoch},
      policy_{std::move(placement.policy)},
      keys_{std::move(placement.keys)},
      desk_{{.id = id_,
             .epoch = epoch_,
             .policy = policy_,
             .backlog_bytes_max = shard.options().backlog_bytes_max,
             .wall_ms = shard.clock().wall_offset_ms()}},
      wall_offset_ms_{desk_.floor().wall_ms} {
  if (!shard.options().record_dir.empty()) {
    try {
      recorder_ = std::make_unique<Recorder>(shard.options().record_dir, name_, epoch_);
      recorder_->begin(id_, epoch_, *policy_, shard.options().backlog_bytes_max, wall_offset_ms_);
    } catch (const std::runtime_error&) {
      // The world failed, and the shop does not wait for it: a desk may come by mail, long after the start.
      note(Happened::recording_failed, {{"desk", Name{name_}}});
    }
  }
  for (const stored::Revoked& each : placement.revoked)
    (each.became ? guests_ended_ : revoked(each.shop)).set({each.shop, each.person}, each.lifted, each.at);
  for (const Event& event : placement.recovered) {
    if (const auto* done = std::get_if<event::RecoveryDone>(&event)) told_durable_ = durable_ = done->position;
    step(event);
  }
}

Room::~Room() = default;

void Room::step(const Event& event) {
  if (lost_) return;
  const Instant at = now();
  effects_.clear();
  if (recorder_) recorder_->event(at, event);
  desk_.step(at, event, effects_);
  if (recorder_) recorder_->effects(effects_);
  apply();
  if (const auto due = desk_.next_deadline()) shard_.timers().arm(timer, std::max(*due, at + Duration{1}));
  else shard_.timers().disarm(timer);
  // What ended while acting is told now, each as a step of its own.
  while (!closed_.empty()) {
    const SessionId session = closed_.back();
    closed_.pop_back();
    step(event::SessionClosed{session});
  }
}

void Room::settle_durable() {
  if (durable_ == told_durable_) return;
  told_durable_ = durable_;
  step(event::Durable{durable_});
  answer_revokers();
}

void Room::change(mail::NewPolicy&& change) {
  if (change.policy->version <= policy_->version) return;
  policy_ = std::move(change.policy);
  keys_ = std::move(change.keys);
  step(event::PolicyChanged{policy_});
  shard_.each_session(*this, [](LiveSession& session) { session.on_policy(); });
}

void Room::revoke(mail::Revoke&& revoke) {
  const admin::Revocation& who = revoke.who;
  revoked(who.shop).set({who.shop, who.person}, who.lift, now());
  const std::size_t before = buyers_ + staff_;
  step(event::Revoked{who.role, who.shop, who.person, who.lift});
  revokers_.push_back({desk_.floor().ledger.newest(), now() + revoked_stored_within,
                       static_cast<std::int64_t>(before - buyers_ - staff_), std::move(revoke.reply)});
}

void Room::answer_revokers() {
  for (; !revokers_.empty(); revokers_.pop_front()) {
    const Revoker& first = revokers_.front();
    const bool stored = durable_ >= first.position;
    if (!stored && now() < first.until) return;
    first.reply(SentAway{first.sessions, stored});
  }
}

void Room::report(Scrape& scrape) const {
  std::vector<tell::QueueFigures> rows;
  const tell::Figures figures = desk_.figures(rows);
  add_desk(scrape, name_, desk_.counters(), desk_.waited(), figures);
  const Label desk{desk_label, scrape.lists(name_) ? std::string_view{name_} : other_desks};
  constexpr std::string_view name{"deskd_sessions"};
  constexpr std::string_view help{"signed-in sessions"};
  scrape.add(name, MetricType::gauge, help, static_cast<double>(buyers_), {&desk, 1}, {"side", "buyers"});
  scrape.add(name, MetricType::gauge, help, static_cast<double>(staff_), {&desk, 1}, {"side", "staff"});
}

void Room::watch_wall() {
  const std::int64_t offset = shard_.clock().wall_offset_ms();
  if (std::abs(offset - wall_offset_ms_) <= wall_offset_told_ms) return;
  wall_offset_ms_ = offset;
  note(Happened::wall_clock_moved, {{"desk", Name{name_}}, {"offset_ms", offset}});
  step(event::WallOffset{offset});
}

void Room::lose() {
  lost_ = true;
  shard_.timers().disarm(timer);
  for (const Revoker& each : revokers_) each.reply(std::nullopt);
  revokers_.clear();
  shard_.each_session(*this, [](LiveSession& session) { session.close(CloseCode::moved); });
}

Instant Room::now() { return shard_.clock().now(); }
std::int64_t Room::wall_ms() { return shard_.clock().wall_ms(); }
const SessionOptions& Room::session_options() const { return shard_.options().sessions; }
Decoder& Room::decoder() { return shard_.decoder(); }
void Room::wake(LiveSession& session, Instant at) { shard_.timers().arm(session.timer, at); }

Banned& Room::revoked(std::string_view shop) { return shop.empty() ? staff_revoked_ : buyers_revoked_; }

bool Room::may_stay(const Identity& who) {
  const Banned::Person person{who.shop, who.person};
  return !revoked(who.shop).holds(person, now()) && !guests_ended_.holds(person, now());
}

void Room::opened(LiveSession& session, const Identity& who) {
  ++(session.is_staff() ? staff_ : buyers_);
  step(event::SessionOpened{session.id(), session.role(), session.person(), session.shop(), who.level});
}

void Room::heard(LiveSession& session, const Ask& ask) {
  ++shard_.tallies().messages_in;
  if (std::holds_alternative<ask::Resume>(ask) && shard_.replays().holds(session.id()))
    return session.tell(tell::Error{{}, Code::rate_limited, "one resume after the other", resume_next_ms});
  step(event::Heard{session.id(), ask});
}

// The guest is nobody any more: the pass opens nothing, and the desk closes the guest's other tabs.
void Room::identified(LiveSession& session, const std::string& guest, const Identity& buyer) {
  guests_ended_.add({buyer.shop, guest}, now());
  step(event::Identified{buyer.shop, guest, buyer.person, session.id(), buyer.level});
}

void Room::closes(CloseCode code) {
  shard_.count_close(code);
  if (code == CloseCode::flooding) note(Happened::session_flooding, {{"desk", Name{name_}}});
  if (code == CloseCode::slow_reader) note(Happened::session_slow, {{"desk", Name{name_}}});
}

void Room::closed(LiveSession& session) {
  --(session.is_staff() ? staff_ : buyers_);
  shard_.replays().forget(session.id());
  reads_.erase(session.id().value);
  if (applying_) closed_.push_back(session.id());
  else step(event::SessionClosed{session.id()});
}

void Room::refused(const NotWelcome& why) {
  ++shard_.tallies().sign_ins_refused;
  std::visit([this](auto error) { note(Happened::token_refused, {{"desk", Name{name_}}, {"why", error}}); }, why);
}

void Room::gone(LiveSession& session) { shard_.forget(session); }

}  // namespace deskd
