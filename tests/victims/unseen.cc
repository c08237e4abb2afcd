// SPDX-License-Identifier: Apache-2.0
//
// What the sweep over the system calls (tests/kernel/enforce/syscalls.toml) turned up: acts by ways that are seldom gone.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/victims/scene.h"

namespace victim {
namespace {

// Waits up to two seconds for what another process is to do.
template <typename F>
bool comes(F there) {
  for (int i = 0; i < 200; ++i) {
    if (there()) return true;
    usleep(10000);
  }
  return false;
}

// A descriptor whose owner is another process sends it the signal that F_SETSIG chose. SIGSTOP is seen; SIGCONT sets it right again.
void owned_signal(const Scene& s) {
  int pair[2];
  const auto send = [&](int signal) {
    return fcntl(pair[0], F_SETSIG, signal) == 0 && write(pair[1], "x", 1) == 1;
  };
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || fcntl(pair[0], F_SETOWN, s.number(0)) != 0 ||
      fcntl(pair[0], F_SETFL, O_ASYNC | O_NONBLOCK) != 0)
    return tell(false, "an owner");
  const bool done = send(SIGSTOP) && is_stopped(s.number(0));
  send(SIGCONT);
  errno = 0;
  tell(done, "another process stopped by a descriptor's signal");
}

// It made itself the owner and wants SIGIO, which it ignores. Whoever shares the file says which signal it is.
void signal_of_owner(const Scene&) {
  int file[2] = {-1, -1}, end[2] = {-1, -1};
  if (pipe(file) != 0 || pipe(end) != 0) return tell(false, "pipes");
  const pid_t child = fork();
  if (child == 0) {
    close(end[1]);
    signal(SIGIO, SIG_IGN);
    fcntl(file[0], F_SETFL, O_ASYNC | O_NONBLOCK);
    fcntl(file[0], F_SETOWN, getpid());
    pollfd told{end[0], POLLIN, 0};
    poll(&told, 1, 3000);
    _exit(0);
  }
  for (int i = 0; i < 100 && fcntl(file[0], F_GETOWN) != child; ++i) usleep(10000);
  const int set = fcntl(file[0], F_SETSIG, SIGTERM), error = errno;
  (void)!write(file[1], "x", 1);
  usleep(50000);
  close(end[1]);
  int status = 0;
  waitpid(child, &status, 0);
  errno = set == 0 ? 0 : error;
  tell(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "another signal for a file's owner");
}

void whiteout(const Scene& s) {
  const std::string from = s.file("out/gone"), to = s.file("out/kept");
  struct stat made {};
  close(open(from.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  const bool done = renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_WHITEOUT) == 0;
  const int error = errno;
  const bool device = done && lstat(from.c_str(), &made) == 0 && S_ISCHR(made.st_mode) && made.st_rdev == 0;
  unlink(from.c_str());
  unlink(to.c_str());
  errno = error;
  tell(device, "a whiteout left behind by a rename");
}

// The flags of this ioctl reach the file as they are: also __FMODE_EXEC, by which an exec's own opens are told.
void peer_terminal(const Scene&) {
  constexpr int kExec = 040;
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || unlockpt(master) != 0) return tell(false, "a terminal's other end");
  const int end = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | kExec);
  tell(end >= 0 && write(end, "x", 1) == 1 && reads_fd(master), "a byte by the other end of a terminal");
}

void mapped_by_child(const Scene&) {
  const int memory = memfd_create("x", MFD_CLOEXEC), page = static_cast<int>(sysconf(_SC_PAGESIZE));
  if (memory < 0 || ftruncate(memory, page) != 0) return tell(false, "memory");
  void* at = mmap(nullptr, static_cast<size_t>(page), PROT_READ, MAP_SHARED, memory, 0);
  int go[2];
  if (pipe(go) != 0) return tell(false, "a pipe");
  const pid_t child = fork();
  if (child == 0) {
    close(go[1]);
    reads_fd(go[0]);  // till the parent closes its end
    _exit(0);
  }
  char name[96];
  std::snprintf(name, sizeof name, "/proc/%d/map_files/%lx-%lx", child, reinterpret_cast<unsigned long>(at),
                reinterpret_cast<unsigned long>(at) + static_cast<unsigned long>(page));
  const bool done = reads(name);
  const int error = errno;
  close(go[1]);
  waitpid(child, nullptr, 0);
  errno = error;
  tell(done, "a child's memory by what it has mapped");
}

