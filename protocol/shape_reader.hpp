// shape_reader.hpp - JSON into structs with a Shape, strictly: a wrong type, a missing member, a number out of range or a key
// that stands twice is refused, and the fault names the way there ("order.items[3].quantity").
//
//        text ── simdjson's DOM ──> dom::object ── ShapeReader ──> struct
//
// The DOM and not On-Demand, because On-Demand sees only the errors that lie where one walks: `{"a":tru,"b":1 2}`
// passes it. The DOM has checked every byte before the first member is read. Strings are views into the parser's buffer
// and live until its next parse.
//
// `Kept` is where the targets of pointers and spans go: a std::tuple of every T that a `const T*` member points at, and
// a std::vector<T> for every span<const T>. It belongs to the caller and outlives what was read.
#pragma once

#include <simdjson.h>

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "protocol/codes.hpp"
#include "protocol/shape.hpp"
#include "protocol/spelling.hpp"

namespace deskd {

// Members of one JSON object, known and unknown. Three times the widest message: room for clients of a later version.
inline constexpr std::size_t keys_max{64};

// Objects and lists inside each other. An order's correction is four deep; a later version may nest some more.
inline constexpr std::size_t depth_max{16};

struct ReadFault {
  Code code{};
  std::string path;
  std::string_view message;  // a literal
  std::string text() const { return path.empty() ? std::string{message} : path + ": " + std::string{message}; }
};

template <class Kept>
class ShapeReader {
 public:
  enum class Strangers : std::uint8_t { ignored, refused };

  // `escapes`: whether the text holds a backslash at all. Without one no string can hold a control character, because
  // JSON has no other way to say it, and the strings need no second look.
  ShapeReader(Strangers strangers, bool escapes, Kept& kept) : strangers_{strangers}, escapes_{escapes}, kept_{kept} {}

  const ReadFault& fault() const { return fault_; }

  // Every read returns whether it went well; if not, fault() says why and the target holds rubbish.
  // `besides` is a key that the caller has read itself.
  template <Shaped Struct>
  bool read_object(simdjson::dom::object object, Struct& to, std::string_view besides = {}) {
    std::uint64_t seen = 0;
    std::size_t keys = 0;
    std::size_t strangers = 0;
    bool besides_seen = false;
    for (const simdjson::dom::key_value_pair pair : object) {
      if (++keys > keys_max) return fail(Code::bad_json, "too many keys in one object");
      bool well = true;
      std::uint64_t bit = 1;
      const bool known = std::apply(
          [&](const auto&... field) {
            return ((field.name.word() == pair.key ? (well = read_once(field, bit, seen, pair, to), true)
                                                   : (bit <<= 1, false)) ||
                    ...);
          },
          Shape<Struct>::fields);
      if (!well) return false;
      if (known) continue;
      if (!besides.empty() && pair.key == besides) {
        if (besides_seen) return fail(Code::bad_json, "this key stands twice", pair.key);
        besides_seen = true;
      } else if (strangers_ == Strangers::refused) {
        return fail(Code::bad_message, "there is no such setting", pair.key);
      } else {
        ++strangers;
      }
    }
    if (strangers > 1 && has_twins(object)) return false;
    constexpr std::uint64_t needed = needed_bits<Struct>();
    if ((seen & needed) != needed) return fail(Code::bad_message, "is missing", first_missing<Struct>(seen));
    return true;
  }

 private:
  using Element = simdjson::dom::element;

  template <class F, class Struct>
  bool read_once(const F& field, std::uint64_t bit, std::uint64_t& seen, const simdjson::dom::key_value_pair& pair,
                 Struct& to) {
    if ((seen & bit) != 0) return fail(Code::bad_json, "this key stands twice", pair.key);
    seen |= bit;
    auto& member = to.*field.member;
    if (!read(pair.value, member)) return under(pair.key);
    if constexpr (std::is_convertible_v<decltype(member), std::string_view>)
      if (field.needed && std::string_view{member}.empty())
        return fail(Code::bad_message, "may not be empty", pair.key);
    return true;
  }

  bool read(Element from, bool& to) {
    return from.get(to) == simdjson::SUCCESS || fail(Code::bad_message, "true or false is wanted");
  }
  bool read(Element from, std::int32_t& to) { return read_whole(from, to); }
  bool read(Element from, std::uint32_t& to) { return read_whole(from, to); }
  bool read(Element from, std::int64_t& to) { return read_whole(from, to); }
  bool read(Element from, Seq& to) { return read_whole(from, to.value); }
  bool read(Element from, Epoch& to) { return read_whole(from, to.value); }

