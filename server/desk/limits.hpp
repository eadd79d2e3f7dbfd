// limits.hpp - Every bound of the desk, with its reason. What a shop may choose is in policy.hpp; these it may not.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/ids.hpp"

namespace deskd::limits {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

// One line of words. Ten times the longest answer an agent types; a paste of a whole page still fits.
inline constexpr std::size_t words_bytes_max{8 * 1024};

// Lines of one chat. A chat is a conversation and not a feed: the longest of a shop's day has a few hundred. Ids are
// remembered over the whole chat so that a repeat is known however late it comes, and this bounds that memory.
inline constexpr std::uint32_t lines_max{10'000};

// Memory of transcripts is taken in chunks of so many pieces of a size: enough to ask the system rarely, few enough that a
// quiet desk does not sit on it. Larger pieces are asked for one by one: only chats of many hundred lines have any.
inline constexpr std::size_t transcript_pieces_at_once{256};
inline constexpr std::size_t transcript_piece_bytes_max{32 * 1024};

// Bytes of words a chat keeps in memory for resuming sessions. What is older and stored is read from the database.
inline constexpr std::size_t chat_words_bytes_max{256 * 1024};

// An ended chat that was read back because somebody named it stays so long: who repeats a whole outbox to it, one
// command after the other, reads it once.
inline constexpr Duration read_back_for{10s};

// Sessions of one person at a time: tabs and devices. The oldest is closed as `replaced`.
inline constexpr std::size_t sessions_per_person_max{8};

// Chats that a desk remembers, open or just ended, beyond which guests open no more: anybody can be a guest as often as
// they like, and a chat is some 3 KB. Buyers whom a shop vouches for are not turned away.
inline constexpr std::size_t guest_chats_max{50'000};
// When to try again: chats that ended are forgotten meanwhile.
inline constexpr std::int32_t overloaded_retry_ms{30'000};

// Chats a session may name in one resume: an agent's held_max and what a supervisor watches.
inline constexpr std::size_t resume_chats_max{256};

// Chats a supervisor may watch at once on one session.
inline constexpr std::size_t watched_max{64};

// A queue's name, an agent's, a skill's: what fits a wallboard's column.
inline constexpr std::size_t name_bytes_max{32};

// An order confirmation: articles, and bytes of each text in it. A parcel's label holds less.
inline constexpr std::size_t order_items_max{100};
inline constexpr std::size_t order_field_bytes_max{1024};
// What a shop says about returning, as one reads it out: a page.
inline constexpr std::size_t return_terms_bytes_max{4096};
// Of one answer: every field of every article at most.
inline constexpr std::size_t corrections_max{4 * order_items_max + 8};

// Routing compares sets of queues and skills as 64 bits; policy_rules.hpp lets no policy name more.
inline constexpr std::size_t queues_max{64};
inline constexpr std::size_t skills_max{64};

// The author of a line is told `accepted` only when storing takes longer than this: otherwise `stored` comes first and
// one tick would only flicker.
inline constexpr Duration accepted_after{1s};

// Marks move at most once in this time per side: a reader scrolling through a chat is one mark, not fifty.
inline constexpr Duration mark_every{1s};

// Bytes of records that wait for the database.
inline constexpr std::size_t backlog_bytes_max{64 * 1024 * 1024};

// What is left out when the database does not keep up, and from which share of the backlog's bound on. Comfort goes
// first and promises last: a line that is here, a clock and an agent's session are never on this list.
struct Shed {
  static constexpr std::size_t typing{25};
  static constexpr std::size_t receipts{35};  // marks, which only come later
  static constexpr std::size_t figures{45};   // live ones
  static constexpr std::size_t history{55};   // pages of old chats
  static constexpr std::size_t guests{65};    // new chats of guests
  static constexpr std::size_t chats{75};     // all new chats
  static constexpr std::size_t words{100};
};
// When to try again what was left out: a hiccup of the database is over by then.
inline constexpr std::int32_t storage_behind_retry_ms{2000};
inline constexpr std::int32_t storage_behind_retry_chat_ms{5000};

// An explanation, as stored.
inline constexpr std::size_t explanation_bytes_max{1024};

// Candidates of one `explained`: more than anyone reads, and less than 64 KiB, which is what clients may say in one piece.
inline constexpr std::size_t candidates_max{256};

// Warnings to one agent are merged over this time.
inline constexpr Duration warn_every{1s};

// How many waits the forecast looks back on. Less than a handful says nothing; more is yesterday's staffing.
inline constexpr std::size_t forecast_samples{64};
inline constexpr std::size_t forecast_samples_min{5};

}  // namespace deskd::limits
