// golden.hpp - The golden frames in protocol/frames, as the tests read them.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace deskd {

inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

// Name without ".json" -> frame without its line end. `side` is "ask" or "tell".
inline std::map<std::string, std::string> golden_frames(const std::string& side) {
  std::map<std::string, std::string> frames;
  for (const auto& entry : std::filesystem::directory_iterator{DESKD_SOURCE_DIR "/protocol/frames"}) {
    const std::string name = entry.path().stem().string();
    if (!name.starts_with(side + ".")) continue;
    std::string text = file_text(entry.path());
    if (text.ends_with('\n')) text.pop_back();
    frames.emplace(name, std::move(text));
  }
  return frames;
}

}  // namespace deskd
