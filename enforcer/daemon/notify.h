// SPDX-License-Identifier: Apache-2.0
//
// sd_notify(3) without the library: one datagram to $NOTIFY_SOCKET. Without that variable it does nothing.
#pragma once

#include <string_view>

namespace treeline::daemon {

void notify_manager(std::string_view state);  // "READY=1", "STOPPING=1", "STATUS=..."

}  // namespace treeline::daemon
