// SPDX-License-Identifier: Apache-2.0
// What the compiler writes is loaded in a child, and the kernel refuses those calls and no others.
#include "enforcer/confine/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "tests/unit/passes/policy_writer.h"

namespace treeline::confine {
namespace {

using testing::HasSubstr;

// Its errno, 0 for success: what a call gives in a child that has installed the filter. A call that makes a process
// leaves it at once.
int under(const Filter& filter, const std::function<long()>& call) {
  const pid_t child = fork();
  if (child == 0) {
    // As root the filter needs nothing; a test run by somebody else has no other way.
    if (geteuid() != 0) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (filter.install() != 0) _exit(255);
    const pid_t self = getpid();
    errno = 0;
    const long result = call();
    const int code = result < 0 ? errno : 0;
    if (getpid() != self) _exit(0);
    _exit(code);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

Filter filter_of(const ir::Policy& policy) {
  const Result<Closing> closing = parse_closing(backends::seccomp::lower(policy));
  EXPECT_TRUE(closing);
  Result<Filter> filter = Filter::build(*closing);
  EXPECT_TRUE(filter) << (filter ? "" : filter.error().message);
  return filter ? *filter : Filter();
}

bool can_install() {
  return under(filter_of({}), [] { return 0L; }) == 0;
}

// An operation that does not exist: what reaches the kernel is told EINVAL, or EFAULT where it looked at the pointer
// first.
long listener(unsigned long operation, unsigned long flags) { return syscall(SYS_seccomp, operation, flags, nullptr); }

TEST(Filter, RefusesTheClosedCallsAndNoOthers) {
  if (!can_install()) GTEST_SKIP() << "this process may install no filter";
  const Filter filter = filter_of({});
  EXPECT_EQ(under(filter, [] { return syscall(SYS_unshare, CLONE_NEWUSER); }), EPERM);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS); }), EPERM);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); }), EPERM);
  // The kernel takes the lower 32 bits of clone's flags.
  EXPECT_EQ(under(filter, [] { return syscall(SYS_clone, (1ul << 32) | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); }), EPERM);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_clone3, nullptr, 0); }), ENOSYS);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_io_uring_setup, 0, nullptr); }), EPERM);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_io_uring_enter, -1, 0, 0, 0, nullptr, 0); }), EPERM);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_io_uring_register, -1, 0, nullptr, 0); }), EPERM);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_userfaultfd, 0); }), EPERM);
#ifdef SYS_modify_ldt
  EXPECT_EQ(under(filter, [] { return syscall(SYS_modify_ldt, 0, nullptr, 0); }), EPERM);
#endif
  EXPECT_EQ(under(filter, [] { return listener(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER); }), EPERM);
  EXPECT_EQ(
      under(filter, [] { return listener((1ul << 32) | SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER); }),
      EPERM)
      << "the kernel takes 32 bits of the operation too";
  for (const unsigned long persona : {0x400000ul, 0x80400000ul, 0x400008ul, 0xfffffffful & ~8ul, 1ul << 32 | 0x400000ul})
    EXPECT_EQ(under(filter, [=] { return syscall(SYS_personality, persona); }), EPERM) << persona;
  for (const unsigned long persona : {0ul, 0xfffffffful, ~0ul, static_cast<unsigned long>(ADDR_NO_RANDOMIZE)})
    EXPECT_EQ(under(filter, [=] { return syscall(SYS_personality, persona); }), 0) << persona;

  EXPECT_EQ(under(filter, [] { return listener(SECCOMP_SET_MODE_FILTER, 0); }), EFAULT)
      << "a filter without a listener";
  EXPECT_EQ(under(filter, [] { return syscall(SYS_unshare, CLONE_FILES); }), 0);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }), 0);
  EXPECT_EQ(under(filter, [] { return static_cast<long>(fork()); }), 0);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_getpid); }), 0);
  EXPECT_EQ(under(filter, [] { return syscall(999); }), ENOSYS)
      << "a call that no table knows is the kernel's to answer";
}

