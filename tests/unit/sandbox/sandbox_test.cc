// SPDX-License-Identifier: Apache-2.0
//
// The list of calls against libseccomp's tables, and the filter in force: in a child, which tries something and says by its exit status what came of it.
#include "enforcer/sandbox/sandbox.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <set>

#include "enforcer/sandbox/calls.h"

namespace treeline::sandbox {
namespace {

TEST(Calls, EachNameIsKnownOnBothArchitectures) {
  for (const Call& call : calls())
    for (uint32_t architecture : {SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64})
      EXPECT_NE(seccomp_syscall_resolve_name_arch(architecture, call.name), __NR_SCMP_ERROR) << call.name << " on " << architecture;
}

// By number, so that another name for the same call is found too.
TEST(Calls, NoneIsAnIntrudersTool) {
  for (uint32_t architecture : {SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64}) {
    std::set<int> allowed;
    for (const Call& call : calls()) allowed.insert(seccomp_syscall_resolve_name_arch(architecture, call.name));
    for (const char* name : {"execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "socket",
                             "socketpair", "connect", "bind", "listen", "sendmsg", "mount", "umount2", "move_mount", "pivot_root", "chroot", "setns", "unshare",
                             "init_module", "finit_module", "kexec_load", "kexec_file_load", "io_uring_setup", "io_uring_enter", "userfaultfd", "perf_event_open",
                             "keyctl", "add_key", "setuid", "setresuid", "capset", "prctl", "seccomp", "open_by_handle_at", "memfd_create", "mknod",
                             "mknodat", "chown", "fchown", "fchownat", "chmod", "fchmodat", "link", "linkat", "symlink", "symlinkat", "reboot", "iopl", "personality"})
      EXPECT_FALSE(allowed.contains(seccomp_syscall_resolve_name_arch(architecture, name))) << name;
  }
}

TEST(Calls, LimitsAreOnWhatIsWideWithoutThem) {
  for (const Call& call : calls())
    for (std::string_view wide : {"bpf", "ioctl", "mmap", "mprotect", "kill", "tgkill", "rt_sigaction", "fcntl", "getsockopt"})
      EXPECT_TRUE(call.name != wide || call.limit.kind != Limit::Kind::kNone) << call.name;
}

TEST(Calls, NoneStandsThereTwice) {
  std::set<std::tuple<std::string, unsigned, uint64_t>> seen;
  for (const Call& call : calls()) EXPECT_TRUE(seen.emplace(call.name, call.limit.argument, call.limit.value).second) << call.name;
}

constexpr int kDone = 10, kFailed = 11, kSkipped = 12;

// Status of a child that does `act` under the filter.
template <typename F>
int under_filter(OnRefusal then, F act) {
  Result<CallFilter> filter = CallFilter::build();
  EXPECT_TRUE(filter) << filter.error().message;
  const pid_t child = fork();
  if (child == 0) {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, 2);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    watch_refusals(then);
    // Not _exit(): AddressSanitizer makes calls of its own before one that does not return.
    syscall(SYS_exit_group, filter->load() ? act() : kFailed);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}
bool ended_with(int status, int code) { return WIFEXITED(status) && WEXITSTATUS(status) == code; }
int refused_and_counted(long result) { return result == -1 && errno == EPERM && refusals() == 1 ? kDone : kFailed; }

TEST(Filter, WhatTreelinedDoesIsLetPass) {
  const int status = under_filter(OnRefusal::kEnd, [] {
    const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    char byte;
    void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return fd >= 0 && read(fd, &byte, 1) == 1 && memory != MAP_FAILED && getpid() > 0 ? kDone : kFailed;
  });
  EXPECT_TRUE(ended_with(status, kDone)) << status;
}

TEST(Filter, ARefusedCallEndsIt) {
  const int status = under_filter(OnRefusal::kEnd, [] { return socket(AF_INET, SOCK_STREAM, 0) < 0 ? kFailed : kDone; });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
}

TEST(Filter, OrGivesEpermAndIsCounted) {
  EXPECT_TRUE(ended_with(under_filter(OnRefusal::kRefuse, [] { return refused_and_counted(socket(AF_INET, SOCK_STREAM, 0)); }), kDone));
  EXPECT_TRUE(ended_with(under_filter(OnRefusal::kRefuse, [] { return refused_and_counted(execl("/bin/true", "true", nullptr)); }), kDone));
  EXPECT_TRUE(ended_with(under_filter(OnRefusal::kRefuse, [] { return refused_and_counted(syscall(SYS_bpf, BPF_PROG_LOAD, nullptr, 0)); }), kDone));
  EXPECT_TRUE(ended_with(under_filter(OnRefusal::kRefuse, [] { return refused_and_counted(kill(getpid(), SIGUSR1)); }), kDone));
}

TEST(Filter, MemoryIsNotMadeExecutable) {
  EXPECT_TRUE(ended_with(under_filter(OnRefusal::kRefuse,
                                      [] {
                                        void* memory = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                                        return refused_and_counted(memory == MAP_FAILED ? -1 : 0);
                                      }),
                         kDone));
}

// In a child, for good: below `own` a file is written, renamed and removed, and `own` itself at last; beside it nothing is made.
TEST(Writes, AreWhereTheyAreGranted) {
  std::string above = testing::TempDir() + "writes-XXXXXX";
  ASSERT_NE(mkdtemp(above.data()), nullptr);
  const std::string own = above + "/own", deeper = own + "/deeper", file = deeper + "/file", other = above + "/other";
  ASSERT_EQ(mkdir(own.c_str(), 0700), 0);
  const pid_t child = fork();
  if (child == 0) {
    const Place places[] = {{own, Writes::kFiles}, {own + "/..", Writes::kEmptied}, {above + "/none", Writes::kFiles}};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const Result<int> version = limit_writes(places);
    if (!version) _exit(kFailed);
    if (*version == 0) _exit(kSkipped);
    bool fine = mkdir(deeper.c_str(), 0700) == 0;
    const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fine &= fd >= 0 && write(fd, "x", 1) == 1 && rename(file.c_str(), (file + "2").c_str()) == 0;
    fine &= open((file + "2").c_str(), O_RDONLY | O_CLOEXEC) >= 0;
    fine &= open(other.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EACCES;
    fine &= mkdir(other.c_str(), 0700) < 0 && errno == EACCES;
    fine &= mkfifo((deeper + "/fifo").c_str(), 0600) < 0 && errno == EACCES;
    fine &= unlink((file + "2").c_str()) == 0 && rmdir(deeper.c_str()) == 0 && rmdir(own.c_str()) == 0;
    _exit(fine ? kDone : kFailed);
  }
  int status = 0;
  waitpid(child, &status, 0);
  rmdir(above.c_str());
  if (ended_with(status, kSkipped)) GTEST_SKIP() << "this kernel has no Landlock in force";
  EXPECT_TRUE(ended_with(status, kDone)) << status;
}

TEST(Capabilities, SetsAreReadFromTheStatus) {
  const Sets sets = sets_in("Name:\ttreelined\nCapInh:\t0000000000000001\nCapPrm:\t0000000000000002\nCapEff:\t0000008000000022\nCapBnd:\tffffffffffffffff\n"
                            "CapAmb:\t0000000000000010\nSeccomp:\t2\n");
  EXPECT_EQ(sets.inheritable, 1u);
  EXPECT_EQ(sets.permitted, 2u);
  EXPECT_EQ(sets.effective, 0x8000000022u);
  EXPECT_EQ(sets.bounding, ~uint64_t{0});
  EXPECT_EQ(sets.ambient, 16u);
  EXPECT_THAT(names_of(sets.effective), testing::ElementsAre("CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_BPF"));
  EXPECT_EQ(sets_in("").effective, 0u);
}

TEST(Capabilities, BeforeItHadANameOfItsOwnBpfWasTheAdministrators) {
  EXPECT_EQ(mask_of(kDaemonKeeps, 40), 0x8000000022u);
  EXPECT_EQ(mask_of(kDaemonKeeps, 37), 1u << CAP_SYS_ADMIN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_KILL);
}

}  // namespace
}  // namespace treeline::sandbox
