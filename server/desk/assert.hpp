// assert.hpp - For what can only be wrong when the desk itself is wrong.
//
// A chat held by two agents, a clock that ran backwards: going on would write the mistake down. The server prints what
// it knows and stops; recovery restarts it from what is stored. So the check is on in every build. What a person said
// wrong is answered, and what the world did wrong is an event: neither comes here.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace deskd {

// What this thread was at, for the message of a failed assert: `AssertContext at{"chat", id.value};` on the stack of
// whoever knows. Contexts nest, the innermost prints first. Two stores to make, so a step may have one. The text must
// outlive the context; the number may be told anew as it moves.
class AssertContext {
 public:
  explicit AssertContext(std::string_view what, std::int64_t of = 0) : number{of}, what_{what}, outer_{top()} {
    top() = this;
  }
  AssertContext(const AssertContext&) = delete;
  AssertContext& operator=(const AssertContext&) = delete;
  ~AssertContext() { top() = outer_; }

  static void print() {
    for (const AssertContext* at = top(); at != nullptr; at = at->outer_)
      std::fprintf(stderr, "  %.*s %lld\n", static_cast<int>(at->what_.size()), at->what_.data(),
                   static_cast<long long>(at->number));
  }

  std::int64_t number;

 private:
  static const AssertContext*& top() {
    static thread_local const AssertContext* innermost = nullptr;
    return innermost;
  }
  std::string_view what_;
  const AssertContext* outer_;
};

[[noreturn, gnu::cold, gnu::noinline]] inline void assert_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: never so: %s\n", file, line, expression);
  AssertContext::print();
  std::fflush(stderr);
  std::abort();
}

}  // namespace deskd

#define DESK_ASSERT(condition) \
  (static_cast<bool>(condition) ? void(0) : ::deskd::assert_failed(#condition, __FILE__, __LINE__))