TEST(Filter, LeavesNoNewPrivilegesAlone) {
  if (geteuid() != 0 || !can_install()) GTEST_SKIP() << "only root installs a filter without no_new_privs";
  EXPECT_EQ(under(filter_of({}), [] { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? -1L : 0L; }), 0);
}

TEST(Filter, OfAPolicyThatHoldsAnOperationItsCallsPass) {
  if (!can_install()) GTEST_SKIP() << "this process may install no filter";
  test::Writer w;
  w.policy.nodes[w.root("/bin/a")].operations = {{TL_OP_LDT, {}}, {TL_OP_SECCOMP_LISTENER, {}}};
  const Filter filter = filter_of(w.policy);
#ifdef SYS_modify_ldt
  EXPECT_EQ(under(filter, [] { return syscall(SYS_modify_ldt, 0, nullptr, 0); }), 0);
#endif
  EXPECT_NE(under(filter, [] { return listener(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER); }), EPERM);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_userfaultfd, 0); }), EPERM);
}

TEST(Filter, WithNothingToRefuseNothingIsInstalled) {
  const Result<Closing> closing =
      parse_closing(R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":[],"syscalls":[]})");
  ASSERT_TRUE(closing);
  const Result<Filter> filter = Filter::build(*closing);
  ASSERT_TRUE(filter);
  EXPECT_TRUE(filter->empty());
  EXPECT_EQ(
      under(*filter, [] { return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == prctl(PR_GET_SECCOMP, 0, 0, 0, 0) ? 0L : -1L; }),
      0);
}

TEST(Filter, OfListedCallsNoOtherIsMade) {
  if (!can_install()) GTEST_SKIP() << "this process may install no filter";
  test::Writer w;
  w.policy.nodes[w.root("/bin/a")].syscalls = {{"getpid", {}}, {"exit_group", {}}};
  Diagnostics diagnostics;
  const std::optional<backends::seccomp::CallFilter> calls = backends::seccomp::lower_calls(w.policy, {}, diagnostics);
  ASSERT_TRUE(calls);
  Filter filter = filter_of(w.policy);
  ASSERT_TRUE(filter.add(calls->bpf));
  EXPECT_EQ(under(filter, [] { return syscall(SYS_getpid); }), 0);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_sync); }), EPERM);
  EXPECT_EQ(under(filter, [] { return syscall(SYS_userfaultfd, 0); }), EPERM);
}

TEST(Filter, WhatIsNoProgramIsAnError) {
  Filter filter;
  for (const std::string& bytes : {std::string(), std::string(7, 'x'), std::string(8 * 4097, 'x')})
    EXPECT_THAT(filter.add(bytes).error().message, HasSubstr("no program of seccomp(2)")) << bytes.size();
  EXPECT_TRUE(filter.empty());
}

TEST(Filter, WhatThisMachineDoesNotKnowIsAnError) {
  Closing closing;
  closing.architectures = {"SCMP_ARCH_PDP11"};
  closing.refusals = {{"userfaultfd", EPERM, {}}};
  EXPECT_THAT(Filter::build(closing).error().message, HasSubstr("SCMP_ARCH_PDP11"));
  closing.architectures = {};
  closing.refusals = {{"no_such_call", EPERM, {}}};
  EXPECT_THAT(Filter::build(closing).error().message, HasSubstr("does not know the system call no_such_call"));
}

