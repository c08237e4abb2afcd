// SPDX-License-Identifier: Apache-2.0
#include "enforcer/workload/process.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <sstream>
#include <vector>

#include "enforcer/base/files.h"
#include "enforcer/base/mounts.h"
#include "enforcer/workload/cgroup.h"

namespace treeline::workload {

std::array<tl_file_id, 3> standard_streams(pid_t pid) {
  std::array<tl_file_id, 3> streams{};
  const std::string process = "/proc/" + std::to_string(pid);
  const std::vector<Mount> mounts = parse_mountinfo(read_file_or_empty(process + "/mountinfo", 16 << 20));
  for (int fd = 0; fd < 3; ++fd) {
    // What the kernel knows already: a dead NFS server or a FUSE daemon would not be asked without end.
    struct statx known {};
    if (statx(AT_FDCWD, (process + "/fd/" + std::to_string(fd)).c_str(), AT_STATX_DONT_SYNC, STATX_INO, &known) != 0) continue;
    tl_file_id id{kernel_device(known.stx_dev_major, known.stx_dev_minor), known.stx_ino};
    // Stacked file systems show another device in stat(2) than their superblock has: ask the mount. Kernel-internal mounts
    // (pipes, sockets) are in no mountinfo, and there stat is right.
    const FdInfo info = parse_fdinfo(read_file_or_empty(process + "/fdinfo/" + std::to_string(fd)));
    if (const uint64_t device = device_of_mount(mounts, info.mount_id)) id.dev = device;
    if (info.inode != 0) id.ino = info.inode;
    streams[static_cast<size_t>(fd)] = id;
  }
  return streams;
}

uint32_t mount_namespace(pid_t pid) {
  struct stat st {};
  return stat(("/proc/" + std::to_string(pid) + "/ns/mnt").c_str(), &st) == 0 ? static_cast<uint32_t>(st.st_ino) : 0;
}

namespace {

// proc_pid_stat(5) from field 3 on; "": there is no such process.
std::string status_fields(pid_t pid) {
  const std::string stat = read_file_or_empty("/proc/" + std::to_string(pid) + "/stat");
  const size_t end = stat.rfind(')');  // the name before it may hold anything
  return end == std::string::npos ? "" : stat.substr(end + 1);
}

}  // namespace

pid_t parent_of(pid_t pid) {
  std::istringstream fields(status_fields(pid));
  std::string state;
  pid_t parent = 0;
  fields >> state >> parent;
  return parent;
}

bool is_alive(pid_t pid) {
  std::istringstream fields(status_fields(pid));
  std::string state, skipped;
  fields >> state;
  if (state.empty()) return false;
  if (state != "Z" && state != "X") return true;
  for (int i = 4; i < 20; ++i) fields >> skipped;
  int threads = 0;
  fields >> threads;
  return threads > 1;
}

uint64_t start_time(pid_t pid) {
  std::istringstream fields(status_fields(pid));
  std::string skipped;
  for (int i = 3; i < 22; ++i) fields >> skipped;
  uint64_t time = 0;
  fields >> time;
  return time;
}

std::string login_uid(pid_t pid) {
  constexpr std::string_view kUnset = "4294967295";  // AUDIT_UID_UNSET, linux/audit.h
  Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/loginuid", 64);
  return text && *text != kUnset ? *text : "";
}

Result<Look> look_at(pid_t pid) {
  Look look;
  look.start_time = start_time(pid);
  Result<std::string> cgroup = Cgroups::of(pid);
  if (!cgroup) return cgroup.error();
  look.cgroup = std::move(*cgroup);
  look.streams = standard_streams(pid);
  look.mount_ns = mount_namespace(pid);
  if (look.start_time == 0 || look.mount_ns == 0 || start_time(pid) != look.start_time) return Error{"process " + std::to_string(pid) + " is gone", ESRCH};
  return look;
}

}  // namespace treeline::workload
