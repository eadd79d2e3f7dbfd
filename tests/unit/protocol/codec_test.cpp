// codec_test.cpp - Frames in, messages out, and the other way round.
#include "protocol/codec.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "golden.hpp"
#include "random_message.hpp"

namespace deskd {
namespace {

constexpr std::string_view id_text{"00112233445566778899aabbccddeeff"};
constexpr CommandId id{0x0011223344556677, 0x8899aabbccddeeff};
// The frame itself is the first level.
constexpr std::size_t depth_of_too_deep{16};

template <class Any>
std::variant<Any, Fault> decode_any(Decoder& decoder, std::string_view text) {
  if constexpr (std::is_same_v<Any, Ask>) return decoder.decode(text);
  else return decoder.decode_tell(text);
}

template <class Any>
std::string text_of(const Any& message) {
  std::string out;
  encode(message, out);
  return out;
}

template <class Any, class... Message>
std::set<std::string> types_of(std::variant<Message...>*) {
  return {std::string{Shape<Message>::type}...};
}

// Goal: the frames that SPEC.md shows, that other clients test against, are exactly what this codec reads and writes.
template <class Any>
void golden_frames_round_trip(const std::string& side) {
  Decoder decoder;
  std::set<std::string> seen;
  for (const auto& [name, frame] : golden_frames(side)) {
    SCOPED_TRACE(name);
    const auto decoded = decode_any<Any>(decoder, frame);
    if (const auto* fault = std::get_if<Fault>(&decoded)) {
      ADD_FAILURE() << fault->message;
      continue;
    }
    EXPECT_EQ(text_of(std::get<Any>(decoded)), frame);
    const std::string type =
        std::visit([]<class M>(const M&) { return std::string{Shape<M>::type}; }, std::get<Any>(decoded));
    EXPECT_TRUE(name == side + "." + type || name.starts_with(side + "." + type + "."))
        << "named after another type: " << type;
    seen.insert(type);
  }
  EXPECT_EQ(seen, types_of<Any>(static_cast<Any*>(nullptr))) << "every message has a golden frame";
}
TEST(Codec, GoldenAsksRoundTrip) { golden_frames_round_trip<Ask>("ask"); }
TEST(Codec, GoldenTellsRoundTrip) { golden_frames_round_trip<Tell>("tell"); }

// The name of a member as the compiler says it.
template <auto Member>
std::string_view own_name() {
  constexpr std::string_view before{"Member = "};
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find(before) + before.size());
  text = text.substr(0, text.find_first_of(";]"));
  return text.substr(text.rfind(':') + 1);
}

template <Shaped Struct>
void expect_own_names() {
  const auto one = [](std::string_view word, std::string_view own) { EXPECT_EQ(word, own); };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    constexpr const auto& fields = Shape<Struct>::fields;
    (one(std::get<I>(fields).name.word(), own_name<std::get<I>(fields).member>()), ...);
  }
  (std::make_index_sequence<field_count<Struct>>{});
}
template <class... Message>
void expect_own_names_of(std::variant<Message...>*) {
  (expect_own_names<Message>(), ...);
}

// Goal: two members that changed places are found, although every frame would still come back as it went out.
TEST(Codec, EveryMemberGoesByItsOwnName) {
  expect_own_names_of(static_cast<Ask*>(nullptr));
  expect_own_names_of(static_cast<Tell*>(nullptr));
  expect_own_names<record::Item>();
  expect_own_names<record::Order>();
  expect_own_names<record::Correction>();
  expect_own_names<record::OrderAnswer>();
  expect_own_names<record::Rating>();
  expect_own_names<ask::Held>();
  expect_own_names<tell::StoredLine>();
  expect_own_names<tell::WarnedChat>();
  expect_own_names<tell::HistoryLine>();
  expect_own_names<tell::HistoryChat>();
  expect_own_names<tell::Candidate>();
  expect_own_names<tell::QueueFigures>();
}

