#include "server/shard/restore.hpp"

#include <utility>

namespace deskd {

event::RecoveredChat restored(stored::Chat chat) {
  event::RecoveredChat out;
  out.chat = chat.chat;
  out.shop = std::move(chat.shop);
  out.buyer = std::move(chat.buyer);
  out.queue = std::move(chat.queue);
  out.agent = std::move(chat.agent);
  out.wanted = std::move(chat.wanted);
  out.guest = chat.guest;
  out.place = chat.place;
  out.opened = chat.opened;
  out.queued = chat.queued;
  out.placed = chat.placed;
  out.answered_first = chat.answered_first;
  out.priority_s = chat.priority_s;
  out.policy_version = chat.policy_version;
  out.reason = chat.reason;
  out.excused = chat.excused;
  out.skills = std::move(chat.skills);
  out.closed = chat.closed;
  for (stored::Line& line : chat.lines)
    out.lines.push_back({line.stream, line.seq, line.at, line.origin, line.kind, std::move(line.person), line.id,
                         line.reply_to, line.reason, std::move(line.text)});
  for (const stored::Clock& fired : chat.fired) out.fired.push_back({fired.clock, fired.ordinal});
  for (stored::Deed& deed : chat.deeds) out.deeds.push_back({deed.seq, std::move(deed.body)});
  return out;
}

}  // namespace deskd
