// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/grade.h"

#include <algorithm>
#include <map>

#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/network_set.h"
#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::analysis {
namespace {

bool holds(const std::vector<ir::NumberRule>& rules, const std::vector<uint32_t>& values) {
  return std::any_of(rules.begin(), rules.end(), [&](const ir::NumberRule& rule) {
    return std::find(values.begin(), values.end(), rule.value) != values.end();
  });
}

class NodeGrader {
 public:
  NodeGrader(const ir::Policy& policy, uint32_t index, Diagnostics& diagnostics)
      : policy_(policy), node_(policy.nodes[index]), program_(text::quoted(node_.executable.text)), out_(diagnostics) {}

  void run() {
    users();
    numbers(node_.capabilities, ir::names::capabilities(), "dangerous-capability", "capability", grade_capability);
    numbers(node_.operations, ir::names::operations(), "dangerous-operation", "operation", grade_operation);
    numbers(node_.sockets, ir::names::socket_kinds(), "dangerous-socket", "socket", grade_socket);
    numbers(node_.netlink, ir::names::netlink_protocols(), "dangerous-socket", "netlink protocol", grade_netlink);
    for (const ir::NetworkRule& rule : node_.network) network(rule);
    dead_step();
  }

 private:
  void add(ir::Position position, std::string_view code, std::string message, std::string remedy, const Grade& grade) {
    const Severity severity = grade.risk >= Risk::kHigh ? Severity::kWarning : Severity::kNote;
    if (!grade.why.empty()) message += ": " + grade.why;
    out_.finding(severity, position, code, std::move(message), std::move(remedy), risk_name(grade.risk));
  }

  void users() {
    if (node_.users.empty())
      out_.finding(Severity::kNote, node_.position, "any-user", program_ + " may run as any user", "list the ids under 'users'",
                   risk_name(Risk::kMedium));
  }

  // Ordinary ones are what a profile is made of, and say nothing.
  void numbers(const std::vector<ir::NumberRule>& rules, const ir::names::Table& table, std::string_view code,
               const std::string& what, Grade (*graded_by)(uint32_t)) {
    for (const ir::NumberRule& rule : rules) {
      const Grade graded = graded_by(rule.value);
      if (graded.risk < Risk::kHigh) continue;
      const std::string_view name = table.name(rule.value);
      const std::string word = name.empty() ? std::to_string(rule.value) : std::string(name);
      add(rule.position, code, program_ + " holds " + what + " " + text::quoted(word),
          "remove it where the workload runs without it, or give it to a smaller node of its own", graded);
    }
  }

  void network(const ir::NetworkRule& rule) {
    const NetworkSet set = network_left(rule, {});
    if (rule.direction == ir::Direction::kOut) egress(rule, set);
    const Risk risk = grade_network(rule.direction, rule.protocol, set.reach()).risk;
    if (rule.protocol == ir::Protocol::kRaw || rule.protocol == ir::Protocol::kOther)
      add(rule.position, "unusual-protocol",
          program_ + (rule.direction == ir::Direction::kOut ? " may send " : " may receive ") +
              (rule.protocol == ir::Protocol::kRaw ? "raw packets" : "by a protocol that has no name here"),
          "remove it where the workload runs without it, or give it to a smaller node of its own", {risk, ""});
    else if (rule.direction == ir::Direction::kIn && risk >= Risk::kHigh)
      add(rule.position, "any-ingress", program_ + " may listen on any port", "name the ports that it serves", {risk, ""});
    if (socketless(rule))
      out_.finding(Severity::kNote, rule.position, "unused-rule",
                   program_ + " may not make a socket for this rule, and no node above it may",
                   "add the kind to 'sockets', or remove the rule", risk_name(Risk::kLow));
  }

  // By what the rule means: 0.0.0.0/0 is any address, 1-65535 any port; two halves are all. Of rules that open it together those with the many
  // ports are named; where none has many, all.
  void egress(const ir::NetworkRule& rule, const NetworkSet& set) {
    const Egress& all = all_egress(rule.protocol);
    if (all.open && set.outside() && (set.any_port() || !all.many))
      return add(rule.position, "any-egress", program_ + " may send to any port of the outside",
                 "name the peers or the ports: what is stolen leaves by a rule like this", {Risk::kHigh, ""});
    if (set.metadata())
      add(rule.position, "metadata-egress", program_ + " may ask the cloud's metadata service, which hands out credentials",
          "write 'external' or 'internal', which do not hold it, or name the peers", {Risk::kHigh, ""});
  }

  struct Egress {
    bool open = false;  // its rules together: any port of the outside
    bool many = false;  // some rule that leads outside has as good as all ports
  };
  const Egress& all_egress(ir::Protocol protocol) {
    const auto [at, fresh] = egress_.try_emplace(protocol);
    if (!fresh) return at->second;
    std::vector<NetworkSet> sets;
    for (const ir::NetworkRule& rule : node_.network) {
      if (rule.direction != ir::Direction::kOut || rule.protocol != protocol) continue;
      sets.push_back(network_left(rule, {}));
      at->second.many = at->second.many || (sets.back().outside() && sets.back().any_port());
    }
    at->second.open = together(sets).any_port_anywhere();
    return at->second;
  }

  // A socket may be inherited from above, so all of the line has to lack the kind.
  bool socketless(const ir::NetworkRule& rule) const {
    std::vector<uint32_t> kinds;
    switch (rule.protocol) {
      case ir::Protocol::kTcp:
        kinds = {TL_SOCK_INET_STREAM, TL_SOCK_INET_MPTCP};
        break;
      case ir::Protocol::kUdp:
        kinds = {TL_SOCK_INET_DGRAM};
        break;
      case ir::Protocol::kSctp:
        kinds = {TL_SOCK_INET_SCTP};
        break;
      case ir::Protocol::kIcmp:
        kinds = {TL_SOCK_INET_PING, TL_SOCK_INET_RAW};
        break;
      case ir::Protocol::kRaw:
      case ir::Protocol::kOther:
        return false;
    }
    for (const ir::Node* at = &node_;; at = &policy_.nodes[at->parent]) {
      if (holds(at->sockets, kinds)) return false;
      if (at->parent == ir::kNoNode) return true;
    }
  }

  // A program is started as a user that its parent may be; only a set-id program changes that.
  void dead_step() {
    if (node_.parent == ir::kNoNode) return;
    const ir::Node& parent = policy_.nodes[node_.parent];
    if (node_.users.empty() || parent.users.empty()) return;
    if (holds(node_.operations, {TL_OP_SETUID}) || holds(parent.operations, {TL_OP_SETUID})) return;
    const bool shared = std::any_of(node_.users.begin(), node_.users.end(), [&](const ir::NumberRule& user) {
      return holds(parent.users, {user.value});
    });
    if (shared) return;
    out_.finding(Severity::kNote, node_.position, "dead-step",
                 program_ + " can never be started: its parent runs as none of its users",
                 "add the parent's user to 'users', or the child's to the parent that changes to it", risk_name(Risk::kLow));
  }

  const ir::Policy& policy_;
  const ir::Node& node_;
  std::string program_;
  Diagnostics& out_;
  std::map<ir::Protocol, Egress> egress_;
};

}  // namespace

void grade_nodes(const ir::Policy& policy, Diagnostics& diagnostics) {
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) NodeGrader(policy, n, diagnostics).run();
}

void grade(const ir::Policy& policy, const passes::Paths& paths, Diagnostics& diagnostics) {
  grade_nodes(policy, diagnostics);
  grade_paths(policy, paths, diagnostics);
  find_shadowed(policy, paths, diagnostics);
}

}  // namespace treeline::analysis
