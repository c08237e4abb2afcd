// SPDX-License-Identifier: Apache-2.0
#include "enforcer/workload/process.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <sstream>

#include "enforcer/base/files.h"
#include "enforcer/workload/cgroup.h"

namespace treeline::workload {

uint64_t kernel_device(uint32_t major_number, uint32_t minor_number) { return (uint64_t{major_number} << 20) | minor_number; }

uint64_t device_of_mount(const std::string& mountinfo, int mount_id) {
  std::istringstream lines(mountinfo);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    int id = 0, parent = 0;
    uint32_t high = 0, low = 0;
    char colon = 0;
    if (fields >> id >> parent >> high >> colon >> low && id == mount_id && colon == ':') return kernel_device(high, low);
  }
  return 0;
}

std::array<tl_file_id, 3> standard_streams(pid_t pid) {
  std::array<tl_file_id, 3> streams{};
  const std::string process = "/proc/" + std::to_string(pid);
  const std::string mountinfo = read_file_or_empty(process + "/mountinfo", 16 << 20);
  for (int fd = 0; fd < 3; ++fd) {
    // What the kernel knows already: a dead NFS server or a FUSE daemon would not be asked without end.
    struct statx known {};
    if (statx(AT_FDCWD, (process + "/fd/" + std::to_string(fd)).c_str(), AT_STATX_DONT_SYNC, STATX_INO, &known) != 0) continue;
    tl_file_id id{kernel_device(known.stx_dev_major, known.stx_dev_minor), known.stx_ino};
    // Stacked file systems show another device in stat(2) than their superblock has: ask the mount. Kernel-internal mounts
    // (pipes, sockets) are in no mountinfo, and there stat is right.
    std::istringstream lines(read_file_or_empty(process + "/fdinfo/" + std::to_string(fd)));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream field(line);
      std::string key;
      uint64_t value = 0;
      if (!(field >> key >> value)) continue;
      if (key == "mnt_id:") {
        if (uint64_t device = device_of_mount(mountinfo, static_cast<int>(value))) id.dev = device;
      } else if (key == "ino:") {
        id.ino = value;
      }
    }
    streams[static_cast<size_t>(fd)] = id;
  }
  return streams;
}

uint32_t mount_namespace(pid_t pid) {
  struct stat st {};
  return stat(("/proc/" + std::to_string(pid) + "/ns/mnt").c_str(), &st) == 0 ? static_cast<uint32_t>(st.st_ino) : 0;
}

uint64_t start_time(pid_t pid) {
  std::string stat = read_file_or_empty("/proc/" + std::to_string(pid) + "/stat");
  size_t end = stat.rfind(')');  // the name before it may hold anything
  if (end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(end + 1));
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
