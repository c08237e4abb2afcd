// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/hook_switch.h"

#include <fcntl.h>
#include <unistd.h>

namespace treeline::kernel {

HookSwitch::HookSwitch(const std::string& root) : file_(open((root + "/proc/sys/kernel/ftrace_enabled").c_str(), O_RDONLY | O_CLOEXEC)) {}

bool HookSwitch::is_off() const {
  char digit = '1';
  return file_ && (pread(file_.get(), &digit, 1, 0) != 1 || digit == '0');
}

}  // namespace treeline::kernel
