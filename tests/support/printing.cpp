#include "tests/support/printing.hpp"

#include <type_traits>

#include "protocol/message_shapes.hpp"

namespace deskd {

namespace {

template <class T>
struct IsId : std::false_type {};
template <class Tag, class Int>
struct IsId<Id<Tag, Int>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
concept Worded = std::is_enum_v<T> && requires(T value) {
  words_of(value);
};
template <class T>
concept Listed = requires(const T& value) {
  value.begin();
  value.end();
}
&&!std::is_convertible_v<T, std::string_view>;

class Printer {
 public:
  explicit Printer(const Naming& naming) : naming_{naming} {}

  Printer& word(std::string_view word) {
    if (!text_.empty() && text_.back() != '[' && text_.back() != '{') text_ += ' ';
    text_ += word;
    return *this;
  }

  template <class T>
  Printer& field(std::string_view name, const T& value) {
    if (says_nothing(value)) return *this;
    word(name);
    if constexpr (!std::is_same_v<T, bool>) {
      text_ += '=';
      put(value);
    }
    return *this;
  }

  template <Shaped T>
  Printer& fields(const T& shaped) {
    std::apply([&](const auto&... each) { (field(each.name.word(), shaped.*each.member), ...); }, Shape<T>::fields);
    return *this;
  }

  std::string take() { return std::move(text_); }

 private:
  template <class T>
  bool says_nothing(const T& value) {
    if constexpr (std::is_same_v<T, CommandId>) {
      return true;  // 128 bits tell a reader nothing
    } else if constexpr (IsOptional<T>::value) {
      return !value;
    } else if constexpr (std::is_pointer_v<T>) {
      return value == nullptr;
    } else if constexpr (std::is_same_v<T, Place> || std::is_same_v<T, Status> || std::is_same_v<T, Code> ||
                         std::is_same_v<T, LineKind> || std::is_same_v<T, Origin> || std::is_same_v<T, Role> ||
                         std::is_same_v<T, Choice> || std::is_same_v<T, FactKind> || std::is_same_v<T, Instant>) {
      return false;
    } else if constexpr (std::is_convertible_v<T, std::string_view> || Listed<T>) {
      return std::empty(value);
    } else if constexpr (Shaped<T>) {
      return false;
    } else {
      return value == T{};
    }
  }

  void number(std::int64_t value) { text_ += std::to_string(value); }

  template <class T>
  void put(const T& value) {
    if constexpr (std::is_convertible_v<T, std::string_view>) {
      const std::string_view text{value};
      if (text.find(' ') == std::string_view::npos) {
        text_ += text;
      } else {
        text_.append("\"").append(text).append("\"");
      }
    } else if constexpr (std::is_same_v<T, ChatId>) {
      const auto known = naming_.chats.find(value);
      known == naming_.chats.end() ? number(value.value) : void(text_ += known->second);
    } else if constexpr (std::is_same_v<T, SessionId>) {
      const auto known = naming_.sessions.find(value);
      known == naming_.sessions.end() ? number(static_cast<std::int64_t>(value.value)) : void(text_ += known->second);
    } else if constexpr (IsId<T>::value) {
      number(static_cast<std::int64_t>(value.value));
    } else if constexpr (std::is_same_v<T, Instant>) {
      moment(value);
    } else if constexpr (std::is_same_v<T, Code>) {
      text_ += name_of(value);
    } else if constexpr (Worded<T>) {
      text_ += word_of(value);
    } else if constexpr (IsOptional<T>::value || std::is_pointer_v<T>) {
      put(*value);
    } else if constexpr (Listed<T>) {
      text_ += '[';
      for (const auto& each : value) {
        if (text_.back() != '[') text_ += ',';
        put(each);
      }
      text_ += ']';
    } else if constexpr (std::is_same_v<T, CommandId>) {
      text_ += '*';
    } else if constexpr (Shaped<T>) {
      text_ += '{';
      fields(value);
      text_ += '}';
    } else {
      number(static_cast<std::int64_t>(value));
    }
  }

  void moment(Instant at) {
    std::int64_t ms = (at - naming_.start).count();
    if (ms < 0) {
      text_ += '-';
      ms = -ms;
    }
    const std::int64_t seconds = ms / 1000;
    text_ += std::to_string(seconds / 60) + ':' + (seconds % 60 < 10 ? "0" : "") + std::to_string(seconds % 60);
    if (ms % 1000 != 0) text_ += '.' + std::to_string(1000 + ms % 1000).substr(1);
  }

