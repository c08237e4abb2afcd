// SPDX-License-Identifier: Apache-2.0
//
// The system calls that treelined makes once it has started, each with what makes it. Tried by strace, and by a filter that names what it refuses, on the
// life that tests/kernel/enforce/selfconfine leads it through (load, mode, rollback, unload, learn, run, bind, thaw, doctor, signature, upgrade, detach).
// Beside those stand the other names under which C libraries of other releases and architectures make the same call (open and openat, stat and
// newfstatat, epoll_wait and epoll_pwait), and what that life does not come to: abort(), a kernel without cgroup.kill, a clock without vDSO, a trim of memory.
//
// What is not there: exec, fork and threads, sockets of any family, ptrace and other processes' memory, mounts and namespaces, executable memory, modules,
// keys, io_uring, userfaultfd, perf events, and of bpf() all but reading and writing maps, asking what one is, and starting the recorder.
#pragma once

#include <cstdint>
#include <span>

namespace treeline::sandbox {

// What an argument has to be. A name with several values stands there once for each.
struct Limit {
  enum class Kind { kNone, kIs, kWithout };  // kIs: equal to value (32 bits); kWithout: none of these bits
  Kind kind = Kind::kNone;
  unsigned argument = 0;
  uint64_t value = 0;
};

struct Call {
  const char* name;
  const char* why;
  Limit limit{};
};

std::span<const Call> calls();

}  // namespace treeline::sandbox
