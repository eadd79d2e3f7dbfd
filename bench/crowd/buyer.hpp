// buyer.hpp - Somebody with a question.
//
// Arrives, opens a chat, says something, waits for the answer, thinks, says something again, and one time goes away: with
// a goodbye and a rating, without a word, or by falling asleep at the open page. Some lose their line on the way and come
// back; some are impatient; some write slowly; a few do not read what is sent to them.
#pragma once

#include "bench/crowd/person.hpp"

namespace deskd {

class Buyer : public Person {
 public:
  enum class Habit : std::uint8_t { steady, reconnecter, sleeper, leaver, slow_reader };
  enum class Wait : std::uint8_t { none, waiting, seated, left };

  Buyer(Day& day, std::uint64_t n, bool comes_again);

  void arrive();
  Wait wait() const { return wait_; }
  double waited_s() const;  // seconds of the day since the first words left, while waiting
  // The promise: whoever is here and waits has been told and asked in time.
  void check_told();
  bool in_shop() const { return wanted; }
  // Went away on purpose while waiting: nobody has to find this buyer a place.
  bool gave_up() const { return gave_up_; }

 protected:
  std::string path() const override;
  std::string token() const override;
  void on_online(bool first) override;
  void on_line(Talk& talk, const Heard& line) override;
  void on_state(Talk& talk, const Heard& state) override;
  void on_done(const std::string& type, const Heard& done) override;
  void on_error(const std::string& type, std::int64_t chat, std::string_view code) override;
  void on_other(const Heard& heard) override;

 private:
  void open();
  void speak();
  void finish();
  void go();
  // The wait is over: it goes into one of the figures.
  void end_wait(Samples& figure);
  Talk* current() { return chat_ ? find(chat_) : nullptr; }

  Habit habit_{};
  bool comes_again_;
  std::int64_t chat_{};
  std::uint32_t rounds_{};
  std::uint64_t visit_{};  // appointments of an earlier visit mean nothing
  bool opening_{};
  bool unanswered_{};
  Wait wait_{Wait::none};
  bool told_{};
  bool untold_{};  // ... and that was said to be wrong
  bool gave_up_{};
  Nanos waiting_since_{};
};

}  // namespace deskd
