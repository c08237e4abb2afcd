// SPDX-License-Identifier: Apache-2.0
//
// bench_empty COMMAND [ARGUMENT...]: runs COMMAND while programs that do nothing are attached.
#include <bpf/libbpf.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include "empty.skel.h"
#pragma GCC diagnostic pop

namespace {

struct Deleter {
  void operator()(empty_bpf* s) const { empty_bpf__destroy(s); }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);  // before 5.11 programs and maps count
  std::unique_ptr<empty_bpf, Deleter> object(empty_bpf__open_and_load());
  if (!object || empty_bpf__attach(object.get()) != 0) {
    std::fprintf(stderr, "bench_empty: the empty programs do not attach: %s\n", std::strerror(errno));
    return 1;
  }
  const pid_t pid = fork();
  if (pid == 0) {
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
