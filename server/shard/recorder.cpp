#include "server/shard/recorder.hpp"

#include <simdjson.h>

#include <charconv>
#include <functional>
#include <istream>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

#include "protocol/codec.hpp"
#include "protocol/message_shapes.hpp"
#include "protocol/policy_codec.hpp"
#include "protocol/policy_rules.hpp"
#include "protocol/shape_reader.hpp"
#include "protocol/shape_writer.hpp"
#include "server/shard/candidate_table.hpp"

// What events and records look like in a recording. The wire's messages have their shapes already.
namespace deskd {

template <>
struct Shape<event::SessionOpened> {
  using T = event::SessionOpened;
  static constexpr auto fields = std::tuple{need("session", &T::session), need("role", &T::role),
                                            may("person", &T::person), may("shop", &T::shop), may("level", &T::level)};
};
template <>
struct Shape<event::Identified> {
  using T = event::Identified;
  static constexpr auto fields = std::tuple{may("shop", &T::shop), may("guest", &T::guest), may("buyer", &T::buyer),
                                            need("session", &T::session), may("level", &T::level)};
};
template <>
struct Shape<event::Revoked> {
  using T = event::Revoked;
  static constexpr auto fields =
      std::tuple{need("role", &T::role), may("shop", &T::shop), may("person", &T::person), may("lifted", &T::lifted)};
};
template <>
struct Shape<stored::Line> {
  using T = stored::Line;
  static constexpr auto fields = std::tuple{
      may("stream", &T::stream), need("seq", &T::seq),      need("at", &T::at), need("origin", &T::origin),
      need("kind", &T::kind),    may("person", &T::person), may("id", &T::id),  may("reply_to", &T::reply_to),
      may("reason", &T::reason), may("text", &T::text)};
};
template <>
struct Shape<stored::Clock> {
  using T = stored::Clock;
  static constexpr auto fields = std::tuple{need("clock", &T::clock), need("ordinal", &T::ordinal), may("at", &T::at)};
};
template <>
struct Shape<stored::Agent> {
  using T = stored::Agent;
  static constexpr auto fields = std::tuple{need("agent", &T::agent),
                                            need("status", &T::status),
                                            need("reason", &T::reason),
                                            need("since", &T::since),
                                            may("adjusted_under", &T::adjusted_under),
                                            may("capacity", &T::capacity),
                                            may("queues", &T::queues)};
};
template <>
struct Shape<stored::Surge> {
  using T = stored::Surge;
  static constexpr auto fields = std::tuple{may("on", &T::on), may("by", &T::by)};
};
// A chat as routing left it, written or read back.
template <class T>
constexpr auto routing_fields() {
  return std::tuple{need("chat", &T::chat),
                    may("shop", &T::shop),
                    may("buyer", &T::buyer),
                    may("queue", &T::queue),
                    may("agent", &T::agent),
                    may("wanted", &T::wanted),
                    may("guest", &T::guest),
                    may("level", &T::level),
                    need("place", &T::place),
                    may("opened", &T::opened),
                    may("queued", &T::queued),
                    may("lined_up", &T::lined_up),
                    may("placed", &T::placed),
                    may("answered_first", &T::answered_first),
                    may("priority_s", &T::priority_s),
                    may("policy_version", &T::policy_version),
                    may("reason", &T::reason),
                    may("excused", &T::excused),
                    may("skills", &T::skills),
                    may("closed", &T::closed),
                    may("left_since", &T::left_since),
                    may("told", &T::told),
                    may("asked", &T::asked)};
}
// Without its deeds, which are variants: they stand behind it.
template <>
struct Shape<stored::Chat> {
  using T = stored::Chat;
  static constexpr auto fields =
      std::tuple_cat(routing_fields<T>(), std::tuple{may("lines", &T::lines), may("fired", &T::fired)});
};

template <>
struct Shape<record::Line> {
  using T = record::Line;
  static constexpr auto fields = std::tuple{
      need("chat", &T::chat),        may("stream", &T::stream), need("seq", &T::seq),      need("at", &T::at),
      need("origin", &T::origin),    need("kind", &T::kind),    may("person", &T::person), may("id", &T::id),
      may("reply_to", &T::reply_to), may("reason", &T::reason), may("text", &T::text)};
};
template <>
struct Shape<record::Fact> {
  using T = record::Fact;
  static constexpr auto fields = std::tuple{
      may("chat", &T::chat),       need("at", &T::at),        need("kind", &T::kind),   may("reason", &T::reason),
      may("shop", &T::shop),       may("queue", &T::queue),   may("agent", &T::agent),  need("clock", &T::clock),
      may("ordinal", &T::ordinal), may("number", &T::number), may("detail", &T::detail)};
};
template <>
struct Shape<record::Chat> {
  static constexpr auto fields = routing_fields<record::Chat>();
};
template <>
struct Shape<effect::ReadHistory> {
  using T = effect::ReadHistory;
  static constexpr auto fields =
      std::tuple{need("session", &T::session), may("id", &T::id),         may("shop", &T::shop),
                 may("buyer", &T::buyer),      may("before", &T::before), may("before_seq", &T::before_seq)};
};
template <>
struct Shape<effect::ReadLines> {
  using T = effect::ReadLines;
  static constexpr auto fields =
      std::tuple{need("session", &T::session), need("chat", &T::chat), may("stream", &T::stream),
                 may("after", &T::after), may("until", &T::until)};
};
template <>
struct Shape<effect::ReadChat> {
  using T = effect::ReadChat;
  static constexpr auto fields = std::tuple{need("session", &T::session), may("id", &T::id), need("chat", &T::chat),
                                            may("shop", &T::shop), may("buyer", &T::buyer)};
};

namespace {

constexpr std::string_view heading{"deskd-record 1"};

// Puts filler for words; or, when a recording is run again, leaves the filler as it is. Digits stay digits, because a
// corrected quantity must still be one.
class Filler {
 public:
  explicit Filler(bool fills) : fills_{fills}, salt_{fills ? std::random_device{}() : 0} {}

