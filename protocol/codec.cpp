// codec.cpp - See codec.hpp.
#include "protocol/codec.hpp"

#include <cstring>
#include <new>

#include "protocol/message_shapes.hpp"
#include "protocol/shape_reader.hpp"
#include "protocol/shape_writer.hpp"

namespace deskd {
namespace {

static_assert(frame_spare_bytes == simdjson::SIMDJSON_PADDING);

using KeptOfTells = std::tuple<record::Order, record::OrderAnswer, record::Rating, std::vector<tell::StoredLine>,
                               std::vector<tell::WarnedChat>, std::vector<tell::QueueFigures>>;

template <class... Message>
void encode_any(const std::variant<Message...>& message, std::string& text) {
  json::Output out{text};
  std::visit(
      [&]<class M>(const M& said) {
        out.raw(R"({"type":")");
        out.raw(Shape<M>::type);
        out.raw('"');
        bool first = false;
        ShapeWriter{out}.write_members(said, first);
        out.raw('}');
      },
      message);
}

// JavaScript can cut a string between the halves of a surrogate pair and says so with an escape that no UTF-8 text can
// hold. Puts U+FFFD for every such half, in the same six bytes, and says whether there was one.
bool mend_surrogates(std::string& text) {
  bool mended = false;
  const auto unit_at = [&](std::size_t i) -> unsigned {  // the code unit of an escape, or 0
    if (i + 6 > text.size() || text[i] != '\\' || text[i + 1] != 'u') return 0;
    unsigned unit = 0;
    for (std::size_t k = i + 2; k < i + 6; ++k) {
      const char c = text[k];
      const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
      if (digit < 0) return 0;
      unit = unit * 16 + static_cast<unsigned>(digit);
    }
    return unit;
  };
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      ++i;
      continue;
    }
    const unsigned unit = unit_at(i);
    const bool high = unit >= 0xD800 && unit < 0xDC00;
    const bool low = unit >= 0xDC00 && unit < 0xE000;
    const unsigned following = high ? unit_at(i + 6) : 0;
    if (high && following >= 0xDC00 && following < 0xE000) {
      i += 12;
    } else if (high || low) {
      text.replace(i, 6, "\\ufffd");
      mended = true;
      i += 6;
    } else {
      i += 2;
    }
  }
  return mended;
}

CommandId id_of(simdjson::dom::object object) {
  std::string_view text;
  if (object["id"].get(text) != simdjson::SUCCESS) return {};
  return json::command_id_from(text).value_or(CommandId{});
}

}  // namespace

class Decoder::Parts {
 public:
  Parts() : parser_{frame_bytes_max} {
    // All of it now: a first long frame is no moment to allocate. It fails only without memory.
    if (parser_.allocate(frame_bytes_max, depth_max) != simdjson::SUCCESS ||
        parser_.doc.allocate(frame_bytes_max) != simdjson::SUCCESS)
      throw std::bad_alloc{};
  }

  template <class Any>
  std::variant<Any, Fault> decode(std::string_view text, std::size_t spare) {
    std::variant<Any, Fault> out;
    if (text.size() > frame_bytes_max) {
      out = Fault{Code::too_large, {}, "the frame is longer than 65536 bytes"};
      return out;
    }
    if (text.empty()) {
      out = Fault{Code::bad_json, {}, "the frame is empty"};
      return out;
    }
    simdjson::dom::element root;
    simdjson::error_code error = parser_.parse(text.data(), text.size(), spare < frame_spare_bytes).get(root);
    bool mended = false;
    std::string copy;
    if (error == simdjson::STRING_ERROR) {
      copy = text;
      mended = mend_surrogates(copy);
      if (mended) error = parser_.parse(copy).get(root);
    }
    simdjson::dom::object object;
    if (error != simdjson::SUCCESS || root.get(object) != simdjson::SUCCESS) {
      out = Fault{Code::bad_json, {}, error != simdjson::SUCCESS ? "not JSON within the limits" : "not an object"};
      return out;
    }
    if (mended) {
      out = Fault{Code::bad_words, id_of(object), "holds half of a surrogate pair"};
      return out;
    }
    std::string_view type;
    if (object["type"].get(type) != simdjson::SUCCESS) {
      out = Fault{Code::bad_message, id_of(object), "type: is missing, or not a string"};
      return out;
    }
    const bool escapes = std::memchr(text.data(), '\\', text.size()) != nullptr;
    if (!read_as(type, object, escapes, out, static_cast<Any*>(nullptr)))
      out = Fault{Code::unknown_type, id_of(object), "no message has this type"};
    return out;
  }

 private:
  // Whether one of the messages has this type; then `out` holds it or says what is wrong with it.
  template <class Any, class... Message>
  bool read_as(std::string_view type, simdjson::dom::object object, bool escapes, std::variant<Any, Fault>& out,
               std::variant<Message...>*) {
    return ((same_word(Shape<Message>::type, type) ? (read_into<Message>(object, escapes, out), true) : false) || ...);
  }

  template <class Message, class Any>
  void read_into(simdjson::dom::object object, bool escapes, std::variant<Any, Fault>& out) {
    ShapeReader<KeptOfTells> reader{ShapeReader<KeptOfTells>::Strangers::ignored, escapes, kept_};
    Message& message = out.template emplace<Any>().template emplace<Message>();
    if (reader.read_object(object, message, "type")) return;
    out = Fault{reader.fault().code, id_of(object), reader.fault().text()};
  }

  simdjson::dom::parser parser_;
  KeptOfTells kept_;
};

Decoder::Decoder() : parts_{std::make_unique<Parts>()} {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

std::variant<Ask, Fault> Decoder::decode(std::string_view text, std::size_t spare) {
  return parts_->decode<Ask>(text, spare);
}
std::variant<Tell, Fault> Decoder::decode_tell(std::string_view text, std::size_t spare) {
  return parts_->decode<Tell>(text, spare);
}

void encode(const Tell& message, std::string& out) { encode_any(message, out); }
void encode(const Ask& message, std::string& out) { encode_any(message, out); }

}  // namespace deskd
