// codec.hpp - The wire's text and its meaning: JSON to messages and back. Nothing else knows the wire's JSON.
//
//        {"type":"say","id":"5f...","chat":"17","text":"在吗"}   <── decode / encode ──>   ask::Say
//
// A frame is one JSON object: `type` is the struct's name in snake_case, the rest are the struct's members under their
// names (message_shapes.hpp). Reading is strict where a thing is known and deaf where it is not: unknown members are
// ignored, unknown types are an error, and a member of the wrong type, a key that stands twice, a text with a control
// character or a frame with anything behind its object is refused. What a message means is the desk's to judge.
//
// A Decoder belongs to one thread. What it gives holds views into its buffer, good until its next call. `say` and
// `line` allocate nothing but the growth of the caller's string.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/messages.hpp"

namespace deskd {

// One frame, either way in. The longest ask is an order whose every field is full: 100 articles do not all have long
// names, so 64 KiB is far from any honest frame, and small enough that a thousand liars cost little.
inline constexpr std::size_t frame_bytes_max{64 * 1024};

// Bytes that the caller's buffer must hold behind a frame, of any content, to be parsed without a copy.
inline constexpr std::size_t frame_spare_bytes{64};

// Why a frame was refused. `id` is the command's when it could be read, so that its author can be told which one.
struct Fault {
  Code code{};
  CommandId id;
  std::string message;
};

class Decoder {
 public:
  Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  // What a client said. `spare`: how many bytes behind `text` may be read.
  std::variant<Ask, Fault> decode(std::string_view text, std::size_t spare = 0);

  // What a server said; for tests, the load maker and the recorder's reader.
  std::variant<Tell, Fault> decode_tell(std::string_view text, std::size_t spare = 0);

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

// Append the frame, without a space or a line end in it. Always valid JSON, for valid UTF-8 in the strings.
void encode(const Tell& message, std::string& out);
void encode(const Ask& message, std::string& out);

}  // namespace deskd
