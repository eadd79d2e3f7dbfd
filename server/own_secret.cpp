// own_secret.cpp - See own_secret.hpp.
#include "server/own_secret.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <string_view>

namespace deskd {
namespace {

constexpr std::size_t bytes_min{32};

std::string random_hex(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    throw std::runtime_error{"no randomness from the system"};
  constexpr std::string_view digits{"0123456789abcdef"};
  std::string text;
  for (const unsigned char byte : bytes) (text += digits[byte >> 4]) += digits[byte & 15];
  return text;
}

// Only the last folder of the path: when more of it is missing, the path is mistyped. One that is there stays as it is.
void make_folder_of(const std::string& file) {
  const std::string folder = std::filesystem::path{file}.parent_path();
  if (!folder.empty()) ::mkdir(folder.c_str(), 0700);  // when it fails, opening the file does
}

// Written aside and linked into place: nobody ever reads half a secret.
bool make(const std::string& file) {
  make_folder_of(file);
  const std::string aside = file + "." + random_hex(8);
  const int out = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (out < 0) return false;
  const std::string text = random_hex(32) + "\n";
  const bool written = ::write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(out) == 0;
  ::close(out);
  const bool linked = written && (::link(aside.c_str(), file.c_str()) == 0 || errno == EEXIST);
  ::unlink(aside.c_str());
  return linked;
}

}  // namespace

std::variant<OwnSecret, std::string> own_secret(const std::string& file) {
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT && !make(file)) return "cannot make " + file;
  return read_own_secret(file);
}

std::variant<OwnSecret, std::string> read_own_secret(const std::string& file) {
  const int in = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (in < 0) return "cannot read " + file;
  struct stat status {};
  std::array<char, 256> bytes{};
  const bool open_to_others = ::fstat(in, &status) != 0 || (status.st_mode & 077) != 0;
  const ssize_t size = ::read(in, bytes.data(), bytes.size());
  ::close(in);
  if (open_to_others) return file + " may be read by others; chmod 600";
  std::string_view text{bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.size() < bytes_min) return file + " holds fewer than " + std::to_string(bytes_min) + " bytes";
  return OwnSecret{std::string{text}};
}

}  // namespace deskd
