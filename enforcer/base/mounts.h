// SPDX-License-Identifier: Apache-2.0
//
// Mounts as proc_pid_mountinfo(5) lists them, and which of them an open file is on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace treeline {

struct Mount {
  int id = 0;
  uint64_t device = 0;  // of its superblock, as the kernel holds it (MKDEV, 12:20 bits), not as stat(2) packs it
  std::string root;     // path in that file system; no slash at the end, "" for its root
  std::string point;    // where it is mounted, likewise
};

uint64_t kernel_device(uint32_t major, uint32_t minor);

// Lines that are none are passed over.
std::vector<Mount> parse_mountinfo(const std::string& text);
const Mount* find_mount(const std::vector<Mount>& mounts, int id);  // nullptr: no such mount
uint64_t device_of_mount(const std::vector<Mount>& mounts, int id);  // 0: no such mount

// Whom /proc shows other users' processes: hidepid= and gid= of proc_fs(5).
struct ProcView {
  bool hides = false;           // from all but `group` and who may trace them
  bool only_traceable = false;  // from `group` as well
  uint32_t group = 0;
};
ProcView parse_proc_view(const std::string& mountinfo);

// What /proc/PID/fdinfo/FD says of a descriptor.
struct FdInfo {
  int mount_id = -1;
  uint64_t inode = 0;  // 0: not said (from 5.14)
};
FdInfo parse_fdinfo(const std::string& text);

}  // namespace treeline
