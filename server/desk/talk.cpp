#include "server/desk/talk.hpp"

#include <algorithm>

#include "server/desk/assert.hpp"
#include "server/desk/overload.hpp"
#include "server/desk/rights.hpp"
#include "server/desk/seating.hpp"
#include "server/desk/sla.hpp"

namespace deskd::talk {

namespace {

bool is_deed(LineKind kind) {
  return kind == LineKind::order || kind == LineKind::order_answer || kind == LineKind::rating;
}

std::string_view author_of(const Floor& floor, const Chat& chat, const Transcript::Line& line) {
  if (line.origin == Origin::buyer) return chat.buyer->id;
  return line.author == nobody ? std::string_view{} : std::string_view{floor.roster.agent(line.author).name};
}

const std::vector<SessionId>& sessions_of(const Floor& floor, const Chat& chat, const Transcript::Line& line) {
  return line.origin == Origin::buyer ? chat.buyer->sessions : floor.roster.agent(line.author).sessions;
}

}  // namespace

Seq append(Floor& floor, Chat& chat, Stream stream, Transcript::Line line, std::string_view words, SessionId session,
           std::optional<Chat::Deed> deed, std::optional<std::uint64_t> content) {
  Transcript& transcript = chat.transcript(stream);
  line.at = floor.now;
  line.content = content ? *content : content_of(line.kind, line.reply_to, words);
  const Seq seq = transcript.append(line, words);
  floor.persist(chat, {.chat = chat.id,
                       .stream = stream,
                       .seq = seq,
                       .at = floor.now,
                       .origin = line.origin,
                       .kind = line.kind,
                       .person = author_of(floor, chat, line),
                       .id = line.id,
                       .reply_to = line.reply_to,
                       .reason = line.reason,
                       .text = words});
  if (deed) {
    chat.deeds.emplace_back(seq, std::move(*deed));
    floor.persist(record::Deed{.chat = chat.id, .seq = seq, .at = floor.now, .body = chat.deeds.back().second});
  }
  if (stream == Stream::main) chat.last_line = floor.now;
  const auto listeners = floor.hearing(chat, stream, session);
  if (!listeners.empty()) floor.out->send(listeners, line_of(floor, chat, stream, seq));
  return seq;
}

Seq note(Floor& floor, Chat& chat, LineKind kind, Origin origin, std::string_view words, AgentIndex author,
         Reason reason, CommandId id, SessionId session) {
  return append(floor, chat, Stream::main,
                {.id = id, .author = author, .origin = origin, .kind = kind, .reason = reason}, words, session);
}

tell::Line line_of(const Floor& floor, const Chat& chat, Stream stream, Seq seq) {
  const Transcript& transcript = chat.transcript(stream);
  const Transcript::Line& line = transcript.line(seq);
  tell::Line told{
      .chat = chat.id,
      .stream = stream,
      .seq = seq,
      .at = line.at,
      .origin = line.origin,
      .kind = line.refused ? LineKind::refused : line.kind,
      .from = line.author == nobody ? std::string_view{} : std::string_view{floor.roster.agent(line.author).name},
      .id = line.id,
      .reply_to = line.reply_to,
      .reason = line.reason,
      .text = transcript.words(seq),
      .hidden = line.hidden,
      .stored = transcript.stored()};
  if (is_deed(line.kind) && !line.hidden) {
    if (const Chat::Deed* deed = chat.deed(seq)) {
      told.order = std::get_if<record::Order>(deed);
      told.order_answer = std::get_if<record::OrderAnswer>(deed);
      told.rating = std::get_if<record::Rating>(deed);
    }
  }
  return told;
}

void replay(Floor& floor, const Chat& chat, Stream stream, Seq after, SessionId to) {
  const Transcript& transcript = chat.transcript(stream);
  Seq from = next(after);
  if (from < transcript.kept_from()) {
    // The words before kept_from are only in the database; its reader sends those lines first.
    floor.out->add(effect::ReadLines{to, chat.id, stream, after, Seq{transcript.kept_from().value - 1}});
    from = transcript.kept_from();
  }
  for (Seq seq = from; seq <= transcript.last(); seq = next(seq)) floor.tell(to, line_of(floor, chat, stream, seq));
}

void tell_again(Floor& floor, const Chat& chat, Stream stream, Seq seq, SessionId to) {
  if (seq >= chat.transcript(stream).kept_from()) return floor.tell(to, line_of(floor, chat, stream, seq));
  floor.out->add(effect::ReadLines{to, chat.id, stream, Seq{seq.value - 1}, seq});
}

void tell_state(Floor& floor, const Chat& chat, SessionId to) {
  const Session* session = floor.session(to);
  if (session == nullptr) return;
  const bool staff = session->buyer == nullptr;
  const AgentIndex agent = chat.place == Place::held ? chat.agent : nobody;
  tell::ChatState state{.chat = chat.id,
                        .epoch = floor.epoch,
                        .place = chat.place == Place::reserved && !staff ? Place::waiting : chat.place,
                        .shop = chat.shop,
                        .queue = chat.queue,
                        .opened = chat.opened,
                        .waiting_since = chat.waiting_since,
                        .seq = chat.main.last(),
                        .stored = chat.main.stored(),
                        .buyer_delivered = chat.of_buyer.delivered,
                        .buyer_read = chat.of_buyer.read,
                        .agent_delivered = chat.of_agent.delivered,
                        .agent_read = chat.of_agent.read,
                        .buyer_present = chat.buyer->present(),
                        .rated = chat.rating.value != 0,
                        .reason = chat.reason,
                        .other = chat.other};
  if (agent != nobody) {
    const Agent& holder = floor.roster.agent(agent);
    state.agent = holder.name;
    state.agent_title = holder.title;
    state.agent_present = holder.present();
    state.mine = staff && session->agent == agent;
  }
  if (staff) {
    state.buyer = chat.buyer->id;
    state.inside = chat.inside.last();
    state.inside_stored = chat.inside.stored();
  }
  floor.tell(to, state);
}

void tell_state(Floor& floor, const Chat& chat) {
  const auto heard = floor.hearing(chat, Stream::main);
  const std::vector<SessionId> everyone(heard.begin(), heard.end());
  for (const SessionId session : everyone) tell_state(floor, chat, session);
}

bool repeated(Floor& floor, const Session& session, const Chat& chat, Stream stream, CommandId id,
              std::uint64_t content) {
  for (const Stream where : {Stream::main, Stream::inside}) {
    const Transcript& transcript = chat.transcript(where);
    const Seq seq = transcript.find(id);
    if (!seq) continue;
    const Transcript::Line& line = transcript.line(seq);
    const bool same_person = session.buyer != nullptr ? line.origin == Origin::buyer : line.author == session.agent;
    if (where != stream || !same_person || line.content != content) {
      floor.refuse(session, id, Code::id_reused, "this id said something else before");
      return true;
    }
    ++floor.counters.lines_repeated;
    if (line.refused) {
      floor.refuse(session, id, Code::refused, "could not be stored");
      return true;
    }
    if (seq <= transcript.stored()) {
      // One entry of its own: effects of this step point at it.
      floor.stored_lines.push_back({id, seq, line.at});
      floor.tell(session.id, tell::Stored{chat.id, where, transcript.stored(), std::span{floor.stored_lines}.last(1)});
    } else {
      floor.tell(session.id, tell::Accepted{chat.id, where, id, seq, line.at});
    }
    return true;
  }
  return false;
}

void handle(Floor& floor, Session& session, const ask::Say& say) {
  const Stream stream = say.inside ? Stream::inside : Stream::main;
  const std::uint64_t content = content_of(LineKind::words, say.reply_to, say.text);
  Chat* chat = rights::chat_to_speak_in(floor, session, say.chat, stream, say.id, content);
  if (chat == nullptr) return;
  if (say.text.empty()) return floor.refuse(session, say.id, Code::bad_message, "text is empty");
  if (say.text.size() > limits::words_bytes_max)
    return floor.refuse(session, say.id, Code::too_large, "text is too long");
  if (repeated(floor, session, *chat, stream, say.id, content)) return;
  if (say.reply_to > chat->transcript(stream).last())
    return floor.refuse(session, say.id, Code::unknown_line, "reply_to");
  if (!rights::may_add_line(floor, session, *chat, stream, say.id)) return;

  const bool of_buyer = session.buyer != nullptr;
  append(floor, *chat, stream,
         {.id = say.id,
          .reply_to = say.reply_to,
          .author = session.agent,
          .origin = of_buyer     ? Origin::buyer
                    : say.assist ? Origin::assist
                                 : Origin::human,
          .kind = LineKind::words},
         say.text, session.id);
  ++floor.counters.lines;
  if (stream == Stream::inside) return;
  if (of_buyer) {
    seating::on_buyer_words(floor, *chat);
  } else {
    sla::on_answer(floor, *chat);
  }
}

void handle(Floor& floor, Session& session, const ask::Recall& recall) {
  const Stream stream = recall.inside ? Stream::inside : Stream::main;
  const std::uint64_t content = content_of(LineKind::recalled, recall.seq, {});
  Chat* chat = rights::chat_to_recall_in(floor, session, recall.chat, stream, recall.id, content);
  if (chat == nullptr) return;
  if (repeated(floor, session, *chat, stream, recall.id, content)) return;
  Transcript& transcript = chat->transcript(stream);
  if (!recall.seq || recall.seq > transcript.last()) return floor.refuse(session, recall.id, Code::unknown_line, "seq");
  const Transcript::Line& line = transcript.line(recall.seq);
  if (line.kind != LineKind::words)
    return floor.refuse(session, recall.id, Code::not_allowed, "only words can be recalled");
  const bool own = session.buyer != nullptr ? line.origin == Origin::buyer : line.author == session.agent;
  if (session.role != Role::supervisor) {
    if (!own) return floor.refuse(session, recall.id, Code::not_allowed, "not your line");
    if (floor.now - line.at > floor.book->policy().recall_within) {
      return floor.refuse(session, recall.id, Code::too_late, "the time to recall it has passed");
    }
  }
  if (line.hidden) return floor.done(session, recall.id, chat->id);
  // There is always room for it: a line is taken back once.
  if (!rights::storing_keeps_up(floor, session, recall.id)) return;
  transcript.hide(recall.seq);
  append(floor, *chat, stream,
         {.id = recall.id,
          .reply_to = recall.seq,
          .author = session.agent,
          .origin = session.buyer != nullptr ? Origin::buyer : Origin::human,
          .kind = LineKind::recalled},
         {}, session.id);
}

void handle(Floor& floor, Session& session, const ask::Typing& typing) {
  if (overload::sheds(floor, floor.surge ? 0 : limits::Shed::typing, floor.counters.shed_typing)) return;
  const Chat* chat = rights::chat_of(floor, session, typing.chat);
  if (chat == nullptr || !chat->open()) return;
  const bool of_buyer = session.buyer != nullptr;
  if (!of_buyer && (chat->place != Place::held || chat->agent != session.agent)) return;
  const auto heard = floor.hearing(*chat, Stream::main, session.id);
  floor.out->send(heard, tell::Typing{chat->id, of_buyer, typing.on});
}

void handle(Floor& floor, Session& session, const ask::Mark& mark) {
  Chat* chat = rights::chat_of(floor, session, mark.chat);
  if (chat == nullptr) return;
  const bool of_buyer = session.buyer != nullptr;
  if (!of_buyer && (chat->place != Place::held || chat->agent != session.agent)) return;
  Marks& marks = of_buyer ? chat->of_buyer : chat->of_agent;
  const Seq last = chat->main.last();
  const Seq read = std::max(marks.read, std::min(mark.read, last));
  const Seq delivered = std::max({marks.delivered, std::min(mark.delivered, last), read});
  if (delivered == marks.delivered && read == marks.read) return;
  marks.delivered = delivered;
  marks.read = read;
  marks.to_tell = true;
  if (floor.now - marks.told >= limits::mark_every) {
    on_marks_due(floor, *chat);
  } else if (!chat->timer(ChatTimer::marks).armed()) {
    floor.arm(*chat, ChatTimer::marks, marks.told + limits::mark_every);
  }
}

void on_marks_due(Floor& floor, Chat& chat) {
  if (overload::sheds(floor, limits::Shed::receipts, floor.counters.shed_receipts)) {
    return floor.arm(chat, ChatTimer::marks, floor.now + limits::mark_every);
  }
  const auto tell_of = [&](Marks& marks, bool of_buyer) {
    if (!marks.to_tell) return;
    marks.to_tell = false;
    marks.told = floor.now;
    floor.out->send(floor.hearing(chat, Stream::main), tell::Marks{chat.id, of_buyer, marks.delivered, marks.read});
  };
  tell_of(chat.of_buyer, true);
  tell_of(chat.of_agent, false);
}

void on_durable(Floor& floor, Position position) {
  std::vector<SafeLine>& safe = floor.safe_lines;
  safe.clear();
  while (floor.ledger.oldest() != nullptr && floor.ledger.oldest()->position <= position) {
    const Ledger::Pending pending = floor.ledger.take_durable();
    ++floor.counters.records_durable;
    if (pending.chat == nullptr) continue;
    Transcript& transcript = pending.chat->transcript(pending.stream);
    transcript.set_stored(pending.seq);
    const Transcript::Line& line = transcript.line(pending.seq);
    if (line.refused) continue;  // its author knows
    if (line.id || is_deed(line.kind)) {
      safe.push_back({pending.chat, pending.stream, line.author, is_deed(line.kind), {line.id, pending.seq, line.at}});
    }
  }
  std::sort(safe.begin(), safe.end(), [](const SafeLine& a, const SafeLine& b) {
    return std::tuple{a.chat->id, a.stream, a.author, a.line.seq} <
           std::tuple{b.chat->id, b.stream, b.author, b.line.seq};
  });
  floor.stored_lines.reserve(floor.stored_lines.size() + safe.size());
  for (std::size_t begin = 0; begin < safe.size();) {
    std::size_t end = begin;
    const std::size_t first = floor.stored_lines.size();
    bool deed = false;
    for (; end < safe.size() && safe[end].chat == safe[begin].chat && safe[end].stream == safe[begin].stream &&
           safe[end].author == safe[begin].author;
         ++end) {
      deed |= safe[end].deed;
      if (safe[end].line.id) floor.stored_lines.push_back(safe[end].line);
    }
    Chat& chat = *safe[begin].chat;
    const Stream stream = safe[begin].stream;
    const Transcript& transcript = chat.transcript(stream);
    const auto lines = std::span{floor.stored_lines}.subspan(first);
    if (!lines.empty()) {
      floor.tell(sessions_of(floor, chat, transcript.line(lines.front().seq)),
                 tell::Stored{chat.id, stream, transcript.stored(), lines});
    }
    // A deed is done only now; whoever sees it must not wait for the next frame to learn that.
    if (deed) floor.out->send(floor.hearing(chat, stream), tell::Stored{chat.id, stream, transcript.stored(), {}});
    begin = end;
  }
}

void on_refused(Floor& floor, Position position) {
  ++floor.counters.records_refused;
  const Ledger::Pending* pending = floor.ledger.find(position);
  if (pending == nullptr || pending->chat == nullptr) return;
  Chat& chat = *pending->chat;
  const Seq seq = pending->seq;
  Transcript& transcript = chat.transcript(pending->stream);
  const Transcript::Line& line = transcript.line(seq);
  if (line.id)
    floor.tell(sessions_of(floor, chat, line), tell::Error{line.id, Code::refused, "could not be stored", {}});
  transcript.refuse(seq);
  // Whoever holds it as it was takes it for safe once the watermark has passed it.
  const auto heard = floor.hearing(chat, pending->stream);
  const std::vector<SessionId> everyone(heard.begin(), heard.end());
  for (const SessionId to : everyone) tell_again(floor, chat, pending->stream, seq, to);
  // What has not been done can be asked for again.
  if (line.kind == LineKind::recalled) {
    transcript.show(line.reply_to);
    for (const SessionId to : everyone) tell_again(floor, chat, pending->stream, line.reply_to, to);
  }
  if (line.kind == LineKind::rating) chat.rating = Seq{};
  floor.persist(floor.fact(chat, FactKind::refused));
  floor.alarm(chat, ClockKind::first_response, Reason::refused);
}

void on_accepted_due(Floor& floor) {
  floor.accepted = std::max(floor.accepted, floor.ledger.durable());
  while (const Ledger::Pending* pending = floor.ledger.find(Position{floor.accepted.value + 1})) {
    if (floor.now - pending->at < limits::accepted_after) {
      floor.timers.arm(floor.accepted_timer, pending->at + limits::accepted_after);
      return;
    }
    floor.accepted = pending->position;
    if (pending->chat == nullptr) continue;
    const Transcript::Line& line = pending->chat->transcript(pending->stream).line(pending->seq);
    if (!line.id || line.refused) continue;
    floor.tell(sessions_of(floor, *pending->chat, line),
               tell::Accepted{pending->chat->id, pending->stream, line.id, pending->seq, line.at});
  }
}

}  // namespace deskd::talk
