// diary.hpp - What the crowd knows for itself: what was said, what was called stored, what was seen, and what was wrong.
//
//      persons ──> diary ──COPY──> temporary tables beside the server's ──> SQL that must find nothing
//
// The server's word is not asked for anything here. A line is entered as stored when its author was told so, and as seen
// when any client had it below a watermark; the check at the end compares both with what PostgreSQL holds.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bench/wire/link.hpp"
#include "bench/wire/samples.hpp"

namespace deskd {

class Diary {
 public:
  // A command that makes a line is about to be sent for the first time.
  void said(const std::string& id, Nanos now);
  // Its author was told that it is stored.
  struct Stored {
    std::int64_t chat{};
    bool inside{};
    std::uint32_t seq{};
    std::string id, person, text;  // text empty: the line is no words
    std::uint32_t n{};             // counts this author's words in this chat; 0: not said in turn
  };
  void stored(Stored line, bool resent, Nanos now);
  // A client has this line, and the watermark has passed it.
  void seen(std::int64_t chat, bool inside, std::uint32_t seq, std::string text, bool hidden);
  // Somebody else than its author heard it.
  void heard(std::string_view id, Nanos now);

  // Something that must never happen did.
  void wrong(const std::string& what, const std::string& detail);
  // Something that may happen, for the report.
  void count(const std::string& what) { ++counts_[what]; }

  const std::map<std::string, std::uint64_t>& counts() const { return counts_; }
  const std::map<std::string, std::uint64_t>& wrongs() const { return wrongs_; }
  std::size_t lines_stored() const { return stored_.size(); }
  std::size_t lines_said() const { return said_.size(); }

  // Compares with the database; the rows found by each question, by its name. `buyers` is the prefix of this run's buyers.
  struct Finding {
    std::string question;
    std::int64_t rows{};
    std::string first;  // an example
  };
  std::vector<Finding> check(const std::string& connection, const std::string& buyers) const;
  // Everything stored, a line each: what a person would look into when the check has found something.
  void write(const std::string& file) const;

  Samples line_latency, stored_latency;

 private:
  struct Key {
    std::int64_t chat;
    std::uint32_t seq;
    bool inside;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::int64_t>{}(key.chat * 2 + key.inside) * 31 + key.seq;
    }
  };
  struct Sighting {
    std::string text;
    bool hidden{};
  };
  struct Said {
    Nanos at{};
    bool heard{};
  };
  std::unordered_map<std::string, Said> said_;
  std::vector<Stored> stored_;
  std::unordered_map<Key, Sighting, Hash> seen_;
  std::map<std::string, std::uint64_t> counts_, wrongs_;
};

}  // namespace deskd
