// fuzz/admin.cpp - Any bytes as the body of a call to the admin API, or of its answer.
//
// Goal: no input breaks reading either, what is wrong is always said, and a person who is read has a name.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/admin_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view body{reinterpret_cast<const char*>(bytes), size};
  const auto read = deskd::admin::read_revocation(body);
  if (const auto* wrong = std::get_if<std::string>(&read)) {
    if (wrong->empty()) std::abort();
  } else if (std::get<deskd::admin::Revocation>(read).person.empty()) {
    std::abort();
  }
  static_cast<void>(deskd::admin::read_refusal(body));
  return 0;
}
