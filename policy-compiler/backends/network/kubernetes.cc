// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/network/writers.h"
#include "policy-compiler/ir/names.h"

namespace treeline::backends::network {
namespace {

Json peers(const Peer& peer) {
  Json out = Json::array();
  for (const Block& block : peer.blocks) {
    Json one = {{"cidr", ir::names::cidr_text(block.cidr)}};
    for (const ir::Cidr& except : block.except) one["except"].push_back(ir::names::cidr_text(except));
    out.push_back({{"ipBlock", std::move(one)}});
  }
  if (peer.every_pod) out.push_back({{"namespaceSelector", Json::object()}});
  if (peer.pods) {
    Json one;
    if (!peer.pods->name_space.empty()) one["namespaceSelector"] = {{"matchLabels", labels(peer.pods->name_space)}};
    one["podSelector"] = peer.pods->pods.empty() ? Json::object() : Json{{"matchLabels", labels(peer.pods->pods)}};
    out.push_back(std::move(one));
  }
  return out;
}

Json ports(const std::vector<Port>& list) {
  Json out = Json::array();
  for (const Port& port : list) {
    Json one = {{"protocol", upper(port.protocol)}};
    if (!port.all()) {
      one["port"] = port.first;
      if (port.last != port.first) one["endPort"] = port.last;
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

// An empty list of rules allows nothing; a rule without `to` or `from` allows every peer.
Json kubernetes(const ir::Policy& policy, const Options& options, const std::vector<Flow>& flows) {
  Json egress = Json::array(), ingress = Json::array();
  for (const Flow& flow : flows) {
    const bool out = flow.direction == ir::Direction::kOut;
    Json rule;
    if (!flow.peer.everything) rule[out ? "to" : "from"] = peers(flow.peer);
    rule["ports"] = ports(flow.ports);
    (out ? egress : ingress).push_back(std::move(rule));
  }
  Json object = {{"apiVersion", "networking.k8s.io/v1"}, {"kind", "NetworkPolicy"}};
  object["metadata"] = metadata(policy, options);
  object["spec"] = {{"podSelector", {{"matchLabels", labels(own_labels(policy, options))}}},
                    {"policyTypes", {"Ingress", "Egress"}},
                    {"ingress", std::move(ingress)},
                    {"egress", std::move(egress)}};
  return object;
}

}  // namespace treeline::backends::network
