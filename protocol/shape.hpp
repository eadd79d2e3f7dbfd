// shape.hpp - What a struct looks like in JSON: one table of its members, used both ways.
//
//        struct Mark { ChatId chat; Seq delivered; Seq read; };
//        Shape<Mark>::fields = { need("chat"), may("delivered"), may("read") }   <->   {"chat":"17","read":4}
//
// A member that is `need`ed is always written, must be there when read, and a needed text may not be empty. One that
// `may` be there is left out when it says nothing: zero, false, empty, null, absent. Reader and writer know the types;
// nothing else about JSON is written down per message.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <tuple>

namespace deskd {

// Whether a word from outside is this one of ours. Ours is known when this is compiled, so the lengths are compared and
// then as many bytes as that, without a call.
[[gnu::always_inline]] inline bool same_word(std::string_view ours, std::string_view word) {
  return ours.size() == word.size() && std::memcmp(ours.data(), word.data(), ours.size()) == 0;
}

// A member's name, kept as JSON writes it after another member, so that the hot path appends it in one piece: ,"name":
class MemberName {
 public:
  consteval MemberName(const char* word) {
    text_[size_++] = ',';
    text_[size_++] = '"';
    while (*word != 0) text_[size_++] = *word++;
    text_[size_++] = '"';
    text_[size_++] = ':';
  }
  constexpr std::string_view word() const { return {text_.data() + 2, size_ - 4}; }
  constexpr std::string_view with_comma() const { return {text_.data(), size_}; }
  constexpr std::string_view without_comma() const { return {text_.data() + 1, size_ - 1}; }

 private:
  std::array<char, 31> text_{};  // a longer name does not compile
  std::size_t size_{};
};

template <class Struct, class Member>
struct Field {
  MemberName name;
  Member Struct::*member;
  bool needed;
};

template <class Struct, class Member>
consteval Field<Struct, Member> need(const char* name, Member Struct::*member) {
  return {name, member, true};
}
template <class Struct, class Member>
consteval Field<Struct, Member> may(const char* name, Member Struct::*member) {
  return {name, member, false};
}

// Specialised for every struct that has one: `static constexpr auto fields`, a tuple of Field; for a message also
// `static constexpr std::string_view type`.
template <class Struct>
struct Shape;

template <class Struct>
concept Shaped = requires {
  Shape<Struct>::fields;
};

template <Shaped Struct>
inline constexpr std::size_t field_count = std::tuple_size_v<std::remove_cvref_t<decltype(Shape<Struct>::fields)>>;

// The needed members as bits, the first member the lowest.
template <Shaped Struct>
consteval std::uint64_t needed_bits() {
  static_assert(field_count<Struct> <= 64);
  std::uint64_t bits = 0;
  std::uint64_t bit = 1;
  std::apply([&](const auto&... field) { ((bits |= field.needed ? bit : 0, bit <<= 1), ...); }, Shape<Struct>::fields);
  return bits;
}

}  // namespace deskd
