// counters.hpp - What a desk counts and how long people waited there, as plain integers that only grow. The host turns
// them into metrics.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace deskd {

struct Counters {
  using Count = std::uint64_t;
  Count steps{};
  Count chats_opened{}, chats_closed{}, chats_reopened{};
  Count lines{};           // words of buyers and people of the shop
  Count lines_repeated{};  // answered again under the same id
  Count queued{}, offered{}, declined{}, lapsed{}, assigned{}, requeued{}, transferred{}, taken_over{};
  Count left_messages{}, asked{}, absent{}, returned{};
  Count missed_target{}, missed_limit{}, missed_reminder{}, missed_breach{}, missed_queue_wait{};
  Count waits_unanswered{};  // a chat ended while its buyer waited
  Count waits_excused{};     // an agent said that no answer was needed
  Count over_capacity{};     // the two named exceptions: a waking chat, a supervisor's hand
  Count refused_commands{};  // answered with an error
  Count shed_typing{}, shed_receipts{}, shed_figures{}, shed_history{}, shed_guests{}, shed_chats{}, shed_words{};
  Count records{}, records_durable{}, records_refused{};
  Count timers_fired{};
  Count sessions_opened{}, sessions_closed{};
};

// Waits of one kind, by how long they were: each is counted in the first bucket whose bound it does not pass, or in the
// last, which has none. The bounds are those that shops, and the platforms that judge them, speak of.
struct Waits {
  static constexpr std::array<std::int64_t, 10> bounds_ms{5'000,   10'000,  20'000,  30'000,  60'000,
                                                          100'000, 180'000, 300'000, 600'000, 1'800'000};
  std::array<Counters::Count, bounds_ms.size() + 1> counts{};
  Counters::Count sum_ms{};

  void observe(std::int64_t ms) {
    const auto bound = std::find_if(bounds_ms.begin(), bounds_ms.end(), [ms](std::int64_t most) { return ms <= most; });
    ++counts[static_cast<std::size_t>(bound - bounds_ms.begin())];
    sum_ms += static_cast<Counters::Count>(ms);
  }
};

// From a buyer's line to the answer, in open hours; what ended without one is in Counters::waits_unanswered and
// waits_excused. And in line, from joining it to what ended that: an agent, a left message, or the chat was closed.
struct Waited {
  Waits first_response, next_response, left_message;
  Waits line_to_agent, line_to_left_message, line_to_close;
};

}  // namespace deskd
