// SPDX-License-Identifier: Apache-2.0
//
// Files by handle, and namespaces and cgroups that are entered without mount(2): what no hook sees begin, and file_open
// has to see end.
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "tests/victims/scene.h"

namespace victim {
namespace {

// Where a process stands that has another root: the handle names the file, whatever the path to it.
void by_handle(const Scene& s) {
  alignas(file_handle) char room[sizeof(file_handle) + MAX_HANDLE_SZ]{};
  auto* handle = reinterpret_cast<file_handle*>(room);
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  if (name_to_handle_at(AT_FDCWD, s.file("secret").c_str(), handle, &mount, 0) != 0) return tell(false, "a handle");
  if (chdir(s.base.c_str()) != 0) return tell(false, "the mount");
  const int fd = open_by_handle_at(AT_FDCWD, handle, O_RDONLY | O_CLOEXEC);
  tell(fd >= 0 && reads_fd(fd), "a secret by its handle");
}

// What whoever started it left: a directory of another mount namespace, open or as the current one
// (tests/kernel/enforce/leaks.py).
void below_left(const Scene& s) {
  const int fd = openat(s.number(0), "secret", O_RDONLY | O_CLOEXEC);
  tell(fd >= 0 && reads_fd(fd), "a secret below a descriptor that was left");
}
void beside_left(const Scene&) { tell(reads("secret"), "a secret below the directory that was left"); }

int process(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }
int namespace_flag(const std::string& kind) {
  return kind == "user"     ? CLONE_NEWUSER
         : kind == "pid"    ? CLONE_NEWPID
         : kind == "cgroup" ? CLONE_NEWCGROUP
                            : CLONE_NEWNS;
}

// As /proc of before names it: the other's mounts have another one, where processes have other numbers. A pid namespace is for children.
void enter_other(const Scene& s) {
  const std::string kind = s.argument(0);
  const int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  const auto name = [&](const std::string& link) {
    char text[64] = {};
    return readlinkat(proc, link.c_str(), text, sizeof text - 1) > 0 ? std::string(text) : "";
  };
  if (setns(process(s.number(1)), namespace_flag(kind)) != 0) return tell(false, "another process's namespace");
  const std::string mine = name(kind == "pid" ? "self/ns/pid_for_children" : "self/ns/mnt");
  tell(!mine.empty() && mine == name(s.argument(1) + (kind == "pid" ? "/ns/pid" : "/ns/mnt")), "another process's namespace");
}

// A child makes a mount namespace and waits till its end is closed; the act enters it and reads there.
void enter_own(const Scene& s) {
  int ready[2], go[2];
  if (pipe(ready) != 0 || pipe(go) != 0) return tell(false, "pipe");
  const pid_t child = fork();
  if (child == 0) {
    close(go[1]);
    const char made = unshare(CLONE_NEWNS) == 0 ? 'y' : 'n';
    (void)!write(ready[1], &made, 1);
    _exit(reads_fd(go[0]));
  }
  char made = 'n';
  (void)!read(ready[0], &made, 1);
  const bool entered = made == 'y' && setns(process(child), CLONE_NEWNS) == 0,
             read = entered && reads(s.file("secret"));
  const int error = errno;
  close(go[1]);
  waitpid(child, nullptr, 0);
  errno = error;
  tell(read, entered ? "a secret in a child's mount namespace" : "a child's mount namespace");
}

struct CloneArguments {  // linux/sched.h: struct clone_args, as of 5.7
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
constexpr uint64_t kIntoCgroup = 0x200000000;

pid_t child_by(const std::string& call, uint64_t flags, int cgroup) {
  if (call == "clone")
    return static_cast<pid_t>(syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  CloneArguments arguments{};
  arguments.flags = flags;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<uint64_t>(cgroup);
  return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
}

void read_in_child(const Scene& s, const std::string& call, uint64_t flags, int cgroup, const char* detail) {
  const pid_t child = child_by(call, flags, cgroup);
  if (child < 0) return tell(false, call);
  if (child == 0) _exit(reads(s.file("secret")) ? kTinyStatus : errno & 31);
  int status = 0;
  waitpid(child, &status, 0);
  tell_killed(status);
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  tell(WIFEXITED(status) && WEXITSTATUS(status) == kTinyStatus, detail);
}

void by_clone(const Scene& s) {
  read_in_child(s, s.argument(0), static_cast<uint64_t>(namespace_flag(s.argument(1))), 0,
                "a secret in a namespace made by clone");
}
// An O_PATH descriptor is enough: no file is opened, and no hook asked.
void into_cgroup(const Scene& s) {
  const int cgroup = open(s.argument(0).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (cgroup < 0) return tell(false, "the cgroup");
  read_in_child(s, "clone3", kIntoCgroup, cgroup, "a secret from another cgroup");
}
void own_cgroup(const Scene& s) {
  const int fd = open((s.argument(0) + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
  const bool moved = fd >= 0 && write(fd, "0", 1) == 1;
  tell(reads(s.file("secret")) && moved, moved ? "a secret from another cgroup" : "another cgroup");
}

// A thousand processes, one after the other: each is born with its parent's rights.
void many_children(const Scene& s) {
  int got = 0;
  for (int i = 0; i < 1000; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(reads(s.file("secret")) ? kTinyStatus : 0);
    int status = 0;
    waitpid(child, &status, 0);
    got += WIFEXITED(status) && WEXITSTATUS(status) == kTinyStatus;
    if (i == 0) tell_killed(status);
  }
  errno = 0;
  tell(got > 0, "a secret read by " + std::to_string(got) + " of 1000 children");
}

}  // namespace

std::vector<Act> handle_acts() {
  return {{"handle", "name_to_handle_at, open_by_handle_at", by_handle},
          {"below-left", "FD: reads below a descriptor that was left", below_left},
          {"beside-left", "reads below the current directory", beside_left},
          {"enter", "mount|pid PID: setns by a pidfd", enter_other},
          {"enter-own", "setns into a child's mount namespace, then reads", enter_own},
          {"clone-reading", "clone|clone3 mount|user|pid|cgroup: a child in a new namespace reads", by_clone},
          {"into-cgroup", "CGROUP: clone3 with CLONE_INTO_CGROUP, then reads", into_cgroup},
          {"own-cgroup", "CGROUP: writes its cgroup.procs, then reads", own_cgroup},
          {"many-children", "each reads", many_children}};
}

}  // namespace victim
