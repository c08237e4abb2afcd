// SPDX-License-Identifier: Apache-2.0
//
// System calls, closed over what another kernel or libc would use for the same: a libc tries clone3, openat2,
// faccessat2, statx and falls back; which one is seen depends on the host that was learned on. And what every process
// needs to end.
//
//   closed_calls({"openat"})   // exit exit_group open openat openat2 restart_syscall rt_sigreturn
#pragma once

#include <set>
#include <string>

namespace treeline::learn {

std::set<std::string> closed_calls(const std::set<std::string>& seen);

}  // namespace treeline::learn
