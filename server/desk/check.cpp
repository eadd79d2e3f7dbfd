#include "server/desk/check.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace deskd {

namespace {

template <class... Parts>
std::string say(const Parts&... parts) {
  std::string sentence;
  const auto add = [&](const auto& part) {
    if constexpr (std::is_convertible_v<decltype(part), std::string_view>) {
      sentence += std::string_view{part};
    } else {
      sentence += std::to_string(part);
    }
  };
  (add(parts), ...);
  return sentence;
}

std::string name(const Chat& chat) { return say("chat ", chat.id.value, " (", word_of(chat.place), ")"); }

bool listed(const std::vector<Chat*>& chats, const Chat& chat) {
  return std::find(chats.begin(), chats.end(), &chat) != chats.end();
}

// Every chat is in exactly one place, and whoever has it knows.
std::string check_place(const Floor& floor, const Chat& chat) {
  const bool held = chat.place == Place::held;
  const bool reserved = chat.place == Place::reserved;
  if ((held || reserved) != static_cast<bool>(chat.agent)) return say(name(chat), " and its agent disagree");
  // That no other agent has it too is said where agents are walked.
  if (held && !listed(floor.roster.agent(chat.agent).held, chat)) return say(name(chat), " is held by another agent");
  if (reserved && !listed(floor.roster.agent(chat.agent).reserved, chat))
    return say(name(chat), " is offered to another agent");
  const bool to_be_seated = (chat.place == Place::waiting && !chat.absent) || chat.place == Place::left_message;
  if (to_be_seated != (floor.match.need(chat.id) != nullptr))
    return say(name(chat), " and match disagree on its waiting");
  if (const Need* need = floor.match.need(chat.id); need != nullptr && need->priority_s != floor.priority_s(chat)) {
    return say(name(chat), " stands in line with ", need->priority_s, " s of priority, should be ",
               floor.priority_s(chat));
  }
  if (chat.open() && chat.buyer->chat != &chat) return say(name(chat), " is open and not its buyer's chat");
  if (chat.closed.has_value() != !chat.open()) return say(name(chat), " has a closing time that does not fit");
  return {};
}

// Who waits since when is what the lines say, and the clocks that should run do.
std::string check_clocks(const Floor& floor, const Chat& chat, Instant waiting, Seq from) {
  const auto armed = [&](ChatTimer timer) { return chat.timers[static_cast<std::size_t>(timer)].armed(); };
  if (!chat.open()) {
    for (std::size_t i = 0; i < chat_timers; ++i) {
      const auto timer = static_cast<ChatTimer>(i);
      if (timer != ChatTimer::forget && timer != ChatTimer::marks && armed(timer))
        return say(name(chat), " has timer ", i, " armed");
    }
    return armed(ChatTimer::forget) ? std::string{} : say(name(chat), " is closed and will never be forgotten");
  }
  if (waiting != chat.waiting_since.value_or(Instant{}))
    return say(name(chat), " waits since something else than its lines say");
  const bool waits = waiting != Instant{};
  if (waits && from != chat.waiting_from) return say(name(chat), " waits from another line");
  const bool live = chat.place == Place::held || chat.place == Place::waiting || chat.place == Place::reserved;
  if (!waits && armed(ChatTimer::agent_clock)) return say(name(chat), " has the agent's clock running for nobody");
  if (waits && armed(ChatTimer::idle)) return say(name(chat), " could be closed as idle while the buyer waits");
  if (chat.open() && !waits && !armed(ChatTimer::idle)) return say(name(chat), " would never be closed");
  if (live && waits && !chat.left && !chat.breached && !armed(ChatTimer::shop_clock) && chat.shop_step < 7 &&
      floor.hours(chat).always_open()) {
    return say(name(chat), " waits and no clock runs");
  }
  if ((chat.place == Place::waiting || chat.place == Place::reserved) && !armed(ChatTimer::queue_wait)) {
    return say(name(chat), " waits and nobody will be told");
  }
  if (chat.place == Place::reserved && !armed(ChatTimer::reservation)) return say(name(chat), " is offered for ever");
  if (chat.place == Place::waiting && !chat.buyer->present() && !armed(ChatTimer::grace)) {
    return say(name(chat), " waits for a buyer who is gone, for ever");
  }
  // Told and asked before queue_wait: the clock that asks is never set later than that.
  // (What fell due while no server ran is due at once: in the next step, at this same instant.)
  if (chat.place == Place::waiting && chat.buyer->present() && !chat.told &&
      floor.now - chat.lined_up > floor.promise(chat).queue_wait &&
      chat.timers[static_cast<std::size_t>(ChatTimer::queue_wait)].due() > floor.now) {
    return say(name(chat), " has waited ", (floor.now - chat.lined_up).count(),
               " ms without having been told and asked");
  }
  return {};
}

std::string check_agent(const Floor& floor, const Agent& agent) {
  std::int32_t load = static_cast<std::int32_t>(agent.reserved.size() + agent.wrapping.size());
  std::int32_t left = 0;
  for (const Chat* chat : agent.reserved)
    if (chat->place != Place::reserved || chat->agent != agent.index)
      return say(name(*chat), " is not offered to ", agent.name);
  for (const Chat* chat : agent.held) {
    if (chat->place != Place::held || chat->agent != agent.index)
      return say(name(*chat), " is not held by ", agent.name);
    if (std::count(agent.held.begin(), agent.held.end(), chat) != 1) return say(name(*chat), " is held twice");
    load += chat->weighs ? 1 : floor.queue(*chat).quiet_weight;
    left += chat->left ? 1 : 0;
  }
  if (load != agent.load) return say("agent ", agent.name, " has load ", agent.load, ", should be ", load);
  if (left != agent.left) return say("agent ", agent.name, " holds ", left, " left messages, counts ", agent.left);
  const Seat* seat = floor.match.seat(agent.index);
  if (seat == nullptr || !(*seat == agent.seat())) return say("agent ", agent.name, " and match disagree");
  if (!agent.present() && !agent.reserved.empty()) return say("agent ", agent.name, " is gone and has offers");
  if (!agent.present() && !agent.held.empty() && !agent.timers[static_cast<std::size_t>(AgentTimer::grace)].armed()) {
    return say("agent ", agent.name, " is gone for ever and holds chats");
  }
  return {};
}

// Nobody sits idle beside a waiting buyer: the rule of eligibility, said again from the beginning.
std::string check_idle_beside_waiting(const Floor& floor) {
  const auto fits = [&](const Chat& chat, const Agent& agent) {
    const std::int32_t kept_back = floor.queue(chat).kept_back_pct > 0 ? 0 : agent.kept_back;
    return agent.employed && agent.present() && agent.status == Status::available &&
           (agent.queues & chat.open_queues) != 0 && (chat.needed & ~agent.skills) == 0 &&
           agent.load < agent.capacity - kept_back &&
           static_cast<std::int32_t>(agent.held.size() + agent.reserved.size()) < agent.held_max &&
           (!chat.wanted || chat.wanted == agent.index) &&
           std::find(chat.declined.begin(), chat.declined.end(), agent.index) == chat.declined.end();
  };
  std::vector<const Chat*> live, left;
  for (const auto& [id, chat] : floor.chats) {
    if (chat->place == Place::waiting && !chat->absent) live.push_back(chat.get());
    if (chat->place == Place::left_message) left.push_back(chat.get());
  }
  for (const auto& agent : floor.roster.all()) {
    for (const Chat* chat : live)
      if (fits(*chat, *agent)) return say(name(*chat), " waits beside agent ", agent->name, ", who has a place");
    for (const Chat* chat : left)
      if (agent->left < agent->left_max && fits(*chat, *agent)) {
        return say(name(*chat), " lies beside agent ", agent->name, ", who has a place");
      }
  }
  return {};
}

std::string check_buyers(const Floor& floor) {
  std::map<const Buyer*, std::int32_t> open;
  for (const auto& [id, chat] : floor.chats)
    if (chat->open() && ++open[chat->buyer] > 1) return say("buyer ", chat->buyer->id, " has two open chats");
  std::map<const Buyer*, std::int32_t> attached;
  for (const Session& session : floor.sessions)
    if (session.id && session.buyer != nullptr) ++attached[session.buyer];
  std::map<const Buyer*, std::int32_t> chats;
  for (const auto& [id, chat] : floor.chats) ++chats[chat->buyer];
  for (const auto& [key, buyer] : floor.buyers) {
    if (chats[buyer.get()] != buyer->chats) return say("buyer ", buyer->id, " miscounts chats");
    if (attached[buyer.get()] != buyer->attached) return say("buyer ", buyer->id, " miscounts sessions");
    if (buyer->attached == 0 && buyer->chats == 0) return say("buyer ", buyer->id, " is remembered for nothing");
  }
  return {};
}

}  // namespace