  void fill(std::string& text) const {
    if (!fills_) return;
    std::uint64_t state = std::hash<std::string_view>{}(text) ^ (std::uint64_t{salt_} << 17 | salt_);
    for (char& c : text) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const auto drawn = static_cast<unsigned>(state >> 33);
      c = c >= '0' && c <= '9' ? static_cast<char>('0' + drawn % 10) : static_cast<char>('a' + drawn % 26);
    }
  }
  void fill(std::string_view& text) {
    if (!fills_) return;
    fill(kept_ = text);
    text = kept_;
  }
  void fill(record::Order& order) const {
    for (record::Item& item : order.items)
      for (std::string* text : {&item.article, &item.spec, &item.colour}) fill(*text);
    for (std::string* text :
         {&order.order_no, &order.address, &order.recipient, &order.phone, &order.requests, &order.return_terms})
      fill(*text);
  }
  void fill(record::OrderAnswer& answer) const {
    for (record::Correction& correction : answer.corrections) fill(correction.value);
  }
  void fill(record::Rating& rating) const { fill(rating.text); }

  void fill(Ask& ask) {
    if (auto* say = std::get_if<ask::Say>(&ask)) fill(say->text);
    if (auto* propose = std::get_if<ask::ProposeOrder>(&ask)) fill(propose->order);
    if (auto* answer = std::get_if<ask::AnswerOrder>(&ask)) fill(answer->answer);
    if (auto* rate = std::get_if<ask::Rate>(&ask)) fill(rate->rating);
  }
  // What the policy says and what names a queue or an agent are no words of anybody's.
  template <class Line>
  void fill_line(Line& line) {
    const bool by_hand = line.origin == Origin::buyer || line.origin == Origin::human || line.origin == Origin::assist;
    if (by_hand && line.kind == LineKind::words) fill(line.text);
  }
  void fill(tell::Line& line) {
    fill_line(line);
    if (line.order != nullptr) fill(order_ = *line.order), line.order = &order_;
    if (line.order_answer != nullptr) fill(answer_ = *line.order_answer), line.order_answer = &answer_;
    if (line.rating != nullptr) fill(rating_ = *line.rating), line.rating = &rating_;
  }

