#include "server/desk/transcript.hpp"

#include <functional>

#include "server/desk/assert.hpp"
#include "server/desk/limits.hpp"

namespace deskd {

namespace {
// Up to here a scan of the heads beats a table, and most chats never need one.
constexpr std::size_t scan_lines_max = 16;
}  // namespace

std::uint64_t content_of(LineKind kind, Seq reply_to, std::string_view words) {
  const std::uint64_t head = (std::uint64_t{reply_to.value} << 8) | static_cast<std::uint64_t>(kind);
  return std::hash<std::string_view>{}(words) ^ (head * 0x9e3779b97f4a7c15ULL);
}

const Transcript::Line& Transcript::line(Seq seq) const {
  DESK_ASSERT(seq.value >= 1 && seq <= last());
  return lines_[seq.value - 1];
}

std::string_view Transcript::words(Seq seq) const {
  const Line& said = line(seq);
  if (said.hidden || seq < kept_from_) return {};
  return std::string_view{words_}.substr(said.offset - words_from_, said.size);
}

Seq Transcript::find(CommandId id) const {
  if (!id) return {};
  if (ids_.empty()) {
    for (std::size_t i = lines_.size(); i > 0; --i)
      if (lines_[i - 1].id == id) return Seq{static_cast<std::uint32_t>(i)};
    return {};
  }
  const std::size_t mask = ids_.size() - 1;
  for (std::size_t slot = id.low & mask; ids_[slot] != 0; slot = (slot + 1) & mask)
    if (lines_[ids_[slot] - 1].id == id) return Seq{ids_[slot]};
  return {};
}

void Transcript::index(Seq seq) {
  const CommandId id = line(seq).id;
  if (!id) return;
  const std::size_t mask = ids_.size() - 1;
  std::size_t slot = id.low & mask;
  while (ids_[slot] != 0) slot = (slot + 1) & mask;
  ids_[slot] = seq.value;
}

Seq Transcript::append(Line line, std::string_view words) {
  DESK_ASSERT(lines_.size() < 2 * limits::lines_max);
  line.offset = words_from_ + static_cast<std::uint32_t>(words_.size());
  line.size = static_cast<std::uint32_t>(words.size());
  words_.append(words);
  lines_.push_back(line);
  if (lines_.size() > scan_lines_max && lines_.size() * 2 > ids_.size()) {
    ids_.assign(ids_.empty() ? 4 * scan_lines_max : 2 * ids_.size(), 0);
    for (std::uint32_t seq = 1; seq < last().value; ++seq) index(Seq{seq});
  }
  if (!ids_.empty()) index(last());
  return last();
}

void Transcript::hide(Seq seq) {
  DESK_ASSERT(seq.value >= 1 && seq <= last());
  lines_[seq.value - 1].hidden = true;
}

void Transcript::set_stored(Seq seq) {
  if (seq <= stored_) return;
  DESK_ASSERT(seq <= last());
  stored_ = seq;
  if (words_.size() <= limits::chat_words_bytes_max) return;
  // Half is dropped at once, so that a long chat does not move its words at every line.
  const std::uint32_t keep_from = words_from_ + static_cast<std::uint32_t>(words_.size() - limits::chat_words_bytes_max / 2);
  while (kept_from_ <= stored_ && line(kept_from_).offset < keep_from) kept_from_ = next(kept_from_);
  const std::uint32_t from = kept_from_ <= last() ? line(kept_from_).offset
                                                  : words_from_ + static_cast<std::uint32_t>(words_.size());
  words_.erase(0, from - words_from_);
  words_from_ = from;
}

}  // namespace deskd
