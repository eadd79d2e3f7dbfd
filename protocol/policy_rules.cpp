// policy_rules.cpp - See policy_rules.hpp.
#include "protocol/policy_rules.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace deskd::policy {
namespace {

constexpr std::size_t name_bytes_most{32};
constexpr std::size_t title_bytes_most{128};
constexpr std::size_t greeting_bytes_most{8 * 1024};  // it is a line like any other
constexpr std::size_t path_bytes_most{4096};
constexpr std::size_t origins_most{64};
constexpr std::size_t keys_most{16};        // two are enough to change one
constexpr std::size_t levels_most{16};      // of buyers; a shop has three or five
constexpr std::size_t spans_most{16};       // of a day
constexpr std::size_t holidays_most{1000};  // a few years of them
constexpr std::size_t steps_most{16};       // of relaxing and overflowing
constexpr std::int32_t day_min{24 * 60};

class Rules {
 public:
  std::vector<Problem> take() { return std::move(problems_); }

  void check(const Desk& desk) {
    name("name", desk.name);
    range("version", desk.version, std::int64_t{0}, std::int64_t{1} << 53);
    length("agent_grace", desk.agent_grace, 0s, 1h);
    length("agent_grace_waiting", desk.agent_grace_waiting, 0s, 1h);
    length("buyer_grace", desk.buyer_grace, 0s, 1h);
    length("buyer_gone", desk.buyer_gone, 0s, 24h);
    length("reopen_within", desk.reopen_within, 0s, 24h);
    length("recall_within", desk.recall_within, 0s, 24h);
    if (desk.agent_grace_waiting > desk.agent_grace) say("agent_grace_waiting", "is longer than agent_grace");
    if (desk.buyer_gone < desk.buyer_grace) say("buyer_gone", "is shorter than buyer_grace");

    count("calendars", desk.calendars.size(), 0, policy_calendars_max);
    count("shops", desk.shops.size(), 1, policy_shops_max);
    count("queues", desk.queues.size(), 1, policy_queues_max);
    count("agents", desk.agents.size(), 0, policy_agents_max);

    const Names calendars = names_of("calendars", desk.calendars);
    const Names shops = names_of("shops", desk.shops);
    const Names queues = names_of("queues", desk.queues);
    names_of("agents", desk.agents, true);

    each("calendars", desk.calendars, [&](const Calendar& calendar) { check(calendar); });
    each("shops", desk.shops, [&](const Shop& shop) { check(shop, desk, calendars); });
    each("queues", desk.queues, [&](const Queue& queue) { check(queue, shops, queues); });
    each("agents", desk.agents, [&](const Agent& agent) { check(agent, queues); });
    check_keys("staff_keys", desk.staff_keys, "staff_issuer", desk.staff_issuer);

    Names skills;
    const auto gather = [&](const std::vector<std::string>& some) { skills.insert(some.begin(), some.end()); };
    for (const Queue& queue : desk.queues) gather(queue.skills);
    for (const Agent& agent : desk.agents) gather(agent.skills);
    if (skills.size() > policy_skills_max) say("", "there are more than 64 different skills");
  }

 private:
  using Names = std::set<std::string_view>;

  // A step of the path for as long as it lives.
  class Under {
   public:
    Under(Rules& rules, const std::string& step) : rules_{rules}, size_{rules.path_.size()} {
      if (!rules.path_.empty() && !step.starts_with('[')) rules.path_ += '.';
      rules.path_ += step;
    }
    Under(const Under&) = delete;
    Under& operator=(const Under&) = delete;
    ~Under() { rules_.path_.resize(size_); }

   private:
    Rules& rules_;
    std::size_t size_;
  };

  void say(const std::string& where, std::string what) {
    if (problems_.size() == policy_problems_max) return;
    const auto step = [&] { return where.empty() ? path_ : path_.empty() ? where : path_ + "." + where; };
    problems_.push_back({step(), std::move(what)});
  }