 private:
  bool fills_;
  std::uint32_t salt_;
  std::string kept_;
  record::Order order_;
  record::OrderAnswer answer_;
  record::Rating rating_;
};

void append(std::string& out, std::int64_t number) { out += std::to_string(number); }
void append(std::string& out, SessionId session) { out += std::to_string(session.value); }

template <class Struct>
void append_json(std::string& out, const Struct& value) {
  json::Output to{out};
  ShapeWriter{to}.write(value);
}

// Events as text.
class EventText {
 public:
  EventText(Filler& filler, std::string& out) : filler_{filler}, out_{out} {}

  void operator()(const event::SessionOpened& event) { json("session_opened", event); }
  void operator()(const event::SessionClosed& event) { out_ += "session_closed ", append(out_, event.session); }
  void operator()(const event::Heard& event) {
    out_ += "heard ";
    append(out_, event.session);
    out_ += ' ';
    Ask ask = event.ask;
    filler_.fill(ask);
    encode(ask, out_);
  }
  void operator()(const event::Identified& event) { json("identified", event); }
  void operator()(const event::Durable& event) { out_ += "durable ", append(out_, event.position.value); }
  void operator()(const event::Refused& event) { out_ += "refused ", append(out_, event.position.value); }
  void operator()(const event::PolicyChanged& event) { policy("policy_changed", *event.policy); }
  void operator()(const event::WallOffset& event) { out_ += "wall_offset ", append(out_, event.offset_ms); }
  void operator()(const event::Revoked& event) { json("revoked", event); }
  void operator()(const event::Drain&) { out_ += "drain "; }
  void operator()(const event::Tick&) { out_ += "tick "; }
  void operator()(const event::RecoveredPolicy& event) { policy("recovered_policy", *event.policy); }
  void operator()(const event::RecoveryDone& event) { out_ += "recovery_done ", append(out_, event.position.value); }
  void operator()(const event::RecoveredAgent& event) { json("recovered_agent", event); }
  void operator()(const event::RecoveredSurge& event) { json("recovered_surge", event); }
  void operator()(const event::RecoveredChat& event) {
    event::RecoveredChat chat = event;
    for (stored::Line& line : chat.lines) filler_.fill_line(line);
    json("recovered_chat", chat);
    for (stored::Deed& deed : chat.deeds)
      std::visit(
          [&](auto& body) {
            filler_.fill(body);
            out_ += '\t';
            out_ += std::to_string(deed.body.index()) + " " + std::to_string(deed.seq.value) + " ";
            append_json(out_, body);
          },
          deed.body);
  }

  // The offsets of its calendars are not in a policy's JSON.
  void policy(std::string_view kind, const policy::Desk& policy) {
    out_ += kind;
    out_ += ' ';
    append(out_, policy.version);
    out_ += '\t';
    out_ += policy::encode(policy);
    for (const policy::Calendar& calendar : policy.calendars) {
      out_ += '\t';
      for (const policy::Offset& offset : calendar.offsets)
        out_ += std::to_string(offset.from_ms) + ":" + std::to_string(offset.offset_s) + ",";
    }
  }

 private:
  template <class Struct>
  void json(std::string_view kind, const Struct& value) {
    out_ += kind;
    out_ += ' ';
    append_json(out_, value);
  }

  Filler& filler_;
  std::string& out_;
};

// Effects as text, a line each.
class EffectText {
 public:
  EffectText(Filler& filler, const Effects& effects, std::string& out)
      : filler_{filler}, effects_{effects}, out_{out} {}

  void operator()(const effect::Send& send) {
    out_ += "  send ";
    for (const SessionId to : effects_.audience(send)) append(out_, to), out_ += ',';
    out_ += ' ';
    if (const auto* line = std::get_if<tell::Line>(&send.message)) {
      tell::Line filled = *line;
      filler_.fill(filled);
      encode(Tell{filled}, out_);
    } else {
      encode(send.message, out_);
    }
  }
  void operator()(const effect::Persist& persist) {
    out_ += "  persist ";
    append(out_, persist.position.value);
    std::visit([this](const auto& body) { record(body); }, persist.body);
  }
  void operator()(const effect::Close& close) {
    out_ += "  close ";
    append(out_, close.session);
    out_ += ' ';
    out_ += name_of(close.code);
  }
  void operator()(const effect::ReadHistory& read) { out_ += "  read_history ", append_json(out_, read); }
  void operator()(const effect::ReadLines& read) { out_ += "  read_lines ", append_json(out_, read); }
  void operator()(const effect::ReadChat& read) { out_ += "  read_chat ", append_json(out_, read); }