  const Naming& naming_;
  std::string text_;
};

std::string body_text(const record::Line& line, const Naming& naming) {
  return Printer{naming}
      .word("row")
      .field("chat", line.chat)
      .field("stream", line.stream)
      .field("seq", line.seq)
      .field("origin", line.origin)
      .field("kind", line.kind)
      .field("person", line.person)
      .field("reply_to", line.reply_to)
      .field("reason", line.reason)
      .field("text", line.text)
      .take();
}

std::string body_text(const record::Fact& fact, const Naming& naming) {
  return Printer{naming}
      .word("fact")
      .field("kind", fact.kind)
      .field("chat", fact.chat)
      .field("reason", fact.reason)
      .field("shop", fact.shop)
      .field("queue", fact.queue)
      .field("agent", fact.agent)
      .field("clock", fact.kind == FactKind::missed ? word_of(fact.clock) : std::string_view{})
      .field("ordinal", fact.ordinal)
      .field("number", fact.number)
      .field("detail", fact.detail)
      .take();
}

std::string body_text(const record::Chat& chat, const Naming& naming) {
  return Printer{naming}
      .word("place")
      .field("chat", chat.chat)
      .field("buyer", chat.buyer)
      .field("level", chat.level)
      .field("place", chat.place)
      .field("reason", chat.reason)
      .field("queue", chat.queue)
      .field("agent", chat.agent)
      .field("wanted", chat.wanted)
      .field("queued", chat.queued)
      .field("priority_s", chat.priority_s)
      .take();
}

std::string body_text(const record::Deed& deed, const Naming& naming) {
  Printer printer{naming};
  printer.word("deed").field("chat", deed.chat).field("seq", deed.seq);
  std::visit([&](const auto& said) { printer.fields(said); }, deed.body);
  return printer.take();
}

struct EventText {
  const Naming& naming;
  Printer start(std::string_view word) const {
    Printer printer{naming};
    printer.word(word);
    return printer;
  }
  std::string operator()(const event::SessionOpened& e) const {
    return start("session_opened")
        .field("session", e.session)
        .field("role", e.role)
        .field("person", e.person)
        .field("level", e.level)
        .take();
  }
  std::string operator()(const event::SessionClosed& e) const {
    return start("session_closed").field("session", e.session).take();
  }
  std::string operator()(const event::Heard& e) const {
    return start("heard").field("session", e.session).word(text_of(e.ask, naming)).take();
  }
  std::string operator()(const event::Identified& e) const {
    return start("identified").field("guest", e.guest).field("buyer", e.buyer).field("session", e.session).take();
  }
  std::string operator()(const event::Durable& e) const {
    return start("durable").field("position", e.position).take();
  }
  std::string operator()(const event::Refused& e) const {
    return start("refused").field("position", e.position).take();
  }
  std::string operator()(const event::PolicyChanged& e) const {
    return start("policy_changed").field("version", e.policy->version).take();
  }
  std::string operator()(const event::WallOffset& e) const {
    return start("wall_offset").field("ms", e.offset_ms).take();
  }
  std::string operator()(const event::Revoked& e) const {
    return start("revoked").field("role", e.role).field("person", e.person).take();
  }
  std::string operator()(const event::Drain&) const { return "drain"; }
  std::string operator()(const event::Tick&) const { return "tick"; }
  std::string operator()(const event::RecoveredAgent& e) const {
    return start("recovered_agent").field("agent", e.agent).field("status", e.status).take();
  }
  std::string operator()(const event::RecoveredSurge& e) const {
    return start("recovered_surge").field("on", e.on).take();
  }
  std::string operator()(const event::RecoveredChat& e) const {
    return start("recovered_chat").field("chat", e.chat).field("place", e.place).field("agent", e.agent).take();
  }
  std::string operator()(const event::RecoveredPolicy& e) const {
    return start("recovered_policy").field("version", e.policy->version).take();
  }
  std::string operator()(const event::RecoveryDone& e) const {
    return start("recovery_done").field("position", e.position).take();
  }
};

struct EffectText {
  const Naming& naming;
  const Effects* effects;
  std::string operator()(const effect::Send& send) const {
    Printer printer{naming};
    printer.word("send");
    if (effects != nullptr) printer.field("to", effects->audience(send));
    return printer.word(text_of(send.message, naming)).take();
  }
  std::string operator()(const effect::Persist& persist) const { return text_of(persist.body, naming); }
  std::string operator()(const effect::Close& close) const {
    return Printer{naming}.word("close").field("session", close.session).word(name_of(close.code)).take();
  }
  std::string operator()(const effect::ReadHistory& read) const {
    return Printer{naming}
        .word("read_history")
        .field("session", read.session)
        .field("buyer", read.buyer)
        .field("before", read.before)
        .take();
  }
  std::string operator()(const effect::ReadLines& read) const {
    return Printer{naming}
        .word("read_lines")
        .field("session", read.session)
        .field("chat", read.chat)
        .field("after", read.after)
        .field("until", read.until)
        .take();
  }
  std::string operator()(const effect::ReadChat& read) const {
    return Printer{naming}.word("read_chat").field("session", read.session).field("chat", read.chat).take();
  }
};

template <class Message>
std::string message_text(const Message& message, const Naming& naming) {
  return std::visit(
      [&](const auto& said) {
        using T = std::remove_cvref_t<decltype(said)>;
        return Printer{naming}.word(Shape<T>::type).fields(said).take();
      },
      message);
}

}  // namespace

std::string text_of(const Ask& ask, const Naming& naming) { return message_text(ask, naming); }
std::string text_of(const Tell& tell, const Naming& naming) { return message_text(tell, naming); }
std::string text_of(const record::Body& body, const Naming& naming) {
  return std::visit([&](const auto& row) { return body_text(row, naming); }, body);
}
std::string text_of(const Event& event, const Naming& naming) { return std::visit(EventText{naming}, event); }
std::string text_of(const Effect& effect, const Effects& effects, const Naming& naming) {
  return std::visit(EffectText{naming, &effects}, effect);
}

std::ostream& operator<<(std::ostream& out, const Event& event) { return out << text_of(event, Naming{}); }
std::ostream& operator<<(std::ostream& out, const Effect& effect) {
  return out << std::visit(EffectText{Naming{}, nullptr}, effect);
}

}  // namespace deskd
