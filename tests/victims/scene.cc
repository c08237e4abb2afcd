// SPDX-License-Identifier: Apache-2.0
#include "tests/victims/scene.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace victim {

// Written by hand from the ELF specification: header, one program header, then mov edi,42; mov eax,60; syscall.
const unsigned char kTiny[] = {
    0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 64 bits, little endian, System V
    2, 0, 62, 0, 1, 0, 0, 0,                                  // executable, x86-64
    0x78, 0, 0x40, 0, 0, 0, 0, 0,                             // entry: 0x400078
    64, 0, 0, 0, 0, 0, 0, 0,                                  // program headers at 64
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                       // no sections, no flags
    64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0,                     // one program header
    1, 0, 0, 0, 5, 0, 0, 0,                                   // load, read and execute
    0, 0, 0, 0, 0, 0, 0, 0,                                   // from the file's start
    0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0,     // to 0x400000
    0x84, 0, 0, 0, 0, 0, 0, 0, 0x84, 0, 0, 0, 0, 0, 0, 0,     // 132 bytes
    0, 0x10, 0, 0, 0, 0, 0, 0,                                // aligned to a page
    0xbf, kTinyStatus, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05,
};
const size_t kTinySize = sizeof(kTiny);
static_assert(sizeof(kTiny) == 132);

int Scene::number(size_t n) const { return std::atoi(argument(n).c_str()); }
int Scene::process(size_t n) const { return argument(n) == "beside" ? beside() : number(n); }

// By hand, without stdio: no file is opened, no buffer is lost when the process is killed.
void tell(bool happened, const std::string& detail) {
  const int error = errno;
  std::string line = std::string("EFFECT ") + (happened ? "yes " : "no ") + detail;
  if (!happened && error) line += std::string(" (") + std::strerror(error) + ")";
  line += "\n";
  (void)!write(STDOUT_FILENO, line.data(), line.size());
}

void tell_killed(int status) {
  const char kLine[] = "CHILD killed\n";
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) (void)!write(STDOUT_FILENO, kLine, sizeof kLine - 1);
}

bool reads_fd(int fd) {
  char byte = 0;
  return read(fd, &byte, 1) == 1;
}

bool reads(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool got = reads_fd(fd);
  close(fd);
  return got;
}

bool writes(const std::string& path, int flags) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0644);
  if (fd < 0) return false;
  const bool wrote = write(fd, "X", 1) == 1;
  close(fd);
  return wrote;
}

bool there(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

bool usable(int fd) {
  struct stat status {};
  return fd >= 0 && fstat(fd, &status) == 0;
}

bool lists(int fd) {
  char entries[4096];
  return fd >= 0 && syscall(SYS_getdents64, fd, entries, sizeof entries) > 0;
}

dev_t device_of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_dev : 0;
}

bool read_only(const std::string& path) {
  struct statvfs status {};
  return statvfs(path.c_str(), &status) == 0 && (status.f_flag & ST_RDONLY);
}

std::string namespace_of(const std::string& process, const std::string& kind) {
  char name[64] = {};
  return readlink(("/proc/" + process + "/ns/" + kind).c_str(), name, sizeof name - 1) > 0 ? name : "";
}

std::string attribute_of(const std::string& path, const char* name) {
  char value[256];
  const ssize_t size = getxattr(path.c_str(), name, value, sizeof value);
  return size > 0 ? std::string(value, static_cast<size_t>(size)) : "";
}

bool is_stopped(pid_t pid) {
  for (int i = 0; i < 200; ++i) {
    char text[256] = {};
    const int fd = open(("/proc/" + std::to_string(pid) + "/status").c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n > 0 && std::strstr(text, "State:\tT")) return true;
    usleep(10000);
  }
  return false;
}

pid_t beside() {
  static pid_t pid = -1;
  int end[2], made[2];
  if (pid >= 0 || pipe2(end, O_CLOEXEC) != 0 || pipe2(made, O_CLOEXEC) != 0) return pid;
  const pid_t between = fork();
  if (between == 0) {
    const pid_t child = fork();
    if (child == 0) {
      close(end[1]);
      dup2(end[0], STDIN_FILENO);
      reads_fd(STDIN_FILENO);
      _exit(0);
    }
    (void)!write(made[1], &child, sizeof child);
    _exit(0);
  }
  waitpid(between, nullptr, 0);  // from now on the other one is nobody's child here
  (void)!read(made[0], &pid, sizeof pid);
  for (const int fd : {end[0], made[0], made[1]}) close(fd);
  errno = 0;
  return pid;
}

bool exits_with(int status, const std::function<void()>& child) {
  const pid_t pid = fork();
  if (pid < 0) return false;
  if (pid == 0) {
    errno = 0;
    child();
    _exit(errno ? 100 + (errno & 31) : 99);
  }
  int ended = 0;
  while (waitpid(pid, &ended, 0) < 0 && errno == EINTR) {
  }
  tell_killed(ended);
  errno = WIFSIGNALED(ended) ? EINTR : EPERM;
  return WIFEXITED(ended) && WEXITSTATUS(ended) == status;
}

}  // namespace victim
