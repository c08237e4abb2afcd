// SPDX-License-Identifier: Apache-2.0
//
// Capabilities of treelined and of its helper, by libcap-ng. What is not kept is gone from the effective, permitted, inheritable, ambient and bounding
// sets: no exec brings it back.
#pragma once

#include <linux/capability.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "policy-compiler/support/result.h"

namespace treeline::sandbox {

// treelined, once it has started:
//   CAP_BPF           maps by bpf(), where unprivileged_bpf_disabled asks for it before 5.19 (CAP_SYS_ADMIN before 5.8)
//   CAP_DAC_OVERRIDE  bundles in anybody's directory are read; a container's cgroup may belong to the user it was delegated to
//   CAP_KILL          what is to be killed is killed one by one before 5.14, whoever it runs as
inline constexpr unsigned kDaemonKeeps[] = {CAP_BPF, CAP_DAC_OVERRIDE, CAP_KILL};

// The helper: what the canary's acts need (canary/performance.h), and beside that
//   CAP_SYS_PTRACE    standard streams and mount namespaces of others
//   CAP_DAC_OVERRIDE  as above: the directories on the way to the executable
inline constexpr unsigned kHelperKeeps[] = {CAP_SETPCAP,   CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_SYS_MODULE,
                                            CAP_SYS_NICE,  CAP_SYSLOG, CAP_BPF,       CAP_SYS_PTRACE, CAP_DAC_OVERRIDE};

// Lays down all but these. Those of them that the process does not have, it does not get.
Result<void> keep_only(std::span<const unsigned> kept);

// As the kernel tells them in /proc/self/status, a bit a capability.
struct Sets {
  uint64_t inheritable = 0, permitted = 0, effective = 0, bounding = 0, ambient = 0;
};
Sets sets_in(const std::string& status);
Sets sets_now();
// `last`: the highest capability that the kernel knows; CAP_SYS_ADMIN stands for one that it does not.
uint64_t mask_of(std::span<const unsigned> capabilities, unsigned last);
unsigned last_capability();
std::vector<std::string> names_of(uint64_t mask);  // "CAP_KILL", by number

}  // namespace treeline::sandbox
