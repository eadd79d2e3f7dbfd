// agent.cpp - What agents do. Times are seconds of the shop's day.
#include "bench/crowd/agent.hpp"

#include <array>

#include "bench/wire/shop.hpp"

namespace deskd {
namespace {

constexpr std::array<std::string_view, 6> words{
    "在的亲，这款现货，今天 16:00 前下单今天发 😊", "建议您按平时的尺码拍",   "we ship every day, two days to Hangzhou",
    "亲，实物拍摄，色差很小的，支持七天无理由",    "好的亲，已经帮您备注了", "满两件可以用店铺券，您看一下首页"};

}  // namespace

Agent::Agent(Day& day, std::uint32_t n) : Person{day, bench_shop::agent_name(n), true} {}

std::string Agent::path() const { return bench_shop::agent_path(); }
std::string Agent::token() const { return bench_shop::agent_token(day_.secret, name()); }
std::size_t Agent::held() const { return talks_.size(); }

void Agent::begin() {
  connect();
  plan_break();
  plan_accident();
}

void Agent::set_status(std::string_view status) {
  command("set_status", 0, R"(,"status":")" + std::string{status} + '"');
}

void Agent::plan_break() {
  day_.in(day_.exponential(1800), [this] {
    if (day_.ending) return;
    day_.diary.count("breaks");
    on_break_ = true;
    set_status(day_.chance(0.3) ? "draining" : "on_break");
    day_.in(day_.exponential(200), [this] {
      on_break_ = false;
      set_status("available");
      plan_break();
    });
  });
}

void Agent::plan_accident() {
  day_.in(day_.exponential(1500), [this] {
    if (day_.ending) return;
    day_.diary.count("agents' lines cut");
    // Most come back within the grace; some are away for longer, and their chats go to others.
    drop((day_.chance(0.75) ? day_.exponential(5) : 90 + day_.exponential(120)) / day_.options.pace);
    plan_accident();
  });
}

void Agent::on_online(bool) {
  if (!on_break_) set_status("available");
}

void Agent::on_line(Talk& now, const Heard& line) {
  // A chat that is handed over comes with all that was said before; only what is said now wants an answer at once.
  if (line.inside) return;
  if (line.kind == "words" && line.origin == "buyer") work(now.chat);
}

void Agent::work(std::int64_t chat) {
  Talk* now = find(chat);
  if (!now || now->answering) return;
  now->answering = true;
  day_.in(day_.pause(7), [this, chat] { answer(chat); });
}

void Agent::answer(std::int64_t chat) {
  Talk* now = find(chat);
  if (!now || !now->answering || day_.ending) return;
  now->answering = false;
  if (!online) {
    // The answer waits until the line is back.
    now->answering = true;
    day_.in_real(0.5, [this, chat] { answer(chat); });
    return;
  }
  say(*now, words[day_.below(words.size())]);
  if (day_.chance(0.03)) say(*now, "买家问运费，注意优惠券", true);
  if (now->last_own && day_.chance(0.01)) command("recall", chat, R"(,"seq":)" + std::to_string(now->last_own), true);
  if (day_.chance(0.02)) {
    day_.diary.count("transfers asked for");
    const bool to_queue = day_.chance(0.5);
    command("transfer", chat,
            to_queue ? R"(,"queue":")" + bench_shop::queue_name(day_.below(day_.options.queues)) + '"'
                     : R"(,"agent":")" + bench_shop::agent_name(day_.below(day_.options.agents)) + '"',
            true);
  } else if (day_.chance(0.01)) {
    command("close", chat, "", true);
  }
}

void Agent::on_state(Talk& now, const Heard& state) {
  if (!state.mine) forget(now.chat);
}

void Agent::on_done(const std::string&, const Heard&) {}

void Agent::on_error(const std::string& type, std::int64_t chat, std::string_view code) {
  // Chats move while one types; that is what these codes are for.
  if (code != "chat_closed" && code != "unknown_chat" && code != "not_allowed" && code != "wrong_place" &&
      code != "no_place" && code != "not_offered" && code != "unknown_agent")
    day_.diary.count("agents: " + type + ": " + std::string{code});
  if (type == "say" && (code == "chat_closed" || code == "unknown_chat" || code == "not_allowed")) forget(chat);
}

void Agent::on_other(const Heard& heard) {
  if (heard.type == "released") return forget(heard.chat);
  if (heard.type == "offer") {
    const std::int64_t chat = heard.chat;
    const std::uint32_t draw = day_.below(100);
    if (draw >= 95) return day_.diary.count("offers overlooked");
    day_.in(day_.pause(1.2, 0.5), [this, chat, accepts = draw < 88] {
      if (!online) return;
      day_.diary.count(accepts ? "offers accepted" : "offers declined");
      command(accepts ? "accept" : "decline", chat, "");
    });
  } else if (heard.type == "wrap_up") {
    day_.in(day_.pause(5), [this, chat = heard.chat] {
      if (online) command("wrap_up_done", chat, "");
    });
  } else if (heard.type == "agent_state" && heard.status == "on_break" && heard.reason == "unanswered_offers" &&
             !on_break_) {
    day_.diary.count("sent on a break by the desk");
    on_break_ = true;
    day_.in(day_.exponential(40), [this] {
      on_break_ = false;
      set_status("available");
    });
  } else if (heard.type == "agent_state" && heard.status == "signed_out" && online && !on_break_) {
    set_status("available");
  }
}

}  // namespace deskd