std::string Checker::check_lines(const Chat& chat, Read& read) {
  if (read.excused != chat.excused) read = {.excused = chat.excused};  // said afterwards of lines already read
  for (const Stream stream : {Stream::main, Stream::inside}) {
    const Transcript& transcript = chat.transcript(stream);
    Seq& seen = stream == Stream::main ? read.main : read.inside;
    if (transcript.stored() > transcript.last()) return say(name(chat), " has stored more than was said");
    while (seen < transcript.last()) {
      const Instant before = seen ? transcript.line(seen).at : Instant{};
      const Seq seq = seen = next(seen);
      const Transcript::Line& line = transcript.line(seq);
      if (line.at < before) return say(name(chat), " line ", seq.value, " is older than the one before");
      if (line.id && transcript.find(line.id) != seq)
        return say(name(chat), " line ", seq.value, " is not found by its id");
      if (stream == Stream::inside) continue;
      const bool person = line.origin == Origin::human || line.origin == Origin::assist;
      const bool words = line.kind == LineKind::words || line.kind == LineKind::refused;
      bool asks = line.origin == Origin::buyer && words;
      if (line.kind == LineKind::order_answer) asks = !std::get<record::OrderAnswer>(*chat.deed(seq)).confirmed;
      if (asks && read.waiting == Instant{} && seq > chat.excused) {
        read.waiting = line.at;
        read.from = seq;
      }
      if (person && (words || line.kind == LineKind::order)) read.waiting = {};
      if (line.kind == LineKind::closed || seq == chat.excused) read.waiting = {};
    }
  }
  return {};
}

std::string Checker::check(const Desk& desk) {
  const Floor& floor = desk.floor();
  if (floor.recovering) return {};
  for (const auto& [id, chat] : floor.chats) {
    Read& read = read_[id];
    if (std::string wrong = check_lines(*chat, read); !wrong.empty()) return wrong;
    if (std::string wrong = check_place(floor, *chat); !wrong.empty()) return wrong;
    if (std::string wrong = check_clocks(floor, *chat, read.waiting, read.from); !wrong.empty()) return wrong;
  }
  for (const auto& agent : floor.roster.all())
    if (std::string wrong = check_agent(floor, *agent); !wrong.empty()) return wrong;
  if (std::string wrong = check_buyers(floor); !wrong.empty()) return wrong;
  return check_idle_beside_waiting(floor);
}

}  // namespace deskd
