// apply.cpp - From effects to acts: the only place that knows the desk's decisions, the wire and the database at once.
#include <algorithm>

#include "server/log.hpp"
#include "server/shard/room.hpp"
#include "server/shard/shard.hpp"

namespace deskd {

namespace {

// A reader that could not answer is asked again by the client, not by us.
constexpr std::int32_t read_again_ms{2000};

std::string_view from_of(const stored::Line& line) {
  return line.origin == Origin::buyer ? std::string_view{} : std::string_view{line.person};
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
  if (line.stream != Stream::main) return out;
  const auto deed = std::ranges::find(deeds, line.seq, &stored::Deed::seq);
  if (deed == deeds.end()) return out;
  out.order = std::get_if<record::Order>(&deed->body);
  out.order_answer = std::get_if<record::OrderAnswer>(&deed->body);
  out.rating = std::get_if<record::Rating>(&deed->body);
  return out;
}

}  // namespace

// Records go to the writer before anything is sent, as one transaction; what was sent says so only when it is durable.
void Room::apply() {
  applying_ = true;
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
  if (!held_back_.empty()) {
    const auto held = held_back_.find(to.value);
    if (held != held_back_.end()) {
      std::size_t bytes = frame.size();
      for (const std::string& waiting : held->second) bytes += waiting.size();
      if (bytes > session_options().socket.outbox_bytes_max) return session->close(CloseCode::slow_reader);
      held->second.emplace_back(frame);
      return;
    }
  }
  ++shard_.tallies().frames_out;
  session->send(frame);
}

void Room::apply(const effect::Close& close) {
  let_go(close.session);
  if (LiveSession* session = shard_.session(close.session)) session->close(close.code);
}

void Room::apply(const effect::ReadHistory& read) {
  ask(query::History{id_, std::string{read.shop}, std::string{read.buyer}, read.before}, read.session,
      mail::ReadHistory{read.id});
}

void Room::apply(const effect::ReadLines& read) {
  held_back_.try_emplace(read.session.value);
  ask(query::Lines{id_, read.chat, read.stream, read.after, read.until}, read.session,
      mail::ReadLines{read.chat, read.stream, read.until});
}

void Room::apply(const effect::ReadCommand& read) {
  ask(query::Command{id_, read.chat, std::string{read.person}, read.id}, read.session,
      mail::ReadCommand{read.id, read.chat});
}

void Room::ask(Query query, SessionId session, mail::ReadFor what) {
  shard_.reader().ask(std::move(query), [&shard = shard_, desk = id_, session, what](Answer answer) {
    shard.post(mail::Read{desk, session, what, std::move(answer)});
  });
}

void Room::answer(mail::Read&& read) {
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
    for (const stored::Line& line : chat.lines)
      out.lines.push_back({line.seq, line.at, line.origin, line.kind, from_of(line), line.text, line.hidden});
  }
  session.tell(told_page);
}

void Room::answer(LiveSession& session, const mail::ReadLines& what, const Answer& answer) {
  const auto* page = std::get_if<answer::Lines>(&answer);
  // Without these lines what follows would stand beside a gap: the client comes back and asks again.
  if (page == nullptr) return session.close(CloseCode::overloaded);
  for (const stored::Line& line : page->lines) session.tell(told(line, what.chat, page->deeds));
  if (page->more && !page->lines.empty())
    return ask(query::Lines{id_, what.chat, what.stream, page->lines.back().seq, what.until}, session.id(), what);
  let_go(session.id());
}

void Room::answer(LiveSession& session, const mail::ReadCommand& what, const Answer& answer) {
  const auto* found = std::get_if<answer::Command>(&answer);
  if (found == nullptr)
    session.tell(tell::Error{what.id, Code::storage_behind, "not known now", read_again_ms});
  else if (found->line)
    session.tell(tell::Done{what.id, what.chat, found->line->seq});
  else
    session.tell(tell::Error{what.id, Code::chat_closed, "the chat has ended and the line was not stored", {}});
}

// What waited behind lines from the database follows them.
void Room::let_go(SessionId to) {
  const auto held = held_back_.find(to.value);
  if (held == held_back_.end()) return;
  const std::vector<std::string> frames = std::move(held->second);
  held_back_.erase(held);
  LiveSession* session = shard_.session(to);
  for (const std::string& frame : frames)
    if (session != nullptr) session->send(frame);
}

}  // namespace deskd
