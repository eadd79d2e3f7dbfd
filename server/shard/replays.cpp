#include "server/shard/replays.hpp"

#include <utility>

#include "server/shard/shard.hpp"

namespace deskd {

void Replays::hold(LiveSession& session, std::string frame) {
  if (!session.is_signed_in()) return;
  Replay& replay = replays_[session.id().value];
  if (replay.bytes + frame.size() > replay_bytes_max || bytes_ + frame.size() > replays_bytes_max)
    return session.close(CloseCode::slow_reader);
  replay.bytes += frame.size();
  bytes_ += frame.size();
  replay.rest.emplace_back(std::move(frame));
}

void Replays::hold(LiveSession& session, query::Lines lines) {
  if (session.is_signed_in()) replays_[session.id().value].rest.emplace_back(lines);
}

void Replays::read(SessionId session, std::vector<std::string> page, bool more, Seq last) {
  const auto it = replays_.find(session.value);
  if (it == replays_.end()) return;
  Replay& replay = it->second;
  replay.is_reading = false;
  if (more) std::get<query::Lines>(replay.rest.front()).after = last;
  else replay.rest.pop_front();
  for (auto frame = page.rbegin(); frame != page.rend(); ++frame) {
    replay.bytes += frame->size();
    bytes_ += frame->size();
    replay.rest.emplace_front(std::move(*frame));
  }
}

void Replays::forget(SessionId session) {
  const auto it = replays_.find(session.value);
  if (it == replays_.end()) return;
  bytes_ -= it->second.bytes;
  replays_.erase(it);
}

// As long as something moves: what the sockets send now makes room for more.
void Replays::flush() {
  std::vector<SessionId> waiting;
  for (const auto& [id, replay] : replays_)
    if (!replay.is_reading) waiting.push_back(SessionId{id});
  bool moved = false;
  for (const SessionId session : waiting) moved = give_out(session) || moved;
  if (moved) shard_.loop().flush_later(*this);
}

// Sending may end a session, and with it its replay.
bool Replays::give_out(SessionId id) {
  for (bool moved = false;; moved = true) {
    const auto it = replays_.find(id.value);
    LiveSession* session = shard_.session(id);
    if (it == replays_.end() || session == nullptr) return moved;
    Replay& replay = it->second;
    if (replay.rest.empty()) {
      replays_.erase(it);
      return moved;
    }
    if (const auto* lines = std::get_if<query::Lines>(&replay.rest.front())) {
      replay.is_reading = true;
      shard_.reader().ask(*lines, [&shard = shard_, desk = lines->desk, chat = lines->chat, id](Answer answer) {
        shard.post(mail::Read{desk, id, mail::ReadLines{chat}, std::move(answer)});
      });
      return moved;
    }
    std::string& next = std::get<std::string>(replay.rest.front());
    if (!session->has_room_for(next.size())) return moved;
    const std::string frame = std::move(next);
    replay.rest.pop_front();
    replay.bytes -= frame.size();
    bytes_ -= frame.size();
    ++shard_.tallies().frames_out;
    session->send(frame);
  }
}

}  // namespace deskd
