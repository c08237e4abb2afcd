// SPDX-License-Identifier: Apache-2.0
//
// What a container runtime calls itself, behind the filter and before the entrypoint's execve. The filter has to let it
// pass, and the workload may then call it too: so these stand apart from the profile's calls, in an entry of their own of
// seccomp.json and by name at the top of seccomp.pfc.
//
// Measured, not guessed: tests/kernel/backends/runtime_calls runs runc 1.1.5 and crun 1.8.1 under strace (as root and as
// another user, with and without no_new_privs, run and exec) and fails where this list lacks a call. What a run does not
// always show is what Go's scheduler and memory do in runc's thread at any time; that list is the one of Go's own entry
// points (src/runtime/sys_linux_*.s), less those that it uses at the start of a process only.
#pragma once

#include <span>
#include <string_view>

namespace treeline::backends::seccomp {

struct RuntimeCalls {
  std::string_view who;
  std::span<const std::string_view> calls;  // sorted
};
std::span<const RuntimeCalls> runtime_calls();

}  // namespace treeline::backends::seccomp
