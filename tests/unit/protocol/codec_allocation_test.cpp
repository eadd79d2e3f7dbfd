// codec_allocation_test.cpp - The path of a word through the codec allocates nothing.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "golden.hpp"
#include "protocol/codec.hpp"

namespace {
std::size_t allocations = 0;
}

// Not inlined, or the compiler pairs a plain new with this file's free and warns.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc{};
}
// simdjson uses this one, and deletes plainly; both must be ours.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace deskd {
namespace {

// Method: count operator new over many frames after the first has sized the caller's string. simdjson allocates with
// new as well, so its growth would show.
TEST(CodecAllocation, SayAndLineAllocateNothing) {
  std::string say = golden_frames("ask").at("ask.say.reply");
  std::string line = golden_frames("tell").at("tell.line.answer");
  const std::size_t say_size = say.size();
  say.resize(say_size + frame_spare_bytes);
  Decoder decoder;
  Decoder teller;
  const auto told = teller.decode_tell(line);
  std::string out;
  encode(std::get<Tell>(told), out);

  const std::size_t before = allocations;
  for (int i = 0; i < 100; ++i) {
    const auto decoded = decoder.decode(std::string_view{say}.substr(0, say_size), frame_spare_bytes);
    ASSERT_TRUE(std::holds_alternative<Ask>(decoded));
    out.clear();
    encode(std::get<Tell>(told), out);
  }
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_EQ(out, line);
}

}  // namespace
}  // namespace deskd