 private:
  void record(record::Line line) {
    filler_.fill_line(line);
    out_ += " line ";
    append_json(out_, line);
  }
  void record(const record::Fact& fact) { out_ += " fact ", append_json(out_, fact); }
  void record(const record::Chat& chat) { out_ += " chat ", append_json(out_, chat); }
  void record(const record::Deed& deed) {
    out_ += " deed " + std::to_string(deed.chat.value) + " " + std::to_string(deed.seq.value) + " ";
    std::visit(
        [this](auto body) {
          filler_.fill(body);
          append_json(out_, body);
        },
        deed.body);
  }

  Filler& filler_;
  const Effects& effects_;
  std::string& out_;
};

void append_begin(std::string& out, Filler& filler, DeskId desk, Epoch epoch, const policy::Desk& policy,
                  std::size_t backlog_bytes_max, std::int64_t wall_ms) {
  out += heading;
  for (const std::int64_t number :
       {std::int64_t{desk.value}, epoch.value, static_cast<std::int64_t>(backlog_bytes_max), wall_ms})
    out += " " + std::to_string(number);
  out += '\n';
  EventText{filler, out}.policy("policy", policy);
  out += '\n';
}

void append_event(std::string& out, Filler& filler, Instant now, const Event& event) {
  append(out, ms_of(now));
  out += ' ';
  std::visit(EventText{filler, out}, event);
  out += '\n';
}

std::string effect_lines(Filler& filler, const Effects& effects) {
  std::string out;
  for (const Effect& effect : effects.list()) {
    std::visit(EffectText{filler, effects, out}, effect);
    out += '\n';
  }
  return out;
}

// The way back. Anything that does not read is the file's fault, and said with its line.
class EventReader {
 public:
  Event read(std::string_view kind, std::string_view rest) {
    if (kind == "session_opened") return json<event::SessionOpened>(rest);
    if (kind == "session_closed") return event::SessionClosed{SessionId{number<std::uint64_t>(rest)}};
    if (kind == "heard") return heard(rest);
    if (kind == "identified") return json<event::Identified>(rest);
    if (kind == "durable") return event::Durable{Position{number<std::int64_t>(rest)}};
    if (kind == "refused") return event::Refused{Position{number<std::int64_t>(rest)}};
    if (kind == "policy_changed") return event::PolicyChanged{policy(rest)};
    if (kind == "wall_offset") return event::WallOffset{number<std::int64_t>(rest)};
    if (kind == "revoked") return json<event::Revoked>(rest);
    if (kind == "drain") return event::Drain{};
    if (kind == "tick") return event::Tick{};
    if (kind == "recovered_policy") return event::RecoveredPolicy{policy(rest)};
    if (kind == "recovery_done") return event::RecoveryDone{Position{number<std::int64_t>(rest)}};
    if (kind == "recovered_agent") return json<event::RecoveredAgent>(rest);
    if (kind == "recovered_surge") return json<event::RecoveredSurge>(rest);
    if (kind == "recovered_chat") return recovered(rest);
    throw std::runtime_error{"no event is called " + std::string{kind}};
  }

  std::shared_ptr<const policy::Desk> policy(std::string_view rest) {
    const std::int64_t version = number<std::int64_t>(next(rest, '\t'));
    auto read = policy::decode(next(rest, '\t'));
    if (const auto* problem = std::get_if<policy::Problem>(&read)) throw std::runtime_error{problem->text()};
    auto made = std::make_shared<policy::Desk>(std::get<policy::Desk>(std::move(read)));
    made->version = version;
    // The desk trusts its policy.
    if (const auto problems = policy::validate(*made); !problems.empty())
      throw std::runtime_error{problems.front().text()};
    for (policy::Calendar& calendar : made->calendars) {
      std::string_view offsets = next(rest, '\t');
      while (!offsets.empty()) {
        const std::string_view from = next(offsets, ':');
        calendar.offsets.push_back({number<std::int64_t>(from), number<std::int32_t>(next(offsets, ','))});
      }
    }
    return made;
  }

