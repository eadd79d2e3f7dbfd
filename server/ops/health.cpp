// health.cpp - See health.hpp.
#include "server/ops/health.hpp"

#include <string_view>

#include "protocol/json.hpp"

namespace deskd {
namespace {

struct Number {
  std::string_view name;
  std::int64_t value;
};

void append(std::string& out, std::string_view name, bool ok, std::initializer_list<Number> numbers) {
  json::append_text(out, name);
  out += ok ? R"(:{"ok":true)" : R"(:{"ok":false)";
  for (const Number& number : numbers) {
    out += ',';
    json::append_text(out, number.name);
    out += ':';
    json::append_number(out, number.value);
  }
  out += '}';
}

void append_loop(std::string& out, const Health& health) {
  append(out, "loop", health.alive(), {{"silent_ms", health.loop_silent.count()}});
}

}  // namespace

std::string readiness(const Health& health) {
  std::string out{R"({"status":)"};
  json::append_text(out, health.degraded() ? "degraded" : health.ready() ? "ready" : "not_ready");
  out += R"(,"checks":{)";
  append_loop(out, health);
  out += ',';
  append(out, "database", health.database,
         {{"lasting_ms", health.database_lasting.count()},
          {"backlog_bytes", static_cast<std::int64_t>(health.backlog_bytes)}});
  out += ',';
  append(out, "desks", health.desks_owned == health.desks_wanted,
         {{"owned", static_cast<std::int64_t>(health.desks_owned)},
          {"wanted", static_cast<std::int64_t>(health.desks_wanted)}});
  out += ',';
  append(out, "draining", !health.draining, {});
  return out += "}}";
}

std::string liveness(const Health& health) {
  std::string out{R"({"status":)"};
  json::append_text(out, health.alive() ? "alive" : "stuck");
  out += R"(,"checks":{)";
  append_loop(out, health);
  return out += "}}";
}

}  // namespace deskd
