#include "server/desk/transcript.hpp"

#include <algorithm>
#include <functional>

#include "server/desk/assert.hpp"

namespace deskd {

namespace {
// Up to here a scan of the heads beats a table, and most chats never need one.
constexpr std::size_t scan_lines_max = 16;

// Blocks of words double from the first, which holds a greeting and a question, to the last, which holds a long talk.
constexpr std::size_t first_block_bytes = 256;
constexpr std::size_t last_block_bytes = 16 * 1024;

// Clients choose their ids: a half that one of them keeps the same must not put all its lines into one place.
std::uint64_t mixed(CommandId id) {
  return ((id.low ^ (id.high * 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL) >> 32;
}
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
  return said.words;
}

Seq Transcript::find(CommandId id) const {
  if (!id) return {};
  if (ids_.empty()) {
    for (std::size_t i = lines_.size(); i > 0; --i)
      if (lines_[i - 1].id == id) return Seq{static_cast<std::uint32_t>(i)};
    return {};
  }
  const std::size_t mask = ids_.size() - 1;
  for (std::size_t slot = mixed(id) & mask; ids_[slot] != 0; slot = (slot + 1) & mask)
    if (lines_[ids_[slot] - 1].id == id) return Seq{ids_[slot]};
  return {};
}

void Transcript::index(Seq seq) {
  const CommandId id = line(seq).id;
  if (!id) return;
  const std::size_t mask = ids_.size() - 1;
  std::size_t slot = mixed(id) & mask;
  while (ids_[slot] != 0) slot = (slot + 1) & mask;
  ids_[slot] = seq.value;
}

Seq Transcript::append(Line line, std::string_view words) {
  DESK_ASSERT(lines_.size() < 3 * limits::lines_max);
  line.words = {};
  if (!words.empty()) {
    if (words_.empty() || words_.back().capacity() - words_.back().size() < words.size()) {
      const std::size_t block =
          words_.empty() ? first_block_bytes : std::min(2 * words_.back().capacity(), last_block_bytes);
      words_.emplace_back().reserve(std::max(block, words.size()));
    }
    std::pmr::string& block = words_.back();
    block.append(words);
    words_bytes_ += words.size();
    line.words = std::string_view{block}.substr(block.size() - words.size());
  }
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

void Transcript::show(Seq seq) {
  DESK_ASSERT(seq.value >= 1 && seq <= last());
  Line& line = lines_[seq.value - 1];
  line.hidden = line.refused;
}

void Transcript::refuse(Seq seq) {
  hide(seq);
  lines_[seq.value - 1].refused = true;
}

void Transcript::set_stored(Seq seq) {
  if (seq <= stored_) return;
  DESK_ASSERT(seq <= last());
  stored_ = seq;
  if (words_bytes_ <= limits::chat_words_bytes_max) return;
  // Half is dropped at once, so that a long chat does not look at its words at every line. A block goes as a whole.
  while (words_.size() > 1 && words_bytes_ > limits::chat_words_bytes_max / 2) {
    const std::pmr::string& block = words_.front();
    const auto lies_in_block = [&](std::string_view words) {
      return !std::less<>{}(words.data(), block.data()) && std::less<>{}(words.data(), block.data() + block.size());
    };
    Seq after = kept_from_;
    while (after <= last() && (line(after).words.empty() || lies_in_block(line(after).words))) after = next(after);
    if (after.value > stored_.value + 1) return;
    kept_from_ = after;
    words_bytes_ -= block.size();
    words_.erase(words_.begin());
  }
}

}  // namespace deskd
