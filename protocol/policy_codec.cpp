// policy_codec.cpp - See policy_codec.hpp.
#include "protocol/policy_codec.hpp"

#include <charconv>

#include "protocol/shape_reader.hpp"
#include "protocol/shape_writer.hpp"

namespace deskd {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
// The greatest first, so that a length is written in the greatest unit that holds it whole.
constexpr std::array units{Unit{"h", 3'600'000}, Unit{"min", 60'000}, Unit{"s", 1000}, Unit{"ms", 1}};

// Any length that a policy may hold is far below; more would only overflow.
constexpr std::int64_t length_ms_max{std::int64_t{366} * 24 * 3'600'000};

// "HH:MM" at the front of `text`, which loses it. Hours go on after 23, for spans that pass midnight.
std::optional<std::int32_t> take_minutes(std::string_view& text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() < 5 || !digit(0) || !digit(1) || text[2] != ':' || !digit(3) || !digit(4) || text[3] > '5')
    return std::nullopt;
  const std::int32_t minutes = ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
  text.remove_prefix(5);
  return minutes;
}

void put_minutes(json::Output& out, std::int32_t minutes) {
  const auto two = [&](std::int32_t number) {
    out.raw(static_cast<char>('0' + number / 10 % 10));
    out.raw(static_cast<char>('0' + number % 10));
  };
  two(minutes / 60);
  out.raw(':');
  two(minutes % 60);
}

}  // namespace

template <>
struct Spelling<Duration> {
  static constexpr std::string_view wanted{R"(a length of time is wanted, like "250ms", "30s", "5min" or "2h")"};
  static void write(json::Output& out, Duration length) {
    out.raw('"');
    for (const Unit& unit : units) {
      if (unit.ms != 1 && (length.count() == 0 ? unit.name != "s" : length.count() % unit.ms != 0)) continue;
      out.number(length.count() / unit.ms);
      out.raw(unit.name);
      break;
    }
    out.raw('"');
  }
  static std::optional<Duration> read(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0) return std::nullopt;
    const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const Unit& unit : units)
      if (unit.name == name && number <= length_ms_max / unit.ms) return Duration{number * unit.ms};
    return std::nullopt;
  }
};

template <>
struct Spelling<policy::Span> {
  static constexpr std::string_view wanted{
      R"(open hours are wanted, like "09:00-23:30", or "20:00-26:00" past midnight)"};
  static void write(json::Output& out, const policy::Span& span) {
    out.raw('"');
    put_minutes(out, span.from_min);
    out.raw('-');
    put_minutes(out, span.to_min);
    out.raw('"');
  }
  static std::optional<policy::Span> read(std::string_view text) {
    const auto from = take_minutes(text);
    if (!from || text.empty() || text.front() != '-') return std::nullopt;
    text.remove_prefix(1);
    const auto to = take_minutes(text);
    if (!to || !text.empty()) return std::nullopt;
    return policy::Span{*from, *to};
  }
};

template <>
struct Spelling<policy::Algorithm> {
  static constexpr std::string_view wanted{R"("hs256" or "eddsa" is wanted)"};
  static void write(json::Output& out, policy::Algorithm algorithm) {
    out.raw(algorithm == policy::Algorithm::hs256 ? R"("hs256")" : R"("eddsa")");
  }
  static std::optional<policy::Algorithm> read(std::string_view text) {
    if (text == "hs256") return policy::Algorithm::hs256;
    if (text == "eddsa") return policy::Algorithm::eddsa;
    return std::nullopt;
  }
};

