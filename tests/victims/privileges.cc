// SPDX-License-Identifier: Apache-2.0
//
// Capabilities. What would change the machine is done in a namespace of the victim's own.
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/victims/scene.h"

namespace victim {
namespace {

void host_name(const Scene&) {
  if (unshare(CLONE_NEWUTS) != 0) return tell(false, "unshare");
  char name[65] = {};
  sethostname("taken", 5);
  gethostname(name, sizeof(name) - 1);
  tell(!std::strcmp(name, "taken"), "the host's name");
}

void mount_something(const Scene& s) {
  if (unshare(CLONE_NEWNS) != 0) return tell(false, "unshare");
  (void)!mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  const std::string place = s.file("ok/place");
  const dev_t before = device_of(place);
  tell(mount("none", place.c_str(), "tmpfs", 0, nullptr) == 0 && device_of(place) != before, "a file system mounted");
}

void set_user(const Scene&) {
  errno = 0;
  tell(setuid(12345) == 0 && getuid() == 12345, "another user");
}

void make_root(const Scene& s) { tell(chroot(s.base.c_str()) == 0 && there("/page.html"), "a new root"); }

void priority(const Scene&) {
  const int before = getpriority(PRIO_PROCESS, 0);
  tell(setpriority(PRIO_PROCESS, 0, before - 5) == 0 && getpriority(PRIO_PROCESS, 0) == before - 5, "a higher priority");
}

}  // namespace

std::vector<Act> privilege_acts() {
  return {{"host-name", "CAP_SYS_ADMIN: a UTS namespace, sethostname", host_name},
          {"mount", "CAP_SYS_ADMIN: a mount namespace, a tmpfs", mount_something},
          {"set-user", "CAP_SETUID", set_user},
          {"chroot", "CAP_SYS_CHROOT", make_root},
          {"priority", "CAP_SYS_NICE", priority}};
}

}  // namespace victim
