#include "tests/scenario/script.hpp"

#include <algorithm>
#include <charconv>

#include "server/desk/limits.hpp"
#include "tests/support/desk_builder.hpp"

namespace deskd::scenario {

namespace {

bool read_number(std::string_view text, std::int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool read_duration(std::string_view text, Duration& out) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  const std::int64_t ms = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "min" ? 60'000 : unit == "h" ? 3'600'000 : 0;
  out = Duration{number * ms};
  return ms != 0;
}

std::vector<std::string> names(std::string_view text) {
  std::vector<std::string> all;
  for (std::string& name : split(text, ','))
    if (!name.empty()) all.push_back(std::move(name));
  return all;
}

template <class T>
T& named(std::vector<T>& rows, const std::string& name) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const T& row) { return row.name == name; });
  if (found != rows.end()) return *found;
  rows.emplace_back().name = name;
  return rows.back();
}

// "after:skill,after:skill"
template <class Step, class Member>
bool read_steps(std::string_view text, std::vector<Step>& steps, Member Step::*member) {
  steps.clear();
  for (const std::string& each : names(text)) {
    const std::size_t colon = each.find(':');
    if (colon == std::string::npos) return false;
    Step& step = steps.emplace_back();
    if (!read_duration(each.substr(0, colon), step.after)) return false;
    step.*member = each.substr(colon + 1);
  }
  return true;
}

bool set(policy::Queue& queue, std::string_view key, std::string_view value) {
  std::int64_t number = 0;
  const auto duration = [&](Duration& out) { return read_duration(value, out); };
  const auto integer = [&](std::int32_t& out) {
    if (!read_number(value, number)) return false;
    out = static_cast<std::int32_t>(number);
    return true;
  };
  const auto yes = [&](bool& out) {
    out = value == "yes";
    return out || value == "no";
  };
  if (key == "shops") return queue.shops = names(value), true;
  if (key == "skills") return queue.skills = names(value), true;
  if (key == "relax") return read_steps(value, queue.relax, &policy::Relax::skill);
  if (key == "overflow") return read_steps(value, queue.overflow, &policy::Overflow::queue);
  if (key == "priority_s") return integer(queue.priority_s);
  if (key == "breached_priority_s") return integer(queue.breached_priority_s);
  if (key == "auto_accept") return yes(queue.auto_accept);
  if (key == "seat_visitors") return yes(queue.seat_visitors);
  if (key == "reservation") return duration(queue.reservation);
  if (key == "offers_unanswered_max") return integer(queue.offers_unanswered_max);
  if (key == "wrap_up") return duration(queue.wrap_up);
  if (key == "quiet_after") return duration(queue.quiet_after);
  if (key == "quiet_weight") return integer(queue.quiet_weight);
  if (key == "queue_wait") return duration(queue.queue_wait);
  if (key == "ask_beyond") return duration(queue.ask_beyond);
  if (key == "queue_max") return integer(queue.queue_max);
  if (key == "kept_back_pct") return integer(queue.kept_back_pct);
  if (key == "idle_close") return duration(queue.idle_close);
  if (key == "left_unanswered") return duration(queue.left_unanswered);
  if (key == "wanted_agent_wait") return duration(queue.wanted_agent_wait);
  if (key == "left_message_answer") return duration(queue.left_message_answer);
  if (key == "left_message_share_pct") return integer(queue.left_message_share_pct);
  if (key == "complaint_answer") return duration(queue.complaint_answer);
  if (key == "breach") return duration(queue.first_response.breach) && duration(queue.next_response.breach);
  return false;
}

bool set(policy::Agent& agent, std::string_view key, std::string_view value) {
  std::int64_t number = 0;
  if (key == "queues") return agent.queues = names(value), true;
  if (key == "skills") return agent.skills = names(value), true;
  if (key == "title") return agent.title = value, true;
  if (key == "role") {
    const auto role = from_word<Role>(value);
    if (role) agent.role = *role;
    return role.has_value();
  }
  if (!read_number(value, number)) return false;
  if (key == "capacity") return agent.capacity = static_cast<std::int32_t>(number), true;
  if (key == "held_max") return agent.held_max = static_cast<std::int32_t>(number), true;
  return false;
}

bool set(policy::Shop& shop, std::string_view key, std::string_view value) {
  if (key == "title") return shop.title = value, true;
  if (key == "calendar") return shop.calendar = value, true;
  if (key == "greeting") return shop.greeting = value, true;
  if (key == "level") {  // "vip:120"
    const std::size_t colon = value.find(':');
    std::int64_t number = 0;
    if (colon == std::string_view::npos || !read_number(value.substr(colon + 1), number)) return false;
    return named(shop.levels, std::string{value.substr(0, colon)}).priority_s = static_cast<std::int32_t>(number), true;
  }
  return false;
}

// The same hours every day, "09:00-18:00", in UTC.
bool set(policy::Calendar& calendar, std::string_view key, std::string_view value) {
  if (key != "open") return false;
  const std::size_t dash = value.find('-');
  Duration from, to;
  if (dash == std::string_view::npos || !read_time(value.substr(0, dash), from) ||
      !read_time(value.substr(dash + 1), to)) {
    return false;
  }
  // What read_time takes for minutes and seconds are hours and minutes here.
  const auto minutes = [](Duration time) { return static_cast<std::int32_t>(time.count() / 1000); };
  calendar.week.assign(7, {policy::Span{minutes(from), minutes(to)}});
  calendar.offsets = {policy::Offset{0, 0}};
  return true;
}