// 6.17. What chattr sets, by the file's name.
void attributes_by_name(const Scene& s) {
  constexpr long kGet = 468, kSet = 469;
  constexpr uint64_t kNoDump = 0x80;  // FS_XFLAG_NODUMP
  uint64_t attributes[3] = {};        // struct file_attr, version 0: the flags come first
  const std::string page = s.file("page.html");
  if (syscall(kGet, AT_FDCWD, page.c_str(), attributes, sizeof attributes, 0) != 0) return tell(false, "the attributes");
  attributes[0] |= kNoDump;
  const bool set = syscall(kSet, AT_FDCWD, page.c_str(), attributes, sizeof attributes, 0) == 0;
  const int error = errno;
  uint64_t has[3] = {};
  const bool done = set && syscall(kGet, AT_FDCWD, page.c_str(), has, sizeof has, 0) == 0 && (has[0] & kNoDump);
  attributes[0] &= ~kNoDump;
  if (set) syscall(kSet, AT_FDCWD, page.c_str(), attributes, sizeof attributes, 0);
  errno = error;
  tell(done, "an inode's flags by its name");
}

// A private mapping of a file on a tmpfs, executable and never writable: userfaultfd fills the page that is not there yet.
void filled_code(const Scene& s) {
  static const unsigned char kSeven[] = {0xb8, 7, 0, 0, 0, 0xc3};  // mov eax,7; ret
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const int file = open(s.file("lib/code").c_str(), O_RDONLY | O_CLOEXEC);
  void* code = mmap(nullptr, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
  auto* filling = static_cast<unsigned char*>(mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (file < 0 || code == MAP_FAILED || filling == MAP_FAILED) return tell(false, "code that is mapped");
  std::memcpy(filling, kSeven, sizeof kSeven);
  constexpr int kUserModeOnly = 1;  // 5.11
  int faults = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | kUserModeOnly));
  if (faults < 0 && errno == EINVAL) faults = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC));
  uffdio_api api{};
  api.api = UFFD_API;
  uffdio_register area{};
  area.range = {reinterpret_cast<uint64_t>(code), page};
  area.mode = UFFDIO_REGISTER_MODE_MISSING;
  uffdio_copy copy{};
  copy.dst = reinterpret_cast<uint64_t>(code);
  copy.src = reinterpret_cast<uint64_t>(filling);
  copy.len = page;
  const bool done = faults >= 0 && ioctl(faults, UFFDIO_API, &api) == 0 && ioctl(faults, UFFDIO_REGISTER, &area) == 0 &&
                    ioctl(faults, UFFDIO_COPY, &copy) == 0;
  const bool ran = done && reinterpret_cast<int (*)()>(code)() == 7;
  tell(ran, "code that a fault handler put into a mapping");
}

// 7.x: a child that ends with its descriptor, whoever may signal whom.
void closing_kills(const Scene&) {
  constexpr uint64_t kAutoReap = 1ull << 34, kNoNewPrivileges = 1ull << 35, kAutoKill = 1ull << 36;
  int process = -1;
  uint64_t arguments[8] = {CLONE_PIDFD | kAutoReap | kNoNewPrivileges | kAutoKill, reinterpret_cast<uint64_t>(&process)};
  const pid_t child = static_cast<pid_t>(syscall(SYS_clone3, arguments, sizeof arguments));
  if (child == 0) {
    pause();
    _exit(0);
  }
  if (child < 0) return tell(false, "a child");
  const bool there = kill(child, 0) == 0;
  close(process);
  tell(there && comes([&] { return kill(child, 0) != 0 && errno == ESRCH; }), "a child killed without a signal");
}

}  // namespace

std::vector<Act> unseen_acts() {
  return {{"owned-signal", "F_SETOWN, F_SETSIG, O_ASYNC", owned_signal},
          {"signal-of-owner", "F_SETSIG alone, of a file whose owner another process made itself", signal_of_owner},
          {"whiteout", "renameat2(RENAME_WHITEOUT)", whiteout},
          {"peer-terminal", "TIOCGPTPEER with the flag of an exec's open", peer_terminal},
          {"mapped-by-child", "/proc/PID/map_files", mapped_by_child},
          {"attributes-by-name", "file_setattr", attributes_by_name},
          {"filled-code", "UFFDIO_COPY into a mapping of code", filled_code},
          {"closing-kills", "CLONE_PIDFD_AUTOKILL", closing_kills}};
}

}  // namespace victim
