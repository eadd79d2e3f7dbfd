#include "server/zones.hpp"

#include <date/tz.h>

#include <chrono>
#include <stdexcept>

namespace deskd {

namespace {

constexpr std::chrono::hours year{24 * 366};

std::vector<policy::Offset> offsets_of(const std::string& zone, std::int64_t wall_ms) {
  const date::time_zone* found = date::locate_zone(zone);
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(
      std::chrono::system_clock::time_point{std::chrono::milliseconds{wall_ms}});
  const auto end = now + year * zone_years_ahead;
  std::vector<policy::Offset> offsets;
  for (auto at = now - year; at < end;) {
    const date::sys_info info = found->get_info(at);
    const std::int64_t from_ms = std::chrono::milliseconds{at.time_since_epoch()}.count();
    const auto offset_s = static_cast<std::int32_t>(info.offset.count());
    if (offsets.empty() || offsets.back().offset_s != offset_s) offsets.push_back({from_ms, offset_s});
    at = info.end;
  }
  return offsets;
}

}  // namespace

std::vector<std::string> fill_offsets(policy::Desk& desk, std::int64_t wall_ms) {
  std::vector<std::string> wrong;
  for (policy::Calendar& calendar : desk.calendars) {
    try {
      calendar.offsets = offsets_of(calendar.zone, wall_ms);
    } catch (const std::runtime_error&) {
      wrong.push_back("calendar " + calendar.name + ": this machine knows no zone " + calendar.zone);
    }
  }
  return wrong;
}

}  // namespace deskd
