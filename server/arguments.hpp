// arguments.hpp - The words of a command line that are no settings, taken one by one.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace deskd {

class Arguments {
 public:
  explicit Arguments(std::vector<std::string> words) : words_{std::move(words)} {}

  // "--shop demo" or "--shop=demo", anywhere. Take the flags before the plain words. A flag whose value is missing is
  // left, and shows up as a stranger.
  std::optional<std::string> value(std::string_view flag) {
    for (auto word = words_.begin(); word != words_.end(); ++word) {
      if (*word == flag && word + 1 != words_.end()) {
        std::string value = std::move(*(word + 1));
        words_.erase(word, word + 2);
        return value;
      }
      if (word->starts_with(flag) && word->size() > flag.size() && (*word)[flag.size()] == '=') {
        std::string value = word->substr(flag.size() + 1);
        words_.erase(word);
        return value;
      }
    }
    return std::nullopt;
  }
  bool has(std::string_view flag) {
    const auto word = std::find(words_.begin(), words_.end(), flag);
    if (word == words_.end()) return false;
    words_.erase(word);
    return true;
  }
  // The next plain word.
  std::optional<std::string> next() {
    const auto word =
        std::find_if(words_.begin(), words_.end(), [](const std::string& each) { return !each.starts_with("--"); });
    if (word == words_.end()) return std::nullopt;
    std::string taken = std::move(*word);
    words_.erase(word);
    return taken;
  }
  // What nobody took.
  std::optional<std::string> stranger() const { return words_.empty() ? std::nullopt : std::optional{words_.front()}; }

 private:
  std::vector<std::string> words_;
};

}  // namespace deskd
