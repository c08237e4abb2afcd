// SPDX-License-Identifier: Apache-2.0
//
// One kind of peer a rule. A list without rules would mean "not judged": nothing allowed is written as one empty rule.
#include <string_view>

#include "policy-compiler/backends/network/writers.h"
#include "policy-compiler/ir/names.h"

namespace treeline::backends::network {
namespace {

constexpr size_t kMostPortsOfList = 40;  // of one list, by the schema
constexpr std::string_view kNamespaceName = "kubernetes.io/metadata.name";
constexpr const char* kPodNamespace = "k8s:io.kubernetes.pod.namespace";

Json endpoint(const ir::PodSelector& selector) {
  Json match = Json::object();
  for (const ir::Label& label : selector.name_space) {
    if (label.key == kNamespaceName)
      match[kPodNamespace] = label.value;
    else
      match["k8s:io.cilium.k8s.namespace.labels." + label.key] = label.value;
  }
  for (const ir::Label& label : selector.pods) match["k8s:" + label.key] = label.value;
  return match.empty() ? Json::object() : Json{{"matchLabels", std::move(match)}};
}

// Port "0" is every port of the protocol.
Json port_lists(const std::vector<Port>& list) {
  Json out = Json::array();
  for (size_t i = 0; i < list.size(); ++i) {
    if (i % kMostPortsOfList == 0) out.push_back({{"ports", Json::array()}});
    const Port& port = list[i];
    Json one = {{"port", port.all() ? "0" : std::to_string(port.first)}};
    if (!port.all() && port.last != port.first) one["endPort"] = port.last;
    one["protocol"] = upper(port.protocol);
    out.back()["ports"].push_back(std::move(one));
  }
  return out;
}

}  // namespace

Json cilium(const ir::Policy& policy, const Options& options, const std::vector<Flow>& flows) {
  Json egress = Json::array(), ingress = Json::array();
  for (const Flow& flow : flows) {
    const bool outward = flow.direction == ir::Direction::kOut;
    const std::string side = outward ? "to" : "from";
    const auto rule = [&](const char* kind, Json peers) {
      (outward ? egress : ingress).push_back({{side + kind, std::move(peers)}, {"toPorts", port_lists(flow.ports)}});
    };
    if (flow.peer.everything) rule("Entities", {"all"});
    if (!flow.peer.blocks.empty()) {
      Json set = Json::array();
      for (const Block& block : flow.peer.blocks) {
        Json one = {{"cidr", ir::names::cidr_text(block.cidr)}};
        for (const ir::Cidr& except : block.except) one["except"].push_back(ir::names::cidr_text(except));
        set.push_back(std::move(one));
      }
      rule("CIDRSet", std::move(set));
    }
    if (flow.peer.every_pod) {
      Json anywhere = {{"key", kPodNamespace}, {"operator", "Exists"}};
      rule("Endpoints", Json::array({{{"matchExpressions", Json::array({std::move(anywhere)})}}}));
    }
    if (flow.peer.pods) rule("Endpoints", Json::array({endpoint(*flow.peer.pods)}));
  }
  if (egress.empty()) egress.push_back(Json::object());
  if (ingress.empty()) ingress.push_back(Json::object());
  Json object = {{"apiVersion", "cilium.io/v2"}, {"kind", "CiliumNetworkPolicy"}};
  object["metadata"] = metadata(policy, options);
  object["spec"] = {{"endpointSelector", {{"matchLabels", labels(own_labels(policy, options))}}},
                    {"ingress", std::move(ingress)},
                    {"egress", std::move(egress)}};
  return object;
}

}  // namespace treeline::backends::network
