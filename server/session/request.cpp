#include "server/session/request.hpp"

#include <algorithm>
#include <charconv>

namespace deskd {

namespace asio = boost::asio;

namespace {

// As the policy has them: 1-32 of [a-z0-9_-].
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// An IPv4 address that came in over an IPv6 socket is the IPv4 address.
asio::ip::address plain(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  return address;
}

std::optional<asio::ip::address> parse_address(std::string_view text) {
  boost::system::error_code error;
  const asio::ip::address address = asio::ip::make_address(text, error);
  if (error) return std::nullopt;
  return plain(address);
}

bool same_bits(const unsigned char* a, const unsigned char* b, unsigned bits) {
  if (!std::equal(a, a + bits / 8, b)) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (a[bits / 8] >> (8 - rest)) == (b[bits / 8] >> (8 - rest));
}

bool is_trusted(const asio::ip::address& address, std::span<const Network> proxies) {
  return std::ranges::any_of(proxies, [&](const Network& network) { return network.holds(address); });
}

}  // namespace

std::string_view path_of(std::string_view target) { return target.substr(0, target.find_first_of("?#")); }

std::optional<Door> door_of(std::string_view path) {
  struct Row {
    std::string_view before, after;
    Entrance entrance;
  };
  static constexpr Row rows[]{{"/v1/shops/", "/buyer", Entrance::buyer},
                              {"/v1/desks/", "/agent", Entrance::agent},
                              {"/v1/desks/", "/ops", Entrance::ops}};
  for (const Row& row : rows) {
    if (!path.starts_with(row.before) || !path.ends_with(row.after)) continue;
    if (path.size() < row.before.size() + row.after.size()) continue;
    const std::string_view name = path.substr(row.before.size(), path.size() - row.before.size() - row.after.size());
    if (is_name(name)) return Door{row.entrance, name};
  }
  // Of a server with one desk, which then needs no name.
  if (path == "/v1/ops") return Door{Entrance::ops, {}};
  return std::nullopt;
}

bool is_listed(std::span<const std::string> origins, std::string_view origin) {
  return !origin.empty() && origin != "null" && std::ranges::find(origins, origin) != origins.end();
}

bool is_same_host(std::string_view origin, std::string_view host) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme)) return !host.empty() && origin.substr(scheme.size()) == host;
  return false;
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view item = trimmed(list.substr(0, comma));
    if (std::ranges::equal(item, word, {}, lower)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto base = parse_address(text.substr(0, slash));
  if (!base) return std::nullopt;
  Network network;
  network.base_ = *base;
  network.bits_ = base->is_v4() ? 32 : 128;
  if (slash == std::string_view::npos) return network;
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size() || bits > network.bits_) return std::nullopt;
  network.bits_ = bits;
  return network;
}

bool Network::holds(const asio::ip::address& address) const {
  const asio::ip::address other = plain(address);
  if (other.is_v4() != base_.is_v4()) return false;
  if (base_.is_v4()) {
    const auto a = base_.to_v4().to_bytes(), b = other.to_v4().to_bytes();
    return same_bits(a.data(), b.data(), bits_);
  }
  const auto a = base_.to_v6().to_bytes(), b = other.to_v6().to_bytes();
  return same_bits(a.data(), b.data(), bits_);
}

std::string peer_of(const asio::ip::address& socket, std::string_view forwarded_for,
                    std::span<const Network> trusted_proxies) {
  asio::ip::address peer = plain(socket);
  while (!forwarded_for.empty() && is_trusted(peer, trusted_proxies)) {
    const std::size_t comma = forwarded_for.rfind(',');
    const std::string_view last = comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1);
    const auto address = parse_address(trimmed(last));
    if (!address) break;
    peer = *address;
    forwarded_for = comma == std::string_view::npos ? std::string_view{} : forwarded_for.substr(0, comma);
  }
  return peer.to_string();
}

}  // namespace deskd
