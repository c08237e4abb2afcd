// SPDX-License-Identifier: Apache-2.0
//
// Descriptors by /proc: of its own memory, which writes past mprotect as a debugger would, and of a pipe that another process holds.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "tests/victims/scene.h"

namespace victim {
namespace {

const volatile char g_constant[16] = "unchanged";

void own_memory(const Scene&) {
  const int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  const bool wrote = fd >= 0 && pwrite(fd, "X", 1, reinterpret_cast<off_t>(&g_constant[0])) == 1;
  tell(wrote && g_constant[0] == 'X', "a constant changed by /proc/self/mem");
}

// The child waits for a byte that nobody is to send: the effect is that it gets one.
void pipe_of_child(const Scene&) {
  int ends[2];
  if (pipe(ends) != 0) return tell(false, "pipe");
  const pid_t child = fork();
  if (child == 0) {
    char byte = 0;
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) == 1 ? kTinyStatus : 0);
  }
  const int fd = open(("/proc/" + std::to_string(child) + "/fd/" + std::to_string(ends[0])).c_str(), O_WRONLY | O_CLOEXEC);
  const int error = errno;
  if (fd >= 0) (void)!write(fd, "x", 1);
  close(fd);
  close(ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  errno = error;
  tell(WIFEXITED(status) && WEXITSTATUS(status) == kTinyStatus, "a byte in a pipe of its child's");
}

}  // namespace

std::vector<Act> descriptor_acts() {
  return {{"own-memory", "writes through /proc/self/mem", own_memory},
          {"pipe-of-child", "writes into another process's pipe by /proc/PID/fd", pipe_of_child}};
}

}  // namespace victim