// Goal: whatever a message holds, its frame is JSON to a parser that is not ours and says the same when read back.
// Method: random messages; the seed is printed, DESKD_SEED repeats it.
template <class Any>
void random_messages_round_trip() {
  const char* given = std::getenv("DESKD_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20261121;
  std::cout << "seed " << seed << "\n";
  RandomMessage random{seed};
  Decoder decoder;
  simdjson::dom::parser parser;
  std::set<std::size_t> kinds;
  for (int i = 0; i < 20'000; ++i) {
    const Any message = random.next<Any>();
    kinds.insert(message.index());
    const std::string frame = text_of(message);
    ASSERT_EQ(parser.parse(frame).error(), simdjson::SUCCESS) << frame;
    const auto decoded = decode_any<Any>(decoder, frame);
    ASSERT_TRUE(std::holds_alternative<Any>(decoded)) << std::get<Fault>(decoded).message << "\n" << frame;
    ASSERT_EQ(std::get<Any>(decoded).index(), message.index());
    ASSERT_EQ(text_of(std::get<Any>(decoded)), frame);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Any>);
}
TEST(Codec, RandomAsksRoundTrip) { random_messages_round_trip<Ask>(); }
TEST(Codec, RandomTellsRoundTrip) { random_messages_round_trip<Tell>(); }

TEST(Codec, ReadsSay) {
  Decoder decoder;
  const auto decoded = decoder.decode(
      R"( {"type":"say","id":"00112233445566778899aabbccddeeff","chat":"17","text":"\u5728\"\n\ud83d\udca1","reply_to":4,"assist":true} )");
  const auto& say = std::get<ask::Say>(std::get<Ask>(decoded));
  EXPECT_EQ(say.id, id);
  EXPECT_EQ(say.chat, ChatId{17});
  EXPECT_EQ(say.text, "在\"\n💡");
  EXPECT_EQ(say.reply_to, Seq{4});
  EXPECT_TRUE(say.assist);
  EXPECT_FALSE(say.inside);
}

TEST(Codec, LeavesOutWhatSaysNothing) {
  EXPECT_EQ(text_of(Ask{ask::Typing{ChatId{5}, false}}), R"({"type":"typing","chat":"5"})");
  EXPECT_EQ(text_of(Tell{tell::Done{id, ChatId{}, Seq{}}}),
            R"({"type":"done","id":"00112233445566778899aabbccddeeff"})");
  // A number that is the message's matter is said also when it is 0.
  EXPECT_EQ(text_of(Tell{tell::InLine{ChatId{5}, 0, {}, {}, false}}), R"({"type":"in_line","chat":"5","ahead":0})");
  // An empty list that was given is not the same as none.
  ask::SetAgent agent;
  agent.id = id;
  agent.agent = "07";
  agent.queues.emplace();
  EXPECT_EQ(text_of(Ask{agent}),
            R"({"type":"set_agent","id":"00112233445566778899aabbccddeeff","agent":"07","queues":[]})");
}

// Goal: what stands behind the frame in the caller's buffer is never taken for a part of it.
// Method: the same frame from a buffer whose spare bytes would change its meaning if they were read.
TEST(Codec, ReadsInPlaceOnlyItsOwnBytes) {
  const std::string frame = R"({"type":"typing","chat":"17"})";
  for (const std::string_view after : {R"(,"on":true})", "}}}}", "\"\"\"\"", "\\\\\\\\", "    "}) {
    std::string buffer = frame;
    while (buffer.size() < frame.size() + frame_spare_bytes) buffer += after;
    Decoder decoder;
    const auto decoded = decoder.decode(std::string_view{buffer}.substr(0, frame.size()), frame_spare_bytes);
    ASSERT_TRUE(std::holds_alternative<Ask>(decoded)) << std::get<Fault>(decoded).message;
    EXPECT_EQ(text_of(std::get<Ask>(decoded)), frame);
  }
}

