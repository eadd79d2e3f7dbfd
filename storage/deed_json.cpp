#include "storage/deed_json.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <stdexcept>

namespace deskd {
namespace {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;
using Size = rapidjson::SizeType;

void put(JsonWriter& out, std::string_view name, std::string_view text) {
  out.Key(name.data(), static_cast<Size>(name.size()));
  out.String(text.data(), static_cast<Size>(text.size()));
}
void put(JsonWriter& out, std::string_view name, std::int64_t number) {
  out.Key(name.data(), static_cast<Size>(name.size()));
  out.Int64(number);
}

void write(JsonWriter& out, const record::Order& order) {
  put(out, "order_no", order.order_no);
  out.Key("items");
  out.StartArray();
  for (const record::Item& item : order.items) {
    out.StartObject();
    put(out, "article", item.article);
    put(out, "spec", item.spec);
    put(out, "colour", item.colour);
    put(out, "quantity", std::int64_t{item.quantity});
    out.EndObject();
  }
  out.EndArray();
  put(out, "address", order.address);
  put(out, "recipient", order.recipient);
  put(out, "phone", order.phone);
  put(out, "requests", order.requests);
  put(out, "return_terms", order.return_terms);
  put(out, "terms_told", ms_of(order.terms_told));
  put(out, "version", std::int64_t{order.version});
}

void write(JsonWriter& out, const record::OrderAnswer& answer) {
  put(out, "order", std::int64_t{answer.order.value});
  put(out, "version", std::int64_t{answer.version});
  out.Key("confirmed");
  out.Bool(answer.confirmed);
  out.Key("corrections");
  out.StartArray();
  for (const record::Correction& each : answer.corrections) {
    out.StartObject();
    put(out, "field", each.field);
    put(out, "value", each.value);
    out.EndObject();
  }
  out.EndArray();
}

void write(JsonWriter& out, const record::Rating& rating) {
  put(out, "score", std::int64_t{rating.score});
  put(out, "text", rating.text);
}

using Json = rapidjson::Value;

const Json* member(const Json& object, const char* name) {
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}
std::string text(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value && value->IsString() ? std::string{value->GetString(), value->GetStringLength()} : std::string{};
}
std::int64_t number(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value && value->IsInt64() ? value->GetInt64() : 0;
}
std::int32_t number32(const Json& object, const char* name) { return static_cast<std::int32_t>(number(object, name)); }

template <class F>
void each_of(const Json& object, const char* name, const F& f) {
  const Json* list = member(object, name);
  if (!list || !list->IsArray()) return;
  for (const Json& each : list->GetArray())
    if (each.IsObject()) f(each);
}

record::Order read_order(const Json& from) {
  record::Order order;
  order.order_no = text(from, "order_no");
  each_of(from, "items", [&order](const Json& item) {
    order.items.push_back(
        {text(item, "article"), text(item, "spec"), text(item, "colour"), number32(item, "quantity")});
  });
  order.address = text(from, "address");
  order.recipient = text(from, "recipient");
  order.phone = text(from, "phone");
  order.requests = text(from, "requests");
  order.return_terms = text(from, "return_terms");
  order.terms_told = instant_of(number(from, "terms_told"));
  order.version = number32(from, "version");
  return order;
}

record::OrderAnswer read_answer(const Json& from) {
  record::OrderAnswer answer;
  answer.order = Seq{static_cast<Seq::Number>(number(from, "order"))};
  answer.version = number32(from, "version");
  const Json* confirmed = member(from, "confirmed");
  answer.confirmed = confirmed && confirmed->IsTrue();
  each_of(from, "corrections", [&answer](const Json& each) {
    answer.corrections.push_back({text(each, "field"), text(each, "value")});
  });
  return answer;
}

}  // namespace

std::string deed_to_json(const stored::DeedBody& body) {
  rapidjson::StringBuffer buffer;
  JsonWriter out{buffer};
  out.StartObject();
  std::visit([&out](const auto& each) { write(out, each); }, body);
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

stored::DeedBody deed_from_json(LineKind kind, std::string_view json) {
  rapidjson::Document from;
  from.Parse(json.data(), json.size());
  if (from.HasParseError() || !from.IsObject()) throw std::invalid_argument("a deed's body is not a JSON object");
  if (kind == LineKind::order) return read_order(from);
  if (kind == LineKind::order_answer) return read_answer(from);
  if (kind == LineKind::rating) return record::Rating{number32(from, "score"), text(from, "text")};
  throw std::invalid_argument("a deed is of a kind that has no body");
}

LineKind kind_of(const stored::DeedBody& body) {
  constexpr LineKind kinds[]{LineKind::order, LineKind::order_answer, LineKind::rating};
  return kinds[body.index()];
}

}  // namespace deskd
