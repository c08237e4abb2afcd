// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "enforcer/kernel/hook_switch.h"

namespace treeline::kernel {
namespace {
using testing::HasSubstr;

Facts good() {
  Facts f;
  f.root = f.initial_user_ns = f.initial_pid_ns = f.btf = f.bpf_lsm = f.security_path = f.task_storage = f.ring_buffer = f.bpffs = f.userns_hook = f.anon_inode_hook = f.io_uring_hook = true;
  f.lsm = "lockdown,capability,landlock,yama,apparmor,bpf";
  f.lockdown = "none";
  f.cgroup2 = "/sys/fs/cgroup";
  return f;
}

TEST(Probe, AMachineThatHasEverythingMayEnforce) {
  EXPECT_FALSE(why_not_load(good()));
  EXPECT_FALSE(why_not_enforce(good()));
}

TEST(Probe, EachMissingPartIsNamedWithItsRemedy) {
  struct Case {
    void (*spoil)(Facts&);
    const char* says;
  } cases[] = {
      {[](Facts& f) { f.lsm = "lockdown,capability,yama,apparmor"; }, "lsm=lockdown,yama,apparmor,bpf"},
      {[](Facts& f) { f.lsm.reset(); }, "mount -t securityfs"},
      {[](Facts& f) { f.btf = false; }, "CONFIG_DEBUG_INFO_BTF"},
      {[](Facts& f) { f.bpf_lsm = false; }, "CONFIG_BPF_LSM"},
      {[](Facts& f) { f.lockdown = "confidentiality"; }, "lockdown=integrity"},
      {[](Facts& f) { f.security_path = false; }, "CONFIG_SECURITY_PATH"},
      {[](Facts& f) { f.cgroup2.clear(); }, "mount -t cgroup2"},
      {[](Facts& f) { f.bpffs = false; }, "mount -t bpf"},
      {[](Facts& f) { f.root = false; }, "sudo"},
      {[](Facts& f) { f.initial_user_ns = false; }, "rootless"},
      {[](Facts& f) { f.initial_pid_ns = false; }, "hostPID"},
  };
  for (const Case& c : cases) {
    Facts facts = good();
    c.spoil(facts);
    std::optional<Error> why = why_not_load(facts);
    ASSERT_TRUE(why) << c.says;
    EXPECT_EQ(why->code, ENOTSUP);
    EXPECT_THAT(why->message, HasSubstr(c.says));
  }
}

TEST(Probe, OlderWaysAreNotesNotFaults) {
  Facts facts = good();
  facts.task_storage = facts.ring_buffer = false;
  EXPECT_FALSE(why_not_enforce(facts));
}

TEST(Probe, WhatTheSeccompFilterAnswersForIsANoteThatSaysSo) {
  Facts facts = good();
  const auto notes = [&] {
    std::string all;
    for (const Prerequisite& p : judge(facts))
      if (p.state == State::kNote) all += p.name + ": " + p.remedy + "\n";
    return all;
  };
  EXPECT_EQ(notes(), "");
  facts.userns_hook = facts.anon_inode_hook = facts.io_uring_hook = false;
  EXPECT_THAT(notes(), HasSubstr("userns-hook: nothing to do: the seccomp filter answers for user namespaces"));
  EXPECT_THAT(notes(), HasSubstr("anon-inode-hook: nothing to do: the seccomp filter answers for userfaultfd"));
  EXPECT_THAT(notes(), HasSubstr("io-uring-hook: nothing to do: the seccomp filter answers for io_uring"));
  EXPECT_FALSE(why_not_enforce(facts));
}

TEST(Probe, AKernelThatSkipsPreemptedProgramsMayNotEnforceUnderFullPreemption) {
  Facts facts = good();
  facts.skips_preempted = true;
  EXPECT_FALSE(why_not_enforce(facts));
  facts.full_preemption = true;
  EXPECT_FALSE(why_not_load(facts));
  ASSERT_TRUE(why_not_enforce(facts));
  EXPECT_THAT(why_not_enforce(facts)->message, HasSubstr("preempt=voluntary"));
}

TEST(Probe, FullPreemptionIsToldByTheBestWitnessThereIs) {
  const char kDynamic[] = "#1 SMP PREEMPT_DYNAMIC Debian", kFull[] = "# CONFIG_PREEMPT_NONE is not set\nCONFIG_PREEMPT=y\n";
  EXPECT_EQ(fully_preemptible("none voluntary (full)\n", "preempt=none", kDynamic, ""), true);
  EXPECT_EQ(fully_preemptible("none (voluntary) full\n", "preempt=full", kDynamic, kFull), false);
  EXPECT_EQ(fully_preemptible("", "quiet preempt=none preempt=full", kDynamic, ""), true);
  EXPECT_EQ(fully_preemptible("", "preempt=voluntary", kDynamic, kFull), false);
  EXPECT_EQ(fully_preemptible("", "quiet", kDynamic, kFull), true);
  EXPECT_EQ(fully_preemptible("", "quiet", kDynamic, "CONFIG_PREEMPT_VOLUNTARY=y\n# CONFIG_PREEMPT is not set\nCONFIG_PREEMPT_DYNAMIC=y\n"), false);
  EXPECT_EQ(fully_preemptible("", "quiet", "#1 SMP PREEMPT Debian", ""), true);
  EXPECT_EQ(fully_preemptible("", "quiet", "#1 SMP Debian", ""), false);
  EXPECT_EQ(fully_preemptible("", "quiet", kDynamic, ""), std::nullopt);
}

TEST(Probe, TheBootParameterIsTheWayOut) {
  EXPECT_EQ(boot_parameter("quiet treeline=off ro"), "off");
  EXPECT_EQ(boot_parameter("treeline=off treeline=monitor"), "monitor");
  EXPECT_EQ(boot_parameter("nottreeline=off quiet"), "");
  EXPECT_EQ(boot_parameter("ro -- treeline=off"), "");
  Facts facts = good();
  facts.boot_parameter = "monitor";
  EXPECT_TRUE(why_not_enforce(facts));
  facts.boot_parameter = "nonsense";
  EXPECT_FALSE(why_not_enforce(facts));
}

TEST(Probe, TheCgroup2MountIsFoundWhateverStandsBeforeIt) {
  EXPECT_EQ(cgroup2_mount("30 23 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n"), "/sys/fs/cgroup");
  EXPECT_EQ(cgroup2_mount("29 25 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw\n30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n"), "/sys/fs/cgroup/unified");
  EXPECT_EQ(cgroup2_mount("30 23 0:26 /below /x rw - cgroup2 none rw\n"), "");  // a part of the hierarchy only
  EXPECT_EQ(cgroup2_mount("garbage\n\n - cgroup2 \n"), "");
}

TEST(Probe, ProbingThisMachineDoesNotCrash) {
  Facts facts = probe();
  EXPECT_FALSE(facts.release.empty());
  EXPECT_FALSE(judge(facts).empty());
}

TEST(HookSwitch, IsReadEachTime) {
  const std::string root = testing::TempDir() + "/hook_switch_" + std::to_string(getpid());
  EXPECT_FALSE(HookSwitch(root).is_off()) << "a kernel without ftrace has none";
  std::filesystem::create_directories(root + "/proc/sys/kernel");
  const auto set = [&](const char* text) { std::ofstream(root + "/proc/sys/kernel/ftrace_enabled") << text; };
  set("1\n");
  const HookSwitch hooks(root);
  EXPECT_FALSE(hooks.is_off());
  set("0\n");
  EXPECT_TRUE(hooks.is_off());
  set("1\n");
  EXPECT_FALSE(hooks.is_off());
  std::filesystem::remove_all(root);
}

TEST(Preemption, IsReadEachTime) {
  const std::string root = testing::TempDir() + "/preemption_" + std::to_string(getpid());
  EXPECT_FALSE(Preemption(root).is_full()) << "without debugfs nobody can change it";
  std::filesystem::create_directories(root + "/sys/kernel/debug/sched");
  const auto set = [&](const char* text) { std::ofstream(root + "/sys/kernel/debug/sched/preempt") << text; };
  set("none (voluntary) full \n");
  const Preemption preemption(root);
  EXPECT_FALSE(preemption.is_full());
  set("none voluntary (full) \n");
  EXPECT_TRUE(preemption.is_full());
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace treeline::kernel
