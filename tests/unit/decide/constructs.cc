// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/decide/constructs.h"

#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"

namespace treeline::decide_test {
namespace {

// The kinds of construct in a pattern, for the coverage.
void kinds_of(const passes::Sequence& sequence, std::vector<std::string>& kinds) {
  for (const passes::Element& element : sequence) {
    if (element.kind == passes::Element::Kind::kAlternatives) {
      kinds.push_back("alternatives");
      for (const passes::Sequence& branch : element.branches) kinds_of(branch, kinds);
    } else if (element.kind == passes::Element::Kind::kSet) {
      kinds.push_back(element.max == passes::kUnlimited        ? "star"
                      : element.set == passes::ByteSet::name() ? "any byte"
                                                               : "set");
    }
  }
}

}  // namespace

std::vector<std::string> pattern_constructs(const passes::Pattern& pattern, const std::string& text) {
  std::vector<std::string> kinds;
  if (pattern.reserved_class != 0) return {"object " + text};
  if (pattern.literal) kinds.push_back("literal");
  if (pattern.components.empty()) kinds.push_back("root directory");
  for (const passes::Component& component : pattern.components) {
    if (component.kind == passes::Component::Kind::kAnyDepth)
      kinds.push_back("any depth");
    else if (component.kind != passes::Component::Kind::kName)
      kinds.push_back("pseudo " + std::string(passes::pseudo_text(component.kind)));
    kinds_of(component.name, kinds);
  }
  for (const char* named : {"{uuid}", "{hex:", "{digits}", "{digits:", "{rand:", "{date}"}) {
    if (text.find(named) != std::string::npos) kinds.push_back(std::string("class ") + named);
  }
  return kinds;
}

namespace {

class Collected {
 public:
  void add(const ir::Policy& policy) {
    costs("policy", policy.violation_costs);
    if (policy.on_violation != ir::OnViolation::kDeny) add("policy: on_violation");
    if (policy.entry.size() > 1) add("several entries");
    if (!policy.join.empty()) add("join");
    for (const ir::Node& node : policy.nodes) this->node(node);
  }
  const std::set<std::string>& all() const { return all_; }

 private:
  void add(const std::string& one) { all_.insert(one); }

  void pattern(const ir::Pattern& pattern) {
    std::vector<passes::PatternError> errors;
    if (const std::optional<passes::Pattern> parsed = passes::parse_pattern(pattern.text, errors))
      for (const std::string& one : pattern_constructs(*parsed, pattern.text)) add(one);
  }

  void costs(const std::string& of, const ir::ViolationCosts& costs) {
    for (size_t kind = 0; kind < costs.kinds.size(); ++kind)
      if (costs.kinds[kind]) add(of + ": cost of " + std::string(ir::names::violation_kinds().name(static_cast<uint32_t>(kind))));
    if (!costs.paths.empty()) add(of + ": cost of a path");
  }

  void node(const ir::Node& node) {
    pattern(node.executable);
    if (node.interpreter) add("interpreter");
    if (!node.children.empty()) add("children");
    if (!node.back_edges.empty()) add("back edge");
    if (node.users.empty()) add("any user");
    if (!node.users.empty()) add("users");
    if (node.users.size() > 60) add("many users");
    if (node.on_violation) add("on_violation " + ir::names::cost_text(*node.on_violation));
    costs("node", node.violation_costs);
    for (const ir::FileRule& rule : node.files) {
      pattern(rule.path);
      for (unsigned bit = 0; bit < 14; ++bit)
        if ((rule.access >> bit & 1) != 0) add("word " + ir::names::access_text(static_cast<ir::AccessSet>(1u << bit)));
      if (rule.unsafe_write_and_execute) add("unsafe_write_and_execute");
    }
    for (const ir::NetworkRule& rule : node.network) network(rule);
    if (!node.capabilities.empty()) add("capabilities");
    if (!node.operations.empty()) add("operations");
    if (!node.sockets.empty()) add("sockets");
    if (!node.netlink.empty()) add("netlink");
  }

  void network(const ir::NetworkRule& rule) {
    add(std::string("network ") + (rule.direction == ir::Direction::kIn ? "in" : "out"));
    add("protocol " + std::to_string(static_cast<int>(rule.protocol)));
    add("peer " + std::to_string(static_cast<int>(rule.peer.kind)));
    for (const ir::Cidr& block : rule.peer.blocks) add(block.v6 ? "IPv6 block" : "IPv4 block");
    for (const ir::PortRange& range : rule.ports)
      add(range.first == 0 && range.last == 65535 ? "any port" : range.first == range.last ? "one port" : "range of ports");
    if (rule.ports.size() > 1) add("several ports");
  }

  std::set<std::string> all_;
};

}  // namespace

void count_constructs(const ir::Policy& policy, std::map<std::string, uint64_t>& met) {
  Collected collected;
  collected.add(policy);
  for (const std::string& one : collected.all()) ++met[one];
}

std::vector<std::string> all_constructs() {
  std::vector<std::string> all = {"literal", "root directory", "star", "any byte", "set", "alternatives", "any depth", "class {uuid}", "class {hex:", "class {digits}",
                                  "class {digits:", "class {rand:", "class {date}", "pseudo /own", "pseudo /descendant", "pseudo /workload", "pseudo /other",
                                  "pseudo /tmpfile", "pseudo /abstract", "policy: on_violation", "policy: cost of a path", "node: cost of a path", "several entries",
                                  "join", "interpreter", "children", "back edge", "any user", "users", "many users", "unsafe_write_and_execute", "capabilities",
                                  "operations", "sockets", "netlink", "network in", "network out", "IPv6 block", "IPv4 block", "any port", "one port",
                                  "range of ports", "several ports"};
  for (unsigned bit = 0; bit < 14; ++bit)  // to execute is a step of the tree
    if (1u << bit != TL_EXECUTE) all.push_back("word " + ir::names::access_text(static_cast<ir::AccessSet>(1u << bit)));
  for (uint32_t reserved = 1; reserved < TL_CLASS_FIRST; ++reserved)
    if (const std::string name = passes::reserved_class_name(reserved); !name.empty()) all.push_back("object " + name);
  for (uint32_t protocol = 0; protocol < TL_PROTOCOLS; ++protocol) all.push_back("protocol " + std::to_string(protocol));
  for (int peer = 0; peer <= static_cast<int>(ir::PeerKind::kBlocks); ++peer) all.push_back("peer " + std::to_string(peer));
  for (const ir::OnViolation cost : {ir::OnViolation::kDeny, ir::OnViolation::kKill, ir::OnViolation::kKillContainer, ir::OnViolation::kFreezeContainer})
    all.push_back("on_violation " + ir::names::cost_text(cost));
  for (const ir::names::Entry& kind : ir::names::violation_kinds().entries())
    for (const char* of : {"policy: cost of ", "node: cost of "}) all.push_back(of + std::string(kind.name));
  return all;
}

}  // namespace treeline::decide_test
