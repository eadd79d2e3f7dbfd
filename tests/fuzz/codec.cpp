// fuzz/codec.cpp - Any bytes at the door of the wire.
//
// Goal: no input breaks the decoder, reads beyond its own bytes or is taken for something that cannot be said again;
// and whatever is answered is itself a frame. Seeds: protocol/frames.
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "protocol/codec.hpp"

namespace {

using namespace deskd;

void must(bool condition) {
  if (!condition) std::abort();
}

bool is_json(const std::string& frame) {
  static simdjson::dom::parser parser;
  return parser.parse(frame).error() == simdjson::SUCCESS;
}

template <class Any>
std::string said_again(const std::variant<Any, Fault>& decoded) {
  std::string frame;
  if (const auto* fault = std::get_if<Fault>(&decoded))
    encode(Tell{tell::Error{fault->id, fault->code, fault->message, {}}}, frame);
  else encode(std::get<Any>(decoded), frame);
  return frame;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static Decoder decoder;
  static Decoder other;
  // Exactly as much memory as is promised, so that a byte read beyond it is seen.
  const auto exact = std::make_unique<char[]>(size + 1);
  const auto spare = std::make_unique<char[]>(size + frame_spare_bytes);
  std::copy_n(bytes, size, exact.get());
  std::copy_n(bytes, size, spare.get());
  std::fill_n(spare.get() + size, frame_spare_bytes, '"');
  const std::string_view text{exact.get(), size};

  const auto ask = decoder.decode(text);
  const std::string frame = said_again(ask);
  must(is_json(frame));
  must(said_again(other.decode({spare.get(), size}, frame_spare_bytes)) == frame);
  if (std::holds_alternative<Ask>(ask)) {
    const auto again = other.decode(frame);
    must(std::holds_alternative<Ask>(again) && said_again(again) == frame);
  }

  const auto tell = decoder.decode_tell(text);
  const std::string told = said_again(tell);
  must(is_json(told));
  if (std::holds_alternative<Tell>(tell)) {
    const auto again = other.decode_tell(told);
    must(std::holds_alternative<Tell>(again) && said_again(again) == told);
  }
  return 0;
}
