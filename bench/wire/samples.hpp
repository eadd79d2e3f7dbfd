// samples.hpp - A latency distribution in a few KB: buckets of 3 % width from 1 us to an hour.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>

namespace deskd {

class Samples {
 public:
  void add(std::int64_t nanos) {
    ++buckets_[index_of(nanos)];
    ++count_;
    if (nanos > max_) max_ = nanos;
  }
  void clear() { *this = {}; }
  std::uint64_t count() const { return count_; }
  double max_us() const { return static_cast<double>(max_) / 1e3; }

  // Upper end of the bucket that holds this share of the samples, in microseconds.
  double quantile_us(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > wanted) return std::min(upper_us(i), max_us());
    }
    return max_us();
  }

  // [[upper end in us, count], ...] of the buckets that hold any: what a plot needs.
  std::string json() const {
    std::string out{"["};
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      if (buckets_[i] == 0) continue;
      if (out.size() > 1) out += ',';
      out += '[' + std::to_string(upper_us(i)) + ',' + std::to_string(buckets_[i]) + ']';
    }
    return out + ']';
  }

 private:
  static constexpr int sub_bits = 5;

  static std::size_t index_of(std::int64_t nanos) {
    const auto units = static_cast<std::uint64_t>(nanos < 0 ? 0 : nanos) / 128;  // resolution below 4 us
    if (units < (1u << sub_bits)) return static_cast<std::size_t>(units);
    const int shift = static_cast<int>(std::bit_width(units)) - sub_bits - 1;
    const std::size_t index = (static_cast<std::size_t>(shift + 1) << sub_bits) + (units >> shift) - (1u << sub_bits);
    return index < size ? index : size - 1;
  }
  static double upper_us(std::size_t index) {
    if (index < (1u << sub_bits)) return static_cast<double>(index + 1) * 0.128;
    const std::size_t shift = (index >> sub_bits) - 1;
    const std::uint64_t lower = ((index & ((1u << sub_bits) - 1)) + (1u << sub_bits)) << shift;
    return static_cast<double>(lower + (std::uint64_t{1} << shift)) * 0.128;
  }

  static constexpr std::size_t size = 40 << sub_bits;
  std::array<std::uint64_t, size> buckets_{};
  std::uint64_t count_{};
  std::int64_t max_{};
};

}  // namespace deskd