TEST(Closing, TakesWhatTheCompilerWritesAndNothingElse) {
  const auto error = [](std::string_view text) {
    const Result<Closing> closing = parse_closing(text);
    return closing ? std::string("accepted") : closing.error().message;
  };
  const std::string right = backends::seccomp::lower({});
  EXPECT_EQ(error(right), "accepted");
  for (size_t n = 0; n + 2 < right.size(); n += n < 300 || n + 300 > right.size() ? 1 : 7) EXPECT_NE(error(right.substr(0, n)), "accepted") << n;
  const auto with = [](const std::string& entry) {
    return R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":[],"syscalls":[)" + entry + "]}";
  };
  const std::string good = R"({"names":["x"],"action":"SCMP_ACT_ERRNO","errnoRet":1)";
  EXPECT_EQ(error(with(good + "}")), "accepted");
  struct Case {
    std::string text;
    const char* says;
  } cases[] = {
      {"[]", "not a JSON object"},
      {R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":[],"syscalls":[]})", "defaultAction is not"},
      {R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":[],"syscalls":[],"listenerPath":"/x"})", "a member beside"},
      {R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[]})", "are lists"},
      {with(good + R"(,"comment":"x"})"), "an entry of syscalls has"},
      {with(R"({"names":["x"],"action":"SCMP_ACT_LOG","errnoRet":1})"), "an entry of syscalls has"},
      {with(R"({"names":["x"],"action":"SCMP_ACT_ERRNO"})"), "errnoRet is 1 to 4095"},
      {with(R"({"names":["x"],"action":"SCMP_ACT_ERRNO","errnoRet":0})"), "errnoRet is 1 to 4095"},
      {with(R"({"names":[],"action":"SCMP_ACT_ERRNO","errnoRet":1})"), "has no names"},
      {with(R"({"names":["x y"],"action":"SCMP_ACT_ERRNO","errnoRet":1})"), "a name is"},
      {with(R"({"names":[7],"action":"SCMP_ACT_ERRNO","errnoRet":1})"), "a name is"},
      {with(good + "}," + good + "}"), "'x' stands there twice"},
      {with(good + R"(,"args":[]})"), "one condition"},
      {with(good + R"(,"args":[{"index":6,"value":8,"valueTwo":8,"op":"SCMP_CMP_MASKED_EQ"}]})"), "an index is"},
      {with(good + R"(,"args":[{"index":0,"value":8,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]})"), "one bit"},
      {with(good + R"(,"args":[{"index":0,"value":9,"valueTwo":9,"op":"SCMP_CMP_MASKED_EQ"}]})"), "one bit"},
      {with(good + R"(,"args":[{"index":0,"value":-8,"valueTwo":-8,"op":"SCMP_CMP_MASKED_EQ"}]})"), "value and valueTwo"},
      {with(good + R"(,"args":[{"index":0,"value":25,"valueTwo":8,"op":"SCMP_CMP_MASKED_EQ"}]})"), "one bit"},
      {with(good + R"(,"args":[{"index":0,"value":8,"valueTwo":8,"op":"SCMP_CMP_EQ"}]})"), "SCMP_CMP_MASKED_EQ"},
      {std::string(kMaxClosing + 1, ' '), "larger than 64 KiB"},
  };
  for (const Case& c : cases) EXPECT_THAT(error(c.text), HasSubstr(c.says)) << c.text.substr(0, 200);
  // A name may stand there again for another bit of the same argument.
  const auto bit = [&](const std::string& index, const std::string& value) {
    return good + R"(,"args":[{"index":)" + index + R"(,"value":)" + value + R"(,"valueTwo":)" + value + R"(,"op":"SCMP_CMP_MASKED_EQ"}]})";
  };
  EXPECT_EQ(error(with(bit("0", "8") + "," + bit("0", "16"))), "accepted");
  EXPECT_THAT(error(with(bit("0", "8") + "," + bit("0", "8"))), HasSubstr("twice"));
  EXPECT_THAT(error(with(bit("0", "8") + "," + bit("1", "16"))), HasSubstr("twice"));
  EXPECT_THAT(error(with(bit("0", "8") + "," + good + "}")), HasSubstr("twice"));
  bundle::Bundle bundle;
  EXPECT_THAT(closing_of(bundle).error().message, HasSubstr("no closing.json"));
}

}  // namespace
}  // namespace treeline::confine
