// log.hpp - What the server tells the person on call: one JSON line on stderr for each thing that happened.
//
//        {"ts":"2026-11-21T21:26:18.123Z","level":"warn","event":"desk_lost","desk":"demo","epoch":7}
//
// There is no call that takes a sentence. An event is a row of the table below, and its values are numbers, ids, names
// and words of closed sets: so no line can hold what somebody said, and no personal data. A name (of a desk, a shop, a
// queue, an agent, a setting, a file, an SQLSTATE) may hold only letters, digits and a few signs; anything else is left
// out. Buyers have no names here: a chat's id leads to them for whoever may see them.
//
// Each event has its own allowance of lines a minute, because a hostile client can make some of them at will. What is
// held back is counted, and said with the next line of that event as "unsaid". Lines of all threads go out whole, each
// in one write; the logger waits for stderr and for nothing else.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <type_traits>
#include <variant>

#include "protocol/codes.hpp"
#include "protocol/ids.hpp"
#include "protocol/words.hpp"

namespace deskd {

enum class Level : std::uint8_t { debug, info, warn, error };
inline constexpr std::array<std::string_view, 4> level_words{"debug", "info", "warn", "error"};

// What can happen. The rows are in the order of the names; a new one is one line in each.
enum class Happened : std::uint8_t {
  starting,
  listening,
  serving,
  draining,
  drained,
  stopped,
  start_refused,
  descriptors_few,
  internal_fault,
  recovering,
  recovered,
  partition_worry,
  desk_taken,
  desk_lost,
  policy_changed,
  policy_refused,
  revoked,
  revocation_lifted,
  database_away,
  database_back,
  record_refused,
  backlog_high,
  history_failed,
  token_refused,
  session_flooding,
  session_slow,
  sessions_full,
  accept_paused,
  one_address,
  wall_clock_moved,
  loop_stalled,
  admin_refused,
  admin_called,
  transcript_torn,
  recording_failed,
};

struct HappenedRow {
  Happened what;
  std::string_view name;
  Level level;
  std::uint32_t lines_per_minute;
  std::string_view meaning;
};

// What the server does by itself is rare and always said: 600 only stops a loop gone wild. What a client can cause
// has 10.
inline constexpr std::array happened_table{
    HappenedRow{Happened::starting, "starting", Level::info, 600, "settings are read"},
    HappenedRow{Happened::listening, "listening", Level::info, 600, "an address is open"},
    HappenedRow{Happened::serving, "serving", Level::info, 600, "all desks are recovered; clients may come"},
    HappenedRow{Happened::draining, "draining", Level::info, 600, "asked to stop; no new chats"},
    HappenedRow{Happened::drained, "drained", Level::info, 600, "all sessions ended, or the time for it was over"},
    HappenedRow{Happened::stopped, "stopped", Level::info, 600, "the last line"},
    HappenedRow{Happened::start_refused, "start_refused", Level::error, 600,
                "the server does not start; the reason is on the line before"},
    HappenedRow{Happened::descriptors_few, "descriptors_few", Level::warn, 600,
                "the process may not open what sessions_max asks for: raise its hard limit (LimitNOFILE)"},
    HappenedRow{Happened::internal_fault, "internal_fault", Level::error, 600,
                "a shard's thread failed in a way that cannot be; the process ends"},
    HappenedRow{Happened::recovering, "recovering", Level::info, 600, "chats are read back"},
    HappenedRow{Happened::recovered, "recovered", Level::info, 600, "a desk stands as it stood"},
    HappenedRow{Happened::partition_worry, "partition_worry", Level::warn, 10,
                "rows lie in this default partition, or this one could not be made"},
    HappenedRow{Happened::desk_taken, "desk_taken", Level::info, 600, "this server has the desk, under this epoch"},
    HappenedRow{Happened::desk_lost, "desk_lost", Level::error, 600, "another server has taken the desk"},
    HappenedRow{Happened::policy_changed, "policy_changed", Level::info, 600, "a newer version is in force"},
    HappenedRow{Happened::policy_refused, "policy_refused", Level::warn, 60, "a policy was not taken"},
    HappenedRow{Happened::revoked, "revoked", Level::info, 60, "a person's sessions were ended"},
    HappenedRow{Happened::revocation_lifted, "revocation_lifted", Level::info, 60, "a person may come in again"},
    HappenedRow{Happened::database_away, "database_away", Level::error, 60, "commits fail or hang; chats go on"},
    HappenedRow{Happened::database_back, "database_back", Level::info, 60, "commits succeed again"},
    HappenedRow{Happened::record_refused, "record_refused", Level::error, 60, "the database would not hold a row"},
    HappenedRow{Happened::backlog_high, "backlog_high", Level::error, 10,
                "new chats or words are refused until the database follows"},
    HappenedRow{Happened::history_failed, "history_failed", Level::warn, 10,
                "a page of a transcript could not be read"},
    HappenedRow{Happened::token_refused, "token_refused", Level::info, 10, "a sign-in failed; why says how"},
    HappenedRow{Happened::session_flooding, "session_flooding", Level::warn, 10,
                "a session was closed for sending too fast"},
    HappenedRow{Happened::session_slow, "session_slow", Level::info, 10, "a session was closed for not reading"},
    HappenedRow{Happened::sessions_full, "sessions_full", Level::warn, 10, "a bound on sessions was reached"},
    HappenedRow{Happened::accept_paused, "accept_paused", Level::warn, 10, "no descriptors left; accepting waits"},
    HappenedRow{Happened::one_address, "one_address", Level::warn, 10,
                "all clients share one address: is trusted_proxies set?"},
    HappenedRow{Happened::wall_clock_moved, "wall_clock_moved", Level::warn, 10, "wall clock and desk time part"},
    HappenedRow{Happened::loop_stalled, "loop_stalled", Level::warn, 10, "one turn of a shard's loop took long"},
    HappenedRow{Happened::admin_refused, "admin_refused", Level::warn, 10, "a call to the admin API without the right"},
    HappenedRow{Happened::admin_called, "admin_called", Level::info, 60, "a call to the admin API"},
    HappenedRow{Happened::transcript_torn, "transcript_torn", Level::error, 10,
                "lines of a stored chat are missing; the chat is left out"},
    HappenedRow{Happened::recording_failed, "recording_failed", Level::warn, 10,
                "a desk's recording could not be opened; the desk is served without one"},
};

constexpr std::string_view name_of(Happened what) { return happened_table[static_cast<std::size_t>(what)].name; }

// The name of a thing that people named: 1-128 of letters, digits and . _ - : / @ [ ] +. Anything else is said as "?".
struct Name {
  std::string_view text;
};

// A word of the code itself: only a literal converts, so it was written before anything ran.
struct Word {
  std::string_view text;
  consteval Word(const char* literal) : text{literal} {}
};

// A word of a closed set: anything that has a table in words.hpp or a name_of().
template <class Enum>
concept Tabled = requires(Enum value) {
  words_of(value);
}
|| requires(Enum value) { name_of(value); };

struct LogField {
  Word key;
  std::variant<std::int64_t, std::uint64_t, bool, Name, std::string_view, ChatId> value;

