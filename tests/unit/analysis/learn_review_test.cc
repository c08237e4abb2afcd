// SPDX-License-Identifier: Apache-2.0
//
// learn asks about what `check` would call grave. Policy: one right each. Act: both tables are asked. Outcome: none
// that is high or critical here is silent there.
#include <gtest/gtest.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/analysis/sensitive.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/learn/programs.h"
#include "policy-compiler/learn/review.h"
#include "policy-compiler/passes/inclusion.h"
#include "policy-compiler/passes/paths.h"

namespace treeline::analysis {
namespace {

template <typename Give>
bool asks(Give give) {
  learn::Observed observed;
  observed.nodes.emplace_back();
  observed.nodes[0].step.executable = "/bin/a";
  give(observed.nodes[0]);
  std::vector<learn::Question> questions;
  learn::review(observed, {0}, questions);
  return !questions.empty();
}

TEST(LearnReview, CapabilitiesOperationsAndSocketsAreAskedAboutAsTheyAreGraded) {
  for (const ir::names::Entry& entry : ir::names::capabilities().entries())
    EXPECT_EQ(asks([&](learn::ObservedNode& node) { node.capabilities[entry.value]; }),
              grade_capability(entry.value).risk >= Risk::kHigh)
        << entry.name;
  for (const ir::names::Entry& entry : ir::names::operations().entries())
    EXPECT_TRUE(asks([&](learn::ObservedNode& node) { node.operations[entry.value]; })) << entry.name;
  for (const ir::names::Entry& entry : ir::names::socket_kinds().entries())
    EXPECT_EQ(asks([&](learn::ObservedNode& node) {
                node.sockets[{entry.value, 0}];
              }),
              grade_socket(entry.value).risk >= Risk::kHigh)
        << entry.name;
}

// The grade of words on one name, as `check` finds it: the name as the pattern of a policy.
Grade graded(const std::string& name, ir::AccessSet words) {
  ir::Policy policy;
  policy.nodes.emplace_back();
  policy.nodes[0].executable.text = "/opt/a";
  policy.nodes[0].files.push_back({{name, {}}, words, false});
  policy.entry.push_back(0);
  Diagnostics diagnostics;
  const auto paths = passes::compile_paths(policy, diagnostics);
  if (!paths) return {};
  const passes::Dfa* automata[] = {&paths->dfa, &sensitive_places(), &sensitive_names()};
  Grade worst;
  for (const passes::Meeting& m : passes::meetings(automata, 1).list)
    for (const uint32_t number : paths->dfa.sets[m.labels[0]])
      if (paths->patterns[number].text == name)
        worst = graver(worst, grade_file(words, either(kinds_of(m.labels[1], m.labels[2])), false));
  return worst;
}

TEST(LearnReview, FilesAreAskedAboutAsTheyAreGraded) {
  const ir::AccessSet kWords[] = {TL_READ, TL_WRITE, TL_CREATE, TL_DELETE, TL_CONNECT};
  for (const char* name : {"/etc/shadow",
                           "/etc/gshadow-",
                           "/run/secrets/a/b",
                           "/etc/ssl/private/k",
                           "/etc/ssh/ssh_host_rsa_key",
                           "/etc/kubernetes/a",
                           "/home/u/.ssh/id",
                           "/srv/.aws/c",
                           "/srv/tls.key",
                           "/etc/passwd",
                           "/etc/sudoers.d/a",
                           "/etc/cron.daily/a",
                           "/etc/crontab",
                           "/var/spool/cron/a",
                           "/etc/ld.so.preload",
                           "/etc/ld.so.cache",
                           "/root/.bashrc",
                           "/u/.ssh/authorized_keys",
                           "/s/.git/hooks/x",
                           "/bin/a",
                           "/usr/lib/x/y",
                           "/usr/local/bin/a",
                           "/proc/sys/kernel/x",
                           "/proc/sysrq-trigger",
                           "/sys/a",
                           "/proc/{other}/mem",
                           "/proc/{other}/stat",
                           "/proc/{workload}/mem",
                           "/dev/mem",
                           "/dev/sda1",
                           "/dev/nvme0n1",
                           "/dev/mapper/a",
                           "/run/docker.sock",
                           "/run/containerd/containerd.sock",
                           "/var/run/crio.sock",
                           "/srv/podman.sock",
                           "/run/systemd/private",
                           "/run/dbus/system_bus_socket",
                           "/dev/kvm",
                           "/var/lib/kubelet/pods/x",
                           "/root/.netrc",
                           "/home/u/.config/gcloud/x",
                           "/srv/privkey.pem",
                           "/srv/fullchain.pem",
                           "/srv/a.p12",
                           "/srv/a.jks",
                           "/etc/rc.local",
                           "/etc/bashrc",
                           "/etc/apt/apt.conf.d/x",
                           "/boot/x",
                           "/etc/apparmor.d/x",
                           "/etc/pki/tls/private/a",
                           "/etc/pki/tls/certs/a",
                           "/proc/{own}/task/7/mem",
                           "/proc/{descendant}/mem",
                           "/proc/{descendant}/task/7/mem",
                           "/proc/{workload}/task/7/mem",
                           "/etc/hosts",
                           "/dev/null",
                           "/run/db.sock",
                           "/proc/{own}/mem",
                           "/proc/{workload}/stat",
                           "/usr/share/a",
                           "/etc/ssl/certs/a",
                           "/home/u/file"}) {
    std::string why;
    const auto walked = learn::walked_from_trace(name, why);
    ASSERT_TRUE(walked) << name << why;
    for (const ir::AccessSet words : kWords) {
      const Grade grade = graded(name, words);
      if (grade.risk >= Risk::kHigh && !grade.why.empty())
        EXPECT_NE(learn::why_grave(*walked, words), "") << name << " " << ir::names::access_text(words) << ": " << grade.why;
      else
        EXPECT_EQ(learn::why_grave(*walked, words), "") << name << " " << ir::names::access_text(words);
    }
  }
}

TEST(LearnReview, ShellsAreThoseThatCheckKnows) {
  for (const char* name :
       {"sh", "bash", "rbash", "dash", "ash", "ksh", "mksh", "zsh", "fish", "csh", "tcsh", "busybox", "toybox"})
    EXPECT_TRUE(learn::is_shell({std::string("/bin/") + name, ""})) << name;
  EXPECT_TRUE(learn::is_shell({"/usr/bin/ksh93", ""}));
  EXPECT_TRUE(learn::is_shell({"/a.sh", "/bin/bash-static"}));
  EXPECT_FALSE(learn::is_shell({"/usr/bin/ssh", ""}));
  EXPECT_TRUE(learn::is_interpreter({"/usr/bin/nawk", ""}));
  EXPECT_FALSE(learn::is_interpreter({"/a.py", "/usr/bin/python3"}));
}

}  // namespace
}  // namespace treeline::analysis
