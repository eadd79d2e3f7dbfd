// admin_codec.cpp - See admin_codec.hpp.
#include "protocol/admin_codec.hpp"

#include "protocol/shape_reader.hpp"

namespace deskd {

namespace {
struct Refusal {
  std::string error;
  std::string message;
};
}  // namespace

template <>
struct Shape<admin::Revocation> {
  using T = admin::Revocation;
  static constexpr auto fields =
      std::tuple{need("role", &T::role), may("shop", &T::shop), need("person", &T::person), may("lift", &T::lift)};
};
template <>
struct Shape<Refusal> {
  static constexpr auto fields = std::tuple{need("error", &Refusal::error), may("message", &Refusal::message)};
};

namespace admin {
namespace {

// Empty: `into` holds it. Otherwise what is wrong.
template <class T>
std::string read(std::string_view json, std::size_t bytes_max, T& into) {
  if (json.size() > bytes_max) return "the body is too long";
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  const simdjson::padded_string text{json};
  if (parser.allocate(text.size() + 1, depth_max) != simdjson::SUCCESS ||
      parser.parse(text).get(object) != simdjson::SUCCESS)
    return "the body is not one JSON object";
  std::tuple<> nothing;
  ShapeReader reader{ShapeReader<std::tuple<>>::Strangers::refused, true, nothing};
  return reader.read_object(object, into) ? std::string{} : reader.fault().text();
}

// A refused policy names everything that is wrong with it.
constexpr std::size_t refusal_bytes_max{256 * 1024};

}  // namespace

std::variant<Revocation, std::string> read_revocation(std::string_view json) {
  Revocation revocation;
  if (std::string wrong = read(json, admin_body_bytes_max, revocation); !wrong.empty()) return wrong;
  const bool of_shop = revocation.role == Role::buyer || revocation.role == Role::guest;
  if (of_shop == revocation.shop.empty()) return "shop: is wanted for buyers and guests, and for nobody else";
  return revocation;
}

std::string refusal(std::string_view error, std::string_view message) {
  std::string out{R"({"error":)"};
  json::append_text(out, error);
  out += R"(,"message":)";
  json::append_text(out, message);
  return out += '}';
}

std::string read_refusal(std::string_view json) {
  Refusal refusal;
  if (!read(json, refusal_bytes_max, refusal).empty()) return {};
  return refusal.message.empty() ? refusal.error : refusal.error + ": " + refusal.message;
}

}  // namespace admin
}  // namespace deskd
