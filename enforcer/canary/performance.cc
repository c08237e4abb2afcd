// SPDX-License-Identifier: Apache-2.0
#include "enforcer/canary/performance.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "enforcer/base/clock.h"
#include "enforcer/base/files.h"
#include "enforcer/base/own_path.h"
#include "enforcer/canary/victim.h"

namespace treeline::canary {
namespace {

[[noreturn]] void become_victim(int report, const std::string& directory, const std::string& self) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int scratch = open((directory + "/scratch").c_str(), O_RDWR);
  int null = open("/dev/null", O_RDWR);
  if (scratch < 0 || null < 0 || dup2(scratch, 0) < 0 || dup2(report, 1) < 0 || dup2(null, 2) < 0) _exit(1);
  if (syscall(SYS_close_range, 3u, ~0u, 0u) != 0)  // 5.9
    for (int fd = 3; fd < static_cast<int>(sysconf(_SC_OPEN_MAX)); ++fd) close(fd);
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);  // a keyring to ask for; without keyrings in the kernel there is none
  raise(SIGSTOP);  // the streams are in place: they are looked at now, and the process is bound
  char* arguments[] = {const_cast<char*>(self.c_str()), const_cast<char*>(kVictimOption), const_cast<char*>(directory.c_str()), nullptr};
  char* environment[] = {const_cast<char*>("ASAN_OPTIONS=detect_leaks=0"), nullptr};
  execve(self.c_str(), arguments, environment);
  _exit(126);
}

int reap(pid_t pid, int options = 0) {
  int status = 0;
  while (waitpid(pid, &status, options) < 0 && errno == EINTR) {
  }
  return status;
}

// Till the pipe ends (true) or time is up.
bool read_report(int fd, std::string& text) {
  const uint64_t end = boot_ns() + uint64_t{kLimitSeconds} * 1'000'000'000;
  for (;;) {
    const uint64_t now = boot_ns();
    if (now >= end) return false;
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>((end - now) / 1'000'000) + 1) <= 0) continue;
    char chunk[4096];
    const ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0;
    text.append(chunk, std::min(static_cast<size_t>(n), kMaxReport - text.size()));
  }
}

Result<void> remove_props(const std::string& directory) {
  rmdir((directory + "/rmdir-me").c_str());
  rmdir((directory + "/new-directory").c_str());
  return remove_flat_directory(directory);
}

void clear(Victim& victim) {
  if (!victim.directory.empty()) (void)!remove_props(victim.directory).has_value();
  victim = {};
}

}  // namespace

Result<Victim> fork_victim(const std::string& directory) {
  Result<std::string> self = own_path();
  if (!self) return self.error();
  if (Result<void> removed = remove_props(directory); !removed) return removed.error();
  if (Result<void> made = require_private_directory(directory); !made) return made.error();
  Victim victim;
  if (!prepare_victim(directory, victim.sockets)) return system_error("cannot prepare the victim's files in " + directory, errno);
  victim.directory = directory;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return system_error("cannot make the victim's pipe", errno);
  victim.report = UniqueFd(ends[0]);
  const UniqueFd writing(ends[1]);
  victim.pid = fork();
  if (victim.pid < 0) return system_error("cannot fork the victim", errno);
  if (victim.pid == 0) become_victim(writing.get(), directory, *self);
  // It stops or it ends: there is nothing in between that it could wait for.
  if (const int status = reap(victim.pid, WUNTRACED); !WIFSTOPPED(status)) {
    clear(victim);
    return Error{"the victim did not start: its files in " + directory + " cannot be opened", ECHILD};
  }
  return victim;
}

Performance perform(Victim& victim) {
  Performance done;
  kill(victim.pid, SIGCONT);
  done.complete = read_report(victim.report.get(), done.report);
  if (!done.complete) kill(victim.pid, SIGKILL);
  done.status = reap(victim.pid);
  clear(victim);
  return done;
}

void abandon(Victim& victim) {
  if (victim.pid <= 0) return;
  kill(victim.pid, SIGKILL);
  reap(victim.pid);
  clear(victim);
}

}  // namespace treeline::canary
