#include "server/session/admission.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace deskd {

Admission::Answer Admission::ask(std::string_view address, bool staff, int descriptor) const {
  if (staff) return Answer::welcome;
  if (static_cast<std::size_t>(descriptor) + limits_.descriptors_for_staff >= limits_.descriptors) return Answer::full;
  if (not_signed_in_ >= limits_.not_signed_in) return Answer::full;
  const auto it = addresses_.find(std::string{address});
  if (it == addresses_.end()) return Answer::welcome;
  if (it->second.inside >= limits_.per_address) return Answer::too_many_here;
  if (it->second.not_signed_in >= limits_.per_address_not_signed_in) return Answer::too_many_here;
  return Answer::welcome;
}

void Admission::enter(const std::string& address) {
  Count& count = addresses_[address];
  ++count.inside;
  ++count.not_signed_in;
  ++not_signed_in_;
  ++inside_;
}

void Admission::signed_in(const std::string& address, bool staff) {
  Count& count = addresses_[address];
  --count.not_signed_in;
  --not_signed_in_;
  if (staff) --count.inside;
  forget_empty(address);
}

void Admission::leave(const std::string& address, bool signed_in, bool staff) {
  Count& count = addresses_[address];
  if (!signed_in) {
    --count.not_signed_in;
    --not_signed_in_;
  }
  if (!staff) --count.inside;
  --inside_;
  forget_empty(address);
}

void Admission::forget_empty(const std::string& address) {
  const auto it = addresses_.find(address);
  if (it != addresses_.end() && it->second.inside == 0 && it->second.not_signed_in == 0) addresses_.erase(it);
}

std::size_t descriptors_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t descriptors_for_staff(std::size_t descriptors) {
  return std::clamp<std::size_t>(descriptors / 32, 16, 512);
}

}  // namespace deskd
