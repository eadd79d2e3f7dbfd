// person.hpp - A client of deskd.v1 with a memory: what buyers and agents of the crowd have in common.
//
//      say ──> outbox ──> socket ··· lost ··· dial ──> sign_in ──> resume{chat, epoch, seq, stored} ──> outbox again
//
// It keeps of each chat what SPEC.md asks of a client: the last line before the first gap, the watermark, the epoch. It
// checks what it is told as it comes: no line twice, no gap that its own unanswered commands could not fill, nothing that
// was written for another chat. What the watermark has passed goes into the diary.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "bench/crowd/day.hpp"
#include "bench/crowd/heard.hpp"
#include "bench/wire/link.hpp"

namespace deskd {

// One chat as one person knows it.
struct Talk {
  struct Line {
    std::string text;
    bool hidden{};
  };
  struct Stream {
    std::uint32_t seq{};  // last line before the first gap
    std::uint32_t stored{};
    std::map<std::uint32_t, Line> unsafe;  // known, and not yet both gapless and stored
    std::uint32_t safe() const { return std::min(seq, stored); }
  };
  std::int64_t chat{};
  std::int64_t epoch{};
  Stream main, inside;
  std::string place;
  std::uint32_t told_until{};  // lines up to here were said before this client was told of the chat
  // For the person's own use.
  bool answering{};
  std::uint32_t last_own{};
  Nanos waiting_since{};

  Stream& stream(bool of_inside) { return of_inside ? inside : main; }
};

class Person {
 public:
  Person(Day& day, std::string name, bool staff);
  virtual ~Person() = default;
  Person(const Person&) = delete;
  Person& operator=(const Person&) = delete;

  void connect();
  // The line is cut without a word, and comes back after `away_s` of real time (negative: never).
  void drop(double away_s);
  void leave();  // a goodbye

  void opened();  // the loop calls these
  void hear_frame(std::string_view json);
  void gone(std::uint16_t code);

  Link link;
  // Nothing said is waiting for its answer; whoever has gone for good waits for none.
  bool settled() const { return outbox_.empty() || !wanted; }
  // Who they are and the oldest that waits, for a person to look into.
  std::string unsettled() const;

  bool online{};        // signed in
  Nanos hears_since{};  // ... when, or when it began to read again
  bool wanted{};        // wants to be here
  const std::string& name() const { return name_; }

 protected:
  virtual std::string path() const = 0;
  virtual std::string token() const = 0;
  virtual void on_online(bool first) = 0;
  virtual void on_line(Talk& talk, const Heard& line) = 0;
  virtual void on_state(Talk& talk, const Heard& state) = 0;
  virtual void on_done(const std::string& type, const Heard& done) = 0;
  virtual void on_error(const std::string& type, std::int64_t chat, std::string_view code) = 0;
  virtual void on_other(const Heard& heard) = 0;

  // Sends a command and keeps it until it is answered. `members`: JSON behind the id, with its comma. `text`: of words.
  void command(const std::string& type, std::int64_t chat, const std::string& members, bool makes_line = false,
               bool inside = false, std::string text = {}, std::uint32_t n = 0);
  void say(Talk& talk, std::string_view words, bool inside = false);
  Talk& talk(std::int64_t chat);
  Talk* find(std::int64_t chat);
  void forget(std::int64_t chat);
  bool pending(std::int64_t chat) const;
  // Enters what must never happen, with the last frames on this session so that one can see how it came.
  void wrong(const std::string& what, const std::string& detail);

  Day& day_;
  std::map<std::int64_t, Talk> talks_;

 private:
  struct Entry {
    std::string id, type, frame, text;
    std::int64_t chat{};
    std::uint32_t seq{}, n{};
    bool inside{}, makes_line{}, resent{};
  };
  void hear_line(const Heard& heard);
  void own(const Heard::Line& line, std::int64_t chat, bool inside);
  void put(Talk& talk, bool inside, std::uint32_t seq, std::string_view text, bool hidden, bool is_own);
  void advance(Talk& talk, bool inside, std::uint32_t stored);
  void resume();
  void resend();
  std::deque<Entry>::iterator entry(std::string_view id);

  std::string name_;
  bool staff_;
  bool been_here_{};
  bool resending_{};
  double backoff_s_{};
  std::int64_t epoch_{};
  std::deque<Entry> outbox_;
  std::deque<std::string> last_frames_;
  std::map<std::int64_t, std::uint32_t> said_;  // words said in a chat, also after it was taken away and came back
};

}  // namespace deskd
