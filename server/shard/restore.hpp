// restore.hpp - What storage read back, as the events with which a desk begins.
#pragma once

#include <vector>

#include "server/desk/event.hpp"
#include "storage/stored.hpp"

namespace deskd {

event::RecoveredChat restored(stored::Chat chat);

}  // namespace deskd
