// SPDX-License-Identifier: Apache-2.0
//
// Other processes, by the ways that have a system call of their own.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>

#include "tests/victims/scene.h"

namespace victim {
namespace {

volatile char g_there = 'x';

// A child that waits till the act is over; its status is kTinyStatus where its memory has been changed.
int beside_child(const std::function<void(pid_t)>& act) {
  int go[2];
  if (pipe(go) != 0) return -1;
  const pid_t child = fork();
  if (child == 0) {
    close(go[1]);
    reads_fd(go[0]);
    _exit(g_there == 'X' ? kTinyStatus : 0);
  }
  errno = 0;
  act(child);
  const int error = errno;
  close(go[1]);
  int status = 0;
  waitpid(child, &status, 0);
  errno = error;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void write_memory(const Scene&) {
  char byte = 'X';
  const iovec here{&byte, 1}, there{const_cast<char*>(&g_there), 1};
  tell(beside_child([&](pid_t child) { (void)!process_vm_writev(child, &here, 1, &there, 1, 0); }) == kTinyStatus,
       "a child's memory changed");
}
void child_memory(const Scene&) {
  const auto act = [](pid_t child) {
    const int fd = open(("/proc/" + std::to_string(child) + "/mem").c_str(), O_RDWR | O_CLOEXEC);
    if (fd >= 0) (void)!pwrite(fd, "X", 1, reinterpret_cast<off_t>(&g_there));
  };
  tell(beside_child(act) == kTinyStatus, "a child's memory changed by /proc");
}
void attach_child(const Scene&) {
  bool attached = false;
  beside_child([&](pid_t child) {
    attached = ptrace(PTRACE_ATTACH, child, nullptr, nullptr) == 0;
    const int error = errno;
    if (attached) waitpid(child, nullptr, 0), ptrace(PTRACE_DETACH, child, nullptr, nullptr);
    errno = error;
  });
  tell(attached, "a child under trace");
}
void attach(const Scene& s) {
  const pid_t pid = s.process(0);
  const bool attached = ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) == 0;
  const int error = errno;
  if (attached) waitpid(pid, nullptr, __WALL), ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  errno = error;
  tell(attached, "another process under trace");
}
void take_from_child(const Scene&) {
  int fd = -1;
  beside_child([&](pid_t child) {
    const int process = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    fd = process < 0 ? -1 : static_cast<int>(syscall(SYS_pidfd_getfd, process, 0, 0));
  });
  tell(usable(fd), "a descriptor of a child");
}

bool signals(const std::string& way, pid_t pid, int signal) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  if (way == "pidfd")
    return syscall(SYS_pidfd_send_signal, static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), signal, nullptr, 0) == 0;
  if (way == "thread") return syscall(SYS_tgkill, pid, pid, signal) == 0;
  return syscall(SYS_rt_sigqueueinfo, pid, signal, &info) == 0;
}
void other_signal(const Scene& s) {
  const std::string way = s.argument(0);
  const pid_t pid = s.process(1);
  const bool sent = signals(way, pid, SIGSTOP);
  const int error = errno;
  const bool stopped = sent && is_stopped(pid);
  if (sent) signals(way, pid, SIGCONT);
  errno = error;
  tell(stopped, "another process stopped by a signal, " + way);
}
void owner_by_ioctl(const Scene& s) {
  int pair[2] = {-1, -1}, whom = s.number(0);
  (void)!socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  int owner = 0;
  tell(ioctl(pair[0], FIOSETOWN, &whom) == 0 && ioctl(pair[0], FIOGETOWN, &owner) == 0 && owner == whom,
       "another process as a descriptor's owner");
}
void io_priority(const Scene& s) {
  constexpr int kProcess = 1, kBestEffort5 = 2 << 13 | 5, kBestEffort6 = 2 << 13 | 6;
  const pid_t pid = s.process(0);
  const int wanted = syscall(SYS_ioprio_get, kProcess, pid) == kBestEffort5 ? kBestEffort6 : kBestEffort5;  // who ran before left it
  tell(syscall(SYS_ioprio_set, kProcess, pid, wanted) == 0 && syscall(SYS_ioprio_get, kProcess, pid) == wanted,
       "another process's I/O priority");
}
// Where the pages of a child lie: with a list of nodes they would move.
void move_memory(const Scene&) {
  void* page = const_cast<char*>(&g_there);
  int node = -1;
  long done = -1;
  beside_child([&](pid_t child) { done = syscall(SYS_move_pages, child, 1L, &page, nullptr, &node, 0); });
  tell(done == 0 && node >= 0, "where a page of a child lies");
}

void other_directory(const Scene& s) {
  tell(lists(open(("/proc/" + s.argument(0) + "/cwd/.").c_str(), O_RDONLY | O_DIRECTORY)),
       "the names in another process's directory");
}
void other_descriptor(const Scene& s) {
  tell(usable(open(("/proc/" + std::to_string(s.process(0)) + "/fd/0").c_str(), O_RDONLY)), "another process's descriptor");
}

// As a 32-bit program: its calls have a hook of their own from 6.8 on.
void inject_32(const Scene&) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) return tell(false, "a terminal");
  const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
  void* low = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  long result = -ENOSYS;
#ifdef __x86_64__
  if (low != MAP_FAILED) {
    *static_cast<char*>(low) = '\n';
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "a"(54L), "b"(static_cast<long>(terminal)), "c"(static_cast<long>(TIOCSTI)), "d"(low)
                 : "memory", "r8", "r9", "r10", "r11");
  }
#endif
  errno = static_cast<int>(-result);
  pollfd something{terminal, POLLIN, 0};
  char byte = 0;
  tell(result == 0 && poll(&something, 1, 1000) == 1 && read(terminal, &byte, 1) == 1 && byte == '\n',
       "input into a terminal, by a 32-bit call");
}

}  // namespace

std::vector<Act> other_acts() {
  return {{"write-memory", "process_vm_writev of a child", write_memory},
          {"child-memory", "writes /proc/CHILD/mem", child_memory},
          {"attach-child", "PTRACE_ATTACH of a child", attach_child},
          {"attach", "PID: PTRACE_ATTACH", attach},
          {"take-from-child", "pidfd_getfd of a child", take_from_child},
          {"other-signal", "pidfd|thread|queued PID", other_signal},
          {"owner-by-ioctl", "PID: FIOSETOWN", owner_by_ioctl},
          {"io-priority", "PID: ioprio_set", io_priority},
          {"move-memory", "move_pages of a child", move_memory},
          {"other-directory", "PID: opens /proc/PID/cwd", other_directory},
          {"other-descriptor", "PID: opens /proc/PID/fd/0", other_descriptor},
          {"tty-inject-32", "TIOCSTI by int 0x80", inject_32}};
}

}  // namespace victim