template <>
struct Shape<policy::Key> {
  using T = policy::Key;
  static constexpr auto fields =
      std::tuple{need("kid", &T::kid), need("algorithm", &T::algorithm), need("file", &T::file)};
};
template <>
struct Shape<policy::Holiday> {
  using T = policy::Holiday;
  static constexpr auto fields = std::tuple{need("date", &T::date), may("open", &T::open)};
};
template <>
struct Shape<policy::Calendar> {
  using T = policy::Calendar;
  static constexpr auto fields =
      std::tuple{need("name", &T::name), may("zone", &T::zone), may("week", &T::week), may("holidays", &T::holidays)};
};
template <>
struct Shape<policy::Level> {
  using T = policy::Level;
  static constexpr auto fields = std::tuple{need("name", &T::name), may("priority_s", &T::priority_s)};
};
template <>
struct Shape<policy::Shop> {
  using T = policy::Shop;
  static constexpr auto fields =
      std::tuple{need("name", &T::name),        may("title", &T::title),       may("origins", &T::origins),
                 may("issuer", &T::issuer),     may("keys", &T::keys),         may("levels", &T::levels),
                 may("calendar", &T::calendar), may("greeting", &T::greeting), may("locale", &T::locale)};
};
template <>
struct Shape<policy::Steps> {
  using T = policy::Steps;
  static constexpr auto fields = std::tuple{may("target", &T::target), may("limit", &T::limit),
                                            may("reminder", &T::reminder), may("breach", &T::breach)};
};
template <>
struct Shape<policy::Relax> {
  using T = policy::Relax;
  static constexpr auto fields = std::tuple{need("after", &T::after), need("skill", &T::skill)};
};
template <>
struct Shape<policy::Overflow> {
  using T = policy::Overflow;
  static constexpr auto fields = std::tuple{need("after", &T::after), need("queue", &T::queue)};
};
template <>
struct Shape<policy::Queue> {
  using T = policy::Queue;
  static constexpr auto fields = std::tuple{need("name", &T::name),
                                            may("shops", &T::shops),
                                            may("skills", &T::skills),
                                            may("relax", &T::relax),
                                            may("overflow", &T::overflow),
                                            may("priority_s", &T::priority_s),
                                            may("breached_priority_s", &T::breached_priority_s),
                                            may("auto_accept", &T::auto_accept),
                                            may("seat_visitors", &T::seat_visitors),
                                            may("reservation", &T::reservation),
                                            may("offers_unanswered_max", &T::offers_unanswered_max),
                                            may("wrap_up", &T::wrap_up),
                                            may("quiet_after", &T::quiet_after),
                                            may("quiet_weight", &T::quiet_weight),
                                            may("first_response", &T::first_response),
                                            may("next_response", &T::next_response),
                                            may("queue_wait", &T::queue_wait),
                                            may("ask_beyond", &T::ask_beyond),
                                            may("queue_max", &T::queue_max),
                                            may("kept_back_pct", &T::kept_back_pct),
                                            may("idle_close", &T::idle_close),
                                            may("left_unanswered", &T::left_unanswered),
                                            may("wanted_agent_wait", &T::wanted_agent_wait),
                                            may("left_message_answer", &T::left_message_answer),
                                            may("left_message_share_pct", &T::left_message_share_pct),
                                            may("complaint_answer", &T::complaint_answer)};
};
template <>
struct Shape<policy::Agent> {
  using T = policy::Agent;
  static constexpr auto fields = std::tuple{
      need("name", &T::name),    may("title", &T::title),       may("role", &T::role),        may("queues", &T::queues),
      may("skills", &T::skills), may("capacity", &T::capacity), may("held_max", &T::held_max)};
};
template <>
struct Shape<policy::Desk> {
  using T = policy::Desk;
  static constexpr auto fields = std::tuple{may("version", &T::version),
                                            need("name", &T::name),
                                            may("calendars", &T::calendars),
                                            may("shops", &T::shops),
                                            may("queues", &T::queues),
                                            may("agents", &T::agents),
                                            may("staff_keys", &T::staff_keys),
                                            may("staff_issuer", &T::staff_issuer),
                                            may("agent_grace", &T::agent_grace),
                                            may("agent_grace_waiting", &T::agent_grace_waiting),
                                            may("buyer_grace", &T::buyer_grace),
                                            may("buyer_gone", &T::buyer_gone),
                                            may("reopen_within", &T::reopen_within),
                                            may("recall_within", &T::recall_within),
                                            may("surge_automatic", &T::surge_automatic)};
};

namespace policy {

std::variant<Desk, Problem> decode(std::string_view json) {
  if (json.size() > policy_bytes_max) return Problem{"", "the policy is longer than 8 MiB"};
  simdjson::dom::parser parser{policy_bytes_max};
  simdjson::dom::object object;
  // Copied by the parser; this is no hot path.
  const simdjson::padded_string text{json};
  if (parser.allocate(text.size() + 1, depth_max) != simdjson::SUCCESS) return Problem{"", "no memory for it"};
  if (const auto error = parser.parse(text).get(object); error != simdjson::SUCCESS)
    return Problem{"", std::string{"not one JSON object within the limits: "} + simdjson::error_message(error)};
  std::tuple<> nothing;
  ShapeReader reader{ShapeReader<std::tuple<>>::Strangers::refused, true, nothing};
  Desk desk;
  if (!reader.read_object(object, desk)) return Problem{reader.fault().path, std::string{reader.fault().message}};
  return desk;
}

std::string encode(const Desk& desk) {
  std::string text;
  {
    json::Output out{text};
    ShapeWriter{out, ShapeWriter::Silence::said}.write(desk);
  }
  return text;
}

}  // namespace policy
}  // namespace deskd
