// apply.cpp - From effects to acts: the only place that knows the desk's decisions, the wire and the database at once.
#include <algorithm>

#include "server/log.hpp"
#include "server/shard/room.hpp"
#include "server/shard/shard.hpp"

namespace deskd {

namespace {

// A reader that could not answer is asked again by the client, not by us.
constexpr std::int32_t read_again_ms{2000};

// Questions of one session that the database has not answered: the next page may be asked for while one is read. A page
// takes milliseconds; whoever wants more at once waits so long.
constexpr int reads_max{2};
constexpr std::int32_t read_next_ms{500};

// A session that was told more than the `told_much`th part of an outbox in one step has much to hear and is not slow.
constexpr std::size_t told_much{4};

std::string_view from_of(const stored::Line& line) {
  return line.origin == Origin::buyer ? std::string_view{} : std::string_view{line.person};
}

// A line that is a deed says which.
template <class Line>
void tell_deed(Line& line, const std::vector<stored::Deed>& deeds) {
  const auto deed = std::ranges::find(deeds, line.seq, &stored::Deed::seq);
  if (deed == deeds.end()) return;
  line.order = std::get_if<record::Order>(&deed->body);
  line.order_answer = std::get_if<record::OrderAnswer>(&deed->body);
  line.rating = std::get_if<record::Rating>(&deed->body);
}

tell::Line told(const stored::Line& line, ChatId chat, const std::vector<stored::Deed>& deeds) {
  tell::Line out;
  out.chat = chat;
  out.stream = line.stream;
  out.seq = line.seq;
  out.at = line.at;
  out.origin = line.origin;
  out.kind = line.kind;
  out.from = from_of(line);
  out.id = line.id;
  out.reply_to = line.reply_to;
  out.reason = line.reason;
  out.text = line.text;
  out.hidden = line.hidden;
  out.stored = line.seq;
  if (line.stream == Stream::main) tell_deed(out, deeds);
  return out;
}

}  // namespace

// Records go to the writer before anything is sent, as one transaction; what was sent says so only when it is durable.
void Room::apply() {
  applying_ = true;
  run_ = {};
  records_.clear();
  for (const Effect& effect : effects_.list())
    if (const auto* persist = std::get_if<effect::Persist>(&effect))
      records_.push_back({id_, epoch_, persist->position, persist->body});
  if (!records_.empty()) shard_.writer().append(records_);
  for (const Effect& effect : effects_.list())
    std::visit(
        [this](const auto& act) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(act)>, effect::Persist>) apply(act);
        },
        effect);
  applying_ = false;
}

void Room::apply(const effect::Send& send) {
  if (const auto* refused = std::get_if<tell::Error>(&send.message); refused && refused->code == Code::storage_behind)
    note(Happened::backlog_high, {{"desk", Name{name_}}});
  frame_.clear();
  encode(send.message, frame_);
  for (const SessionId to : effects_.audience(send)) deliver(to, frame_);
}

void Room::deliver(SessionId to, std::string_view frame) {
  LiveSession* session = shard_.session(to);
  if (session == nullptr) return;
  if (to != run_.to) run_ = {to, 0};
  run_.bytes += frame.size();
  const bool is_told_much = run_.bytes > session_options().socket.outbox_bytes_max / told_much;
  Replays& replays = shard_.replays();
  if ((!replays.empty() && replays.holds(to)) || (is_told_much && !session->has_room_for(frame.size())))
    return replays.hold(*session, std::string{frame});
  ++shard_.tallies().frames_out;
  session->send(frame);
}

void Room::apply(const effect::Close& close) {
  if (LiveSession* session = shard_.session(close.session)) session->close(close.code);
}

void Room::apply(const effect::ReadHistory& read) {
  if (!may_read(read.session, read.id)) return;
  ask(query::History{id_, std::string{read.shop}, std::string{read.buyer}, read.before, read.before_seq}, read.session,
      mail::ReadHistory{read.id});
}