  bool read(Element from, std::string_view& to) {
    if (from.get(to) != simdjson::SUCCESS) return fail(Code::bad_message, "a string is wanted");
    if (escapes_ && holds_control(to)) return fail(Code::bad_words, "holds a control character");
    return true;
  }
  bool read(Element from, std::string& to) {
    std::string_view text;
    if (!read(from, text)) return false;
    to = text;
    return true;
  }
  template <Spelled T>
  bool read(Element from, T& to) {
    std::string_view text;
    const auto value = from.get(text) == simdjson::SUCCESS ? Spelling<T>::read(text) : std::nullopt;
    if (!value) return fail(Code::bad_message, Spelling<T>::wanted);
    to = *value;
    return true;
  }
  template <class T>
  bool read(Element from, std::optional<T>& to) {
    return read(from, to.emplace());
  }
  template <class T>
  bool read(Element from, const T*& to) {
    T& kept = std::get<T>(kept_);
    kept = T{};
    to = &kept;
    return read(from, kept);
  }
  template <class T>
  bool read(Element from, std::span<const T>& to) {
    auto& kept = std::get<std::vector<T>>(kept_);
    if (!read(from, kept)) return false;
    to = kept;
    return true;
  }
  template <class T>
  bool read(Element from, std::vector<T>& to) {
    simdjson::dom::array list;
    if (from.get(list) != simdjson::SUCCESS) return fail(Code::bad_message, "a list is wanted");
    to.clear();
    for (const Element each : list)
      if (!read(each, to.emplace_back())) return under(to.size() - 1);
    return true;
  }
  template <Shaped Struct>
  bool read(Element from, Struct& to) {
    simdjson::dom::object object;
    if (from.get(object) != simdjson::SUCCESS) return fail(Code::bad_message, "an object is wanted");
    return read_object(object, to);
  }

  template <class Int>
  bool read_whole(Element from, Int& to) {
    std::int64_t number = 0;
    if (from.get(number) != simdjson::SUCCESS || number < std::numeric_limits<Int>::min() ||
        number > static_cast<std::int64_t>(std::numeric_limits<Int>::max()))
      return fail(Code::bad_message, "a whole number in its range is wanted");
    to = static_cast<Int>(number);
    return true;
  }
  // PostgreSQL cannot hold NUL, and no page can show the others.
  static bool holds_control(std::string_view text) {
    for (const char c : text)
      if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r') return true;
    return false;
  }

  // Unknown keys may not stand twice either. Rare, so the plain way: keys_max bounds it.
  bool has_twins(simdjson::dom::object object) {
    for (auto one = object.begin(); one != object.end(); ++one) {
      auto other = one;
      for (++other; other != object.end(); ++other)
        if (one.key() == other.key()) return !fail(Code::bad_json, "this key stands twice", one.key());
    }
    return false;
  }

  template <class Struct>
  static std::string_view first_missing(std::uint64_t seen) {
    std::string_view missing;
    std::apply(
        [&](const auto&... field) {
          std::uint64_t bit = 1;
          ((missing = missing.empty() && field.needed && (seen & bit) == 0 ? field.name.word() : missing, bit <<= 1),
           ...);
        },
        Shape<Struct>::fields);
    return missing;
  }

  // Both always return false, so that a read can end with them.
  bool fail(Code code, std::string_view message, std::string_view path = {}) {
    if (path.size() > path_key_bytes_max) {
      std::size_t size = path_key_bytes_max;
      while ((path[size] & 0xC0) == 0x80) --size;  // not inside a character
      path = path.substr(0, size);
    }
    fault_ = {code, std::string{path}, message};
    return false;
  }
  bool under(std::string_view key) { return prefix(std::string{key}); }
  bool under(std::size_t index) { return prefix("[" + std::to_string(index) + "]"); }
  bool prefix(std::string step) {
    if (!fault_.path.empty() && fault_.path.front() != '[') step += '.';
    fault_.path.insert(0, step);
    return false;
  }

  // A stranger's key is repeated in an answer; so much of it tells which one.
  static constexpr std::size_t path_key_bytes_max{64};

  Strangers strangers_;
  bool escapes_;
  Kept& kept_;
  ReadFault fault_;
};

}  // namespace deskd