  static std::string_view next(std::string_view& rest, char end) {
    const std::size_t size = rest.find(end);
    const std::string_view word = rest.substr(0, size);
    rest.remove_prefix(size == std::string_view::npos ? rest.size() : size + 1);
    return word;
  }

  template <class Int>
  static Int number(std::string_view text) {
    Int value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) throw std::runtime_error{"not a number"};
    return value;
  }

 private:
  template <class Struct>
  Struct json(std::string_view text) {
    simdjson::dom::object object;
    if (parser_.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS) throw std::runtime_error{"not JSON"};
    ShapeReader<std::tuple<>> reader{ShapeReader<std::tuple<>>::Strangers::refused, true, kept_};
    Struct value{};
    if (!reader.read_object(object, value)) throw std::runtime_error{reader.fault().text()};
    return value;
  }

  Event heard(std::string_view rest) {
    const SessionId session{number<std::uint64_t>(next(rest, ' '))};
    auto read = decoder_.decode(rest);
    if (const auto* fault = std::get_if<Fault>(&read)) throw std::runtime_error{fault->message};
    return event::Heard{session, std::get<Ask>(std::move(read))};
  }

  Event recovered(std::string_view rest) {
    auto chat = json<event::RecoveredChat>(next(rest, '\t'));
    while (!rest.empty()) {
      std::string_view deed = next(rest, '\t');
      const auto which = number<int>(next(deed, ' '));
      const Seq seq{number<std::uint32_t>(next(deed, ' '))};
      switch (which) {
        case 0: chat.deeds.push_back({seq, json<record::Order>(deed)}); break;
        case 1: chat.deeds.push_back({seq, json<record::OrderAnswer>(deed)}); break;
        case 2: chat.deeds.push_back({seq, json<record::Rating>(deed)}); break;
        default: throw std::runtime_error{"no deed has this number"};
      }
    }
    return chat;
  }

  simdjson::dom::parser parser_;
  std::tuple<> kept_;
  Decoder decoder_;
};

}  // namespace

class Recorder::File {
 public:
  explicit File(const std::string& name) : file_{std::fopen(name.c_str(), "w")} {
    if (file_ == nullptr) throw std::runtime_error{"cannot record to " + name};
  }
  File(const File&) = delete;
  ~File() { std::fclose(file_); }

  // After the first write that fails nothing more is written: half a recording would replay as another desk.
  void write(std::string_view text) {
    if (failed_) return;
    failed_ = std::fwrite(text.data(), 1, text.size(), file_) != text.size();
  }
  // To the kernel, which keeps it when this process does not.
  void flush() { failed_ = failed_ || std::fflush(file_) != 0; }

  Filler filler{true};
  std::string line;

 private:
  std::FILE* file_;
  bool failed_{};
};

Recorder::Recorder(const std::string& folder, const std::string& desk, Epoch epoch)
    : file_{std::make_unique<File>(folder + "/" + desk + "-" + std::to_string(epoch.value) + ".rec")} {}

Recorder::~Recorder() = default;

void Recorder::begin(DeskId desk, Epoch epoch, const policy::Desk& policy, std::size_t backlog_bytes_max,
                     std::int64_t wall_ms) {
  std::string text;
  append_begin(text, file_->filler, desk, epoch, policy, backlog_bytes_max, wall_ms);
  file_->write(text);
}

void Recorder::event(Instant now, const Event& event) {
  file_->line.clear();
  append_event(file_->line, file_->filler, now, event);
  file_->write(file_->line);
  file_->flush();
}

void Recorder::effects(const Effects& effects) { file_->write(effect_lines(file_->filler, effects)); }

namespace {

// One line after the other, and where we are.
class Recording {
 public:
  explicit Recording(std::istream& file) : file_{file} { step(); }
  bool is_over() const { return over_; }
  const std::string& line() const { return line_; }
  std::size_t number() const { return number_; }
  void step() {
    ++number_;
    // The server may have died while it wrote the last line: one without its end does not count.
    over_ = !std::getline(file_, line_) || file_.eof();
  }

