// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cases/calls_of.h"

#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <map>

#include "bpf/lsm/abi.h"

namespace treeline::cases {
namespace {

using Kind = cli::Question::Kind;

std::vector<Call> by_words(ir::AccessSet words) {
  static const std::map<ir::AccessSet, std::vector<Call>> kWays = {
      {TL_READ, {{"openat", {}}}},
      {TL_WRITE, {{"openat", {}}}},
      {TL_APPEND, {{"openat", {}}}},
      {TL_LIST, {{"openat", {}}}},
      {TL_CREATE, {{"openat", {}}, {"mknodat", {}}}},
      {TL_MKNOD, {{"mknodat", {}}}},
      {TL_MKDIR, {{"mkdirat", {}}}},
      {TL_DELETE, {{"unlinkat", {}}, {"renameat2", {}}}},
      {TL_LINK, {{"symlinkat", {}}, {"linkat", {}}}},
      {TL_RENAME_IN, {{"renameat2", {}}}},
      {TL_SETATTR, {{"fchmodat", {}}, {"fchownat", {}}, {"fsetxattr", {}}}},
      {TL_MAP, {{"mmap", {}}}},
      {TL_CONNECT, {{"connect", {}}, {"sendto", {}}}},
      {TL_EXECUTE, {{"execve", {}}, {"execveat", {}}}},
  };
  std::vector<Call> ways;
  for (uint32_t word = 1; word <= words; word <<= 1) {
    const auto found = (words & word) != 0 ? kWays.find(static_cast<ir::AccessSet>(word)) : kWays.end();
    if (found != kWays.end()) ways.insert(ways.end(), found->second.begin(), found->second.end());
  }
  return ways;
}

// Operations that are calls, or a flag of one: {} for what only the kernel's objects show.
std::vector<Call> by_operation(uint32_t operation) {
  switch (operation) {
    case TL_OP_USERNS:
      return {{"unshare", {CLONE_NEWUSER}}, {"clone", {CLONE_NEWUSER}}, {"clone3", {}}};
    case TL_OP_PTRACE:
    case TL_OP_PTRACE_WORKLOAD:
    case TL_OP_PTRACE_DESCENDANT:
      return {{"ptrace", {}}, {"process_vm_readv", {}}, {"process_vm_writev", {}}, {"pidfd_getfd", {}}};
    case TL_OP_MOUNT:
      return {{"mount", {}},      {"umount2", {}}, {"pivot_root", {}},
              {"move_mount", {}}, {"fsmount", {}}, {"open_tree", {}}};
    case TL_OP_BPF:
      return {{"bpf", {}}};
    case TL_OP_KEYRING:
      return {{"add_key", {}}, {"request_key", {}}, {"keyctl", {}}};
    case TL_OP_LOAD_MODULE:
      return {{"init_module", {}}, {"finit_module", {}}};
    case TL_OP_KEXEC:
      return {{"kexec_load", {}}, {"kexec_file_load", {}}};
    case TL_OP_PERF:
      return {{"perf_event_open", {}}};
    case TL_OP_IO_URING:
      return {{"io_uring_setup", {}}, {"io_uring_enter", {}}, {"io_uring_register", {}}};
    case TL_OP_USERFAULTFD:
      return {{"userfaultfd", {}}};
    case TL_OP_TTY_INJECT:
      return {{"ioctl", {0, TIOCSTI}}, {"ioctl", {0, TIOCLINUX}}};
    case TL_OP_KERNEL_LOG:
      return {{"syslog", {}}};
    case TL_OP_LDT:
      return {{"modify_ldt", {}}};
    case TL_OP_SECCOMP_LISTENER:
      return {{"seccomp", {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER}}};
    default:
      return {};
  }
}

// Calls with which the others are done too: they say nothing of the act.
std::vector<Call> about_processes(uint32_t operation) {
  switch (operation) {
    case TL_OP_SIGNAL:
    case TL_OP_SIGNAL_WORKLOAD:
    case TL_OP_SIGNAL_DESCENDANT:
      return {{"kill", {}}, {"tgkill", {}}, {"pidfd_send_signal", {}}};
    case TL_OP_TUNE:
    case TL_OP_TUNE_WORKLOAD:
      return {{"setpriority", {}}, {"sched_setscheduler", {}}, {"sched_setaffinity", {}}, {"ioprio_set", {}}};
    case TL_OP_JIT:
    case TL_OP_STACK_EXEC:
      return {{"mmap", {}}, {"mprotect", {}}};
    case TL_OP_SETUID:
      return {{"execve", {}}};
    default:
      return {};
  }
}

}  // namespace

uint64_t family_of(uint32_t kind) {
  switch (kind) {
    case TL_SOCK_UNIX_STREAM:
    case TL_SOCK_UNIX_DGRAM:
    case TL_SOCK_UNIX_SEQPACKET:
      return AF_UNIX;
    case TL_SOCK_NETLINK:
      return AF_NETLINK;
    case TL_SOCK_PACKET:
      return AF_PACKET;
    case TL_SOCK_VSOCK:
      return AF_VSOCK;
    case TL_SOCK_ALG:
      return AF_ALG;
    case TL_SOCK_XDP:
      return AF_XDP;
    case TL_SOCK_OTHER:
      return AF_KEY;  // one of many
    default:
      return AF_INET;
  }
}

Calls calls_of(const cli::Question& question) {
  switch (question.kind) {
    case Kind::kAccess:
      return {by_words(question.words), false};
    case Kind::kExec:
    case Kind::kInterpret:
      return {by_words(TL_EXECUTE), false};
    case Kind::kConnect:
      return {{{"connect", {}}, {"sendto", {}}}, false};
    case Kind::kAccept:
      return {{{"accept4", {}}}, false};
    case Kind::kListen:
      return {{{"bind", {}}}, false};
    case Kind::kUser:
      return {{{"setresuid", {}}, {"setuid", {}}}, false};
    case Kind::kSocket:
      return {{{"socket", {family_of(question.number)}}}, true};
    case Kind::kOperation:
      if (std::vector<Call> ways = by_operation(question.number); !ways.empty()) return {std::move(ways), true};
      return {about_processes(question.number), false};
    case Kind::kCapability:
      return {};
    case Kind::kSyscall:
      return calls_of_syscall(question.call);
  }
  return {};
}

Calls calls_of_syscall(const std::string& name) {
  Calls calls{{{name, {}}}, true};
  if (name == "socket")
    for (uint32_t kind = 0; kind < TL_SOCK_KINDS; ++kind) calls.ways.push_back({name, {family_of(kind)}});
  return calls;
}

}  // namespace treeline::cases
