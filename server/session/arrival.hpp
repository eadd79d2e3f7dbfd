// arrival.hpp - A client that has asked to be upgraded, on its way from the listener's thread to its desk's.
//
// A plain value: it carries the raw socket and what the listener learnt from the request, so that the WebSocket can be
// made where it will live. Whoever holds an Arrival holds the descriptor, and closes it by letting go of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace deskd {

// The addresses of the public listener that lead into a desk.
enum class Entrance : std::uint8_t {
  buyer,  // /v1/shops/SHOP/buyer
  agent,  // /v1/desks/DESK/agent
  ops,    // /v1/desks/DESK/ops
};

// An open file descriptor, closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_{number} {}
  Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();
  int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_{-1};
};

// A session's place in the listener's counts: of connections, and of those that have not signed in. It goes with the
// session to its thread; letting go of it tells the listener, from any thread.
class Admitted {
 public:
  virtual ~Admitted() = default;
  // From now on the limits count this one as somebody known.
  virtual void signed_in() = 0;
};

struct Arrival {
  Descriptor socket;
  Entrance entrance{};
  std::string name;   // the shop's, or the desk's
  std::string key;    // Sec-WebSocket-Key
  bool has_origin{};  // a browser's page; which one, the listener has checked
  std::string early;  // bytes that came right behind the request
  std::unique_ptr<Admitted> admitted;
};

// Answers 503 to one that was to be upgraded and cannot be. Whoever holds the arrival closes it.
void turn_away(const Arrival& arrival);

}  // namespace deskd