// Goal: without spare bytes nothing behind the frame is read. Method: frames that end where a page ends and the next one
// may not be touched; the parser's own library is not built with a sanitizer that would see it.
TEST(Codec, ReadsNothingBeyondItsBytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  constexpr std::size_t pages{1 + frame_bytes_max / 4096};
  char* const room = static_cast<char*>(
      ::mmap(nullptr, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(room, MAP_FAILED);
  char* const end = room + pages * page;
  ASSERT_EQ(::mprotect(end, page, PROT_NONE), 0);
  Decoder decoder;
  for (const auto& [name, frame] : golden_frames("ask"))
    for (const std::size_t size : {frame.size(), frame.size() - 1, frame.size() / 2, std::size_t{1}}) {
      char* const from = end - size;
      std::copy_n(frame.data(), size, from);
      EXPECT_EQ(std::holds_alternative<Ask>(decoder.decode({from, size})), size == frame.size()) << name;
    }
  ::munmap(room, (pages + 1) * page);
}

struct Refusal {
  std::string_view what;
  std::string frame;
  Code code;
  CommandId id;
  std::string_view says;  // a part of the message
};

std::string say_with(std::string_view rest) {
  return R"({"type":"say","id":")" + std::string{id_text} + R"(","chat":"17",)" + std::string{rest} + "}";
}
std::string nested(std::size_t depth) {
  return R"({"type":"pong","n":1,"later":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
}
std::string with_keys(std::size_t count) {
  std::string frame = R"({"type":"pong","n":1)";
  for (std::size_t i = 2; i < count; ++i) frame += ",\"later" + std::to_string(i) + "\":0";
  return frame + "}";
}

TEST(Codec, RefusesAndSaysWhy) {
  const std::string propose = R"({"type":"propose_order","id":")" + std::string{id_text} + R"(","chat":"17","order":)";
  const std::vector<Refusal> refusals{
      {"nothing", "", Code::bad_json, {}, "empty"},
      {"blanks", "  \n", Code::bad_json, {}, ""},
      {"no JSON", "hello", Code::bad_json, {}, ""},
      {"a list", "[]", Code::bad_json, {}, "not an object"},
      {"a string", "\"say\"", Code::bad_json, {}, "not an object"},
      {"cut off", R"({"type":"pong","n":1)", Code::bad_json, {}, ""},
      {"two objects", R"({"type":"pong","n":1}{"type":"pong","n":2})", Code::bad_json, {}, ""},
      {"two objects with a blank", R"({"type":"pong","n":1} {"type":"pong","n":2})", Code::bad_json, {}, ""},
      {"trailing bytes", R"({"type":"pong","n":1}x)", Code::bad_json, {}, ""},
      {"trailing comma", R"({"type":"pong","n":1,})", Code::bad_json, {}, ""},
      {"no comma", say_with(R"("text":"x" "y")"), Code::bad_json, {}, ""},
      {"broken where nobody looks", say_with(R"("text":"x","later":tru)"), Code::bad_json, {}, ""},
      {"broken deeper", say_with(R"("text":"x","later":{"b":1 2,,})"), Code::bad_json, {}, ""},
      {"bad escape", say_with(R"("text":"\q")"), Code::bad_json, {}, ""},
      {"bad number", say_with(R"("text":"x","reply_to":01)"), Code::bad_json, {}, ""},
      {"number without end", say_with(R"("text":"x","reply_to":1.)"), Code::bad_json, {}, ""},
      {"raw control", say_with("\"text\":\"a\nb\""), Code::bad_json, {}, ""},
      {"raw NUL", say_with(std::string{"\"text\":\"a"} + '\0' + "b\""), Code::bad_json, {}, ""},
      {"not UTF-8", say_with("\"text\":\"\xff\""), Code::bad_json, {}, ""},
      {"overlong UTF-8", say_with("\"text\":\"\xc0\xaf\""), Code::bad_json, {}, ""},
      {"surrogate as UTF-8", say_with("\"text\":\"\xed\xa0\x80\""), Code::bad_json, {}, ""},
      {"too deep", nested(depth_of_too_deep), Code::bad_json, {}, ""},
      {"2000 deep", nested(2000), Code::bad_json, {}, ""},
      {"65 keys", with_keys(65), Code::bad_json, {}, "too many keys"},
      {"too long", say_with("\"text\":\"" + std::string(frame_bytes_max, 'a') + "\""), Code::too_large, {}, "65536"},

      {"no type", R"({"n":1})", Code::bad_message, {}, "type: is missing"},
      {"type is a number", R"({"type":1,"id":")" + std::string{id_text} + "\"}", Code::bad_message, id, "type"},
      {"no such type", R"({"type":"sign_out","id":")" + std::string{id_text} + "\"}", Code::unknown_type, id, ""},
      {"a server's type", R"({"type":"signed_in"})", Code::unknown_type, {}, ""},
      {"type with another case", R"({"type":"Say"})", Code::unknown_type, {}, ""},

      {"member missing", say_with(R"("reply_to":1)"), Code::bad_message, id, "text: is missing"},
      {"needed text empty", say_with(R"("text":"")"), Code::bad_message, id, "text: may not be empty"},
      {"text is a number", say_with(R"("text":1)"), Code::bad_message, id, "text: a string is wanted"},
      {"text is null", say_with(R"("text":null)"), Code::bad_message, id, "text: a string is wanted"},
      {"flag is a number", say_with(R"("text":"x","assist":1)"), Code::bad_message, id, "assist: true or false"},
      {"number is a string", say_with(R"("text":"x","reply_to":"1")"), Code::bad_message, id,
       "reply_to: a whole number"},
      {"number is a fraction", say_with(R"("text":"x","reply_to":1.5)"), Code::bad_message, id, "reply_to"},
      {"number is a float", say_with(R"("text":"x","reply_to":1.0)"), Code::bad_message, id, "reply_to"},
      {"number below", say_with(R"("text":"x","reply_to":-1)"), Code::bad_message, id, "reply_to"},
      {"number above", say_with(R"("text":"x","reply_to":4294967296)"), Code::bad_message, id, "reply_to"},
      {"number far above", say_with(R"("text":"x","reply_to":18446744073709551615)"), Code::bad_message, id,
       "reply_to"},
      {"chat is a number", R"({"type":"typing","chat":17})", Code::bad_message, {}, "chat: an id"},
      {"chat is 0", R"({"type":"typing","chat":"0"})", Code::bad_message, {}, "chat"},
      {"chat has a leading 0", R"({"type":"typing","chat":"017"})", Code::bad_message, {}, "chat"},
      {"chat has a sign", R"({"type":"typing","chat":"-17"})", Code::bad_message, {}, "chat"},
      {"chat has a blank", R"({"type":"typing","chat":"17 "})", Code::bad_message, {}, "chat"},
      {"chat above", R"({"type":"typing","chat":"9223372036854775808"})", Code::bad_message, {}, "chat"},
      {"id too short", R"({"type":"set_surge","id":"00"})", Code::bad_message, {}, "id: 32 lowercase"},
      {"id upper case", R"({"type":"set_surge","id":"00112233445566778899AABBCCDDEEFF"})", Code::bad_message, {}, "id"},
      {"id of 0s", R"({"type":"set_surge","id":"00000000000000000000000000000000"})", Code::bad_message, {}, "id"},
      {"no such word", R"({"type":"set_status","id":")" + std::string{id_text} + R"(","status":"busy"})",
       Code::bad_message, id, "status"},
      {"list is an object", propose + R"({"items":{}}})", Code::bad_message, id, "order.items: a list"},
      {"deep in a list", propose + R"({"items":[{"quantity":1},{"quantity":"2"}]}})", Code::bad_message, id,
       "order.items[1].quantity: a whole"},
      {"list in an order", propose + "[]}", Code::bad_message, id, "order: an object"},
      {"time without a zone", propose + R"({"terms_told":"2026-11-21T09:30:00.000"}})", Code::bad_message, id,
       "order.terms_told: a time"},
      {"day that is none", propose + R"({"terms_told":"2026-02-29T09:30:00.000Z"}})", Code::bad_message, id,
       "order.terms_told"},

      {"known key twice", say_with(R"("text":"x","text":"y")"), Code::bad_json, id, "text: this key stands twice"},
      {"known key twice, once escaped", say_with(R"("text":"x","te\u0078t":"y")"), Code::bad_json, id, "text"},
      {"unknown key twice", say_with(R"("text":"x","later":1,"later":2)"), Code::bad_json, id, "later"},
      {"type twice", R"({"type":"pong","n":1,"type":"pong"})", Code::bad_json, {}, "type"},
      {"key twice inside", propose + R"({"phone":"1","phone":"2"}})", Code::bad_json, id, "order.phone"},

      {"NUL", say_with(R"("text":"a\u0000b")"), Code::bad_words, id, "text: holds a control"},
      {"bell", say_with(R"("text":"a\u0007b")"), Code::bad_words, id, "text"},
      {"backspace", say_with(R"("text":"\b")"), Code::bad_words, id, "text"},
      {"control in an order", propose + R"({"address":"a\u001fb"}})", Code::bad_words, id, "order.address"},
      {"high surrogate alone", say_with(R"("text":"a\ud83db")"), Code::bad_words, id, "surrogate"},
      {"high surrogate at the end", say_with(R"("text":"a\ud83d")"), Code::bad_words, id, "surrogate"},
      {"low surrogate alone", say_with(R"("text":"\uDCA1")"), Code::bad_words, id, "surrogate"},
      {"two high", say_with(R"("text":"\ud83d\ud83d\udca1")"), Code::bad_words, id, "surrogate"},
      {"wrong way round", say_with(R"("text":"\udca1\ud83d")"), Code::bad_words, id, "surrogate"},
      {"surrogate and broken besides", say_with(R"("text":"\ud83d","x":)"), Code::bad_json, {}, ""},
  };
  Decoder decoder;
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(refusal.what);
    const auto decoded = decoder.decode(refusal.frame);
    const auto* fault = std::get_if<Fault>(&decoded);
    if (fault == nullptr) {
      ADD_FAILURE() << "was taken";
      continue;
    }
    EXPECT_EQ(name_of(fault->code), name_of(refusal.code)) << fault->message;
    EXPECT_EQ(fault->id, refusal.id);
    EXPECT_NE(fault->message.find(refusal.says), std::string::npos) << fault->message;
    // What was refused must leave no trace in the next frame.
    const auto after = decoder.decode(R"({"type":"pong","n":7})");
    ASSERT_TRUE(std::holds_alternative<Ask>(after));
    EXPECT_EQ(std::get<ask::Pong>(std::get<Ask>(after)).n, 7u);
  }
}

