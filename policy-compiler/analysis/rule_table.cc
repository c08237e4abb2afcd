// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/rule_table.h"

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/paths.h"

namespace treeline::analysis {
namespace {

namespace names = ir::names;

std::string number_text(const ir::NumberRule& rule, const names::Table* table) {
  const std::string_view name = table == nullptr ? std::string_view() : table->name(rule.value);
  return name.empty() ? std::to_string(rule.value) : std::string(name);
}

std::string ports_text(const std::vector<ir::PortRange>& ports) {
  std::string out;
  for (const ir::PortRange& range : ports) out += (out.empty() ? "" : ",") + names::port_text(range);
  return out;
}

}  // namespace

std::vector<bundle::RuleEntry> rules_of(const ir::Policy& policy, uint32_t index) {
  const ir::Node& node = policy.nodes[index];
  const uint32_t row = passes::row_of_node(index);
  const uint64_t key = ir::node_key(ir::canonical_path(policy, index));
  std::vector<bundle::RuleEntry> out;
  const auto add = [&](const char* kind, std::string words, std::string pattern, Position position) {
    out.push_back({row, key, kind, std::move(words), std::move(pattern), position});
  };
  for (const ir::FileRule& rule : node.files)
    add("file", names::access_text(rule.access) + (rule.unsafe_write_and_execute ? " unsafe_write_and_execute" : ""),
        rule.path.text, rule.path.position);
  for (const ir::NetworkRule& rule : node.network)
    add("net",
        std::string(names::directions().name(static_cast<uint32_t>(rule.direction))) + " " +
            std::string(names::protocols().name(static_cast<uint32_t>(rule.protocol))),
        names::peer_text(rule.peer) + " port " + ports_text(rule.ports), rule.position);
  const auto numbers = [&](const char* kind, const std::vector<ir::NumberRule>& rules, const names::Table* table) {
    for (const ir::NumberRule& rule : rules) add(kind, "", number_text(rule, table), rule.position);
  };
  numbers("user", node.users, nullptr);
  numbers("socket", node.sockets, &names::socket_kinds());
  numbers("netlink", node.netlink, &names::netlink_protocols());
  numbers("capability", node.capabilities, &names::capabilities());
  numbers("operation", node.operations, &names::operations());
  for (const ir::SyscallRule& call : node.syscalls) add("syscall", "", call.name, call.position);
  for (const uint32_t child : node.children) {
    const ir::Pattern& executable = policy.nodes[child].executable;
    add("exec", "", executable.text, executable.position);
  }
  for (const ir::Node::BackEdge& edge : node.back_edges)
    add("exec", "back to " + ir::canonical_path(policy, edge.target), edge.executable.text, edge.executable.position);
  return out;
}

std::vector<bundle::RuleEntry> all_rules(const ir::Policy& policy) {
  std::vector<bundle::RuleEntry> out;
  const auto roots = [&](const std::vector<uint32_t>& list, uint32_t row, uint64_t key) {
    for (const uint32_t root : list) {
      const ir::Pattern& executable = policy.nodes[root].executable;
      out.push_back({row, key, "exec", "", executable.text, executable.position});
    }
  };
  roots(policy.entry, TL_ROW_ENTRY, TL_KEY_ENTRY);
  roots(policy.join, TL_ROW_JOIN, TL_KEY_JOIN);
  for (uint32_t i = 0; i < policy.nodes.size(); ++i) {
    std::vector<bundle::RuleEntry> rules = rules_of(policy, i);
    out.insert(out.end(), std::make_move_iterator(rules.begin()), std::make_move_iterator(rules.end()));
  }
  return out;
}

}  // namespace treeline::analysis
