// SPDX-License-Identifier: Apache-2.0
//
// Names of system calls by architecture index of struct tl_syscalls_key (0 native, 1 compat, 2 x32). By libseccomp's tables, the same
// that write the filter later.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bpf/lsm/abi.h"

namespace treeline::recorder {

std::string architecture_name(uint32_t arch);  // "x86_64", "i386", "x32"; "arm64" where that is native
// Sorted names of the numbers that were called. A number without a name becomes "syscall-450": newer than the tables, and not to be lost.
std::vector<std::string> syscall_names(uint32_t arch, const tl_syscalls& calls);

}  // namespace treeline::recorder
