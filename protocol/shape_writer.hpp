// shape_writer.hpp - Structs with a Shape into JSON. See shape.hpp for what is left out.
//
// Only codec.cpp and policy_codec.cpp include this.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json.hpp"
#include "protocol/shape.hpp"
#include "protocol/spelling.hpp"

namespace deskd {

class ShapeWriter {
 public:
  // Whether members that say nothing are left out, or written all the same.
  enum class Silence : std::uint8_t { left_out, said };
  explicit ShapeWriter(json::Output& out, Silence silence = Silence::left_out) : out_{out}, silence_{silence} {}

  void write(bool value) { out_.raw(value ? "true" : "false"); }
  void write(std::int32_t value) { out_.number(value); }
  void write(std::int64_t value) { out_.number(value); }
  void write(std::uint32_t value) { out_.number_unsigned(value); }
  void write(std::string_view value) { out_.text(value); }
  void write(const std::string& value) { out_.text(value); }
  void write(Seq value) { out_.number_unsigned(value.value); }
  void write(Epoch value) { out_.number(value.value); }
  template <Spelled T>
  void write(const T& value) {
    Spelling<T>::write(out_, value);
  }
  template <class T>
  void write(const std::optional<T>& value) {
    write(*value);
  }
  template <class T>
  void write(const T* value) {
    write(*value);
  }
  template <class T>
  void write(const std::vector<T>& value) {
    write(std::span<const T>{value});
  }
  template <class T>
  void write(std::span<const T> value) {
    out_.raw('[');
    bool first = true;
    for (const T& each : value) {
      if (!first) out_.raw(',');
      first = false;
      write(each);
    }
    out_.raw(']');
  }
  template <Shaped Struct>
  void write(const Struct& value) {
    out_.raw('{');
    bool first = true;
    write_members(value, first);
    out_.raw('}');
  }

  // The members alone, for whoever has opened the object and written its type.
  template <Shaped Struct>
  void write_members(const Struct& value, bool& first) {
    std::apply([&](const auto&... field) { (write_member(field, value.*field.member, first), ...); },
               Shape<Struct>::fields);
  }

 private:
  static bool says_nothing(bool value) { return !value; }
  static bool says_nothing(std::int32_t value) { return value == 0; }
  static bool says_nothing(std::int64_t value) { return value == 0; }
  static bool says_nothing(std::uint32_t value) { return value == 0; }
  static bool says_nothing(std::string_view value) { return value.empty(); }
  static bool says_nothing(Instant value) { return value == Instant{}; }
  static bool says_nothing(CommandId value) { return !value; }
  static bool says_nothing(Reason value) { return value == Reason::none; }
  static bool says_nothing(Stream value) { return value == Stream::main; }
  template <class Tag, class Int>
  static bool says_nothing(Id<Tag, Int> value) {
    return !value;
  }
  template <class T>
  static bool says_nothing(const std::optional<T>& value) {
    return !value;
  }
  template <class T>
  static bool says_nothing(const T* value) {
    return value == nullptr;
  }
  template <class T>
  static bool says_nothing(const std::vector<T>& value) {
    return value.empty();
  }
  template <class T>
  static bool says_nothing(std::span<const T> value) {
    return value.empty();
  }

  template <class F, class Member>
  void write_member(const F& field, const Member& value, bool& first) {
    if constexpr (requires { says_nothing(value); })
      if (!field.needed && silence_ == Silence::left_out && says_nothing(value)) return;
    out_.raw(first ? field.name.without_comma() : field.name.with_comma());
    first = false;
    write(value);
  }

  json::Output& out_;
  Silence silence_;
};

}  // namespace deskd
