// request.hpp - Judging a request before anything is built for it: which desk it leads to, whose page it came from, and
// which address it counts for. Pure functions over what the listener has read.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "server/session/arrival.hpp"

namespace deskd {

struct Door {
  Entrance entrance{};
  std::string_view name;
  bool operator==(const Door&) const = default;
};

// Path only, without the query. Nothing: no door has this address.
std::optional<Door> door_of(std::string_view path);

// The path of a request's target; the query says nothing to deskd and is neither kept nor logged.
std::string_view path_of(std::string_view target);

// Exactly one of the list: no wildcards, no suffixes, no case folding, and "null" is nobody's page.
bool is_listed(std::span<const std::string> origins, std::string_view origin);

// Whether the page came from the very server it now talks to, as our own console does.
bool is_same_host(std::string_view origin, std::string_view host);

// Whether one of the comma-separated words of a header is this one; `word` is lower case.
bool has_word(std::string_view list, std::string_view word);

// "10.0.0.0/8", "::1", "192.168.1.7".
class Network {
 public:
  static std::optional<Network> parse(std::string_view text);
  bool holds(const boost::asio::ip::address& address) const;

 private:
  boost::asio::ip::address base_;
  unsigned bits_{};
};

// The address that a connection counts for: the socket's; or, when that is a trusted proxy, the last one in
// X-Forwarded-For that no trusted proxy wrote. What stands further left, anybody may have written.
std::string peer_of(const boost::asio::ip::address& socket, std::string_view forwarded_for,
                    std::span<const Network> trusted_proxies);

}  // namespace deskd
