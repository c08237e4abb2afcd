// SPDX-License-Identifier: Apache-2.0
//
// The trace: JSON lines, what `treelinec learn` reads. First {"schema":1,"type":"trace",...}, then nodes (parents first), files,
// network, capabilities, sockets, operations, users, system calls, losses, and last {"type":"end","incomplete":...}. Sorted, so two
// recordings can be compared by diff. Times are nanoseconds since boot.
//
// What could not be kept is said: a counter whose text was lost, a text that could not be read, each kind of loss of the kernel side
// during the session. Any of them makes the trace `incomplete`.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bpf/lsm/abi.h"
#include "enforcer/recorder/session.h"

namespace treeline::recorder {

struct Counters {
  std::function<void(const std::function<void(const tl_learned_key&, const tl_learned&)>&)> learned;
  std::function<void(const std::function<void(const tl_syscalls_key&, const tl_syscalls&)>&)> syscalls;
};

struct TraceEnd {
  std::string stopped;                     // RFC 3339
  int exit_code = -1;                      // of the entry; -1 not known
  std::map<std::string, uint64_t> losses;  // name -> count during the session
};

std::vector<std::string> write_trace(const Session& session, const Counters& counters, const TraceEnd& end);

}  // namespace treeline::recorder
