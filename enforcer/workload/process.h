// SPDX-License-Identifier: Apache-2.0
//
// A process that is to be bound, read from procfs: does it exist, and what are its standard streams by identity. Fds 0-2 of an entry are
// granted as the objects they are (whoever started the container chose them), not by a name that a rule would have to hold.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>

#include "bpf/lsm/abi.h"
#include "policy-compiler/support/result.h"

namespace treeline::workload {

// Fds 0-2; {0, 0} for one that is closed. `dev` is the superblock's device as the kernel holds it (MKDEV, 12:20 bits), not as stat(2) packs it.
std::array<tl_file_id, 3> standard_streams(pid_t pid);
// Inode number of its mount namespace; 0: gone.
uint32_t mount_namespace(pid_t pid);
// Start time in clock ticks since boot, field 22 of proc_pid_stat(5): with the pid it names one process. 0: there is none.
uint64_t start_time(pid_t pid);

// Field 4 of proc_pid_stat(5); 0: there is no such process.
pid_t parent_of(pid_t pid);
// Neither gone nor a zombie; one whose first thread has ended is alive as long as another runs (field 20).
bool is_alive(pid_t pid);

// Whose session it belongs to, by the audit subsystem (loginuid, proc(5)): set at login, kept through sudo. "": nobody's, or not known.
std::string login_uid(pid_t pid);

// All of that, and its cgroup, of one process: its start time is the same before and after.
struct Look {
  uint64_t start_time = 0;
  uint32_t mount_ns = 0;
  std::array<tl_file_id, 3> streams{};
  std::string cgroup;  // Cgroups::of
};
Result<Look> look_at(pid_t pid);

}  // namespace treeline::workload
