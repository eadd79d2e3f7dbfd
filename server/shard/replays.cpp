#include "server/shard/replays.hpp"

#include <algorithm>
#include <utility>

#include "server/shard/shard.hpp"

namespace deskd {

void Replays::hold(LiveSession& session, std::string frame) {
  if (!session.is_signed_in()) return;
  Replay& owed = replay(session.id());
  if (owed.bytes + frame.size() > replay_bytes_max) return session.close(CloseCode::slow_reader);
  owed.bytes += frame.size();
  bytes_ += frame.size();
  owed.rest.emplace_back(std::move(frame));
  make_room();
}

void Replays::hold(LiveSession& session, query::Lines lines) {
  if (session.is_signed_in()) replay(session.id()).rest.emplace_back(lines);
}

void Replays::read(SessionId session, std::vector<std::string> page, bool more, Seq last) {
  const auto it = replays_.find(session.value);
  if (it == replays_.end()) return;
  Replay& replay = it->second;
  replay.is_reading = false;
  replay.moved = shard_.clock().now();
  if (more) std::get<query::Lines>(replay.rest.front()).after = last;
  else replay.rest.pop_front();
  for (auto frame = page.rbegin(); frame != page.rend(); ++frame) {
    replay.bytes += frame->size();
    bytes_ += frame->size();
    replay.rest.emplace_front(std::move(*frame));
  }
  make_room();
}

void Replays::forget(SessionId session) {
  const auto it = replays_.find(session.value);
  if (it == replays_.end()) return;
  bytes_ -= it->second.bytes;
  replays_.erase(it);
}

Replays::Replay& Replays::replay(SessionId session) {
  const auto [it, is_new] = replays_.try_emplace(session.value);
  if (is_new) it->second.moved = shard_.clock().now();
  return it->second;
}

// Whoever comes now may be anybody, and whoever waits for the most is the likeliest not to read.
void Replays::make_room() {
  while (bytes_ > replays_bytes_max) {
    const auto most = std::ranges::max_element(replays_, {}, [](const auto& each) { return each.second.bytes; });
    const SessionId id{most->first};
    forget(id);
    if (LiveSession* session = shard_.session(id)) session->close(CloseCode::slow_reader);
  }
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
    if (!session->has_room_for(next.size())) {
      if (shard_.clock().now() - replay.moved >= shard_.options().replay_stuck_after)
        session->close(CloseCode::slow_reader);
      return moved;
    }
    const std::string frame = std::move(next);
    replay.rest.pop_front();
    replay.moved = shard_.clock().now();
    replay.bytes -= frame.size();
    bytes_ -= frame.size();
    ++shard_.tallies().frames_out;
    session->send(frame);
  }
}

}  // namespace deskd
