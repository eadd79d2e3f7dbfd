// Goal: no settings file trips the parser, and what it lets through is within every row's bounds. Method: the bytes as a
// file; whatever is taken without complaint is held against the table again.
#include "server/options.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  deskd::SettingsRead read = deskd::read_settings({}, {});
  deskd::read_toml({reinterpret_cast<const char*>(bytes), size}, "fuzz.toml", read);
  for (const deskd::SettingRow& row : deskd::setting_rows())
    if (const auto* member = std::get_if<std::int64_t deskd::Settings::*>(&row.member)) {
      const std::int64_t value = read.settings.**member;
      if (value < row.least || value > row.most) std::abort();
    }
  if (!deskd::address_of(read.settings.listen) || !deskd::address_of(read.settings.internal_listen)) std::abort();
  return 0;
}
