// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/hook_switch.h"

#include <fcntl.h>
#include <unistd.h>

#include "enforcer/kernel/probe.h"

namespace treeline::kernel {

HookSwitch::HookSwitch(const std::string& root) : file_(open((root + "/proc/sys/kernel/ftrace_enabled").c_str(), O_RDONLY | O_CLOEXEC)) {}

bool HookSwitch::is_off() const {
  char digit = '1';
  return file_ && (pread(file_.get(), &digit, 1, 0) != 1 || digit == '0');
}

Preemption::Preemption(const std::string& root) : file_(open((root + "/sys/kernel/debug/sched/preempt").c_str(), O_RDONLY | O_CLOEXEC)) {}

bool Preemption::is_full() const {
  char text[64];
  const ssize_t size = file_ ? pread(file_.get(), text, sizeof text, 0) : 0;
  return size > 0 && fully_preemptible(std::string(text, static_cast<size_t>(size)), "", "", "").value_or(false);
}

}  // namespace treeline::kernel
