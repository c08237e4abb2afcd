// SPDX-License-Identifier: Apache-2.0
// Capabilities, each by an act that needs it and nothing else, and users.
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>

#include "acts.h"

namespace actor {
namespace {

int set_time() {
  timeval now{};
  gettimeofday(&now, nullptr);
  return refused(settimeofday(&now, nullptr));
}

int raise_limit() {
  rlimit limit{};
  setrlimit(RLIMIT_CORE, &limit);
  limit.rlim_max = 1;
  return refused(setrlimit(RLIMIT_CORE, &limit));
}

int lock_memory() {
  const rlimit none{};
  setrlimit(RLIMIT_MEMLOCK, &none);
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return refused(mlock(page, 4096));
}

// On whatever socket may be made.
int force_buffer() {
  int fd = -1;
  for (const auto& [family, type] : {std::pair{AF_UNIX, SOCK_STREAM}, {AF_INET, SOCK_STREAM}, {AF_INET, SOCK_DGRAM}})
    if (fd < 0) fd = socket(family, type, 0);
  if (fd < 0) return cannot("the actor makes no socket here");
  const int size = 65536;
  return refused(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size));
}

const std::map<std::string, int (*)()> kCapabilities = {
    {"sys_chroot", [] { return refused(chroot("/")); }},
    {"sys_nice", [] { return refused(setpriority(PRIO_PROCESS, 0, -5)); }},
    {"sys_admin", [] { return refused(sethostname("cases", 5)); }},
    // Asked before the magic is looked at.
    {"sys_boot", [] { return refused(syscall(SYS_reboot, 0, 0, 0, nullptr)); }},
    {"setgid", [] { return refused(setgid(7)); }},
    // To a user whom the nodes that have it list.
    {"setuid", [] { return refused(setuid(0) == 0 ? setresuid(33, 33, 33) : -1); }},
    {"setpcap", [] { return refused(prctl(PR_CAPBSET_DROP, 0, 0, 0, 0)); }},
    {"sys_time", set_time},
    {"sys_resource", raise_limit},
    {"sys_module", [] { return refused(syscall(SYS_delete_module, "no_such_module", 0)); }},
    {"sys_rawio", [] { return refused(iopl(3)); }},
    {"ipc_lock", lock_memory},
    {"net_admin", force_buffer},
};

int use_capability(const char* name) {
  const auto found = kCapabilities.find(name);
  return found == kCapabilities.end() ? cannot("the actor has no act that needs it alone") : found->second();
}

int become(const char* id) {
  const auto uid = static_cast<uid_t>(std::strtoul(id, nullptr, 10));
  return refused(setresuid(uid, uid, uid));
}

}  // namespace

Acts right_acts() { return {{"capability", use_capability}, {"user", become}}; }

}  // namespace actor
