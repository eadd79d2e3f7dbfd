// names.hpp - Names that chats, agents and effects point at.
//
// An effect is read after the step that made it, and by then the chat may be in another queue or the agent have another
// title. So a name that may change is never overwritten: it is kept here once, for as long as the desk lives, and
// whoever has it points at it. Names come from policies, so there are few.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace deskd {

class Names {
 public:
  std::string_view keep(std::string_view name) {
    const auto known = names_.find(name);
    return known != names_.end() ? *known : *names_.emplace(name).first;
  }

 private:
  std::set<std::string, std::less<>> names_;
};

}  // namespace deskd