void Room::apply(const effect::ReadLines& read) {
  if (LiveSession* session = shard_.session(read.session))
    shard_.replays().hold(*session, query::Lines{id_, read.chat, read.stream, read.after, read.until});
}

void Room::apply(const effect::ReadChat& read) {
  const LiveSession* session = shard_.session(read.session);
  if (session == nullptr || !may_read(read.session, read.id)) return;
  ask(query::Chat{id_, read.chat, std::string{read.shop}, std::string{read.buyer}}, read.session,
      mail::ReadChat{read.id, std::string{session->frame()}});
}

// Nobody takes the reader for themselves; who has enough with it already is told to come again.
bool Room::may_read(SessionId id, CommandId command) {
  int& reads = reads_[id.value];
  if (reads < reads_max) {
    ++reads;
    return true;
  }
  if (LiveSession* session = shard_.session(id))
    session->tell(tell::Error{command, Code::rate_limited, "one page after the other", read_next_ms});
  return false;
}

void Room::ask(Query query, SessionId session, mail::ReadFor what) {
  shard_.reader().ask(std::move(query), [&shard = shard_, desk = id_, session, what](Answer answer) {
    shard.post(mail::Read{desk, session, what, std::move(answer)});
  });
}

void Room::answer(mail::Read&& read) {
  const auto reads = reads_.find(read.session.value);
  if (reads != reads_.end() && !std::holds_alternative<mail::ReadLines>(read.what) && --reads->second == 0)
    reads_.erase(reads);
  LiveSession* session = shard_.session(read.session);
  if (std::holds_alternative<answer::Failed>(read.answer)) note(Happened::history_failed, {{"desk", Name{name_}}});
  if (session == nullptr) return;
  std::visit([&](const auto& what) { answer(*session, what, read.answer); }, read.what);
}

void Room::answer(LiveSession& session, const mail::ReadHistory& what, const Answer& answer) {
  const auto* page = std::get_if<answer::History>(&answer);
  if (page == nullptr)
    return session.tell(tell::Error{what.id, Code::storage_behind, "history cannot be read now", read_again_ms});
  tell::History told_page;
  told_page.id = what.id;
  told_page.more = page->more;
  for (const answer::HistoryChat& chat : page->chats) {
    tell::HistoryChat& out = told_page.chats.emplace_back();
    out.chat = chat.chat;
    out.shop = chat.shop;
    out.opened = chat.opened;
    out.closed = chat.closed;
    for (const stored::Line& line : chat.lines) {
      out.lines.push_back({line.seq, line.at, line.origin, line.kind, from_of(line), line.text, line.hidden});
      tell_deed(out.lines.back(), chat.deeds);
    }
  }
  session.tell(told_page);
}

void Room::answer(LiveSession& session, const mail::ReadLines& what, const Answer& answer) {
  const auto* page = std::get_if<answer::Lines>(&answer);
  // Without these lines what follows would stand beside a gap: the client comes back and asks again.
  if (page == nullptr) return session.close(CloseCode::overloaded);
  std::vector<std::string> frames;
  for (const stored::Line& line : page->lines) encode(told(line, what.chat, page->deeds), frames.emplace_back());
  const bool more = page->more && !page->lines.empty();
  shard_.replays().read(session.id(), std::move(frames), more, more ? page->lines.back().seq : Seq{});
}

void Room::answer(LiveSession& session, const mail::ReadChat& what, Answer& answer) {
  auto* found = std::get_if<answer::Chat>(&answer);
  if (found == nullptr) return session.tell(tell::Error{what.id, Code::storage_behind, "not known now", read_again_ms});
  if (found->torn) note(Happened::transcript_torn, {{"desk", Name{name_}}, {"chat", *found->torn}});
  if (!found->chat) return session.tell(tell::Error{what.id, Code::unknown_chat, {}, {}});
  step(std::move(*found->chat));
  session.hear_again(what.frame);
}

}  // namespace deskd
