// desk_rows.hpp - How a desk's counters and live figures are called in /metrics.
#pragma once

#include <span>
#include <string_view>

#include "protocol/messages.hpp"
#include "server/desk/counters.hpp"
#include "server/ops/scrape.hpp"

namespace deskd {

std::span<const MetricRow<Counters>> counter_rows();
std::span<const MetricRow<tell::Figures>> figure_rows();
std::span<const MetricRow<tell::QueueFigures>> queue_rows();

// All three and how long people waited, under the desk's name.
void add_desk(Scrape& scrape, std::string_view desk, const Counters& counters, const Waited& waited,
              const tell::Figures& figures);

}  // namespace deskd
