// counters.hpp - What a desk counts, as plain integers that only grow. The host turns them into metrics.
#pragma once

#include <cstdint>

namespace deskd {

struct Counters {
  using Count = std::uint64_t;
  Count steps{};
  Count chats_opened{}, chats_closed{}, chats_reopened{};
  Count lines{};                // words of buyers and people of the shop
  Count lines_repeated{};       // answered again under the same id
  Count queued{}, offered{}, declined{}, lapsed{}, assigned{}, requeued{}, transferred{}, taken_over{};
  Count left_messages{}, asked{}, absent{}, returned{};
  Count missed_target{}, missed_limit{}, missed_reminder{}, missed_breach{}, missed_queue_wait{};
  Count over_capacity{};        // the two named exceptions: a waking chat, a supervisor's hand
  Count refused_commands{};     // answered with an error
  Count shed_typing{}, shed_chats{}, shed_words{};
  Count records{}, records_durable{}, records_refused{};
  Count timers_fired{};
  Count sessions_opened{}, sessions_closed{};
};

}  // namespace deskd
