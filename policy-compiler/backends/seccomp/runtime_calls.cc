// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/seccomp/runtime_calls.h"

namespace treeline::backends::seccomp {
namespace {

constexpr std::string_view kRunc[] = {
    "capget", "capset",  "chdir",      "close",  "epoll_ctl", "execve",      "faccessat2",   "fchown",
    "fcntl",  "fstat",   "fstatfs",    "futex",  "getcwd",    "getdents64",  "getpid",       "getppid",
    "newfstatat", "openat", "prctl",   "read",   "setgid",    "setgroups",   "setuid",       "write",
};
constexpr std::string_view kGo[] = {
    "clone",        "epoll_pwait",    "exit",         "exit_group",  "futex",       "getpid",  "gettid",      "madvise",
    "mmap",         "munmap",         "nanosleep",    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_yield",
    "sigaltstack",  "tgkill",
};
constexpr std::string_view kCrun[] = {
    "capset",       "close",          "execve",       "fchown",      "ioctl",       "openat",  "prctl",       "read",
    "rt_sigaction", "rt_sigprocmask", "setgroups",    "setresgid",   "setresuid",   "statx",   "write",
};
constexpr RuntimeCalls kAll[] = {
    {"runc 1.1.5", kRunc},
    {"Go's runtime, in runc", kGo},
    {"crun 1.8.1", kCrun},
};

}  // namespace

std::span<const RuntimeCalls> runtime_calls() { return kAll; }

}  // namespace treeline::backends::seccomp