  template <std::integral Int>
  LogField(Word name, Int number) : key{name} {
    if constexpr (std::same_as<Int, bool>) {
      value = number;
    } else if constexpr (std::is_signed_v<Int>) {
      value = std::int64_t{number};
    } else {
      value = std::uint64_t{number};
    }
  }
  template <Tabled Enum>
  LogField(Word name, Enum word) : key{name} {
    if constexpr (requires { words_of(word); }) {
      value = std::string_view{word_of(word)};
    } else {
      value = std::string_view{name_of(word)};
    }
  }
  LogField(Word name, Name text) : key{name}, value{text} {}
  LogField(Word name, Word text) : key{name}, value{text.text} {}
  LogField(Word name, ChatId chat) : key{name}, value{chat} {}
  LogField(Word name, Duration time) : LogField{name, time.count()} {}  // milliseconds: name it so
  template <class Tag, class Int>
  LogField(Word name, Id<Tag, Int> id) : LogField{name, id.value} {}
};

// Where lines go, and what time it is. Once, before the second thread starts. Until then, as in tests, nothing is said.
struct LogOptions {
  Level level{Level::info};                // quieter events are left out
  std::int64_t (*wall_ms)(){};             // milliseconds since 1970
  void (*write)(std::string_view line){};  // null: stderr
};
void open_log(const LogOptions& options);

// Any thread. Never throws and never waits for anything but stderr.
void note(Happened what, std::initializer_list<LogField> fields = {});

}  // namespace deskd
