// SPDX-License-Identifier: Apache-2.0
// policy -> the filter of listed calls -> what a kernel would answer to a call with arguments, on each architecture.
#include "policy-compiler/backends/seccomp/calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <random>

#include "bpf/lsm/abi.h"
#include "enforcer/confine/closing.h"
#include "enforcer/oci/closing.h"
#include "enforcer/oci/json_text.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "policy-compiler/backends/seccomp/runtime_calls.h"
#include "tests/unit/backend_seccomp/classic_bpf.h"
#include "tests/unit/passes/policy_writer.h"

namespace treeline::backends::seccomp {
namespace {

using test::Writer;
using testing::HasSubstr;
using testing::Not;

constexpr uint32_t kAllow = SECCOMP_RET_ALLOW, kEpermReturn = SECCOMP_RET_ERRNO | 1, kEnosysReturn = SECCOMP_RET_ERRNO | 38;

struct Machine {
  const char* name;
  uint32_t audit, token;
};
constexpr Machine kMachines[] = {
    {"x86_64", AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64},
    {"x86", AUDIT_ARCH_I386, SCMP_ARCH_X86},
    {"x32", AUDIT_ARCH_X86_64, SCMP_ARCH_X32},
    {"aarch64", AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64},
};

class Calls : public testing::Test {
 protected:
  void list(uint32_t node, std::initializer_list<const char*> names) {
    for (const char* name : names) w_.policy.nodes[node].syscalls.push_back({name, {++w_.line, 1}});
  }
  void hold(uint32_t node, tl_operation operation) {
    w_.policy.nodes[node].operations.push_back({static_cast<uint32_t>(operation), {}});
  }
  const CallFilter& filter() {
    filter_ = lower_calls(w_.policy, options_, w_.diagnostics);
    EXPECT_TRUE(filter_) << (w_.diagnostics.list().empty() ? "" : w_.diagnostics.list()[0].message);
    if (!filter_) filter_.emplace();
    return *filter_;
  }
  // What the program that was made last answers on this machine, by the call's name.
  uint32_t ask(const Machine& machine, const char* name, std::initializer_list<uint64_t> arguments = {}) const {
    int number = seccomp_syscall_resolve_name_arch(machine.token, name);
    if (number < 0 && machine.token == SCMP_ARCH_X86)  // libseccomp gives the part of socketcall; these have numbers too
      number = std::string_view(name) == "socket" ? 359 : std::string_view(name) == "socketpair" ? 360 : number;
    EXPECT_GE(number, 0) << machine.name << " has no " << name;
    return test::run_filter(filter_->bpf, test::call(machine.audit, number, arguments));
  }
  void everywhere(uint32_t want, const char* name, std::initializer_list<uint64_t> arguments = {}) const {
    for (const Machine& machine : kMachines)
      EXPECT_EQ(ask(machine, name, arguments), want) << machine.name << " " << name;
  }

