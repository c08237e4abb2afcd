// SPDX-License-Identifier: Apache-2.0
#include "enforcer/sandbox/calls.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <csignal>

namespace treeline::sandbox {
namespace {

constexpr Limit is(unsigned argument, uint64_t value) { return {Limit::Kind::kIs, argument, value}; }
constexpr Limit without(unsigned argument, uint64_t bits) { return {Limit::Kind::kWithout, argument, bits}; }

constexpr char kMemory[] = "memory";
constexpr char kFiles[] = "bundles, the store, tables of what is bound, cgroups, procfs, pins";
constexpr char kLoop[] = "the loop";
constexpr char kPeers[] = "the control socket";
constexpr char kHelper[] = "the helper";
constexpr char kEnd[] = "the end";
constexpr char kFault[] = "an own mistake that is noticed: abort()";

constexpr Call kCalls[] = {
    // memory; never executable
    {"brk", kMemory},
    {"mmap", kMemory, without(2, PROT_EXEC)},
    {"mprotect", kMemory, without(2, PROT_EXEC)},
    {"mremap", kMemory},
    {"munmap", kMemory},
    {"madvise", kMemory},
    {"futex", "locks of the C and the signature library"},
    {"getrandom", "names of temporary files, hash seeds"},

    // files
    {"open", kFiles},
    {"openat", kFiles},
    {"close", kFiles},
    {"dup", kFiles},
    {"read", kFiles},
    {"readv", kHelper},
    {"pread64", kFiles},
    {"write", kFiles},
    {"writev", kFiles},
    {"pwrite64", kFiles},
    {"lseek", kFiles},
    {"fstat", kFiles},
    {"stat", kFiles},
    {"lstat", kFiles},
    {"newfstatat", kFiles},
    {"statx", kFiles},
    {"statfs", "is it a bpffs?"},
    {"fstatfs", kFiles},
    {"access", kFiles},
    {"faccessat", kFiles},
    {"faccessat2", kFiles},
    {"readlink", kFiles},
    {"readlinkat", kFiles},
    {"getdents64", kFiles},
    {"mkdir", kFiles},
    {"mkdirat", kFiles},
    {"rmdir", kFiles},
    {"unlink", kFiles},
    {"unlinkat", kFiles},
    {"rename", kFiles},
    {"renameat", kFiles},
    {"renameat2", kFiles},
    {"fsync", kFiles},
    {"fdatasync", kFiles},
    {"fchmod", "write_file_atomically"},
    {"umask", kFiles},
    {"fcntl", kFiles, is(1, F_GETFL)},
    {"fcntl", kFiles, is(1, F_SETFD)},
    {"fcntl", kFiles, is(1, F_GETFD)},

    // maps
    {"bpf", "maps", is(0, BPF_MAP_LOOKUP_ELEM)},
    {"bpf", "maps", is(0, BPF_MAP_UPDATE_ELEM)},
    {"bpf", "maps", is(0, BPF_MAP_DELETE_ELEM)},
    {"bpf", "maps", is(0, BPF_MAP_GET_NEXT_KEY)},
    {"bpf", "maps", is(0, BPF_OBJ_GET_INFO_BY_FD)},
    {"bpf", "who is bound", is(0, BPF_ITER_CREATE)},
    {"bpf", "learning: the recorder of system calls, whose program is loaded already", is(0, BPF_RAW_TRACEPOINT_OPEN)},

    {"ioctl", "the end of a perf buffer", is(1, PERF_EVENT_IOC_DISABLE)},

    // the loop and the clock
    {"epoll_wait", kLoop},
    {"epoll_pwait", kLoop},
    {"epoll_pwait2", kLoop},
    {"epoll_ctl", kLoop},
    {"poll", kHelper},
    {"ppoll", kHelper},
    {"nanosleep", "between two looks at an ending cgroup"},
    {"clock_nanosleep", "as nanosleep"},
    {"restart_syscall", "what a stop interrupted (SIGSTOP, the freezer)"},
    {"clock_gettime", "where the vDSO does not answer"},
    {"clock_getres", "as clock_gettime"},
    {"gettimeofday", "as clock_gettime"},
    {"time", "as clock_gettime"},

    // sockets that are there: the listener, its peers, the helper's, the service manager's
    {"accept4", kPeers},
    {"getsockopt", "who a peer is", is(2, SO_PEERCRED)},
    {"recvfrom", kPeers},
    {"sendto", kPeers},
    {"shutdown", kPeers},

    // oneself
    {"getpid", "the status, the fault points"},
    {"gettid", kFault},
    {"geteuid", "is a directory our own?"},
    {"getuid", kFiles},
    {"getegid", kFiles},
    {"getgid", kFiles},
    {"uname", "the signature library"},
    {"sched_yield", kMemory},
    {"sched_getaffinity", "how many processors there are"},
    {"sysinfo", kMemory},
    {"getcpu", kMemory},

    // signals
    {"rt_sigreturn", "the handler of refused calls"},
    {"rt_sigprocmask", kFault},
    {"rt_sigaction", kFault, is(0, SIGABRT)},
    {"tgkill", kFault, is(2, SIGABRT)},
    {"tgkill", "the end after a refused call", is(2, SIGSYS)},
    {"kill", "containers where there is no cgroup.kill (before 5.14); the fault points", is(1, SIGKILL)},
    {"exit_group", kEnd},
    {"exit", kEnd},
};

}  // namespace

std::span<const Call> calls() { return kCalls; }

}  // namespace treeline::sandbox
