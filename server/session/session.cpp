#include "server/session/session.hpp"

#include <algorithm>
#include <utility>

namespace deskd {

LiveSession::LiveSession(SessionHost& host, SessionId id, const Arrival& arrival)
    : host_{host}, id_{id}, name_{arrival.name}, entrance_{arrival.entrance}, has_origin_{arrival.has_origin} {}

bool LiveSession::open(Loop& loop, Arrival& arrival) {
  admitted_ = std::move(arrival.admitted);
  heard_ = host_.now();
  socket_ = WebSocket::open(loop, arrival, host_.session_options().socket, *this);
  if (socket_ == nullptr) return false;
  host_.wake(*this, heard_ + sign_in_within);
  return true;
}

void LiveSession::send(std::string_view frame) {
  if (state_ == State::closing) return;
  said_ = host_.now();
  if (!socket_->send(frame)) close(CloseCode::slow_reader);
}

bool LiveSession::has_room_for(std::size_t bytes) const {
  const std::size_t waits = socket_->outbox_bytes();
  return waits == 0 || waits + bytes <= host_.session_options().socket.outbox_bytes_max / 2;
}

void LiveSession::tell(const Tell& message) {
  std::string frame;
  encode(message, frame);
  send(frame);
}

void LiveSession::close(CloseCode code) {
  if (state_ == State::closing) return;
  const bool was_signed_in = std::exchange(state_, State::closing) == State::signed_in;
  host_.closes(code);
  socket_->close(static_cast<std::uint16_t>(code), name_of(code));
  host_.wake(*this, host_.now() + close_within);
  if (was_signed_in) host_.closed(*this);
}

void LiveSession::on_message(std::string_view text, bool binary) {
  if (state_ == State::closing) return;
  heard_ = host_.now();
  if (binary) return close(CloseCode::protocol_error);
  auto read = host_.decoder().decode(text, message_padding);
  const bool slow_down = !bucket_.take(heard_, rate());
  if (slow_down && bucket_.is_flooding()) return close(CloseCode::flooding);
  if (const Fault* fault = std::get_if<Fault>(&read)) return error(fault->id, fault->code, fault->message);
  const Ask& ask = std::get<Ask>(read);
  if (slow_down) return error(id_of(ask), Code::rate_limited, "slower", bucket_.wait_ms(rate()));
  frame_ = text;
  hear(ask);
}

void LiveSession::hear_again(std::string_view frame) {
  if (state_ != State::signed_in) return;
  std::string padded;
  padded.reserve(frame.size() + message_padding);
  padded = frame;
  frame_ = padded;
  const auto read = host_.decoder().decode(padded, message_padding);
  hear(std::get<Ask>(read));
}

// A ping costs us a pong, and a crumb of a message or a read of nothing a turn through the parser: they are counted like
// messages, and nobody is told to wait for them.
void LiveSession::on_control() {
  if (state_ == State::closing) return;
  heard_ = host_.now();
  if (!bucket_.take(heard_, rate()) && bucket_.is_flooding()) close(CloseCode::flooding);
}

void LiveSession::on_gone() {
  if (std::exchange(state_, State::closing) == State::signed_in) host_.closed(*this);
  admitted_.reset();
  host_.gone(*this);
}

void LiveSession::hear(const Ask& ask) {
  if (const auto* asked = std::get_if<ask::SignIn>(&ask)) return hear(*asked);
  if (state_ == State::silent) return error(id_of(ask), Code::not_signed_in, "sign_in comes first");
  if (std::holds_alternative<ask::Pong>(ask)) return;
  if (const auto* asked = std::get_if<ask::Refresh>(&ask)) return hear(*asked);
  host_.heard(*this, ask);
}

void LiveSession::hear(const ask::SignIn& asked) {
  if (state_ == State::signed_in) return error({}, Code::already_signed_in, "use refresh for a new token");
  const auto judged =
      sign_in(asked.token, {entrance_, name_, has_origin_}, host_.keys(), host_.policy(), host_.wall_ms());
  if (const auto* wrong = std::get_if<NotWelcome>(&judged)) {
    host_.refused(*wrong);
    return close(CloseCode::bad_token);
  }
  const Welcome& come = std::get<Welcome>(judged);
  if (!host_.may_stay(come.who)) return close(CloseCode::revoked);
  role_ = come.who.role;
  person_ = come.who.person;
  admitted_->signed_in();
  welcome(come);
  // Its outbox had no room even for that: it never was anybody.
  if (state_ == State::closing) return;
  state_ = State::signed_in;
  watch();
  host_.opened(*this, come.who);
}

void LiveSession::hear(const ask::Refresh& asked) {
  const auto judged =
      sign_in(asked.token, {entrance_, name_, has_origin_}, host_.keys(), host_.policy(), host_.wall_ms());
  const Welcome* come = std::get_if<Welcome>(&judged);
  const bool same =
      come != nullptr && come->who.person == person_ && (come->who.role == Role::guest) == (role_ == Role::guest);
  const bool named = come != nullptr && role_ == Role::guest && come->who.role == Role::buyer;
  if (come != nullptr && !host_.may_stay(come->who)) return close(CloseCode::revoked);
  // The desk has given this session its rights; fewer of them is another session.
  if (same && is_staff() && lesser(come->who.role, role_) != role_) return close(CloseCode::revoked);
  if (!same && !named) {
    if (const auto* wrong = std::get_if<NotWelcome>(&judged)) host_.refused(*wrong);
    return error({}, Code::bad_token, "the token was not accepted; the one before stays in force");
  }
  const std::string guest = person_;
  if (named) become(come->who);
  welcome(*come);
  if (state_ == State::closing) return;
  watch();
  if (named) host_.identified(*this, guest, come->who);
}

void LiveSession::become(const Identity& buyer) {
  role_ = buyer.role;
  person_ = buyer.person;
  expires_wall_ms_ = buyer.expires_wall_ms;
}

void LiveSession::on_policy() {
  if (state_ != State::signed_in) return;
  bool stays = kid_.empty() ? host_.keys().serves(shop()) : host_.keys().find(shop(), kid_) != nullptr;
  if (is_staff()) {
    const auto& agents = host_.policy().agents;
    const auto agent = std::ranges::find(agents, person_, &policy::Agent::name);
    stays = stays && agent != agents.end() && lesser(role_, agent->role) == role_;
  }
  if (!stays) close(CloseCode::revoked);
}

void LiveSession::welcome(const Welcome& come) {
  expires_wall_ms_ = come.who.expires_wall_ms;
  kid_ = come.who.kid;
  const Instant now = host_.now();
  tell::SignedIn told;
  told.session = id_;
  told.role = role_;
  told.person = person_;
  told.desk = host_.policy().name;
  told.shop = shop();
  told.epoch = host_.epoch();
  told.now = now;
  told.token = come.token;
  told.expires = now + Duration{expires_wall_ms_ - host_.wall_ms()};
  tell(told);
}

void LiveSession::on_timer() {
  const Instant now = host_.now();
  switch (state_) {
    case State::silent: return close(CloseCode::sign_in_timeout);
    case State::closing: return socket_->drop();
    case State::signed_in: break;
  }
  if (host_.wall_ms() >= expires_wall_ms_) return close(CloseCode::expired);
  const Duration quiet = now - heard_;
  if (quiet >= dead_after()) return close(CloseCode::unresponsive);
  if (quiet >= ping_every() || now - said_ >= speak_every) tell(tell::Ping{++pings_});
  watch();
}

// Wakes for the first of: a ping, of either kind, death, the token's end.
void LiveSession::watch() {
  if (state_ != State::signed_in) return;
  const Instant now = host_.now();
  const bool is_quiet = now - heard_ >= ping_every();
  const Instant look = is_quiet ? std::min(now + ping_every(), heard_ + dead_after()) : heard_ + ping_every();
  const Instant expiry = now + std::max(Duration{1}, Duration{expires_wall_ms_ - host_.wall_ms()});
  host_.wake(*this, std::min({look, said_ + speak_every, expiry}));
}

void LiveSession::error(CommandId id, Code code, std::string_view message, std::optional<std::int32_t> retry_after_ms) {
  tell(tell::Error{id, code, message, retry_after_ms});
}

Rate LiveSession::rate() const { return is_staff() ? host_.session_options().staff : host_.session_options().buyers; }

}  // namespace deskd