bool set(policy::Desk& desk, std::string_view key, std::string_view value) {
  if (key == "surge_automatic") return desk.surge_automatic = value == "yes", true;
  Duration duration;
  if (!read_duration(value, duration)) return false;
  if (key == "agent_grace") return desk.agent_grace = duration, true;
  if (key == "agent_grace_waiting") return desk.agent_grace_waiting = duration, true;
  if (key == "buyer_grace") return desk.buyer_grace = duration, true;
  if (key == "buyer_gone") return desk.buyer_gone = duration, true;
  if (key == "reopen_within") return desk.reopen_within = duration, true;
  if (key == "recall_within") return desk.recall_within = duration, true;
  return false;
}

template <class T>
std::string set_all(T& row, const std::vector<std::string>& words, std::size_t from) {
  for (std::size_t i = from; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (equals == std::string::npos) return "not key=value: " + words[i];
    std::string value = words[i].substr(equals + 1);
    if (value.size() > 1 && value.front() == '"') value = value.substr(1, value.size() - 2);
    if (!set(row, words[i].substr(0, equals), value)) return "not understood: " + words[i];
  }
  return {};
}

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> all;
  std::string one;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (c == by && !quoted) {
      if (by != ' ' || !one.empty()) all.push_back(std::move(one));
      one.clear();
      continue;
    }
    one += c;
  }
  if (by != ' ' || !one.empty()) all.push_back(std::move(one));
  return all;
}

bool read_time(std::string_view text, Duration& out) {
  std::int64_t ms = 0;
  if (const std::size_t dot = text.find('.'); dot != std::string_view::npos) {
    if (text.size() - dot != 4 || !read_number(text.substr(dot + 1), ms)) return false;
    text = text.substr(0, dot);
  }
  std::int64_t seconds = 0;
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3) return false;
  for (const std::string& part : parts) {
    std::int64_t number = 0;
    if (!read_number(part, number)) return false;
    seconds = seconds * 60 + number;
  }
  out = Duration{seconds * 1000 + ms};
  return true;
}

std::string change(policy::Desk& policy, std::string_view line) {
  const std::vector<std::string> words = split(line, ' ');
  if (words.empty()) return "empty";
  if (words[0] == "desk") return set_all(policy, words, 1);
  if (words.size() < 2) return "a name is missing: " + std::string{line};
  if (words[0] == "shop") return set_all(named(policy.shops, words[1]), words, 2);
  if (words[0] == "calendar") return set_all(named(policy.calendars, words[1]), words, 2);
  if (words[0] == "queue") return set_all(named(policy.queues, words[1]), words, 2);
  if (words[0] == "agent") {
    policy::Agent& agent = named(policy.agents, words[1]);
    if (agent.title.empty()) agent.title = "Agent " + agent.name;
    if (agent.queues.empty() && agent.role != Role::ops)
      for (const policy::Queue& queue : policy.queues) agent.queues.push_back(queue.name);
    return set_all(agent, words, 2);
  }
  return "not a row of a policy: " + std::string{line};
}

Script read(std::string_view text) {
  Script script;
  script.policy = a_desk();
  script.policy.surge_automatic = false;
  script.backlog_bytes_max = limits::backlog_bytes_max;
  script.starts = std::chrono::hours{10};
  bool in_policy = false;
  int number = 0;
  const auto wrong = [&](const std::string& what) {
    if (script.wrong.empty()) script.wrong = "line " + std::to_string(number) + ": " + what;
  };
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.empty() || line.front() == '#') {
      if (line.empty()) in_policy = false;
      continue;
    }
    if (line == "policy") {
      in_policy = true;
      continue;
    }
    if (in_policy) {
      const std::vector<std::string> words = split(line, ' ');
      if (words[0] == "backlog") {
        std::int64_t bytes = 0;
        if (words.size() != 2 || !read_number(words[1], bytes)) wrong("backlog BYTES");
        script.backlog_bytes_max = static_cast<std::size_t>(bytes);
      } else if (words[0] == "starts") {
        Duration time;
        if (words.size() != 2 || !read_time(words[1] + ":00", time)) wrong("starts HH:MM");
        script.starts = time;
      } else if (const std::string what = change(script.policy, line); !what.empty()) {
        wrong(what);
      }
      continue;
    }
    const std::vector<std::string> cells = split(line, '|');
    if (cells.size() != 4) {
      wrong("a row has four cells: time | who | does | follows");
      continue;
    }
    const std::string_view time = trim(cells[0]), who = trim(cells[1]), does = trim(cells[2]);
    if (time == "time") continue;
    if (!time.empty() || !who.empty() || !does.empty()) {
      Row& row = script.rows.emplace_back();
      row.line = number;
      row.who = who;
      row.does = does;
      if (time.empty()) {
        if (script.rows.size() > 1) row.at = script.rows[script.rows.size() - 2].at;
      } else if (!read_time(time, row.at)) {
        wrong("not a time: " + std::string{time});
      }
    }
    if (script.rows.empty()) {
      wrong("nothing happens before this");
      continue;
    }
    for (const std::string& each : split(cells[3], ';'))
      if (!trim(each).empty()) script.rows.back().follows.emplace_back(trim(each));
  }
  if (script.rows.empty()) wrong("nothing happens");
  for (std::size_t i = 0; i < script.rows.size(); ++i) {
    script.rows[i].ends_moment = i + 1 == script.rows.size() || script.rows[i + 1].at > script.rows[i].at;
  }
  return script;
}

}  // namespace deskd::scenario
