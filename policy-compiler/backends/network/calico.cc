// SPDX-License-Identifier: Apache-2.0
//
// A rule has one protocol, and nets of one address family (the server refuses both); exceptions hold for all nets of a
// rule, so a block with some is a rule of its own.
#include <algorithm>

#include "policy-compiler/backends/network/writers.h"
#include "policy-compiler/ir/names.h"

namespace treeline::backends::network {
namespace {

constexpr size_t kMostNets = 256, kMostPorts = 50;

std::string expression(const std::vector<ir::Label>& list) {
  std::string out;
  for (const ir::Label& label : list) out += (out.empty() ? "" : " && ") + label.key + " == \"" + label.value + "\"";
  return out.empty() ? "all()" : out;
}

struct Side {  // what stands under source or destination
  Json value = Json::object();
  int family = 0;  // 4, 6, 0 both
};

std::vector<Side> sides(const Peer& peer) {
  std::vector<Side> out;
  if (peer.everything) out.emplace_back();
  if (peer.pods) {
    Side side;
    side.value["selector"] = expression(peer.pods->pods);
    if (!peer.pods->name_space.empty()) side.value["namespaceSelector"] = expression(peer.pods->name_space);
    out.push_back(std::move(side));
  }
  for (const bool v6 : {false, true}) {
    Side plain;
    plain.family = v6 ? 6 : 4;
    const auto flush = [&] {
      if (!plain.value.empty()) out.push_back(plain);
      plain.value = Json::object();
    };
    for (const Block& block : peer.blocks) {
      if (block.cidr.v6 != v6) continue;
      if (block.except.empty()) {
        plain.value["nets"].push_back(ir::names::cidr_text(block.cidr));
        if (plain.value["nets"].size() == kMostNets) flush();
        continue;
      }
      Side own;
      own.family = plain.family;
      own.value["nets"] = {ir::names::cidr_text(block.cidr)};
      for (const ir::Cidr& except : block.except) own.value["notNets"].push_back(ir::names::cidr_text(except));
      out.push_back(std::move(own));
    }
    flush();
  }
  return out;
}

void add_rules(Json& rules, const Flow& flow, const Side& side, ir::Protocol protocol) {
  const char* peer = flow.direction == ir::Direction::kOut ? "destination" : "source";
  if (protocol == ir::Protocol::kIcmp) {
    for (const int family : {4, 6}) {
      if (side.family != 0 && side.family != family) continue;
      Json rule = {{"action", "Allow"}, {"ipVersion", family}, {"protocol", family == 4 ? "ICMP" : "ICMPv6"}};
      if (!side.value.empty()) rule[peer] = side.value;
      rules.push_back(std::move(rule));
    }
    return;
  }
  Json ports = Json::array();
  bool all = false;
  for (const Port& port : flow.ports) {
    if (port.protocol != protocol) continue;
    all |= port.all();
    if (port.first == port.last)
      ports.push_back(port.first);
    else
      ports.push_back(std::to_string(port.first) + ":" + std::to_string(port.last));
  }
  if (all) ports = Json::array();
  for (size_t at = 0; at < std::max<size_t>(ports.size(), 1); at += kMostPorts) {
    Json rule = {{"action", "Allow"}, {"protocol", upper(protocol)}};
    Json some = Json::array();
    for (size_t i = at; i < std::min(ports.size(), at + kMostPorts); ++i) some.push_back(ports[i]);
    Json source = Json::object(), destination = Json::object();
    (flow.direction == ir::Direction::kOut ? destination : source) = side.value;
    if (!some.empty()) destination["ports"] = std::move(some);
    if (!source.empty()) rule["source"] = std::move(source);
    if (!destination.empty()) rule["destination"] = std::move(destination);
    rules.push_back(std::move(rule));
  }
}

}  // namespace

Json calico(const ir::Policy& policy, const Options& options, const std::vector<Flow>& flows) {
  Json egress = Json::array(), ingress = Json::array();
  for (const Flow& flow : flows) {
    Json& rules = flow.direction == ir::Direction::kOut ? egress : ingress;
    for (const Side& side : sides(flow.peer))
      for (const ir::Protocol protocol :
           {ir::Protocol::kTcp, ir::Protocol::kUdp, ir::Protocol::kSctp, ir::Protocol::kIcmp})
        if (std::any_of(flow.ports.begin(), flow.ports.end(),
                        [&](const Port& port) { return port.protocol == protocol; }))
          add_rules(rules, flow, side, protocol);
  }
  Json object = {{"apiVersion", "projectcalico.org/v3"}, {"kind", "NetworkPolicy"}};
  object["metadata"] = metadata(policy, options);
  object["spec"] = {{"order", 1000},
                    {"selector", expression(own_labels(policy, options))},
                    {"types", {"Ingress", "Egress"}},
                    {"ingress", std::move(ingress)},
                    {"egress", std::move(egress)}};
  return object;
}

}  // namespace treeline::backends::network
