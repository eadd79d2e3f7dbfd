// admin.cpp - See admin.hpp.
#include "server/ops/admin.hpp"

#include <charconv>
#include <utility>

#include "protocol/admin_codec.hpp"
#include "protocol/json.hpp"
#include "protocol/policy_codec.hpp"
#include "protocol/policy_rules.hpp"

namespace deskd {

namespace {

constexpr std::string_view desks_path{"/admin/v1/desks"};

Admin::Answer refused(unsigned status, std::string_view error, std::string_view message) {
  return {status, "application/json", admin::refusal(error, message)};
}

Admin::Answer refused(const Refusal& refusal) {
  const bool conflict = refusal.code == Code::stale_policy || refusal.code == Code::in_use;
  const unsigned status = conflict ? 409 : refusal.code == Code::bad_policy ? 422 : 503;
  return refused(status, name_of(refusal.code), refusal.message);
}

Admin::Answer no_such(std::string_view what) { return refused(404, "not_found", what); }

Admin::Answer number(std::string_view name, std::int64_t value) {
  Admin::Answer answer{200, "application/json", "{"};
  json::append_text(answer.body, name);
  answer.body += ':';
  json::append_number(answer.body, value);
  answer.body += '}';
  return answer;
}

Admin::Answer listed(const std::vector<DeskListed>& desks) {
  Admin::Answer answer{200, "application/json", R"({"desks":[)"};
  std::string& out = answer.body;
  for (const DeskListed& desk : desks) {
    if (out.back() == '}') out += ',';
    out += R"({"name":)";
    json::append_text(out, desk.name);
    out += R"(,"epoch":)";
    json::append_number(out, desk.epoch.value);
    out += R"(,"version":)";
    json::append_number(out, desk.version);
    out += R"(,"shops":[)";
    for (const std::string& shop : desk.shops) {
      if (out.back() == '"') out += ',';
      json::append_text(out, shop);
    }
    out += "]}";
  }
  out += "]}";
  return answer;
}

Admin::Answer explained(ChatId chat, const std::string& explanation) {
  Admin::Answer answer{200, "application/json", R"({"chat":)"};
  json::append_text(answer.body, std::to_string(chat.value));
  answer.body += R"(,"explanation":)";
  // An object where there was something to weigh, a word where there was not.
  if (explanation.starts_with('{')) {
    answer.body += explanation;
  } else {
    json::append_text(answer.body, explanation);
  }
  answer.body += '}';
  return answer;
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

void Admin::answer(const Request& request, Reply reply) {
  const bool get = request.method == "GET";
  if (request.path == "/livez" || request.path == "/readyz" || request.path == "/metrics") {
    if (!get) return reply(refused(405, "method_not_allowed", "GET is wanted"));
    if (request.path == "/metrics")
      return desks_.scrape([reply = std::move(reply)](const Scrape& scrape) {
        reply({200, "text/plain; version=0.0.4; charset=utf-8", scrape.text()});
      });
    const Health health = desks_.health();
    if (request.path == "/livez") return reply({health.alive() ? 200U : 503U, "application/json", liveness(health)});
    return reply({health.ready() ? 200U : 503U, "application/json", readiness(health)});
  }
  if (!request.path.starts_with("/admin/")) return reply(no_such("no such address"));
  constexpr std::string_view bearer{"Bearer "};
  const std::string_view word = request.authorization;
  if (!word.starts_with(bearer) || !opens_(word.substr(bearer.size())))
    return reply(refused(401, "unauthorized", "the word of admin_key_file is wanted"));
  std::string_view path = request.path;
  if (path == desks_path) {
    if (!get) return reply(refused(405, "method_not_allowed", "GET is wanted"));
    return desks_.list([reply = std::move(reply)](const std::vector<DeskListed>& desks) { reply(listed(desks)); });
  }
  if (!path.starts_with(desks_path) || path[desks_path.size()] != '/') return reply(no_such("no such address"));
  path.remove_prefix(desks_path.size() + 1);
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return reply(no_such("no such address"));
  answer_desk(request, path.substr(0, slash), path.substr(slash + 1), std::move(reply));
}

void Admin::answer_desk(const Request& request, std::string_view desk, std::string_view rest, Reply reply) {
  const auto unless_method = [&](std::string_view method) {
    if (request.method != method) reply(refused(405, "method_not_allowed", std::string{method} + " is wanted"));
    return request.method == method;
  };
  if (rest == "policy") {
    if (request.method == "PUT") return put_policy(request, desk, std::move(reply));
    if (!unless_method("GET")) return;
    return desks_.policy(desk, [reply = std::move(reply)](const std::shared_ptr<const policy::Desk>& policy) {
      if (policy == nullptr) return reply(no_such("this server does not serve such a desk"));
      reply({200, "application/json", policy::encode(*policy)});
    });
  }
  if (rest == "revoke") {
    if (!unless_method("POST")) return;
    const auto read = admin::read_revocation(request.body);
    if (const auto* wrong = std::get_if<std::string>(&read)) return reply(refused(400, "bad_message", *wrong));
    return desks_.revoke(
        desk, std::get<admin::Revocation>(read), [reply = std::move(reply)](const std::optional<SentAway>& done) {
          if (!done) return reply(no_such("this server does not serve such a desk"));
          reply(done->stored ? number("sessions", done->sessions)
                             : refused({Code::storage_behind,
                                        "in force here, and not stored yet: say it again when the database is back"}));
        });
  }
  constexpr std::string_view chats{"chats/"};
  constexpr std::string_view candidates{"/candidates"};
  const bool all = rest.ends_with(candidates);
  const std::string_view question = all ? candidates : "/explain";
  if (rest.starts_with(chats) && rest.ends_with(question) && rest.size() > chats.size() + question.size()) {
    if (!unless_method("GET")) return;
    const auto id = whole(rest.substr(chats.size(), rest.size() - chats.size() - question.size()));
    if (!id || *id == 0) return reply(refused(400, "bad_message", "a chat's id is wanted"));
    const ChatId chat{*id};
    return desks_.explain(desk, chat, all, [reply = std::move(reply), chat, all](const auto& said) {
      if (!said || said->empty())
        return reply(no_such(all ? "the chat does not wait at this desk" : "the desk does not hold this chat"));
      reply(all ? Answer{200, "text/plain; charset=utf-8", *said} : explained(chat, *said));
    });
  }
  reply(no_such("no such address"));
}

void Admin::put_policy(const Request& request, std::string_view desk, Reply reply) {
  auto read = policy::decode(request.body);
  if (const auto* problem = std::get_if<policy::Problem>(&read))
    return reply(refused({Code::bad_policy, problem->text()}));
  auto newer = std::make_shared<policy::Desk>(std::get<policy::Desk>(std::move(read)));
  std::string problems;
  for (const policy::Problem& problem : policy::validate(*newer))
    (problems += problems.empty() ? "" : "; ") += problem.text();
  if (newer->name != desk) problems = "name: is not that of the desk";
  if (!problems.empty()) return reply(refused({Code::bad_policy, problems}));

  // What it started from stands in the address, or in the policy itself as it was read from here.
  constexpr std::string_view from{"from="};
  std::optional<std::int64_t> base = newer->version;
  if (request.query.starts_with(from)) base = whole(std::string_view{request.query}.substr(from.size()));
  if (!base) return reply(refused(400, "bad_message", "from: a version is wanted"));
  newer->version = *base + 1;
  desks_.policy(desk, [this, newer, base = *base,
                       reply = std::move(reply)](const std::shared_ptr<const policy::Desk>& now) mutable {
    if (now == nullptr && base != 0) return reply(no_such("this server does not serve such a desk"));
    if (now != nullptr && now->version != base)
      return reply(refused({Code::stale_policy, "version " + std::to_string(now->version) + " is in force"}));
    const std::string name = newer->name;
    desks_.put_policy(name, std::move(newer),
                      [reply = std::move(reply)](const std::variant<std::int64_t, Refusal>& put) {
                        reply(std::holds_alternative<Refusal>(put) ? refused(std::get<Refusal>(put))
                                                                   : number("version", std::get<std::int64_t>(put)));
                      });
  });
}

}  // namespace deskd
