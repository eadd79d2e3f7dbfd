#include "storage/batch.hpp"

#include <algorithm>
#include <cstring>

namespace deskd {
namespace {

// Batches kept for using again. Two alternate in normal times; the rest of a drained backlog goes back to the system.
constexpr std::size_t spare_max{4};

// Calls f with every view of text in the record.
template <class Body, class F>
void each_text(Body& body, const F& f) {
  if (auto* line = std::get_if<record::Line>(&body)) {
    f(line->person), f(line->text);
  } else if (auto* fact = std::get_if<record::Fact>(&body)) {
    f(fact->shop), f(fact->queue), f(fact->agent), f(fact->detail);
  } else if (auto* chat = std::get_if<record::Chat>(&body)) {
    f(chat->shop), f(chat->buyer), f(chat->level), f(chat->queue), f(chat->agent), f(chat->wanted);
    for (auto& skill : chat->skills) f(skill);
  }
}

std::size_t text_bytes(const record::Body& body) {
  std::size_t sum{};
  each_text(body, [&sum](std::string_view text) { sum += text.size(); });
  return sum;
}

}  // namespace

std::size_t bytes_of(const Record& record) {
  std::size_t sum = sizeof(Record) + text_bytes(record.body);
  if (const auto* deed = std::get_if<record::Deed>(&record.body))
    sum += std::visit([](const auto& body) { return bytes_of(body); }, deed->body);
  return sum;
}

Batch::Share* Batch::share_of(DeskId desk) {
  // The newest share first: steps of one desk come in runs.
  const auto found = std::find_if(shares_.rbegin(), shares_.rend(), [desk](const Share& s) { return s.desk == desk; });
  return found == shares_.rend() ? nullptr : &*found;
}

bool Batch::append(std::span<const Record> step, std::size_t rows_max, std::size_t bytes_max) {
  std::size_t text{};
  for (const Record& record : step) text += text_bytes(record.body);
  if (empty()) {
    text_.reserve(std::max(text, bytes_max));
  } else {
    if (records_.size() + step.size() > rows_max || text_.size() + text > text_.capacity()) return false;
    for (const Record& record : step)
      if (const Share* share = share_of(record.desk); share && share->epoch != record.epoch) return false;
  }
  for (const Record& record : step) {
    Record& copy = records_.emplace_back(record);
    each_text(copy.body, [this](std::string_view& view) {
      const std::size_t at = text_.size();
      text_.insert(text_.end(), view.begin(), view.end());
      view = {text_.data() + at, view.size()};
    });
    bytes_ += bytes_of(copy);
    if (Share* share = share_of(record.desk)) share->last = record.position;
    else shares_.push_back({record.desk, record.epoch, record.position});
  }
  return true;
}

void Batch::drop(DeskId desk, Epoch epoch) {
  const auto lost = [&](const auto& each) { return each.desk == desk && each.epoch <= epoch; };
  std::erase_if(records_, lost);
  std::erase_if(shares_, lost);
  if (empty()) return clear();
  bytes_ = 0;
  for (const Record& record : records_) bytes_ += bytes_of(record);
}

void Batch::clear() {
  records_.clear();
  text_.clear();
  shares_.clear();
  bytes_ = 0;
}

void Gathering::append(std::span<const Record> step) {
  if (step.empty()) return;
  std::size_t before = waiting_.empty() ? 0 : waiting_.back()->bytes();
  if (waiting_.empty() || !waiting_.back()->append(step, limits_.rows_max, limits_.bytes_max)) {
    if (spare_.empty()) spare_.push_back(std::make_unique<Batch>());
    waiting_.push_back(std::move(spare_.back()));
    spare_.pop_back();
    before = 0;
    waiting_.back()->append(step, limits_.rows_max, limits_.bytes_max);
  }
  rows_ += step.size();
  bytes_ += waiting_.back()->bytes() - before;
}

void Gathering::drop(DeskId desk, Epoch epoch) {
  rows_ = bytes_ = 0;
  for (auto& batch : waiting_) {
    batch->drop(desk, epoch);
    rows_ += batch->records().size();
    bytes_ += batch->bytes();
  }
  std::erase_if(waiting_, [](const auto& batch) { return batch->empty(); });
}

std::chrono::nanoseconds Gathering::wait(std::chrono::nanoseconds since_last_began) const {
  if (batches() > 1 || since_last_began >= limits_.pace) return std::chrono::nanoseconds{0};
  return limits_.pace - since_last_began;
}

std::unique_ptr<Batch> Gathering::take() {
  if (waiting_.empty()) return nullptr;
  auto batch = std::move(waiting_.front());
  waiting_.pop_front();
  rows_ -= batch->records().size();
  bytes_ -= batch->bytes();
  return batch;
}

void Gathering::give_back(std::unique_ptr<Batch> batch) {
  batch->clear();
  if (spare_.size() < spare_max) spare_.push_back(std::move(batch));
}

}  // namespace deskd
