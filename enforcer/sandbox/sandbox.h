// SPDX-License-Identifier: Apache-2.0
//
// treelined's own confinement: what it laid down once it had started, against whoever makes it run his code (a peer's request, a bundle, a record from the
// hooks). What it enforces does not depend on it; it is what an intruder would start from.
//
//   Result<Sandbox> sandbox = Sandbox::prepare();               // before anything is attached
//   ... programs attached, maps mapped, the socket bound ...
//   sandbox->enter({places, OnRefusal::kEnd});                  // no_new_privs, Landlock, capabilities, the filter: for good
//   State now = observe();                                      // as the kernel tells it
//
// It is no protection against root, who may stop treelined and start another; nor of what treelined itself may do, which is to publish any policy.
#pragma once

#include <string>
#include <vector>

#include "enforcer/sandbox/call_filter.h"
#include "enforcer/sandbox/capabilities.h"
#include "enforcer/sandbox/refusal.h"
#include "enforcer/sandbox/writes.h"

namespace treeline::sandbox {

struct Plan {
  std::vector<Place> places;
  OnRefusal on_refusal = OnRefusal::kEnd;
};

class Sandbox {
 public:
  static Result<Sandbox> prepare();
  // An Error: the process is confined in part, and has to end.
  Result<void> enter(const Plan& plan) const;

 private:
  CallFilter filter_;
};

struct State {
  bool filter = false;                    // a seccomp filter is on, and no_new_privs
  bool capabilities_dropped = false;      // no set holds more than kDaemonKeeps
  std::vector<std::string> capabilities;  // effective
  int landlock = 0;                       // version; 0: writes are not limited
  uint64_t refused = 0;                   // calls
  [[nodiscard]] bool confined() const { return filter && capabilities_dropped; }
};
State observe();
// A build with AddressSanitizer starts threads and traces itself: it is never confined.
bool instrumented();

}  // namespace treeline::sandbox
