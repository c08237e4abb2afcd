// SPDX-License-Identifier: Apache-2.0
//
// What a call that the filter does not hold leads to: SIGSYS, whose handler says on stderr which call it was; the call itself is never made.
//
//   kEnd     the process ends by SIGSYS: somebody else's code may run in it, and what is pinned enforces without it. The service manager starts another.
//   kRefuse  the call gives EPERM and the process goes on, for an ephemeral treelined: its programs would go with it, and its tree go free.
#pragma once

#include <cstdint>

namespace treeline::sandbox {

enum class OnRefusal { kEnd, kRefuse };

// Before the filter is loaded: names of calls are looked up here, the handler allocates nothing.
void watch_refusals(OnRefusal what);
// Calls that were refused so far.
uint64_t refusals();

}  // namespace treeline::sandbox
