// SPDX-License-Identifier: Apache-2.0
//
// What the machine's root can set while treelined runs, and that decides whether hooks are asked.
//
// The sysctl kernel.ftrace_enabled. BPF programs hang on LSM hooks by ftrace's direct calls: 0 takes all of them off, pins or not, and 1 puts them on
// again. Bound processes cannot write it (bpf/lsm/own.bpf.h); the machine's root can, and is told what it means.
#pragma once

#include <string>

#include "enforcer/base/fd.h"

namespace treeline::kernel {

class HookSwitch {
 public:
  // `root`: where /proc lies, for tests. Opened once, before treelined confines itself. A kernel without ftrace has no such switch.
  // One that cannot be read counts as off.
  explicit HookSwitch(const std::string& root = "");
  [[nodiscard]] bool is_off() const;

 private:
  UniqueFd file_;
};

// How a kernel with PREEMPT_DYNAMIC preempts, in debugfs: sched/preempt.
class Preemption {
 public:
  // As above. Without debugfs nobody can change it.
  explicit Preemption(const std::string& root = "");
  [[nodiscard]] bool is_full() const;

 private:
  UniqueFd file_;
};

}  // namespace treeline::kernel
