// transcript.hpp - One stream of a chat, line by line, as long as the chat is in memory.
//
//      seq      1     2     3     4     5     6     7
//             [words dropped ][ words in memory          ]
//             [        stored            ][ not yet      ]
//                            kept_from()          last()
//
// The heads of all lines stay (ids must be known however late a repeat comes); words that are stored and old are dropped
// and are read from the database when somebody asks for them. Lines are appended and never change, but for the last two;
// words do not move in memory, since effects point at them.
#pragma once

#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/words.hpp"
#include "server/desk/limits.hpp"
#include "server/desk/match.hpp"

namespace deskd {

inline constexpr AgentIndex nobody{};

class Transcript {
 public:
  struct Line {
    Instant at;
    CommandId id;             // zero: no client asked for it
    std::uint64_t content{};  // hash of what was said, to tell a repeat from another line under the same id
    std::string_view words;   // where they lie; means something from kept_from() on
    Seq reply_to;
    AgentIndex author{nobody};  // staff who said or did it
    Origin origin{};
    LineKind kind{};
    Reason reason{};
    bool hidden{};   // recalled
    bool refused{};  // the database would not hold it
  };

  // What it keeps lies in `memory`, which outlives it.
  explicit Transcript(std::pmr::memory_resource& memory) : lines_{&memory}, ids_{&memory}, words_{&memory} {}

  // The number of the last line, 0 before the first.
  Seq last() const { return Seq{static_cast<std::uint32_t>(lines_.size())}; }
  // A chat of so many lines has to end: what is left above the bound is for the lines with which it does.
  bool full() const { return lines_.size() >= limits::lines_max; }
  // Every line up to here is committed.
  Seq stored() const { return stored_; }
  // The first line whose words are in memory; last() + 1 when none is.
  Seq kept_from() const { return kept_from_; }

  const Line& line(Seq seq) const;
  // The words of a line; empty when they were dropped or recalled.
  std::string_view words(Seq seq) const;
  // The line that a client asked for under this id, or 0.
  Seq find(CommandId id) const;

  // Appends a line and its words, and returns its number.
  Seq append(Line line, std::string_view words);
  void hide(Seq seq);
  // As before hide(); what was refused stays hidden.
  void show(Seq seq);
  void refuse(Seq seq);
  // Moves the watermark, never back, and drops old words that are now safe elsewhere.
  void set_stored(Seq seq);

 private:
  void index(Seq seq);

  std::pmr::vector<Line> lines_;
  std::pmr::vector<std::uint32_t> ids_;       // open addressing over seq by id; empty while a scan is as quick
  std::pmr::vector<std::pmr::string> words_;  // blocks that are filled and never grow
  std::size_t words_bytes_{};                 // of all blocks
  Seq stored_{};
  Seq kept_from_{1};
};

// A number for what a command says, equal for equal content.
std::uint64_t content_of(LineKind kind, Seq reply_to, std::string_view words);

}  // namespace deskd
