// SPDX-License-Identifier: Apache-2.0
//
// sd_notify(3) without libsystemd: where NOTIFY_SOCKET is set, the service manager is told. The socket is made at once and kept, since a confined
// treelined makes none (enforcer/sandbox).
//
//   Notifier manager;
//   manager.tell("READY=1");
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string_view>

#include "enforcer/base/fd.h"

namespace treeline::daemon {

class Notifier {
 public:
  Notifier();
  void tell(std::string_view state) const;

 private:
  UniqueFd fd_;  // none: nobody wants to know
  sockaddr_un address_{};
  socklen_t length_ = 0;
};

}  // namespace treeline::daemon
