// SPDX-License-Identifier: Apache-2.0
//
// Users and capabilities that come with a program: set-id bits, file capabilities, what an ordinary user was left.
// `lower` becomes one before it acts; its node may.
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "tests/victims/scene.h"

namespace victim {
namespace {

constexpr uid_t kUser = 1000;

// As an ordinary user, without a group of root's; who is one already stays it.
bool lower() {
  if (getuid() == kUser) return true;
  return setgroups(0, nullptr) == 0 && setresgid(kUser, kUser, kUser) == 0 && setresuid(kUser, kUser, kUser) == 0;
}

void run(const Scene& s, const char* name, const char* act) {
  const std::string program = s.file(std::string("bin/") + name);
  execl(program.c_str(), name, s.base.c_str(), act, nullptr);
  tell(false, program);
}

void set_user_program(const Scene& s) {
  if (!lower()) return tell(false, "an ordinary user");
  run(s, "setuser", "is-root");
}
void set_group_program(const Scene& s) {
  if (!lower()) return tell(false, "an ordinary user");
  run(s, "setgroup", "is-shadow");
}
void capable_program(const Scene& s) {
  if (!lower()) return tell(false, "an ordinary user");
  run(s, "capable", "is-capable");
}
void is_root(const Scene&) { tell(geteuid() == 0, "root by a set-user-id program"); }
void is_shadow(const Scene&) { tell(getegid() == 42, "a group by a set-group-id program"); }
void is_capable(const Scene&) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  tell(syscall(SYS_capget, &header, sets) == 0 && (sets[0].effective & 1u << CAP_NET_RAW),
       "a capability by a program that has it");
}

// An ordinary user who holds CAP_SETUID over the exec, in a node that may have it and is for no other user.
void become_root(const Scene& s) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  if (prctl(PR_SET_KEEPCAPS, 1) != 0 || !lower() || syscall(SYS_capget, &header, sets) != 0)
    return tell(false, "an ordinary user");
  sets[0] = {1u << CAP_SETUID, 1u << CAP_SETUID, 1u << CAP_SETUID};
  sets[1] = {};
  if (syscall(SYS_capset, &header, sets) != 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0) != 0)
    return tell(false, "a capability kept");
  run(s, "user", "set-root");
}
void set_root(const Scene&) {
  errno = 0;
  tell(setresuid(0, 0, 0) == 0 && getuid() == 0, "root by CAP_SETUID");
}
// The exec leaves the real user, and the kernel lets whoever has it take it up again.
void back_to_root(const Scene& s) {
  if (setgroups(0, nullptr) != 0 || setresuid(0, kUser, kUser) != 0) return tell(false, "an ordinary user");
  run(s, "user", "take-root");
}
void take_root(const Scene&) {
  errno = 0;
  tell(seteuid(0) == 0 && geteuid() == 0, "root, which the process was before");
}

}  // namespace

std::vector<Act> gain_acts() {
  return {{"set-user-program", "as an ordinary user: exec of a set-user-id program", set_user_program},
          {"set-group-program", "likewise set-group-id", set_group_program},
          {"capable-program", "likewise of one with file capabilities", capable_program},
          {"become-root", "an ordinary user with CAP_SETUID: setresuid", become_root},
          {"back-to-root", "an ordinary user whose real user is root: seteuid", back_to_root},
          {"is-root", "(the child of `set-user-program`)", is_root},
          {"is-shadow", "(the child of `set-group-program`)", is_shadow},
          {"is-capable", "(the child of `capable-program`)", is_capable},
          {"set-root", "(the child of `become-root`)", set_root},
          {"take-root", "(the child of `back-to-root`)", take_root}};
}

}  // namespace victim
