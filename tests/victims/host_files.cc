// SPDX-License-Identifier: Apache-2.0
//
// Files by which the kernel or the host is told what to do. They are opened, and not written: one step before.
#include <fcntl.h>
#include <unistd.h>

#include "tests/victims/scene.h"

namespace victim {
namespace {

struct Place {
  const char *name, *path;
  int flags;
};
constexpr Place kPlaces[] = {
    {"core-pattern", "/proc/sys/kernel/core_pattern", O_WRONLY},  // a program that runs as root on the host
    {"modprobe", "/proc/sys/kernel/modprobe", O_WRONLY},          // likewise
    {"binfmt", "/proc/sys/fs/binfmt_misc/register", O_WRONLY},    // an interpreter for every program
    {"uevent-helper", "/sys/kernel/uevent_helper", O_WRONLY},      // a program that runs as root on the host, where the kernel has it
    {"beside-uevent-helper", "/sys/kernel/rcu_expedited", O_WRONLY},  // what lies beside it, on the same file system
    {"sysrq", "/proc/sysrq-trigger", O_WRONLY},
    {"hooks-off", "/proc/sys/kernel/ftrace_enabled", O_WRONLY},  // 0 takes BPF programs off their hooks
    {"physical-memory", "/dev/mem", O_RDWR},
    {"ports", "/dev/port", O_RDWR},
    {"kernel-memory", "/proc/kcore", O_RDONLY},
    {"kernel-messages", "/dev/kmsg", O_RDWR},
    {"debug", "/sys/kernel/debug/clear_warn_once", O_WRONLY},
    {"trace", "/sys/kernel/tracing/trace_marker", O_WRONLY},
    {"policy", "/sys/kernel/security/apparmor/.load", O_WRONLY},  // another module's policy
    {"own-user-map", "/proc/self/uid_map", O_WRONLY},
    {"preload", "/etc/ld.so.preload", O_WRONLY | O_CREAT},  // in each dynamic program from now on
};

void host_file(const Scene& s) {
  const std::string name = s.argument(0);
  for (const Place& place : kPlaces)
    if (name == place.name) return tell(open(place.path, place.flags | O_CLOEXEC, 0644) >= 0, place.path);
  // Of a control group hierarchy of version 1, which the scene has mounted: what runs when a group is empty.
  const std::string path = s.file("cgroup1/" + name);
  tell(open(path.c_str(), O_WRONLY | O_CLOEXEC) >= 0, path);
}

}  // namespace

std::vector<Act> host_file_acts() { return {{"host-file", "NAME: opens what the host is told by", host_file}}; }

}  // namespace victim
