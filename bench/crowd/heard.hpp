// heard.hpp - One frame of deskd.v1 as a load maker reads it: the members that the crowd looks at, whatever the type.
//
// It knows SPEC.md and nothing of the server's code, so that a mistake of the codec cannot hide here as well.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace deskd {

struct Heard {
  struct Line {
    std::string_view id;
    std::uint32_t seq{};
  };
  std::string_view type, id, origin, kind, text, place, status, reason, code, agent, message;
  std::int64_t chat{}, epoch{}, retry_after_ms{-1}, n{};
  std::uint32_t seq{}, stored{}, inside_seq{}, inside_stored{};
  bool inside{}, mine{}, choose{}, hidden{};
  std::vector<Line> lines;
};

// Views live until the next call. False: not a JSON object.
bool hear(std::string_view json, Heard& heard);

}  // namespace deskd
