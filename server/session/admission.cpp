#include "server/session/admission.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace deskd {

Admission::Answer Admission::ask(std::string_view address, bool staff, int descriptor) const {
  const auto it = addresses_.find(std::string{address});
  const Count here = it == addresses_.end() ? Count{} : it->second;
  if (staff) {
    if (staff_not_signed_in_ >= limits_.staff_not_signed_in()) return Answer::full;
    const bool is_full = here.staff_not_signed_in >= limits_.staff_per_address_not_signed_in();
    return is_full ? Answer::too_many_here : Answer::welcome;
  }
  if (static_cast<std::size_t>(descriptor) + limits_.descriptors_for_staff >= limits_.descriptors) return Answer::full;
  if (not_signed_in_ >= limits_.not_signed_in) return Answer::full;
  if (here.inside >= limits_.per_address) return Answer::too_many_here;
  if (here.not_signed_in >= limits_.per_address_not_signed_in) return Answer::too_many_here;
  return Answer::welcome;
}

void Admission::enter(const std::string& address, bool staff) {
  Count& count = addresses_[address];
  ++inside_;
  if (staff) {
    ++count.staff_not_signed_in;
    ++staff_not_signed_in_;
    return;
  }
  ++count.inside;
  ++count.not_signed_in;
  ++not_signed_in_;
}

void Admission::signed_in(const std::string& address, bool staff) {
  Count& count = addresses_[address];
  --(staff ? count.staff_not_signed_in : count.not_signed_in);
  --(staff ? staff_not_signed_in_ : not_signed_in_);
  forget_empty(address);
}

void Admission::leave(const std::string& address, bool has_signed_in, bool staff) {
  if (!has_signed_in) signed_in(address, staff);
  --inside_;
  if (staff) return;
  --addresses_[address].inside;
  forget_empty(address);
}

void Admission::forget_empty(const std::string& address) {
  const auto it = addresses_.find(address);
  if (it != addresses_.end() && it->second == Count{}) addresses_.erase(it);
}

std::size_t descriptors_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t raise_descriptors_limit(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  return descriptors_limit();
}

std::size_t descriptors_for_staff(std::size_t descriptors) {
  return std::clamp<std::size_t>(descriptors / 32, 16, 512);
}

}  // namespace deskd
