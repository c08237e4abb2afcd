// SPDX-License-Identifier: Apache-2.0
// `emit`: which options a target takes, and what mends what it does not hold.
#include "policy-compiler/cli/commands.h"
#include "tests/unit/cli/run.h"

namespace treeline::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class EmitTest : public InDirectory {
 protected:
  Outcome emit(const std::string& as, EmitOptions options = {}) {
    options.profile = put("web.yaml", R"(treeline: 1
name: web
entry:
  - exec: /web
    users: [33]
    network: [{direction: out, protocol: tcp, peer: 10.0.0.0/8, port: 80}, {direction: out, protocol: tcp, peer: localhost, port: 1}]
    sockets: [inet-stream]
    syscalls: [read]
)");
    options.as = as;
    if (options.form.format != Format::kText) options.output = base_ + "/out";
    return run([&] { return cli::emit(options); });
  }
};

TEST_F(EmitTest, AnOptionOfAnotherTargetIsRefused) {
  for (const char* as : {"networkpolicy", "cilium", "calico"}) {
    const Outcome o = emit(as, {.mounts = {"/x"}});
    EXPECT_EQ(o.exit, kUsage) << as;
    EXPECT_THAT(o.err, HasSubstr(std::string("--as ") + as + " knows no --mount; leave that out, or name what it is for: --as selinux"));
    EXPECT_THAT(o.out, IsEmpty());
  }
  const Outcome all = emit("selinux", {.name_space = "shop", .pods = {"app=web"}, .service_cidrs = {"none"}, .services = {"10.96.0.10=a/b=c"}, .split_ranges = true});
  EXPECT_EQ(all.exit, kUsage);
  EXPECT_THAT(all.err, HasSubstr("knows no --namespace, no --pods, no --service-cidr, no --service, no --split-ranges; "));
  EXPECT_THAT(all.err, HasSubstr("--as networkpolicy, cilium or calico"));
  EXPECT_EQ(emit("selinux", {.mounts = {"/x=var_log_t"}}).exit, kYes);
  EXPECT_EQ(emit("calico", {.pods = {"app=web"}, .split_ranges = true}).exit, kYes);
}

TEST_F(EmitTest, WhatCannotBothBeMeantIsRefused) {
  const Outcome pods = emit("networkpolicy", {.pods = {"app=web", "app=api"}});
  EXPECT_EQ(pods.exit, kUsage);
  EXPECT_THAT(pods.err, HasSubstr("'app' is given two values"));
  const Outcome services = emit("cilium", {.services = {"10.96.0.10=a/b=c", "10.96.0.10=a/b=d:53"}});
  EXPECT_EQ(services.exit, kUsage);
  EXPECT_THAT(services.err, HasSubstr("is of an address that another one has"));
  const Outcome blocks = emit("cilium", {.service_cidrs = {"none", "10.96.0.0/12"}});
  EXPECT_EQ(blocks.exit, kUsage);
  EXPECT_THAT(blocks.err, HasSubstr("'none' stands beside others"));
  EXPECT_EQ(emit("cilium", {.service_cidrs = {"none", "none"}}).exit, kYes);
}

// What is near it is the name of another workload, whose pods would be fenced.
TEST_F(EmitTest, ANameThatIsNoLabelNeedsThePodsNamed) {
  for (const char* name : {"web-", "web.", "_web-"}) {
    const std::string profile = put("name.yaml", "treeline: 1\nname: " + std::string(name) + "\nentry:\n  - {exec: /web, users: [33]}\n");
    for (const char* as : {"networkpolicy", "cilium", "calico"}) {
      const Outcome o = run([&] { return cli::emit({.profile = profile, .as = as}); });
      EXPECT_EQ(o.exit, kUsage) << name;
      EXPECT_THAT(o.err, HasSubstr("'" + std::string(name) + "' is no value of a label"));
      EXPECT_THAT(o.out, IsEmpty());
      const Outcome named = run([&] { return cli::emit({.profile = profile, .as = as, .pods = {"app=web"}}); });
      EXPECT_EQ(named.exit, kYes) << named.err;
      EXPECT_THAT(named.out, Not(HasSubstr("app.kubernetes.io/name")));
    }
    EXPECT_EQ(run([&] { return cli::emit({.profile = profile, .as = "selinux"}); }).exit, kYes) << name;
  }
  EXPECT_THAT(emit("networkpolicy").out, HasSubstr("app.kubernetes.io/name: web"));
}

TEST_F(EmitTest, ANamespaceIsOneThatAServerTakes) {
  for (const char* name : {"Bad_NS", "a_b", "-a", "a-", "a.b", "a b"}) EXPECT_EQ(emit("cilium", {.name_space = name}).exit, kUsage) << name;
  EXPECT_EQ(emit("cilium", {.name_space = std::string(64, 'a')}).exit, kUsage);
  for (const char* name : {"shop", "a-1", "0"}) EXPECT_EQ(emit("cilium", {.name_space = name}).exit, kYes) << name;
  EXPECT_EQ(emit("cilium", {.services = {"10.96.0.10=Kube_System/k8s-app=dns"}}).exit, kUsage);
}

TEST_F(EmitTest, WhatIsNotHeldIsToldWithWhatHoldsIt) {
  const auto remedy = [&](const char* as, const std::string& begin) -> std::string {
    const Json whole = emit(as, {.form = Format::kJson}).json();
    for (const Json& d : whole["diagnostics"])
      if (d["message"].get<std::string>().starts_with(begin)) return d["remedy"];
    return "none of it";
  };
  EXPECT_EQ(remedy("cilium", "loopback: 'out tcp localhost'"), "the bpf back end holds it: load the bundle as well");
  EXPECT_EQ(remedy("cilium", "no rule allows DNS"), "learn it, or add the rule to the profile");
  EXPECT_THAT(remedy("cilium", "narrower: 'out tcp 10.0.0.0/8': without the Services"), HasSubstr("name the pods behind them"));
  EXPECT_THAT(remedy("selinux", "system calls are not judged by SELinux"), HasSubstr("--backend bpf,seccomp"));
  EXPECT_EQ(remedy("selinux", "process: "), "the bpf back end holds it: load the bundle as well");
  // The text has those that no bundle mends.
  EXPECT_THAT(emit("cilium").out, HasSubstr("behind this policy; learn it, or add the rule to the profile\n"));
  EXPECT_THAT(emit("cilium").out, Not(HasSubstr("load the bundle as well")));
}

}  // namespace
}  // namespace treeline::cli
