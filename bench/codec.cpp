// bench/codec.cpp - What a word costs on its way through the codec: read once, written once.
//
// Each figure stands beside a control that does nothing but move the same bytes, in the same run, so that the ratio
// says something on a machine that others use too. `line` is also written with RapidJSON's Writer, the way it would be
// done without a writer of our own.
#include <benchmark/benchmark.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstring>
#include <string>

#include "protocol/codec.hpp"

namespace deskd {
namespace {

constexpr std::string_view text{"在的亲,这款现货,今天 16:00 前下单今天发"};

std::string say_frame() {
  ask::Say say;
  say.id = CommandId{0x0123456789abcdef, 0xfedcba9876543210};
  say.chat = ChatId{58830131036160001};
  say.text = text;
  std::string out;
  encode(Ask{say}, out);
  return out;
}

Tell line_message() {
  tell::Line line;
  line.chat = ChatId{58830131036160001};
  line.seq = Seq{5};
  line.at = instant_of(1795253418007);
  line.origin = Origin::human;
  line.from = "07";
  line.id = CommandId{0x0123456789abcdef, 0xfedcba9876543210};
  line.text = text;
  line.stored = Seq{4};
  return line;
}

// The buffer holds the frame and its spare bytes, as the session's does.
std::string with_spare(std::string frame) {
  frame.resize(frame.size() + frame_spare_bytes);
  return frame;
}

void control(benchmark::State& state, const std::string& frame) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    out.append(frame);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] = static_cast<double>(frame.size());
}

void copy_say(benchmark::State& state) { control(state, say_frame()); }
BENCHMARK(copy_say);

void decode_say(benchmark::State& state) {
  const std::size_t size = say_frame().size();
  const std::string buffer = with_spare(say_frame());
  Decoder decoder;
  for (auto _ : state) {
    auto decoded = decoder.decode(std::string_view{buffer}.substr(0, size), frame_spare_bytes);
    benchmark::DoNotOptimize(decoded);
  }
  state.counters["bytes"] = static_cast<double>(size);
}
BENCHMARK(decode_say);

void copy_line(benchmark::State& state) {
  std::string frame;
  encode(line_message(), frame);
  control(state, frame);
}
BENCHMARK(copy_line);

void encode_line(benchmark::State& state) {
  const Tell message = line_message();
  std::string out;
  for (auto _ : state) {
    out.clear();
    encode(message, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] = static_cast<double>(out.size());
}
BENCHMARK(encode_line);

void encode_stored(benchmark::State& state) {
  const tell::StoredLine safe{CommandId{1, 2}, Seq{5}, instant_of(1795253418007)};
  const Tell message = tell::Stored{ChatId{58830131036160001}, Stream::main, Seq{5}, std::span{&safe, 1}};
  std::string out;
  for (auto _ : state) {
    out.clear();
    encode(message, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] = static_cast<double>(out.size());
}
BENCHMARK(encode_stored);

// The same members with RapidJSON; ids and times are made as cheaply as ours, from texts made before.
void rapidjson_line(benchmark::State& state) {
  const Tell message = line_message();
  const auto& line = std::get<tell::Line>(message);
  rapidjson::StringBuffer buffer;
  const auto string = [](auto& writer, std::string_view value) {
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  std::string out;
  for (auto _ : state) {
    buffer.Clear();
    rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
    writer.StartObject();
    writer.Key("type", 4);
    writer.String("line", 4);
    writer.Key("chat", 4);
    writer.String("58830131036160001", 17);
    writer.Key("seq", 3);
    writer.Uint(line.seq.value);
    writer.Key("at", 2);
    writer.String("2026-11-21T09:30:18.007Z", 24);
    writer.Key("origin", 6);
    string(writer, word_of(line.origin));
    writer.Key("kind", 4);
    string(writer, word_of(line.kind));
    writer.Key("from", 4);
    string(writer, line.from);
    writer.Key("id", 2);
    writer.String("0123456789abcdeffedcba9876543210", 32);
    writer.Key("text", 4);
    string(writer, line.text);
    writer.Key("stored", 6);
    writer.Uint(line.stored.value);
    writer.EndObject();
    out.clear();
    out.append(buffer.GetString(), buffer.GetSize());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] = static_cast<double>(out.size());
}
BENCHMARK(rapidjson_line);

}  // namespace
}  // namespace deskd
