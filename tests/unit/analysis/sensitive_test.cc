// SPDX-License-Identifier: Apache-2.0
// Name -> its kinds, and the risk that follows for an act on it.
#include <gmock/gmock.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/analysis/sensitive.h"

namespace treeline::analysis {
namespace {

SensitiveSet kinds(std::string_view walked) {
  const passes::Dfa& dfa = sensitive_names();
  return either(kinds_of(dfa.states[dfa.run(walked)].label));
}

TEST(Sensitive, NamesHaveTheirKinds) {
  const std::pair<const char*, Sensitive> table[] = {
      {"/bin/sh", Sensitive::kShell},          {"/opt/x/busybox", Sensitive::kShell},        {"/etc/shadow", Sensitive::kSecret},
      {"/run/secrets/a/b", Sensitive::kSecret}, {"/root/.ssh/id", Sensitive::kSecret},        {"/srv/tls/web.key", Sensitive::kSecret},
      {"/etc/passwd", Sensitive::kStartup},    {"/etc/cron.d/x", Sensitive::kStartup},       {"/home/u/.bashrc", Sensitive::kStartup},
      {"/usr/lib/x.so", Sensitive::kProgram},  {"/proc/sys/kernel/core_pattern", Sensitive::kKernel}, {"/sys/fs/x", Sensitive::kKernel},
      {"/proc//other/environ", Sensitive::kProcess}, {"/proc//workload/mem", Sensitive::kProcess}, {"/dev/sda1", Sensitive::kDevice},
      {"/dev/mapper/vg", Sensitive::kDevice},  {"/var/run/docker.sock", Sensitive::kRuntimeSocket},
      {"/proc//own/mem", Sensitive::kMemory},   {"/proc//own/task/7/mem", Sensitive::kMemory},         {"/proc//descendant/mem", Sensitive::kMemory},
      {"/proc//descendant/mem", Sensitive::kProcess}, {"/proc//workload/task/7/mem", Sensitive::kMemory}, {"/proc//workload/task/7/mem", Sensitive::kProcess},
      {"/run/systemd/private", Sensitive::kRuntimeSocket}, {"/run/dbus/system_bus_socket", Sensitive::kRuntimeSocket}, {"/dev/kvm", Sensitive::kDevice},
      {"/var/lib/kubelet/pods/x/token", Sensitive::kSecret}, {"/root/.netrc", Sensitive::kSecret}, {"/srv/tls/privkey.pem", Sensitive::kSecret},
      {"/srv/a.p12", Sensitive::kSecret},       {"/root/.config/gcloud/x", Sensitive::kSecret}, {"/etc/rc.local", Sensitive::kStartup},
      {"/etc/apt/apt.conf.d/x", Sensitive::kStartup}, {"/boot/grub/grub.cfg", Sensitive::kStartup}, {"/etc/ssl/certs/ca.crt", Sensitive::kStartup},
      {"/etc/apparmor.d/x", Sensitive::kStartup},
      {"/proc/kcore", Sensitive::kDevice},      {"/opt/python3.11", Sensitive::kInterpreter}, {"/usr/bin/pwsh", Sensitive::kInterpreter}};
  for (const auto& [name, kind] : table) EXPECT_TRUE(holds(kinds(name), kind)) << name;
}

TEST(Sensitive, OrdinaryNamesHaveNone) {
  for (const char* name : {"/", "/etc/hosts", "/srv/web/index.html", "/tmp/x", "/proc//own/status", "/dev/null", "/run/web.sock", "/shadow", "/binx/a",
                           "/srv/tls/fullchain.pem"})
    EXPECT_EQ(kinds(name), 0u) << name;
}

TEST(Risk, FilesByWordAndName) {
  EXPECT_EQ(grade_file(TL_READ, 0, false).risk, Risk::kLow);
  EXPECT_EQ(grade_file(TL_WRITE, 0, false).risk, Risk::kMedium);
  EXPECT_EQ(grade_file(TL_WRITE, 0, true).risk, Risk::kCritical);
  EXPECT_EQ(grade_file(TL_READ, kinds("/etc/shadow"), false).risk, Risk::kHigh);
  EXPECT_EQ(grade_file(TL_SETATTR, kinds("/bin/sh"), false).risk, Risk::kHigh);
  EXPECT_EQ(grade_file(TL_APPEND, kinds("/etc/passwd"), false).risk, Risk::kCritical);
  EXPECT_EQ(grade_file(TL_CONNECT, kinds("/run/docker.sock"), false).risk, Risk::kCritical);
  EXPECT_EQ(grade_file(TL_LIST, kinds("/sys/fs/x"), false).risk, Risk::kLow);
  // A write through /proc/self/mem changes read-only text: jit and W^X at once.
  EXPECT_EQ(grade_file(TL_WRITE, kinds("/proc//own/mem"), false).risk, Risk::kCritical);
  EXPECT_EQ(grade_file(TL_READ, kinds("/proc//own/mem"), false).risk, Risk::kLow);
  EXPECT_EQ(grade_file(TL_READ, kinds("/proc//descendant/mem"), false).risk, Risk::kHigh);
}

TEST(Risk, NamesAndBack) {
  for (const Risk risk : {Risk::kLow, Risk::kMedium, Risk::kHigh, Risk::kCritical}) EXPECT_EQ(risk_of_name(risk_name(risk)), risk);
  EXPECT_EQ(risk_of_name("grave"), std::nullopt);
}

}  // namespace
}  // namespace treeline::analysis
