#include "server/session/arrival.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <string_view>

namespace deskd {

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

// All of the request has been read, so closing does not reset the answer away.
void turn_away(const Arrival& arrival) {
  constexpr std::string_view answer{
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"};
  // A new socket has room for it; a client that has gone needs none.
  [[maybe_unused]] const auto sent =
      ::send(arrival.socket.number(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace deskd