  template <class T, class Check>
  void each(const std::string& list, const std::vector<T>& all, Check check_one) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      Under under{*this, list + "[" + std::to_string(i) + "]"};
      check_one(all[i]);
    }
  }

  template <class Int>
  void range(const std::string& where, Int value, Int least, Int most) {
    if (value < least || value > most)
      say(where, "must be from " + std::to_string(least) + " to " + std::to_string(most));
  }
  void length(const std::string& where, Duration value, Duration least, Duration most) {
    if (value < least || value > most)
      say(where,
          "must be from " + std::to_string(least.count()) + "ms to " + std::to_string(most.count() / 1000) + "s");
  }
  void count(const std::string& where, std::size_t value, std::size_t least, std::size_t most) {
    if (value < least || value > most)
      say(where, "must have " + std::to_string(least) + " to " + std::to_string(most) + " entries");
  }
  void text(const std::string& where, const std::string& value, std::size_t most) {
    if (value.size() > most) say(where, "is longer than " + std::to_string(most) + " bytes");
  }

  static bool is_name(std::string_view text, bool upper) {
    return !text.empty() && text.size() <= name_bytes_most && std::ranges::all_of(text, [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
             (upper && c >= 'A' && c <= 'Z');
    });
  }
  void name(const std::string& where, std::string_view text, bool upper = false) {
    if (!is_name(text, upper)) say(where, upper ? "must be 1-32 of a-z A-Z 0-9 _ -" : "must be 1-32 of a-z 0-9 _ -");
  }

  // The names of a list, which must be names and differ.
  template <class T>
  Names names_of(const std::string& list, const std::vector<T>& all, bool upper = false) {
    Names names;
    each(list, all, [&](const T& one) {
      name("name", one.name, upper);
      if (!names.insert(one.name).second) say("name", "stands twice");
    });
    return names;
  }

  // A list of names that refer to others; `known` null: names of skills, which are known by being used.
  void refer(const std::string& list, const std::vector<std::string>& all, const Names* known) {
    Names seen;
    each(list, all, [&](const std::string& one) {
      if (known == nullptr) name("", one);
      else if (!known->contains(one)) say("", "there is no such name");
      if (!seen.insert(one).second) say("", "stands twice");
    });
  }

  void check(const Calendar& calendar) {
    const auto of_zone = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
             c == '-' || c == '+';
    };
    if (calendar.zone.empty() || calendar.zone.size() > title_bytes_most ||
        !std::ranges::all_of(calendar.zone, of_zone))
      say("zone", "must be the name of a time zone, like Asia/Shanghai");
    if (!calendar.week.empty()) {
      if (calendar.week.size() != 7) say("week", "must have 7 days, Monday first, or be empty for always open");
      if (std::ranges::all_of(calendar.week, [](const auto& day) { return day.empty(); }))
        say("week", "is never open; leave it empty for always open");
      each("week", calendar.week, [&](const std::vector<Span>& day) { check_day(day); });
    }
    count("holidays", calendar.holidays.size(), 0, holidays_most);
    Names dates;
    each("holidays", calendar.holidays, [&](const Holiday& holiday) {
      if (!is_date(holiday.date)) say("date", "must be a day that exists, as YYYY-MM-DD");
      if (!dates.insert(holiday.date).second) say("date", "stands twice");
      Under under{*this, "open"};
      check_day(holiday.open);
    });
  }

  void check_day(const std::vector<Span>& day) {
    if (day.size() > spans_most) say("", "has more than 16 spans");
    std::int32_t open_until = 0;
    each("", day, [&](const Span& span) {
      if (span.from_min < 0 || span.from_min >= day_min) say("", "must begin before 24:00");
      if (span.to_min <= span.from_min) say("", "must end after it begins");
      if (span.to_min > span.from_min + day_min) say("", "is longer than a day");
      if (span.from_min < open_until) say("", "begins before the one before it has ended");
      open_until = std::max(open_until, span.to_min);
    });
  }

  static bool is_date(std::string_view text) {
    const auto number = [&](std::size_t from, std::size_t size) {
      int value = 0;
      for (const char c : text.substr(from, size)) value = c >= '0' && c <= '9' ? value * 10 + (c - '0') : -100'000;
      return value;
    };
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
    const int year = number(0, 4);
    const int month = number(5, 2);
    const int day = number(8, 2);
    return year > 0 && month > 0 && day > 0 &&
           std::chrono::year_month_day{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                       std::chrono::day{static_cast<unsigned>(day)}}
               .ok();
  }

  // What a browser sends as Origin: a scheme, a host, perhaps a port, and nothing behind it.
  static bool is_origin(std::string_view text) {
    const std::string_view scheme = text.starts_with("https://") ? "https://" : "http://";
    if (!text.starts_with(scheme) || text.size() > 256) return false;
    const std::string_view host = text.substr(scheme.size());
    return !host.empty() && host.front() != ':' && std::ranges::all_of(host, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' || c == '[' ||
             c == ']';
    });
  }

  void check(const Shop& shop, const Desk& desk, const Names& calendars) {
    text("title", shop.title, title_bytes_most);
    text("greeting", shop.greeting, greeting_bytes_most);
    if (shop.locale.empty() || shop.locale.size() > name_bytes_most)
      say("locale", "must be a language tag, like zh-CN");
    if (!shop.calendar.empty() && !calendars.contains(shop.calendar)) say("calendar", "there is no such name");
    count("origins", shop.origins.size(), 0, origins_most);
    each("origins", shop.origins, [&](const std::string& origin) {
      if (!is_origin(origin))
        say("", "must be an origin in lower case with nothing behind it, like https://shop.example");
    });
    check_keys("keys", shop.keys, "issuer", shop.issuer);
    count("levels", shop.levels.size(), 0, levels_most);
    names_of("levels", shop.levels);
    each("levels", shop.levels, [&](const Level& level) { range("priority_s", level.priority_s, 0, 86'400); });
    if (std::ranges::none_of(desk.queues, [&](const Queue& queue) {
          return queue.shops.empty() || std::ranges::find(queue.shops, shop.name) != queue.shops.end();
        }))
      say("", "no queue serves this shop");
  }

  void check_keys(const std::string& list, const std::vector<Key>& keys, const std::string& issuer_name,
                  const std::string& issuer) {
    count(list, keys.size(), 0, keys_most);
    text(issuer_name, issuer, title_bytes_most);
    if (!keys.empty() && issuer.empty()) say(issuer_name, "is missing: a key's tokens are taken from one issuer only");
    Names kids;
    each(list, keys, [&](const Key& key) {
      if (key.kid.empty() || key.kid.size() > title_bytes_most) say("kid", "must be 1-128 bytes");
      if (key.kid == "guest") say("kid", "is the name of the server's own key");
      if (!kids.insert(key.kid).second) say("kid", "stands twice");
      if (key.file.empty() || key.file.size() > path_bytes_most || key.file.find('\0') != std::string::npos)
        say("file", "must be the path of a file");
    });
  }

  void check(const Queue& queue, const Names& shops, const Names& queues) {
    refer("shops", queue.shops, &shops);
    refer("skills", queue.skills, nullptr);
    check_relax(queue);
    check_overflow(queue, queues);
    range("priority_s", queue.priority_s, 0, 86'400);
    range("breached_priority_s", queue.breached_priority_s, 0, 86'400);
    range("offers_unanswered_max", queue.offers_unanswered_max, 1, 100);
    range("quiet_weight", queue.quiet_weight, 0, 1);
    range("queue_max", queue.queue_max, 0, 1'000'000);
    range("kept_back_pct", queue.kept_back_pct, 0, 100);
    range("left_message_share_pct", queue.left_message_share_pct, 0, 100);
    length("reservation", queue.reservation, 1s, 5min);
    length("wrap_up", queue.wrap_up, 0s, 1h);
    length("quiet_after", queue.quiet_after, 1s, 24h);
    length("queue_wait", queue.queue_wait, 1s, 24h);
    length("ask_beyond", queue.ask_beyond, 0s, 24h);
    length("idle_close", queue.idle_close, 1s, 24h);
    length("left_unanswered", queue.left_unanswered, 1s, 24h);
    length("wanted_agent_wait", queue.wanted_agent_wait, 0s, 24h);
    length("left_message_answer", queue.left_message_answer, 1s, 24h * 14);
    length("complaint_answer", queue.complaint_answer, 0s, 24h * 14);
    check_steps("first_response", queue.first_response);
    check_steps("next_response", queue.next_response);
  }

  void check_steps(const std::string& where, const Steps& steps) {
    Under under{*this, where};
    length("target", steps.target, 1s, 24h);
    length("breach", steps.breach, 1s, 24h);
    if (steps.limit < steps.target) say("limit", "is shorter than target");
    if (steps.reminder < steps.limit) say("reminder", "is shorter than limit");
    if (steps.breach < steps.reminder) say("breach", "is shorter than reminder");
  }

  void check_relax(const Queue& queue) {
    count("relax", queue.relax.size(), 0, steps_most);
    Names seen;
    Duration before{};
    each("relax", queue.relax, [&](const Relax& step) {
      length("after", step.after, 0s, 24h);
      if (step.after < before) say("after", "is shorter than that of the step before it");
      before = step.after;
      if (std::ranges::find(queue.skills, step.skill) == queue.skills.end())
        say("skill", "is none of this queue's skills");
      if (!seen.insert(step.skill).second) say("skill", "stands twice");
    });
  }

  void check_overflow(const Queue& queue, const Names& queues) {
    count("overflow", queue.overflow.size(), 0, steps_most);
    Names seen;
    Duration before{};
    each("overflow", queue.overflow, [&](const Overflow& step) {
      length("after", step.after, 0s, 24h);
      if (step.after < before) say("after", "is shorter than that of the step before it");
      before = step.after;
      if (!queues.contains(step.queue)) say("queue", "there is no such name");
      if (step.queue == queue.name) say("queue", "is this queue itself");
      if (!seen.insert(step.queue).second) say("queue", "stands twice");
    });
  }

  void check(const Agent& agent, const Names& queues) {
    text("title", agent.title, title_bytes_most);
    if (agent.role != Role::agent && agent.role != Role::supervisor && agent.role != Role::ops)
      say("role", "must be agent, supervisor or ops");
    refer("queues", agent.queues, &queues);
    refer("skills", agent.skills, nullptr);
    range("capacity", agent.capacity, 0, policy_held_max);
    range("held_max", agent.held_max, 0, policy_held_max);
    if (agent.held_max == 0 && agent.capacity > policy_held_max / 2)
      say("held_max", "is twice the capacity when it is 0, and that is more than 192");
    if (agent.held_max != 0 && agent.held_max < agent.capacity) say("held_max", "is less than capacity");
  }

  std::vector<Problem> problems_;
  std::string path_;
};

}  // namespace

std::vector<Problem> validate(const Desk& desk) {
  Rules rules;
  rules.check(desk);
  return rules.take();
}

}  // namespace deskd::policy
