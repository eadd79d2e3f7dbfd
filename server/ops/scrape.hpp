// scrape.hpp - The text of /metrics, made from plain integers when somebody asks.
//
//        a part's struct of counters ── rows: which member, what name ──> Scrape ──> Prometheus' text
//
// Nothing is counted here and nothing is kept: a part counts in a plain struct of its own thread, and a row says how
// one member of it is called. Adding a counter is the member and its row. Names are deskd_ and what is counted, with
// the base unit (seconds, bytes), and _total when it only grows.
//
// A label's value is the name of a desk, a queue or a shard, or a word of a closed set. Nothing that a client can
// choose may be one, and no buyer ever is: series are for ever. Desks beyond desks_labelled_max are counted together as
// "other".
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/desk/counters.hpp"

namespace deskd {

// About 100 series a desk: 8000 series are some 8 ms to write and 300 KB to send.
inline constexpr std::size_t desks_labelled_max{80};
inline constexpr std::string_view desk_label{"desk"};
inline constexpr std::string_view other_desks{"other"};

enum class MetricType : std::uint8_t { counter, gauge };

struct Label {
  std::string_view name;
  std::string_view value;
};

// How one number of a Source is called. Several rows may share a name when `label` tells them apart.
template <class Source>
struct MetricRow {
  std::string_view name;
  MetricType type;
  std::string_view help;
  double (*read)(const Source&);
  Label label{};
};

// One answer in the making. Values that meet under one name and the same labels are added up, so the parts of several
// threads become one by adding them one after the other.
class Scrape {
 public:
  template <class Source>
  void add(std::span<const MetricRow<Source>> rows, const Source& source, std::span<const Label> labels = {}) {
    for (const MetricRow<Source>& row : rows) add(row.name, row.type, row.help, row.read(source), labels, row.label);
  }
  void add(std::string_view name, MetricType type, std::string_view help, double value,
           std::span<const Label> labels = {}, const Label& more = {});
  void add(std::string_view name, std::string_view help, const Waits& waits, std::span<const Label> labels = {},
           const Label& more = {});
  void add(const Scrape& other);

  // Whether this desk has series of its own. Says yes to the first desks_labelled_max that are asked for or added.
  bool lists(std::string_view desk);

  // Sorted by name. An empty scrape is an empty text.
  std::string text() const;

 private:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  struct Family {
    MetricType type{};
    std::string help;
    std::map<Labels, double> values;
    std::map<Labels, Waits> waits;
  };
  Labels owned(std::span<const Label> labels, const Label& more = {});

  std::map<std::string, Family, std::less<>> families_;
  std::set<std::string, std::less<>> desks_;
};

}  // namespace deskd
