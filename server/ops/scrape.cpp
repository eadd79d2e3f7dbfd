// scrape.cpp - See scrape.hpp.
#include "server/ops/scrape.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "server/desk/assert.hpp"

namespace deskd {

bool Scrape::lists(std::string_view desk) {
  if (desks_.contains(desk)) return true;
  if (desks_.size() >= desks_labelled_max) return false;
  desks_.emplace(desk);
  return true;
}

Scrape::Labels Scrape::owned(std::span<const Label> labels, const Label& more) {
  Labels all;
  for (const Label& label : labels)
    all.emplace_back(label.name, label.name != desk_label || lists(label.value) ? label.value : other_desks);
  if (!more.name.empty()) all.emplace_back(more.name, more.value);
  return all;
}

void Scrape::add(std::string_view name, MetricType type, std::string_view help, double value,
                 std::span<const Label> labels, const Label& more) {
  auto found = families_.find(name);
  if (found == families_.end()) found = families_.emplace(name, Family{type, std::string{help}, {}, {}}).first;
  DESK_ASSERT(found->second.type == type);
  found->second.values[owned(labels, more)] += value;
}

void Scrape::add(std::string_view name, std::string_view help, const Waits& waits, std::span<const Label> labels,
                 const Label& more) {
  auto found = families_.find(name);
  if (found == families_.end()) found = families_.emplace(name, Family{{}, std::string{help}, {}, {}}).first;
  Waits& sum = found->second.waits[owned(labels, more)];
  for (std::size_t i = 0; i < sum.counts.size(); ++i) sum.counts[i] += waits.counts[i];
  sum.sum_ms += waits.sum_ms;
}

void Scrape::add(const Scrape& other) {
  for (const auto& [name, family] : other.families_) {
    const auto labels_of = [](const Labels& owned) {
      std::vector<Label> labels;
      for (const auto& [label, value] : owned) labels.push_back({label, value});
      return labels;
    };
    for (const auto& [labels, value] : family.values) add(name, family.type, family.help, value, labels_of(labels));
    for (const auto& [labels, waits] : family.waits) add(name, family.help, waits, labels_of(labels));
  }
}

std::string Scrape::text() const {
  std::vector<prometheus::MetricFamily> out;
  for (const auto& [name, family] : families_) {
    prometheus::MetricFamily& written = out.emplace_back();
    written.name = name;
    written.help = family.help;
    const auto metric = [&written](const Labels& labels) -> prometheus::ClientMetric& {
      prometheus::ClientMetric& one = written.metric.emplace_back();
      for (const auto& [label, value] : labels) one.label.push_back({label, value});
      return one;
    };
    written.type = family.type == MetricType::counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (const auto& [labels, value] : family.values)
      (family.type == MetricType::counter ? metric(labels).counter.value : metric(labels).gauge.value) = value;
    for (const auto& [labels, waits] : family.waits) {
      written.type = prometheus::MetricType::Histogram;
      prometheus::ClientMetric::Histogram& one = metric(labels).histogram;
      for (std::size_t i = 0; i < waits.counts.size(); ++i) {
        one.sample_count += waits.counts[i];
        if (i < Waits::bounds_ms.size())
          one.bucket.push_back({one.sample_count, static_cast<double>(Waits::bounds_ms[i]) / 1e3});
      }
      one.sample_sum = static_cast<double>(waits.sum_ms) / 1e3;
    }
  }
  return prometheus::TextSerializer{}.Serialize(out);
}

}  // namespace deskd
