// SPDX-License-Identifier: Apache-2.0
//
// Network policies of Kubernetes: what the pod of a workload may exchange with others, out of the network rules of all
// its nodes.
//
//   network::Options options = network::default_options();
//   options.pods = {{"app", "web"}};
//   network::Lowered lowered = network::lower(network::Target::kKubernetes, policy, options);
//   lowered.text        // one YAML document, byte-stable
//   lowered.residuals   // what it cannot hold: always some, see below
//
// A network policy knows pods, not processes: it is the union over the nodes, a second fence behind the image, which
// holds who may do it. It never knows loopback, names of hosts, pods in the network of their node, or denials. Each
// residual says which side is wrong: "not held" (the policy lets more through than the rule) or "narrower" (what the
// rule allows does not get through); nothing is wider without being said.
//
// A Service's address is translated before a policy is asked, so a block of one would hold nothing: it becomes the
// selector that `services` gives for it, else a residual.
//
// Sources of fact: the reference of networking.k8s.io/v1, cilium.io/v2 (endPort since 1.16), projectcalico.org/v3.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/ir/policy.h"

namespace treeline::backends::network {

enum class Target : uint8_t { kKubernetes, kCilium, kCalico };

// The word for it on the command line, and the name of the artifact in a bundle: "networkpolicy", "networkpolicy.yaml".
std::string_view target_name(Target target);
std::optional<Target> find_target(std::string_view name);
std::string artifact_name(Target target);
constexpr std::string_view kArtifactKind = "network-policy";

// A Service, and the pods behind it.
struct Service {
  ir::Cidr address;  // a single one
  ir::PodSelector pods;
};

struct Options {
  std::string name_space;                // of the policy; "": that of whoever applies it
  std::vector<ir::Label> pods;           // of the workload; none: app.kubernetes.io/name: NAME, which has to be a label's value
  std::vector<ir::Cidr> service_blocks;  // the cluster's --service-cluster-ip-range
  std::vector<Service> services;
  bool split_ranges =
      false;  // ranges as single ports: servers before 1.22 (Cilium before 1.16) drop endPort in silence
};

// service_blocks: 10.96.0.0/12, which kubeadm sets.
Options default_options();

struct Residual {
  ir::Position position;  // line 0: holds for every rule
  std::string message;
  std::string_view remedy = {};  // "": the image holds it
};

struct Lowered {
  std::string text;
  std::vector<Residual> residuals;  // by place
  std::set<ir::Position> not_held;  // rules of which the text holds nothing
};

Lowered lower(Target target, const ir::Policy& policy, const Options& options);

}  // namespace treeline::backends::network
