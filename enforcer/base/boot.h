// SPDX-License-Identifier: Apache-2.0
//
// The administrator's way out on the kernel's command line: treeline=off (no treelined starts) or treeline=monitor.
#pragma once

#include <string>

namespace treeline {

// Value of `treeline=` in a kernel command line, the last one counts; "" when absent.
std::string boot_parameter(const std::string& command_line);

constexpr char kCommandLine[] = "/proc/cmdline";
// Booted with treeline=off, by the command line in `file`. One that cannot be read says nothing.
bool switched_off(const std::string& file = kCommandLine);

}  // namespace treeline