  Writer w_;
  CallOptions options_;
  std::optional<CallFilter> filter_;
};

TEST_F(Calls, OfAPolicyThatListsNoneThereIsNoFilter) {
  w_.root("/bin/a");
  EXPECT_FALSE(lower_calls(w_.policy, {}, w_.diagnostics));
  EXPECT_TRUE(w_.diagnostics.list().empty());
}

TEST_F(Calls, WhatANodeListsPassesAndWhatNoneListsIsRefused) {
  list(w_.root("/bin/a"), {"getuid", "kill"});
  list(w_.join("/bin/b"), {"getuid", "sync"});
  filter();
  for (const char* listed : {"getuid", "kill", "sync"}) everywhere(kAllow, listed);
  for (const char* other : {"mount", "reboot", "ptrace", "bpf", "getsid"}) everywhere(kEpermReturn, other);
}

TEST_F(Calls, ACallPassesOnlyOnTheArchitecturesThatHaveIt) {
  list(w_.root("/bin/a"), {"renameat", "time", "mmap2"});
  filter();
  EXPECT_EQ(ask(kMachines[0], "time"), kAllow);
  EXPECT_EQ(ask(kMachines[1], "mmap2"), kAllow);
  // time is 201 on x86-64; on arm64 that is listen.
  EXPECT_EQ(test::run_filter(filter_->bpf, test::call(AUDIT_ARCH_AARCH64, 201)), kEpermReturn);
  // The numbers that libseccomp gives to what does not exist are not numbers of calls.
  EXPECT_THAT(filter_->pfc, Not(HasSubstr("(4294957")));
}

TEST_F(Calls, AnArchitectureThatIsNotNamedIsKilled) {
  list(w_.root("/bin/a"), {"getuid"});
  options_.architectures = {Architecture::kX86_64};
  filter();
  EXPECT_EQ(ask(kMachines[0], "getuid"), kAllow);
  for (const size_t other : {1, 2, 3}) EXPECT_EQ(ask(kMachines[other], "getuid"), SECCOMP_RET_KILL) << other;
  EXPECT_EQ(test::run_filter(filter_->bpf, test::call(AUDIT_ARCH_ARM, 199)), SECCOMP_RET_KILL);
  EXPECT_THAT(filter_->oci, HasSubstr(R"("architectures": ["SCMP_ARCH_X86_64"])"));
}

TEST_F(Calls, SocketsPassByTheFamiliesOfTheKindsThatSomeNodeHolds) {
  struct Case {
    tl_socket_kind kind;
    std::vector<uint64_t> families;
  } const cases[] = {
      {TL_SOCK_INET_STREAM, {2, 10}}, {TL_SOCK_INET_RAW, {2, 10}}, {TL_SOCK_UNIX_DGRAM, {1}}, {TL_SOCK_NETLINK, {16}},
      {TL_SOCK_PACKET, {17}},         {TL_SOCK_VSOCK, {40}},       {TL_SOCK_ALG, {38}},       {TL_SOCK_XDP, {44}},
  };
  for (const Case& c : cases) {
    w_ = Writer();
    list(w_.root("/bin/a"), {"socket", "socketpair"});
    w_.policy.nodes[0].sockets = {{static_cast<uint32_t>(c.kind), {}}};
    filter();
    for (uint64_t family = 0; family < 70; ++family) {
      const bool held = std::find(c.families.begin(), c.families.end(), family) != c.families.end();
      for (const char* name : {"socket", "socketpair"}) {
        everywhere(held ? kAllow : kEpermReturn, name, {family, 1, 0});
        // The kernel takes 32 bits.
        EXPECT_EQ(ask(kMachines[0], name, {family | 1ull << 32, 1, 0}), held ? kAllow : kEpermReturn);
      }
    }
  }
}

TEST_F(Calls, OtherSocketsAreThoseWithoutAKindOfTheirOwn) {
  list(w_.root("/bin/a"), {"socket"});
  w_.policy.nodes[0].sockets = {{TL_SOCK_OTHER, {}}};
  filter();
  everywhere(kAllow, "socket", {31, 1, 0});
  everywhere(kAllow, "socket", {0, 1, 0});
  for (const uint64_t family : {1, 2, 10, 16, 17, 38, 40, 44}) everywhere(kEpermReturn, "socket", {family, 1, 0});
}

TEST_F(Calls, ListedSocketsWithoutAnyKindAreRefused) {
  list(w_.root("/bin/a"), {"socket"});
  filter();
  everywhere(kEpermReturn, "socket", {2, 1, 0});
}

TEST_F(Calls, NamespacesNeedTheOperationOrTheCapability) {
  const uint64_t user = 0x10000000, net = 0x40000000, mount = 0x20000, time = 0x80, thread = 0x3d0f00;
  list(w_.root("/bin/a"), {"clone", "clone3", "unshare"});
  filter();
  everywhere(kAllow, "clone", {thread});
  everywhere(kAllow, "clone", {17});  // fork: SIGCHLD
  everywhere(kAllow, "unshare", {0x400});
  for (const uint64_t flag : {user, net, mount}) {
    everywhere(kEpermReturn, "clone", {flag | 17});
    everywhere(kEpermReturn, "unshare", {flag});
  }
  everywhere(kEpermReturn, "unshare", {time});
  everywhere(kEnosysReturn, "clone3");

  hold(0, TL_OP_USERNS);
  filter();
  everywhere(kAllow, "clone", {user | 17});
  everywhere(kEpermReturn, "clone", {user | net});
  everywhere(kEnosysReturn, "clone3");

  w_.policy.nodes[0].capabilities = {{21, {}}};
  filter();
  everywhere(kAllow, "clone", {user | net | mount});
  everywhere(kAllow, "unshare", {time});
  everywhere(kAllow, "clone3");
}

TEST_F(Calls, Clone3IsAnsweredByEnosysThoughNobodyListsIt) {
  list(w_.root("/bin/a"), {"read"});
  filter();
  everywhere(kEnosysReturn, "clone3");
  hold(0, TL_OP_USERNS);
  w_.policy.nodes[0].capabilities = {{21, {}}};
  filter();
  everywhere(kEnosysReturn, "clone3");  // free to pass, and not listed
}

TEST_F(Calls, IoctlPassesButForInputIntoATerminal) {
  list(w_.root("/bin/a"), {"ioctl"});
  filter();
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    const uint32_t request = i < 1000 ? 0x5000 + i * 2 : static_cast<uint32_t>(random());
    const bool forbidden = request == 0x5412 || request == 0x541c;
    everywhere(forbidden ? kEpermReturn : kAllow, "ioctl", {0, request, 0});
  }
  for (const uint64_t request : {0x5412ull, 0x541cull}) {
    everywhere(kEpermReturn, "ioctl", {0, request, 0});
    EXPECT_EQ(ask(kMachines[0], "ioctl", {0, request | 1ull << 40, 0}), kEpermReturn);
  }
  EXPECT_EQ(ask(kMachines[0], "ioctl", {0, 0xffffffff80045430ull, 0}), kAllow);  // sign-extended by some libcs
  hold(0, TL_OP_TTY_INJECT);
  filter();
  everywhere(kAllow, "ioctl", {0, 0x5412, 0});
}

TEST_F(Calls, PersonalityMayBeAskedAndSetToWhatChangesNoProtection) {
  list(w_.root("/bin/a"), {"personality"});
  filter();
  for (const uint64_t good : {0ull, 8ull, 0x20000ull, 0x20008ull, 0xffffffffull}) everywhere(kAllow, "personality", {good});
  for (const uint64_t bad : {0x0400000ull, 0x0040000ull, 0x0400008ull}) everywhere(kEpermReturn, "personality", {bad});
  hold(0, TL_OP_STACK_EXEC);
  filter();
  everywhere(kAllow, "personality", {0x0400000});
}

TEST_F(Calls, WhatTheClosingFilterRefusesIsRefusedThoughListed) {
  struct Case {
    tl_operation operation;
    const char* name;
  } const cases[] = {{TL_OP_IO_URING, "io_uring_setup"}, {TL_OP_IO_URING, "io_uring_enter"}, {TL_OP_USERFAULTFD, "userfaultfd"}};
  for (const Case& c : cases) {
    w_ = Writer();
    list(w_.root("/bin/a"), {c.name, "modify_ldt", "seccomp"});
    filter();
    everywhere(kEpermReturn, c.name);
    EXPECT_EQ(ask(kMachines[0], "modify_ldt"), kEpermReturn);
    everywhere(kEpermReturn, "seccomp", {1, 8, 0});
    EXPECT_EQ(ask(kMachines[0], "seccomp", {1ull << 32 | 1, 8, 0}), kEpermReturn);
    everywhere(kAllow, "seccomp", {1, 1, 0});
    hold(0, c.operation);
    hold(0, TL_OP_LDT);
    hold(0, TL_OP_SECCOMP_LISTENER);
    filter();
    everywhere(kAllow, c.name);
    EXPECT_EQ(ask(kMachines[0], "modify_ldt"), kAllow);
    everywhere(kAllow, "seccomp", {1, 8, 0});
  }
}

TEST_F(Calls, WhatIsListedAndRefusedIsReportedAtItsWordAndNotCounted) {
  list(w_.root("/bin/a"), {"read", "write", "clone3", "io_uring_setup", "io_uring_enter", "userfaultfd", "modify_ldt", "fork", "socket"});
  filter();
  std::string said;
  for (const Diagnostic& d : w_.diagnostics.list())
    said += std::string(severity_name(d.severity)) + " " + d.code + " " + std::to_string(d.position.line) + ": " +
            d.message.substr(0, d.message.find(',')) + "\n";
  EXPECT_THAT(said, HasSubstr("note syscall-unseen 4: clone3 is listed\n"));
  for (const char* call : {"6: 'io_uring_enter'", "5: 'io_uring_setup'", "7: 'userfaultfd'", "8: 'modify_ldt'", "10: 'socket'"})
    EXPECT_THAT(said, HasSubstr("warning syscall-refused " + std::string(call) + " is listed\n"));
  EXPECT_EQ(w_.diagnostics.list().size(), 6u) << said;
  EXPECT_THAT(w_.diagnostics.list()[1].message, HasSubstr("without the operation io-uring"));
  EXPECT_THAT(filter_->residuals[0].message, HasSubstr("may make 3 of the 9 that its nodes list together"));
  EXPECT_THAT(filter_->pfc, HasSubstr("Of these refused, for what no node holds: clone3 io_uring_enter"));
  everywhere(kEnosysReturn, "clone3");
  everywhere(kEpermReturn, "io_uring_enter");

  w_.policy.nodes[0].sockets = {{TL_SOCK_UNIX_STREAM, {}}};
  w_.policy.nodes[0].capabilities = {{21, {}}};
  for (const tl_operation operation : {TL_OP_IO_URING, TL_OP_USERFAULTFD, TL_OP_LDT, TL_OP_USERNS}) hold(0, operation);
  w_.diagnostics = Diagnostics();
  EXPECT_THAT(filter().residuals[0].message, HasSubstr("may make the 9 that its nodes list together"));
  EXPECT_TRUE(w_.diagnostics.list().empty());
}

TEST_F(Calls, WhatIsOnlyAppendedToIsNeitherPunchedNorWrittenElsewhere) {
  list(w_.root("/bin/a"), {"fallocate", "pwritev2"});
  filter();
  everywhere(kAllow, "fallocate", {3, 2 | 1, 0, 4096});
  w_.file(0, "/log", TL_APPEND);
  filter();
  everywhere(kAllow, "fallocate", {3, 1, 0, 4096});
  for (const uint64_t mode : {2u | 1u, 8u, 16u, 32u, 128u}) everywhere(SECCOMP_RET_ERRNO | EOPNOTSUPP, "fallocate", {3, mode, 0, 4096});
  everywhere(kAllow, "pwritev2", {3, 0, 1, 0, 0, 0x10});
  everywhere(SECCOMP_RET_ERRNO | EOPNOTSUPP, "pwritev2", {3, 0, 1, 0, 0, 0x20});
}

TEST_F(Calls, MergingTheClosingFilterIntoItChangesNothingWhateverIsHeld) {
  const tl_operation doors[] = {TL_OP_USERNS, TL_OP_IO_URING, TL_OP_USERFAULTFD, TL_OP_LDT, TL_OP_SECCOMP_LISTENER};
  for (unsigned held = 0; held < 128; ++held) {
    w_ = Writer();
    list(w_.root("/bin/a"), {"clone", "clone3", "unshare", "seccomp", "modify_ldt", "userfaultfd", "io_uring_setup",
                             "io_uring_enter", "io_uring_register", "read", "socket", "ioctl", "fallocate", "pwritev2"});
    if ((held & 64u) != 0) w_.file(0, "/log", TL_APPEND);
    for (unsigned i = 0; i < std::size(doors); ++i)
      if ((held & 1u << i) != 0) hold(0, doors[i]);
    if ((held & 32u) != 0) w_.policy.nodes[0].capabilities = {{21, {}}};
    filter();
    const Result<confine::Closing> closing = confine::parse_closing(lower(w_.policy));
    ASSERT_TRUE(closing);
    const Result<std::string> merged = oci::merge_closing(filter_->oci, *closing);
    ASSERT_TRUE(merged) << merged.error().message;
    EXPECT_EQ(*merged, filter_->oci) << held;
  }
}

TEST_F(Calls, TheRuntimesCallsPassAndStandApart) {
  list(w_.root("/bin/a"), {"getuid", "read"});
  filter();
  for (const RuntimeCalls& group : runtime_calls()) {
    EXPECT_TRUE(std::is_sorted(group.calls.begin(), group.calls.end())) << group.who;
    EXPECT_THAT(filter_->pfc, HasSubstr("For " + std::string(group.who).substr(0, 4)));
  }
  everywhere(kAllow, "execve");
  everywhere(kAllow, "capset");
  // Two entries without conditions: the profile's, then the runtime's.
  EXPECT_THAT(filter_->oci, HasSubstr(R"({"names": ["getuid", "read"], "action": "SCMP_ACT_ALLOW"})"));
  EXPECT_GT(filter_->runtime, 20u);
  ASSERT_EQ(filter_->residuals.size(), 2u);
  EXPECT_THAT(filter_->residuals[0].message, HasSubstr("the 2 that its nodes list"));
  EXPECT_FALSE(filter_->residuals[0].hooks_hold_it);
  EXPECT_THAT(filter_->residuals[1].message, HasSubstr("the hooks alone hold paths"));
  EXPECT_TRUE(filter_->residuals[1].hooks_hold_it);
}

TEST_F(Calls, TheTypeOfASocketIsAResidualThatTheHooksHold) {
  list(w_.root("/bin/a"), {"socket"});
  w_.policy.nodes[0].sockets = {{TL_SOCK_INET_STREAM, {7, 3}}};
  filter();
  everywhere(kAllow, "socket", {2, SOCK_DGRAM, 0});  // the residual's reason
  ASSERT_EQ(filter_->residuals.size(), 4u);
  EXPECT_THAT(filter_->residuals[1].message, HasSubstr("the family alone"));
  EXPECT_EQ(filter_->residuals[1].position.line, 7u);
  EXPECT_TRUE(filter_->residuals[1].hooks_hold_it);
}

TEST_F(Calls, TheFamilyBehindSocketcallIsAResidualThatTheHooksHold) {
  list(w_.root("/bin/a"), {"socket"});
  w_.policy.nodes[0].sockets = {{TL_SOCK_UNIX_STREAM, {}}};
  filter();
  EXPECT_EQ(ask(kMachines[1], "socketcall", {1}), kAllow);  // the residual's reason
  const auto last = [&] { return filter_->residuals.back(); };
  EXPECT_THAT(last().message, HasSubstr("socketcall"));
  EXPECT_TRUE(last().hooks_hold_it);
  options_.architectures = {Architecture::kX86_64};
  filter();
  EXPECT_THAT(last().message, Not(HasSubstr("socketcall")));
}

TEST_F(Calls, NamesThatNobodyKnowsAreAllReportedWithTheirPlaces) {
  const uint32_t a = w_.root("/bin/a");
  list(a, {"opneat", "read", "no_such_call_at_all"});
  EXPECT_FALSE(lower_calls(w_.policy, {}, w_.diagnostics));
  ASSERT_EQ(w_.diagnostics.list().size(), 2u);
  EXPECT_EQ(w_.diagnostics.list()[0].code, "syscall-unknown");
  EXPECT_EQ(w_.diagnostics.list()[0].position.line, 2u);
  EXPECT_THAT(w_.diagnostics.list()[0].remedy, HasSubstr("'openat'"));
  EXPECT_EQ(w_.diagnostics.list()[1].position.line, 4u);
}

TEST_F(Calls, CallsOfOtherMachinesAndNodesWithoutCallsAreWarnedOf) {
  list(w_.root("/bin/a"), {"read", "s390_pci_mmio_read"});
  w_.root("/bin/b");
  filter();
  ASSERT_EQ(w_.diagnostics.list().size(), 2u);
  EXPECT_EQ(w_.diagnostics.list()[0].code, "syscall-absent");
  EXPECT_EQ(w_.diagnostics.list()[1].code, "syscalls-missing");
  EXPECT_FALSE(w_.diagnostics.has_errors());
}

TEST_F(Calls, TheOrderOfTheListAndOfTheNodesDoesNotMatter) {
  list(w_.root("/bin/a"), {"read", "write", "socket"});
  const CallFilter one = filter();
  w_ = Writer();
  list(w_.root("/bin/a"), {"socket", "write"});
  list(w_.root("/bin/b"), {"read"});
  const CallFilter two = filter();
  EXPECT_EQ(one.oci, two.oci);
  EXPECT_EQ(one.bpf, two.bpf);
}

// The text that runtimes read and the program say the same: each entry of the text, asked of the program.
TEST_F(Calls, TheTextHoldsOnlyFieldsOfTheRuntimeSpecification) {
  list(w_.root("/bin/a"), {"read", "clone", "ioctl", "personality", "seccomp"});
  filter();
  const Result<oci::json::Value> root = oci::json::parse(filter_->oci);
  ASSERT_TRUE(root);
  for (const auto& [name, value] : root->members)
    EXPECT_THAT(name, testing::AnyOf("defaultAction", "architectures", "syscalls"));
  for (const oci::json::Value& entry : root->find("syscalls")->elements) {
    EXPECT_FALSE(entry.find("names")->elements.empty());
    for (const auto& [name, value] : entry.members) EXPECT_THAT(name, testing::AnyOf("names", "action", "errnoRet", "args"));
    const bool passes = entry.find("action")->scalar == "SCMP_ACT_ALLOW";
    for (const oci::json::Value& name : entry.find("names")->elements) {
      if (!passes) continue;
      std::vector<uint64_t> arguments(6);
      if (const oci::json::Value* args = entry.find("args"))
        arguments[std::stoul(args->elements[0].find("index")->scalar)] = std::stoull(args->elements[0].find("valueTwo")->scalar);
      EXPECT_EQ(ask(kMachines[0], name.scalar.c_str(), {arguments[0], arguments[1], arguments[2]}), kAllow) << name.scalar;
    }
  }
}

}  // namespace
}  // namespace treeline::backends::seccomp
