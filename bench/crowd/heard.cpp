// heard.cpp - Reading frames with simdjson.
#include "bench/crowd/heard.hpp"

#include <simdjson.h>

#include <charconv>

namespace deskd {
namespace {

namespace od = simdjson::ondemand;

std::string_view text_of(od::value& value) {
  std::string_view text;
  if (value.get_string().get(text)) return {};
  return text;
}

template <class Int>
Int number_of(od::value& value) {
  std::int64_t number = 0;
  if (value.type() == od::json_type::string) {
    const std::string_view text = text_of(value);
    std::from_chars(text.data(), text.data() + text.size(), number);
  } else if (value.get_int64().get(number)) {
    number = 0;
  }
  return static_cast<Int>(number);
}

bool truth_of(od::value& value) {
  bool truth = false;
  return !value.get_bool().get(truth) && truth;
}

}  // namespace

bool hear(std::string_view json, Heard& heard) {
  static od::parser parser;
  heard = {};
  od::document document;
  // The links' buffer has the padding that the parser wants behind every frame.
  if (parser.iterate(json.data(), json.size(), json.size() + simdjson::SIMDJSON_PADDING).get(document)) return false;
  od::object object;
  if (document.get_object().get(object)) return false;
  for (auto field : object) {
    std::string_view key;
    od::value value;
    if (field.unescaped_key().get(key) || field.value().get(value)) return false;
    if (key == "type") heard.type = text_of(value);
    else if (key == "id") heard.id = text_of(value);
    else if (key == "chat") heard.chat = number_of<std::int64_t>(value);
    else if (key == "epoch") heard.epoch = number_of<std::int64_t>(value);
    else if (key == "seq") heard.seq = number_of<std::uint32_t>(value);
    else if (key == "stored") heard.stored = number_of<std::uint32_t>(value);
    else if (key == "inside") heard.inside_seq = number_of<std::uint32_t>(value);
    else if (key == "inside_stored") heard.inside_stored = number_of<std::uint32_t>(value);
    else if (key == "stream") heard.inside = text_of(value) == "inside";
    else if (key == "origin") heard.origin = text_of(value);
    else if (key == "kind") heard.kind = text_of(value);
    else if (key == "text") heard.text = text_of(value);
    else if (key == "place") heard.place = text_of(value);
    else if (key == "status") heard.status = text_of(value);
    else if (key == "reason") heard.reason = text_of(value);
    else if (key == "code") heard.code = text_of(value);
    else if (key == "agent") heard.agent = text_of(value);
    else if (key == "message") heard.message = text_of(value);
    else if (key == "mine") heard.mine = truth_of(value);
    else if (key == "choose") heard.choose = truth_of(value);
    else if (key == "hidden") heard.hidden = truth_of(value);
    else if (key == "retry_after_ms") heard.retry_after_ms = number_of<std::int64_t>(value);
    else if (key == "n") heard.n = number_of<std::int64_t>(value);
    else if (key == "lines" && heard.type == "stored") {
      for (auto one : value) {
        Heard::Line line;
        for (auto member : one.get_object()) {
          std::string_view name;
          od::value inner;
          if (member.unescaped_key().get(name) || member.value().get(inner)) return false;
          if (name == "id") line.id = text_of(inner);
          if (name == "seq") line.seq = number_of<std::uint32_t>(inner);
        }
        heard.lines.push_back(line);
      }
    }
  }
  return true;
}

}  // namespace deskd
