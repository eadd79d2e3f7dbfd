// random_message.hpp - Any message at all, filled member by member from its Shape.
//
// Values lie at the edges more often than in the middle: 0, the greatest, empty, one. Texts mix what breaks writers:
// quotes, backslashes, control characters that are allowed, Chinese, emoji, right-to-left.
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "protocol/message_shapes.hpp"

namespace deskd {

class RandomMessage {
 public:
  explicit RandomMessage(std::uint64_t seed) : random_{seed} {}

  // Views and pointers in the message live until the next call.
  template <class Any>
  Any next() {
    texts_.clear();
    kept_ = {};
    return pick<Any>(below(std::variant_size_v<Any>), static_cast<Any*>(nullptr));
  }

 private:
  template <class Any, class... Message>
  Any pick(std::size_t index, std::variant<Message...>*) {
    Any any;
    std::size_t at = 0;
    ((at++ == index ? fill(any.template emplace<Message>()) : void()), ...);
    return any;
  }

  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random_); }
  bool coin() { return below(2) == 0; }

  template <class Int>
  Int number(Int least, Int most) {
    switch (below(4)) {
      case 0: return least;
      case 1: return most;
      default: return std::uniform_int_distribution<Int>{least, most}(random_);
    }
  }

  std::string text(bool needed) {
    static constexpr std::array<std::string_view, 16> pieces{
        "a",    "\"",   "\\",        "\n",     "\t",       "\r",     "/", "在吗", "💡", "👨‍👩‍👧",
        "שלום", "\x7f", "</script>", "\u2028", "12345678", "\\u0000"};
    std::string made;
    for (std::size_t n = below(12) + (needed ? 1 : 0); n > 0; --n) made += pieces[below(pieces.size())];
    return made;
  }

  template <Shaped Struct>
  void fill(Struct& to) {
    std::apply([&](const auto&... field) { (fill(to.*field.member, field.needed), ...); }, Shape<Struct>::fields);
  }
  template <Shaped Struct>
  void fill(Struct& to, bool) {
    fill(to);
  }
  void fill(bool& to, bool) { to = coin(); }
  void fill(std::int32_t& to, bool) {
    to = number(std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
  }
  void fill(std::int64_t& to, bool) {
    to = number(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
  }
  void fill(std::uint32_t& to, bool) { to = number(std::uint32_t{0}, std::numeric_limits<std::uint32_t>::max()); }
  void fill(std::string& to, bool needed) { to = text(needed); }
  void fill(std::string_view& to, bool needed) { to = texts_.emplace_back(text(needed)); }
  void fill(Seq& to, bool needed) { fill(to.value, needed); }
  void fill(Epoch& to, bool needed) { fill(to.value, needed); }
  template <class Tag, class Int>
  requires(sizeof(Int) == 8) void fill(Id<Tag, Int>& to, bool needed) {
    to.value = needed || coin() ? number(Int{1}, std::numeric_limits<Int>::max()) : 0;
  }
  void fill(CommandId& to, bool needed) {
    if (needed || coin())
      to = {number(std::uint64_t{0}, ~std::uint64_t{0}), number(std::uint64_t{1}, ~std::uint64_t{0})};
  }
  void fill(Instant& to, bool) {
    // The years that the format can say.
    using namespace std::chrono;
    const auto ms = [](year_month_day day) {
      return duration_cast<milliseconds>(sys_days{day}.time_since_epoch()).count();
    };
    to = instant_of(number(ms(year{0} / 1 / 1), ms(year{10000} / 1 / 1) - 1));
  }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void fill(Enum& to, bool) {
    if constexpr (std::is_same_v<Enum, Code>) to = code_table[below(code_table.size())].code;
    else to = static_cast<Enum>(below(words_of(Enum{}).size()));
  }
  template <class T>
  void fill(std::optional<T>& to, bool) {
    if (coin()) fill(to.emplace(), false);
  }
  template <class T>
  void fill(std::vector<T>& to, bool) {
    to.resize(below(4));
    for (T& each : to) fill(each, false);
  }
  template <class T>
  void fill(const T*& to, bool) {
    if (coin()) return;
    fill(std::get<T>(kept_));
    to = &std::get<T>(kept_);
  }
  template <class T>
  void fill(std::span<const T>& to, bool) {
    auto& kept = std::get<std::vector<T>>(kept_);
    fill(kept, false);
    to = kept;
  }

  std::mt19937_64 random_;
  std::deque<std::string> texts_;
  std::tuple<record::Order, record::OrderAnswer, record::Rating, std::vector<tell::StoredLine>,
             std::vector<tell::WarnedChat>, std::vector<tell::QueueFigures>>
      kept_;
};

}  // namespace deskd
