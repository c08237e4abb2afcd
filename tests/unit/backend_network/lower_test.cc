// SPDX-License-Identifier: Apache-2.0
//
// policy, target -> the manifest, and what it says that it does not hold. The meaning of the blocks is asked of the
// language's own words (passes/network_match.h); the form is asked of schemas of the documented fields.
#include "policy-compiler/backends/network/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "policy-compiler/backends/network/blocks.h"
#include "policy-compiler/backends/network/writers.h"
#include "policy-compiler/frontend/network.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/passes/network_match.h"
#include "tests/unit/common.h"

namespace treeline::backends::network {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Target kAll[] = {Target::kKubernetes, Target::kCilium, Target::kCalico};

ir::Policy profile(const std::string& rules, const std::string& name = "web") {
  Diagnostics diagnostics("test.yaml");
  ir::Policy policy = frontend::read_profile(
      "treeline: 1\nname: " + name + "\nentry:\n  - exec: /a\n    network:\n" + rules, diagnostics);
  for (const Diagnostic& d : diagnostics.list())
    ADD_FAILURE() << d.position.line << ": " << d.message << " " << d.remedy;
  return policy;
}

ir::Cidr cidr(const std::string& text) {
  std::string problem, remedy;
  return frontend::parse_cidr(text, problem, remedy).value();
}

// Everything that the language can say of the network.
ir::Policy everything() {
  return profile(R"(      - {direction: out, protocol: tcp, peer: any, port: 443}
      - {direction: out, protocol: udp, peer: any, port: [53, 5353-5400]}
      - {direction: out, protocol: tcp, peer: internal, port: any}
      - {direction: out, protocol: tcp, peer: external, port: 8443}
      - {direction: out, protocol: sctp, peer: [192.0.2.0/24, "2001:db8::/32"], port: 9}
      - {direction: out, protocol: tcp, peer: 10.0.0.0/8, port: 5432}
      - {direction: out, protocol: tcp, peer: 10.96.0.10, port: 80}
      - {direction: out, protocol: tcp, peer: {pods: {app: db, tier: "1"}, namespace: {kubernetes.io/metadata.name: data}, target_port: 15432}, port: 5432}
      - {direction: out, protocol: tcp, peer: {pods: {}}, port: 1}
      - {direction: out, protocol: tcp, peer: localhost, port: 1}
      - {direction: out, protocol: icmp, peer: external}
      - {direction: out, protocol: raw, peer: any}
      - {direction: in, protocol: tcp, port: [80, 8000-8999]}
      - {direction: in, protocol: udp, peer: internal, port: [0, 7]}
)");
}

struct Manifest {
  Target target;
  std::string text;
};

// All by one interpreter: its start takes longer than the rest.
void expect_valid(const std::vector<Manifest>& manifests) {
  namespace fs = std::filesystem;
  const fs::path here = in_sources("tests/unit/backend_network");
  const fs::path directory = fs::path(testing::TempDir()) / ("treeline_" + std::to_string(getpid()) + "_manifests");
  fs::create_directory(directory);
  std::string command = (here / "validate.py").string();
  for (const Manifest& manifest : manifests) {
    const fs::path file = directory / (std::to_string(&manifest - manifests.data()) + "_" + std::string(artifact_name(manifest.target)));
    std::ofstream(file) << manifest.text;
    command += " " + (here / "schemas" / (std::string(target_name(manifest.target)) + ".json")).string() + " " + file.string();
  }
  const int status = std::system(command.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "python3-jsonschema and python3-yaml are not installed";
  EXPECT_EQ(status, 0) << command;
  fs::remove_all(directory);
}

TEST(NetworkPolicy, EveryRuleOfTheLanguage_Lowered_IsValidAgainstTheSchemaOfItsKind) {
  std::vector<Manifest> manifests;
  for (const Target target : kAll) {
    manifests.push_back({target, lower(target, everything(), default_options()).text});
    Options options = default_options();
    options.split_ranges = true;
    options.name_space = "shop";
    options.pods = {{"app", "web"}};
    options.services = {
        {cidr("10.96.0.10"), {{{"k8s-app", "kube-dns"}}, {{"kubernetes.io/metadata.name", "kube-system"}}, {}}}};
    manifests.push_back({target, lower(target, everything(), options).text});
    manifests.push_back({target, lower(target, profile("      []\n"), default_options()).text});
  }
  expect_valid(manifests);
}

TEST(NetworkPolicy, SamePolicy_LoweredTwice_IsTheSameText) {
  for (const Target target : kAll)
    EXPECT_EQ(lower(target, everything(), default_options()).text, lower(target, everything(), default_options()).text);
}

TEST(NetworkPolicy, AnyPolicy_Lowered_SaysWhatNoNetworkPolicyHolds) {
  for (const Target target : kAll) {
    const Lowered made = lower(target, profile("      []\n"), default_options());
    for (const char* word : {"process:", "deny:", "DNS names:", "loopback:", "hostNetwork:", "no rule allows DNS"})
      EXPECT_THAT(made.text, HasSubstr(word)) << target_name(target);
  }
}

// The bundle mends what is let through here; what is refused here it cannot let through.
TEST(NetworkPolicy, WhatTheImageDoesNotMend_Lowered_HasARemedyOfItsOwn) {
  Options options = default_options();
  options.split_ranges = true;
  for (const Target target : kAll)
    for (const Residual& residual : lower(target, everything(), options).residuals) {
      const bool narrower = residual.message.starts_with("narrower:");
      const bool wider = residual.message.starts_with("not held:") || residual.message.starts_with("loopback:");
      EXPECT_FALSE(narrower && residual.remedy.empty()) << residual.message;
      EXPECT_FALSE(wider && !residual.remedy.empty()) << residual.message;
    }
  EXPECT_THAT(lower(Target::kCilium, profile("      []\n"), options).text, HasSubstr("behind this policy; learn it, or add the rule to the profile\n"));
}

TEST(NetworkPolicy, PeerOfPods_Lowered_SaysWhatIsLeftToTheImage) {
  const auto left = [](const std::string& peer) {
    const Lowered made = lower(Target::kCilium, profile("      - {direction: out, protocol: tcp, peer: {pods: {app: db}" + peer + "}, port: 80}\n"), default_options());
    const std::string& last = made.residuals.back().message;
    return last.starts_with("not held:") ? last.substr(last.find("': ") + 3) : "";
  };
  EXPECT_EQ(left(""), "the addresses; the labels of the pods are held");
  EXPECT_EQ(left(", target_port: 8080"), "the addresses and the Service's ports; the labels of the pods are held");
  EXPECT_EQ(left(", addresses: any, target_port: 8080"), "the Service's ports; the labels of the pods are held");
  EXPECT_EQ(left(", addresses: any"), "");
}

TEST(NetworkPolicy, RuleForDns_Lowered_IsNotReportedAsMissing) {
  const ir::Policy policy = profile("      - {direction: out, protocol: udp, peer: any, port: 53}\n");
  for (const Target target : kAll)
    EXPECT_THAT(lower(target, policy, default_options()).text, Not(HasSubstr("no rule allows DNS")));
}

TEST(NetworkPolicy, NoRules_Lowered_DenyBothDirections) {
  const ir::Policy policy = profile("      []\n");
  EXPECT_THAT(lower(Target::kKubernetes, policy, default_options()).text, HasSubstr("  ingress: []\n  egress: []\n"));
  // An empty list would mean "not judged" there.
  EXPECT_THAT(lower(Target::kCilium, policy, default_options()).text,
              HasSubstr("  ingress:\n    - {}\n  egress:\n    - {}\n"));
  EXPECT_THAT(lower(Target::kCalico, policy, default_options()).text,
              HasSubstr("  types:\n    - Ingress\n    - Egress\n"));
}

TEST(NetworkPolicy, AddressOfAService_Lowered_IsAResidualAndNeverABlock) {
  const ir::Policy policy = profile("      - {direction: out, protocol: tcp, peer: 10.96.0.10, port: 80}\n");
  for (const Target target : kAll) {
    const Lowered made = lower(target, policy, default_options());
    EXPECT_THAT(made.text, Not(HasSubstr("cidr: 10.96"))) << made.text;
    EXPECT_THAT(made.text, Not(HasSubstr("- \"10.96.0.10/32\""))) << made.text;
    EXPECT_THAT(made.text, HasSubstr("lies in the block of Services"));
    EXPECT_EQ(made.residuals.back().position.line, 6u);
  }
}

TEST(NetworkPolicy, AddressOfAServiceThatIsNamed_Lowered_IsTheSelectorOfItsPods) {
  const ir::Policy policy = profile("      - {direction: out, protocol: udp, peer: 10.96.0.10, port: 53}\n");
  Options options = default_options();
  options.services = {{cidr("10.96.0.10"),
                       {{{"k8s-app", "kube-dns"}}, {{"kubernetes.io/metadata.name", "kube-system"}}, {{5353, 5353}}}}};
  const std::string kubernetes = lower(Target::kKubernetes, policy, options).text;
  EXPECT_THAT(kubernetes, HasSubstr("k8s-app: kube-dns"));
  EXPECT_THAT(kubernetes, HasSubstr("port: 5353"));
  EXPECT_THAT(kubernetes, Not(HasSubstr("no rule allows DNS")));
  EXPECT_THAT(lower(Target::kCilium, policy, options).text,
              HasSubstr("\"k8s:io.kubernetes.pod.namespace\": kube-system"));
  EXPECT_THAT(lower(Target::kCalico, policy, options).text, HasSubstr("k8s-app == \\\"kube-dns\\\""));
  for (const Target target : kAll) {
    const std::string text = lower(target, policy, options).text;
    EXPECT_THAT(text, HasSubstr("the Service's address 10.96.0.10/32 and its port; the labels of the pods are held")) << text;
    EXPECT_THAT(text, Not(HasSubstr("one port of the pods stands for all")));
    EXPECT_THAT(lower(target, profile("      - {direction: out, protocol: udp, peer: 10.96.0.10, port: [53, 9153]}\n"), options).text,
                HasSubstr("one port of the pods stands for all"));
  }
}

// Nothing comes from a Service's address, and what comes in comes to the own port.
TEST(NetworkPolicy, AddressOfAServiceAsASource_Lowered_IsAResidualAndOpensNoPort) {
  const ir::Policy policy = profile("      - {direction: in, protocol: udp, peer: 10.96.0.10, port: 80}\n");
  Options options = default_options();
  options.services = {{cidr("10.96.0.10"), {{{"k8s-app", "kube-dns"}}, {}, {{5353, 5353}}}}};
  for (const Target target : kAll) {
    const Lowered made = lower(target, policy, options);
    EXPECT_THAT(made.text, Not(HasSubstr("port: 5353"))) << made.text;
    EXPECT_THAT(made.text, Not(HasSubstr("k8s-app: kube-dns"))) << made.text;
    EXPECT_THAT(made.text, HasSubstr("which nothing comes from"));
  }
  ir::Policy other = profile("      - {direction: in, protocol: tcp, peer: {pods: {app: lb}}, port: 80}\n");
  other.nodes[0].network[0].peer.selector->target_ports = {{9999, 9999}};  // the front end refuses it
  EXPECT_THAT(lower(Target::kKubernetes, other, options).text, Not(HasSubstr("port: 9999")));
}

TEST(NetworkPolicy, BlockThatHoldsServices_Lowered_ExceptsThem) {
  const ir::Policy policy = profile("      - {direction: out, protocol: tcp, peer: 10.0.0.0/8, port: 80}\n");
  for (const Target target : kAll) {
    const Lowered made = lower(target, policy, default_options());
    EXPECT_THAT(made.text, HasSubstr("10.96.0.0/12\"")) << made.text;
    EXPECT_THAT(made.text, HasSubstr("without the Services of 10.96.0.0/12"));
  }
  Options none = default_options();
  none.service_blocks.clear();
  EXPECT_THAT(lower(Target::kKubernetes, policy, none).text, Not(HasSubstr("except")));
}

TEST(NetworkPolicy, PortRange_Lowered_IsARangeOrSinglePortsOnRequest) {
  const ir::Policy policy = profile("      - {direction: in, protocol: tcp, port: 8000-8002}\n");
  EXPECT_THAT(lower(Target::kKubernetes, policy, default_options()).text,
              HasSubstr("port: 8000\n          endPort: 8002\n"));
  EXPECT_THAT(lower(Target::kCilium, policy, default_options()).text,
              HasSubstr("- port: \"8000\"\n              endPort: 8002\n"));
  EXPECT_THAT(lower(Target::kCalico, policy, default_options()).text, HasSubstr("\"8000:8002\""));
  Options split = default_options();
  split.split_ranges = true;
  const std::string text = lower(Target::kKubernetes, policy, split).text;
  EXPECT_THAT(text, Not(HasSubstr("endPort")));
  for (const char* port : {"port: 8000\n", "port: 8001\n", "port: 8002\n"}) EXPECT_THAT(text, HasSubstr(port));
}

TEST(NetworkPolicy, ManyPorts_Lowered_AreCutIntoListsThatTheServersTake) {
  std::string ports;
  for (int port = 1; port <= 199; port += 2) ports += (ports.empty() ? "" : ", ") + std::to_string(port);
  const ir::Policy policy = profile("      - {direction: in, protocol: tcp, port: [" + ports + "]}\n");
  std::vector<Manifest> manifests;
  for (const Target target : kAll) manifests.push_back({target, lower(target, policy, default_options()).text});
  expect_valid(manifests);
}

TEST(NetworkPolicy, NameWithSignsThatKubernetesLacks_Lowered_IsAName) {
  std::vector<Manifest> manifests;
  Options options = default_options();
  options.pods = {{"app", "web"}};  // what is no label's value finds no pods (cli/emit.cc)
  for (const char* name : {"a_b", "a.-b", "a-.b", "a..b-", "x_.", "_x"})
    for (const Target target : kAll) manifests.push_back({target, lower(target, profile("      []\n", name), options).text});
  expect_valid(manifests);
}

// The blocks of a manifest, as their words in the language.
bool holds(const std::vector<Block>& blocks, const passes::Address& address) {
  for (const Block& block : blocks) {
    bool in = passes::block_contains(block.cidr, address);
    for (const ir::Cidr& except : block.except) in &= !passes::block_contains(except, address);
    if (in) return true;
  }
  return false;
}

TEST(NetworkPolicy, InternalAndExternal_AsBlocks_AreWhatTheLanguageMeans) {
  ir::Peer internal, external;
  internal.kind = ir::PeerKind::kInternal;
  external.kind = ir::PeerKind::kExternal;
  std::mt19937 random(1);
  std::vector<passes::Address> addresses;
  for (int i = 0; i < 100'000; ++i) {
    passes::Address address;
    address.v6 = random() % 2 != 0;
    for (size_t byte = 0; byte < (address.v6 ? 16u : 4u); ++byte) address.bytes[byte] = static_cast<uint8_t>(random());
    // Near the borders, which no random address meets.
    constexpr uint8_t kFirst[] = {0, 10, 100, 127, 169, 172, 192, 224, 240, 255, 0xfc, 0xfd, 0xfe, 0xff};
    if (random() % 2 != 0) address.bytes[0] = kFirst[random() % std::size(kFirst)];
    if (random() % 2 != 0) address.bytes[1] = std::array<uint8_t, 6>{64, 128, 254, 168, 16, 0}[random() % 6];
    if (random() % 8 == 0) std::fill(address.bytes.begin() + 1, address.bytes.end(), static_cast<uint8_t>(0));
    addresses.push_back(address);
  }
  for (const char* text :
       {"169.254.169.254", "169.254.169.253", "0.0.0.0", "::", "::1", "fd00:ec2::254", "127.0.0.1"}) {
    const ir::Cidr one = cidr(text);
    addresses.push_back({one.v6, one.address});
  }
  for (const passes::Address& address : addresses) {
    ASSERT_EQ(holds(internal_blocks(), address), passes::peer_contains(internal, address))
        << int{address.bytes[0]} << "." << int{address.bytes[1]};
    ASSERT_EQ(holds(external_blocks(), address), passes::peer_contains(external, address))
        << int{address.bytes[0]} << "." << int{address.bytes[1]};
  }
}

TEST(NetworkPolicy, PeerOfPods_ReadAndEmitted_IsTheSameProfile) {
  const ir::Policy policy = everything();
  const std::string text = frontend::emit_profile(policy);
  EXPECT_THAT(
      text,
      HasSubstr("{pods: {app: db, tier: '1'}, namespace: {kubernetes.io/metadata.name: data}, target_port: 15432}"));
  Diagnostics diagnostics("again.yaml");
  EXPECT_EQ(frontend::emit_profile(frontend::read_profile(text, diagnostics)), text);
  EXPECT_FALSE(diagnostics.has_errors());
}

TEST(NetworkPolicy, PeerOfPodsWithMistakes_Read_IsReportedAllAtOnce) {
  Diagnostics diagnostics("test.yaml");
  (void)frontend::read_profile(
      "treeline: 1\nname: web\nentry:\n  - exec: /a\n    network:\n"
      "      - {direction: out, protocol: tcp, port: 1, peer: {pods: {\"a b\": x, ok: \"-\"}, namespace: [x], colour: "
      "red}}\n"
      "      - {direction: out, protocol: tcp, port: 1, peer: {namespace: {a: b}}}\n"
      "      - {direction: out, protocol: icmp, peer: {pods: {}, target_port: 1}}\n"
      "      - {direction: in, protocol: tcp, peer: {pods: {app: lb}, target_port: 9999}, port: 80}\n",
      diagnostics);
  EXPECT_EQ(diagnostics.errors(), 7u);
}

TEST(Network, NamesThatDifferInASign_Lowered_AreTwoObjects) {
  const auto named = [](const char* name) {
    const std::string text =
        lower(Target::kKubernetes, profile("      - {direction: in, protocol: tcp, port: 80}\n", name),
              default_options())
            .text;
    const size_t at = text.find("name: ");
    return text.substr(at, text.find('\n', at) - at);
  };
  EXPECT_EQ(named("web-x"), "name: treeline-web-x");
  EXPECT_EQ(named("web.x"), "name: treeline-web.x");
  EXPECT_THAT(named("web_x"), testing::MatchesRegex("name: treeline-web-x-[0-9a-f]{8}"));
  EXPECT_NE(named("web.-x"), named("web.x"));
  EXPECT_NE(named("web-x-"), named("web-x"));
}

}  // namespace
}  // namespace treeline::backends::network
