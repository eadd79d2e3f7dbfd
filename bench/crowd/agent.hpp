// agent.hpp - Somebody at a console: answers chat after chat, and is human about it.
//
// Answers after a human pause, one chat at a time where several wait; declines some offers and overlooks some; goes on a
// break; loses her line, for seconds or for good; passes chats on; notes things that the buyer must not see.
#pragma once

#include "bench/crowd/person.hpp"

namespace deskd {

class Agent : public Person {
 public:
  Agent(Day& day, std::uint32_t n);

  void begin();
  std::size_t held() const;

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
  void answer(std::int64_t chat);
  void work(std::int64_t chat);
  void set_status(std::string_view status);
  void plan_break();
  void plan_accident();

  bool on_break_{};
};

}  // namespace deskd
