// own_secret.hpp - The secrets that this server makes for itself: the key that signs guests, and the word that opens
// the admin API. Each is 32 random bytes as hex digits, in a file that only the server's user may read.
#pragma once

#include <string>
#include <variant>

namespace deskd {

struct OwnSecret {
  std::string text;  // 64 hex digits, or what the file held; without the newline
};

// Reads the file, or makes it when there is none, and its folder, closed to others, when that is missing too. Of two
// servers that start together one writes and both read the same.
// The string says what is wrong and names the file: it cannot be read or made, others may read it, or it is too short.
std::variant<OwnSecret, std::string> own_secret(const std::string& file);

// The same, but never makes one: for a client of the server that did.
std::variant<OwnSecret, std::string> read_own_secret(const std::string& file);

}  // namespace deskd
