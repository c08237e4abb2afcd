// SPDX-License-Identifier: Apache-2.0
// The special operations of the language. Those on another process take the actor itself (the workload), a process that
// is started for it (a descendant), and the machine's first (any).
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

#include "acts.h"

namespace actor {
namespace {

constexpr pid_t kAnother = 1;

// The act on a process that waits till it is over.
int on_descendant(int (*act)(pid_t)) {
  int kept[2];
  if (pipe2(kept, O_CLOEXEC) != 0) return cannot("no pipe");
  const pid_t child = fork();
  if (child == 0) {
    close(kept[1]);
    char byte;
    _exit(read(kept[0], &byte, 1) == 0 ? 0 : 1);
  }
  return act(child);
}

int signal_to(pid_t pid) { return refused(kill(pid, SIGURG)); }  // which is ignored
int trace(pid_t pid) { return refused(ptrace(PTRACE_SEIZE, pid, nullptr, nullptr)); }
int tune(pid_t pid) {
  return refused(setpriority(PRIO_PROCESS, static_cast<id_t>(pid), getpriority(PRIO_PROCESS, static_cast<id_t>(pid))));
}

int executable_memory() {
  constexpr int kAll = PROT_READ | PROT_WRITE | PROT_EXEC;
  return refused(mmap(nullptr, 4096, kAll, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
}

int executable_stack() {
  char here = 0;
  auto* page = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(&here) & ~uintptr_t{4095});
  return refused(mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
}

int make_ring() {
  char params[120] = {};
  return refused(syscall(SYS_io_uring_setup, 4, params));
}

int make_map() {
  bpf_attr attributes{};  // of no size: refused behind the hook
  return refused(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
}

int open_counter() {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  return refused(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

int load_module() {
  char nothing[64] = {};
  return refused(syscall(SYS_init_module, nothing, sizeof nothing, ""));
}

const std::map<std::string, int (*)()> kOperations = {
    {"jit", executable_memory},
    {"stack-exec", executable_stack},
    {"keyring", [] { return refused(syscall(SYS_add_key, "user", "cases", "x", 1, KEY_SPEC_PROCESS_KEYRING)); }},
    {"userns", [] { return refused(unshare(CLONE_NEWUSER)); }},
    {"io-uring", make_ring},
    {"userfaultfd", [] { return refused(syscall(SYS_userfaultfd, O_CLOEXEC)); }},
    {"bpf", make_map},
    {"perf", open_counter},
    {"kernel-log", [] { return refused(klogctl(10, nullptr, 0)); }},  // SYSLOG_ACTION_SIZE_BUFFER
    {"load-module", load_module},
    {"kexec", [] { return refused(syscall(SYS_kexec_load, 0, 0, nullptr, 0)); }},
    {"mount", [] { return refused(mount(nullptr, "/", nullptr, MS_PRIVATE, nullptr)); }},
    {"signal", [] { return signal_to(kAnother); }},
    {"signal-workload", [] { return signal_to(getppid()); }},
    {"signal-descendant", [] { return on_descendant(signal_to); }},
    {"ptrace", [] { return trace(kAnother); }},
    {"ptrace-workload", [] { return trace(getppid()); }},
    {"ptrace-descendant", [] { return on_descendant(trace); }},
    {"tune", [] { return tune(kAnother); }},
    {"tune-workload", [] { return tune(getppid()); }},
};

int do_operation(const char* name) {
  const auto found = kOperations.find(name);
  return found == kOperations.end() ? cannot("the actor has no such act") : found->second();
}

}  // namespace

Acts operation_acts() { return {{"operation", do_operation}}; }

}  // namespace actor
