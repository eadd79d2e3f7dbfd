// admin_call.cpp - See admin_call.hpp.
#include "server/admin_call.hpp"

#include <stdexcept>

#include "protocol/admin_codec.hpp"
#include "server/own_secret.hpp"

namespace deskd {

std::optional<CallAnswer> call_admin(const Settings& settings, std::string_view method, const std::string& target,
                                     std::string body) {
  const Address address = address_of(settings.internal_listen).value_or(Address{});
  const auto secret = read_own_secret(settings.admin_key_file);
  const auto* word = std::get_if<OwnSecret>(&secret);
  auto answer = call(address.host, address.port, method, target, word == nullptr ? "" : word->text, std::move(body));
  // Only now: a server that does not run has no need of a word.
  if (answer && word == nullptr) throw std::runtime_error{std::get<std::string>(secret)};
  return answer;
}

std::string refusal_of(const CallAnswer& answer) {
  std::string said = admin::read_refusal(answer.body);
  return said.empty() ? "the server answered " + std::to_string(answer.status) : said;
}

}  // namespace deskd