TEST(Codec, TakesWhatLiesJustInsideTheBounds) {
  const std::vector<std::pair<std::string_view, std::string>> frames{
      {"depth", nested(depth_of_too_deep - 1)},
      {"64 keys", with_keys(64)},
      {"unknown members", say_with(R"("text":"x","later":{"a":[1,2.5,null,"\u0000"]})")},
      {"blanks around", " \r\n\t{\"type\":\"pong\",\"n\":1}\n "},
      {"allowed controls", say_with(R"("text":"\n\t\r")")},
      {"a pair of surrogates", say_with(R"("text":"\uD83D\uDCA1")")},
      {"an escaped backslash before u", say_with(R"("text":"\\ud83d")")},
      {"greatest numbers", say_with(R"("text":"x","reply_to":4294967295)")},
      {"greatest chat", R"({"type":"typing","chat":"9223372036854775807"})"},
      {"as long as may be", R"({"type":"sign_in","token":")" + std::string(frame_bytes_max - 29, 'a') + "\"}"},
  };
  Decoder decoder;
  for (const auto& [what, frame] : frames) {
    SCOPED_TRACE(what);
    const auto decoded = decoder.decode(frame);
    EXPECT_TRUE(std::holds_alternative<Ask>(decoded)) << std::get<Fault>(decoded).message;
  }
  EXPECT_EQ(frames.back().second.size(), frame_bytes_max);
}

// Goal: the answer to a stranger's key is itself a frame.
TEST(Codec, FaultsAreSafeToSay) {
  Decoder decoder;
  std::string key;
  for (int i = 0; i < 40; ++i) key += "键";
  const auto decoded = decoder.decode(say_with("\"text\":\"x\",\"" + key + "\":1,\"" + key + "\":2"));
  const Fault& fault = std::get<Fault>(decoded);
  const std::string frame = text_of(Tell{tell::Error{fault.id, fault.code, fault.message, {}}});
  simdjson::dom::parser parser;
  EXPECT_EQ(parser.parse(frame).error(), simdjson::SUCCESS) << frame;
  EXPECT_LT(fault.message.size(), 128u);
}

}  // namespace
}  // namespace deskd
