#include "tests/simulation/client.hpp"

#include <algorithm>

namespace deskd::simulation {

Heard own(const Tell& message) {
  Heard heard{message, {}, {}};
  heard.text.reserve(8);
  const auto copy = [&](std::string_view& view) { view = heard.text.emplace_back(view); };
  if (auto* line = std::get_if<tell::Line>(&heard.message)) {
    copy(line->from);
    copy(line->text);
    // Bodies of deeds live in the desk; what the client needs of an order is its version.
    const std::int32_t version = line->order == nullptr ? 0 : line->order->version;
    heard.text.emplace_back(std::to_string(version));
    line->order = nullptr;
    line->order_answer = nullptr;
    line->rating = nullptr;
  } else if (auto* stored = std::get_if<tell::Stored>(&heard.message)) {
    heard.stored.assign(stored->lines.begin(), stored->lines.end());
    stored->lines = heard.stored;
  } else if (auto* error = std::get_if<tell::Error>(&heard.message)) {
    copy(error->message);
  } else if (auto* warning = std::get_if<tell::Warning>(&heard.message)) {
    warning->chats = {};
  } else if (auto* figures = std::get_if<tell::Figures>(&heard.message)) {
    figures->queues = {};
  }
  return heard;
}

Ask Client::ask_of(const Unsafe& said) const {
  switch (said.kind) {
    case LineKind::recalled: return ask::Recall{said.id, said.chat, said.reply_to, said.stream == Stream::inside};
    case LineKind::order: return ask::ProposeOrder{said.id, said.chat, said.order};
    case LineKind::order_answer: return ask::AnswerOrder{said.id, said.chat, said.answer};
    case LineKind::rating: return ask::Rate{said.id, said.chat, {said.score, {}}};
    case LineKind::closed: return ask::Close{said.id, said.chat};
    default: return ask::Say{said.id, said.chat, said.text, said.reply_to, false, said.stream == Stream::inside};
  }
}

Ask Client::say(Unsafe said) {
  outbox.push_back(std::move(said));
  return ask_of(outbox.back());
}

ask::Resume Client::resume() {
  ask::Resume resume;
  for (auto& [id, copy] : chats) {
    copy.known = false;
    // A chat that has ended is named too while something about it is open: a line not known to be stored, a word of one's own.
    const bool unsure_end = copy.last() > copy.stored;
    const bool unsaid =
        std::any_of(outbox.begin(), outbox.end(), [id = id](const Unsafe& said) { return said.chat == id; });
    if (copy.state.place == Place::closed && !unsure_end && !unsaid) continue;
    resume.chats.push_back({id, copy.epoch, copy.last(), copy.stored, copy.inside_last(), copy.inside_stored});
  }
  return resume;
}

std::vector<Ask> Client::again() const {
  std::vector<Ask> asks;
  for (const Unsafe& said : outbox) asks.push_back(ask_of(said));
  return asks;
}

void Client::forget_command(CommandId id) {
  std::erase_if(outbox, [&](const Unsafe& said) { return said.id == id; });
}

std::string Client::hear_line(const tell::Line& line, Epoch epoch) {
  Copy& copy = chats[line.chat];
  copy.epoch = epoch;
  if (line.stream == Stream::inside && !staff_) return "a buyer heard the inside stream";
  auto& lines = line.stream == Stream::main ? copy.main : copy.inside;
  Seq& stored = line.stream == Stream::main ? copy.stored : copy.inside_stored;
  stored = std::max(stored, line.stored);
  if (const auto known = lines.find(line.seq); known != lines.end()) {
    if (known->second.id != line.id) return "line " + std::to_string(line.seq.value) + " became another";
    return {};
  }
  // A hole below this line can only be lines of one's own, which come as `stored`; the world compares in the end.
  lines[line.seq] = {line.id, std::string{line.text}, line.kind, line.origin, 0};
  if (line.id) {
    const auto said = std::find_if(outbox.begin(), outbox.end(), [&](const Unsafe& one) { return one.id == line.id; });
    if (said != outbox.end() && line.seq <= stored) {
      safe.push_back({line.chat, line.stream, line.seq, line.id, said->text, said->kind});
      outbox.erase(said);
    }
  }
  return {};
}

std::string Client::hear(const Heard& heard, Epoch epoch) {
  if (const auto* line = std::get_if<tell::Line>(&heard.message)) {
    std::string wrong = hear_line(*line, epoch);
    if (line->kind == LineKind::order) chats[line->chat].main[line->seq].version = std::stoi(heard.text.back());
    return wrong;
  }
  if (const auto* state = std::get_if<tell::ChatState>(&heard.message)) {
    Copy& copy = chats[state->chat];
    if (!copy.known && copy.epoch != epoch && copy.epoch) {
      // Another epoch: beyond the watermark nothing is certain. Own words stay in the outbox and are said again.
      unsure += static_cast<std::uint64_t>(std::distance(copy.main.upper_bound(copy.stored), copy.main.end()));
      copy.main.erase(copy.main.upper_bound(copy.stored), copy.main.end());
      copy.inside.erase(copy.inside.upper_bound(copy.inside_stored), copy.inside.end());
    }
    copy.epoch = epoch;
    copy.known = true;
    copy.state = *state;
    copy.stored = std::max(copy.stored, state->stored);
    if (copy.stored > state->seq) return "the watermark went back";
    return {};
  }
  if (const auto* stored = std::get_if<tell::Stored>(&heard.message)) {
    Copy& copy = chats[stored->chat];
    Seq& mark = stored->stream == Stream::main ? copy.stored : copy.inside_stored;
    mark = std::max(mark, stored->stored);
    for (const tell::StoredLine& line : stored->lines) {
      if (line.seq > stored->stored) return "stored names a line beyond its watermark";
      const auto is_it = [&](const Unsafe& one) { return one.id == line.id; };
      std::vector<Unsafe>& among = std::any_of(done.begin(), done.end(), is_it) ? done : outbox;
      const auto said = std::find_if(among.begin(), among.end(), is_it);
      if (said == among.end()) {
        ++repeats;
        continue;
      }
      auto& lines = stored->stream == Stream::main ? copy.main : copy.inside;
      const auto [at, fresh] = lines.emplace(line.seq, Line{line.id, said->text, said->kind, Origin::human, 0});
      if (!fresh && at->second.id != line.id) return "a stored line has the number of another";
      safe.push_back({stored->chat, stored->stream, line.seq, line.id, said->text, said->kind});
      among.erase(said);
    }
    return {};
  }
  if (std::get_if<tell::Accepted>(&heard.message) != nullptr) {
    ++accepted;
    return {};
  }
  if (const auto* error = std::get_if<tell::Error>(&heard.message)) {
    ++refused;
    // Too much at the moment is tried again; anything else is an answer.
    if (error->code != Code::storage_behind && error->code != Code::draining) forget_command(error->id);
    if (error->code == Code::id_reused) return "id_reused for an honest repeat";
    return {};
  }
  if (const auto* released = std::get_if<tell::Released>(&heard.message)) {
    // No longer one's own: what was held of it is worth nothing, least of all what was never stored. A buyer's chat has
    // left the server's memory, and its transcript is read as history from now on.
    chats.erase(released->chat);
    return {};
  }
  if (const auto* answer = std::get_if<tell::Done>(&heard.message)) {
    // A close that comes again is done; its line may yet be called stored.
    for (const Unsafe& said : outbox)
      if (said.id == answer->id && said.kind == LineKind::closed) done.push_back(said);
    forget_command(answer->id);
    return {};
  }
  return {};
}

}  // namespace deskd::simulation
