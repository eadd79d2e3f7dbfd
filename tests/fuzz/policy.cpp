// fuzz/policy.cpp - Any bytes as a desk's policy.
//
// Goal: no input breaks reading or judging it, and what was taken is kept as it was meant. Seeds: protocol/policies.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "protocol/policy_codec.hpp"
#include "protocol/policy_rules.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace deskd::policy;
  const auto decoded = decode({reinterpret_cast<const char*>(bytes), size});
  const Desk* desk = std::get_if<Desk>(&decoded);
  if (desk == nullptr) return 0;
  const auto again = decode(encode(*desk));
  if (again != decoded) std::abort();
  if (validate(*desk) != validate(std::get<Desk>(again))) std::abort();
  return 0;
}
