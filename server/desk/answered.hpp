// answered.hpp - The newest commands that were answered and made no line, so that a repeat is known for one.
//
// What makes a line is found by the line's id for as long as the chat is. Of the others a handful is enough: a repeat that
// is still under way, on a wire that broke for instance, is seldom more than a few commands old.
#pragma once

#include <algorithm>
#include <array>

#include "protocol/ids.hpp"

namespace deskd {

class Answered {
 public:
  bool knows(CommandId id) const { return std::find(ids_.begin(), ids_.end(), id) != ids_.end(); }
  void add(CommandId id) {
    if (!knows(id)) ids_[next_++ % ids_.size()] = id;
  }

 private:
  std::array<CommandId, 8> ids_{};
  std::size_t next_{};
};

}  // namespace deskd