  // What the desk was made with; nothing when the file ends before it is said.
  std::optional<DeskOptions> begin() {
    std::string_view first = line_;
    if (over_ && heading.starts_with(first.substr(0, heading.size()))) return std::nullopt;
    if (!first.starts_with(heading)) throw std::runtime_error{"this is no recording"};
    first.remove_prefix(heading.size());
    EventReader::next(first, ' ');
    DeskOptions options;
    options.id = DeskId{EventReader::number<std::int32_t>(EventReader::next(first, ' '))};
    options.epoch = Epoch{EventReader::number<std::int64_t>(EventReader::next(first, ' '))};
    options.backlog_bytes_max = EventReader::number<std::size_t>(EventReader::next(first, ' '));
    options.wall_ms = EventReader::number<std::int64_t>(EventReader::next(first, ' '));
    step();
    if (over_) return std::nullopt;
    std::string_view second = line_;
    if (EventReader::next(second, ' ') != "policy") throw std::runtime_error{"no policy follows"};
    options.policy = events_.policy(second);
    step();
    return options;
  }

  struct Happened {
    Instant at;
    Event event;  // its texts live until the next one is read
  };
  Happened event() {
    event_line_ = line_;
    std::string_view rest = event_line_;
    const Instant at = instant_of(EventReader::number<std::int64_t>(EventReader::next(rest, ' ')));
    if (at < newest_) throw std::runtime_error{"time goes back"};
    newest_ = at;
    const std::string_view kind = EventReader::next(rest, ' ');
    Event event = events_.read(kind, rest);
    step();
    return {at, std::move(event)};
  }

  // The line is one effect of the event before it.
  bool is_effect() const { return !over_ && line_.starts_with("  "); }

 private:
  std::istream& file_;
  std::string line_, event_line_;
  std::size_t number_{};
  bool over_{};
  Instant newest_;
  EventReader events_;
};

// The first effect that is not as recorded; empty when there is none.
std::string compare(Recording& recording, std::string_view got) {
  const auto differ = [&](std::string_view recorded, std::string_view now) {
    return "recorded\n" + std::string{recorded} + "\nnow\n" + std::string{now};
  };
  for (; recording.is_effect(); recording.step())
    if (const std::string_view mine = EventReader::next(got, '\n'); mine != recording.line())
      return differ(recording.line(), mine);
  return got.empty() || recording.is_over() ? std::string{} : differ("(no more effects)", got);
}

}  // namespace

namespace {

// Who was picked for a chat, each time, and from whom; and who there is for it now.
std::string picks_of(const Desk& desk, ChatId chat) {
  std::string text;
  for (const Pick& pick : desk.floor().picks)
    text += time_text(pick.at) + " " + std::string{word_of(pick.kind)} + " to " + std::string{pick.agent} + " by " +
            std::string{word_of(pick.by)} + "\n" + candidate_table(pick.candidates);
  if (const auto candidates = desk.candidates(chat); !candidates.empty())
    text += time_text(desk.floor().now) + " still waits\n" + candidate_table(candidates);
  return text;
}

}  // namespace

Replayed replay(std::istream& file, ChatId explained) {
  Recording recording{file};
  Replayed replayed;
  try {
    std::optional<DeskOptions> options = recording.begin();
    if (!options) return replayed;
    options->traced = explained;
    Desk desk{std::move(*options)};
    Filler as_it_is{false};
    Effects effects;
    while (replayed.difference.empty() && !recording.is_over()) {
      const auto [at, event] = recording.event();
      effects.clear();
      desk.step(at, event, effects);
      ++replayed.events;
      replayed.difference = compare(recording, effect_lines(as_it_is, effects));
    }
    replayed.picks = picks_of(desk, explained);
  } catch (const std::exception& wrong) { replayed.difference = wrong.what(); }
  if (!replayed.difference.empty()) replayed.difference.insert(0, "line " + std::to_string(recording.number()) + ": ");
  return replayed;
}

std::string events_of(std::istream& file) {
  Recording recording{file};
  std::string out;
  Filler as_it_is{false};
  const std::optional<DeskOptions> options = recording.begin();
  if (!options) return out;
  append_begin(out, as_it_is, options->id, options->epoch, *options->policy, options->backlog_bytes_max,
               options->wall_ms);
  while (!recording.is_over()) {
    const auto [at, event] = recording.event();
    append_event(out, as_it_is, at, event);
    while (recording.is_effect()) recording.step();
  }
  return out;
}

}  // namespace deskd
