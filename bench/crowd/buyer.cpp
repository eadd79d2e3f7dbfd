// buyer.cpp - What buyers do. Times are seconds of the shop's day.
#include "bench/crowd/buyer.hpp"

#include <array>

#include "bench/wire/shop.hpp"

namespace deskd {
namespace {

constexpr std::array<std::string_view, 8> words{
    "在吗？想问一下这款还有现货吗",     "尺码偏大还是偏小？我平时穿 M",
    "今天下单什么时候能发货呀 😊",       "can you ship to Hangzhou by Friday?",
    "和图片有色差吗，退换货怎么算运费", "两件能便宜一点吗",
    "is this the 2026 version?",        "好的谢谢，我再看看 🙏"};

// The promise of the policy that crowd writes: longer than this nobody waits without having been told and asked.
constexpr double queue_wait_s = 180;
// One second of real time for the telling to arrive, however the day is compressed.
constexpr double slack_real_s = 1;

}  // namespace

Buyer::Buyer(Day& day, std::uint64_t n, bool comes_again)
    : Person{day, day.run + "-b" + std::to_string(n), false}, comes_again_{comes_again} {}

std::string Buyer::path() const { return bench_shop::buyer_path(); }
std::string Buyer::token() const { return bench_shop::buyer_token(day_.secret, name()); }

double Buyer::waited_s() const {
  return wait_ == Wait::waiting ? static_cast<double>(day_.now() - waiting_since_) / 1e9 * day_.options.pace : 0;
}

void Buyer::check_told() {
  // Nobody can tell a client that does not read.
  if (wait_ != Wait::waiting || told_ || untold_ || !online || link.frozen()) return;
  const double slack_s = slack_real_s * day_.options.pace;
  const double here_s = static_cast<double>(day_.now() - hears_since) / 1e9 * day_.options.pace;
  if (waited_s() <= queue_wait_s + slack_s || here_s <= slack_s) return;
  untold_ = true;
  wrong("waits long and was never told",
        name() + " for " + std::to_string(waited_s()) + " s, heard for " + std::to_string(here_s) + " s");
}

void Buyer::end_wait(Samples& figure) {
  check_told();
  figure.add(static_cast<Nanos>(waited_s() * 1e9));
}

void Buyer::arrive() {
  if (day_.ending || wanted) return;
  ++visit_;
  const std::uint32_t draw = day_.below(100);
  habit_ = draw < 70   ? Habit::steady
           : draw < 82 ? Habit::reconnecter
           : draw < 90 ? Habit::sleeper
           : draw < 98 ? Habit::leaver
                       : Habit::slow_reader;
  rounds_ = 2 + static_cast<std::uint32_t>(day_.exponential(3));
  chat_ = 0;
  opening_ = unanswered_ = told_ = untold_ = gave_up_ = false;
  wait_ = Wait::none;
  connect();
  if (habit_ == Habit::reconnecter)
    day_.in(day_.exponential(120), [this, visit = visit_] {
      if (visit == visit_ && wanted && !day_.ending) {
        day_.diary.count("buyers' lines cut");
        drop(day_.exponential(2));
      }
    });
  if (habit_ == Habit::leaver)
    day_.in(day_.exponential(150), [this, visit = visit_] {
      if (visit == visit_ && wanted) go();
    });
}

void Buyer::on_online(bool) {
  if (!chat_) open();
  // What was typed while the line was down reaches the shop only now.
  const Talk* now = current();
  if (wait_ == Wait::waiting && now && now->place != "waiting") waiting_since_ = day_.now();
}

void Buyer::open() {
  if (opening_ || day_.ending) return;
  opening_ = true;
  command("open", 0, R"(,"queue":")" + bench_shop::queue_name(day_.below(day_.options.queues)) + '"');
}

void Buyer::on_done(const std::string& type, const Heard& done) {
  if (type == "open") {
    opening_ = false;
    if (chat_ == done.chat) return;
    chat_ = done.chat;
    // The last chat is remembered until there is another: it may have been opened again.
    std::erase_if(talks_, [this](const auto& known) { return known.first != chat_; });
    talk(chat_);
    day_.in(day_.pause(4), [this, visit = visit_] {
      if (visit == visit_) speak();
    });
  }
}

void Buyer::speak() {
  Talk* now = current();
  if (!now || !wanted || now->place == "closed" || day_.ending) return;
  say(*now, words[day_.below(words.size())]);
  if (wait_ == Wait::none && now->place != "held") {
    wait_ = Wait::waiting;
    waiting_since_ = day_.now();
  }
  unanswered_ = true;
  if (habit_ == Habit::slow_reader && day_.chance(0.3)) {
    day_.diary.count("readers who stopped reading");
    link.freeze(true);
    day_.in_real(5, [this, visit = visit_] {
      if (visit != visit_) return;
      link.freeze(false);
      hears_since = day_.now();
    });
  }
  // Impatience: once more, if nobody has answered for long.
  day_.in(day_.pause(70), [this, visit = visit_, rounds = rounds_] {
    if (visit == visit_ && rounds == rounds_ && unanswered_ && wanted && !day_.ending) speak();
  });
}

void Buyer::on_line(Talk& now, const Heard& line) {
  if (now.chat != chat_ || line.inside || line.kind != "words" || (line.origin != "human" && line.origin != "assist"))
    return;
  if (!unanswered_) return;
  unanswered_ = false;
  if (rounds_ > 0) --rounds_;
  if (rounds_ == 0) {
    if (habit_ == Habit::sleeper) return;  // says nothing any more, and stays
    day_.in(day_.pause(5), [this, visit = visit_] {
      if (visit == visit_) finish();
    });
    return;
  }
  day_.in(day_.pause(9), [this, visit = visit_] {
    if (visit == visit_) speak();
  });
}

void Buyer::finish() {
  Talk* now = current();
  if (!now || !wanted || now->place == "closed" || day_.ending) return;
  if (now->place == "held" && day_.chance(0.4))
    command("rate", chat_, R"(,"rating":{"score":)" + std::to_string(1 + day_.below(5)) + R"(,"text":"谢谢"})", true);
  if (now->last_own && day_.chance(0.05)) command("recall", chat_, R"(,"seq":)" + std::to_string(now->last_own), true);
  command("close", chat_, "", true);
}

void Buyer::go() {
  if (wait_ == Wait::waiting) {
    gave_up_ = true;
    day_.diary.count("buyers who gave up waiting");
    end_wait(day_.waits_in_vain);
    wait_ = Wait::none;
  }
  if (day_.chance(0.5)) leave();
  else drop(-1);
  if (comes_again_) day_.in(day_.exponential(300), [this] { arrive(); });
}

void Buyer::on_state(Talk& now, const Heard& state) {
  if (now.chat != chat_) return;
  if (state.place == "waiting" && wait_ == Wait::seated) {  // the agent has gone
    wait_ = Wait::waiting;
    waiting_since_ = day_.now();
    told_ = untold_ = false;
    day_.diary.count("back in the queue");
  }
  if (state.place == "held" && wait_ == Wait::waiting) {
    ++day_.rows.back().seated;
    day_.rows.back().seated_wait_s += waited_s();
    end_wait(day_.waits);
    wait_ = Wait::seated;
  }
  if (state.place == "left_message" && wait_ != Wait::left) {
    if (wait_ == Wait::waiting) end_wait(day_.waits_in_vain);
    wait_ = Wait::left;
    day_.diary.count("left messages");
    day_.in(day_.pause(10), [this, visit = visit_] {
      if (visit == visit_ && wait_ == Wait::left) go();
    });
  }
  if (state.place == "closed") {
    day_.diary.count("closed: " + std::string{state.reason});
    if (wait_ == Wait::waiting) {
      end_wait(day_.waits_in_vain);
      wait_ = Wait::none;
    }
    const std::uint64_t visit = visit_;
    day_.in(day_.pause(8), [this, visit, chat = chat_] {
      if (visit != visit_ || chat != chat_) return;
      chat_ = 0;
      leave();
      if (comes_again_) day_.in(day_.exponential(200), [this] { arrive(); });
    });
  }
}

void Buyer::on_error(const std::string& type, std::int64_t chat, std::string_view code) {
  if (type == "open") opening_ = false;
  // The chat has gone while the line was down; whoever still wants something opens anew.
  if (chat == chat_ && chat_ && (code == "unknown_chat" || code == "chat_closed")) {
    chat_ = 0;  // what is known of it stays: it may be opened again
    wait_ = Wait::none;
    if (wanted && online && !day_.ending) open();
  } else if (code != "chat_closed" && code != "unknown_chat" && code != "wrong_place" && code != "already_rated" &&
             code != "not_allowed") {
    day_.diary.count("buyers: " + type + ": " + std::string{code});
  }
}

void Buyer::on_other(const Heard& heard) {
  if (heard.type != "in_line" || !heard.choose || heard.chat != chat_) return;
  if (!told_) ++day_.rows.back().told;
  told_ = true;
  day_.in(day_.pause(5), [this, visit = visit_, chat = chat_] {
    if (visit != visit_ || wait_ != Wait::waiting || !online) return;
    const bool waits = day_.chance(0.6);
    day_.diary.count(waits ? "chose to wait" : "chose to leave a message");
    command("choose", chat, waits ? R"(,"choice":"wait")" : R"(,"choice":"leave_message")");
  });
}

}  // namespace deskd
