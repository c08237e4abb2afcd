// SPDX-License-Identifier: Apache-2.0
#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/diff_parts.h"
#include "policy-compiler/analysis/network_set.h"

namespace treeline::analysis {
namespace {

Grade of_rules(const ir::Node& node) {
  Grade grade;
  const auto numbers = [&grade](const std::vector<ir::NumberRule>& rules, Grade (*graded_by)(uint32_t)) {
    for (const ir::NumberRule& rule : rules) grade = graver(std::move(grade), graded_by(rule.value));
  };
  numbers(node.sockets, grade_socket);
  numbers(node.netlink, grade_netlink);
  numbers(node.capabilities, grade_capability);
  numbers(node.operations, grade_operation);
  for (const ir::NetworkRule& rule : node.network) {
    const NetworkSet set = network_left(rule, {});
    grade = graver(std::move(grade), grade_network(rule.direction, rule.protocol, set.reach()));
  }
  return grade;
}

Grade of_use(const ir::Policy& policy, const passes::Use& use, SensitiveSet kinds, bool executed) {
  if (use.unsafe) return {Risk::kCritical, "what the container wrote may be executed"};
  if (use.kind != passes::UseKind::kFile) return {};
  return grade_file(words_of(use.access, node_at(policy, use.row)), kinds, executed);
}

}  // namespace

std::vector<Grade> gravest_held(const Comparison& in) {
  const ir::Policy& policy = *in.after.policy;
  const std::vector<passes::PathPattern>& patterns = in.after.paths->patterns;
  std::vector<Grade> held(TL_ROW_FIRST + policy.nodes.size());
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) held[TL_ROW_FIRST + n] = of_rules(policy.nodes[n]);

  const auto each_use = [&](uint32_t number, SensitiveSet kinds, bool executed) {
    for (const passes::Use& use : patterns[number].uses) held[use.row] = graver(std::move(held[use.row]), of_use(policy, use, kinds, executed));
  };
  for (uint32_t number = 0; number < patterns.size(); ++number) {
    if (patterns[number].reserved_class != 0) {
      each_use(number, 0, false);
      continue;
    }
    const PatternKinds::Found met = in.kinds.of(patterns[number].text);
    for (const PatternKinds::Met& m : met.list) each_use(number, here(m.kinds, met.always()), false);
    if (met.complete) continue;
    for (const passes::Use& use : patterns[number].uses)
      if (use.kind == passes::UseKind::kFile) held[use.row] = graver(std::move(held[use.row]), not_graded());
  }
  // What is executed where it is written has one grade, whatever its name.
  for (const Spot& spot : in.spots.list()) {
    bool executed = false;
    for (const uint32_t number : *spot.after)
      for (const passes::Use& use : patterns[number].uses)
        executed = executed || use.kind != passes::UseKind::kFile || (use.access & TL_MAP) != 0;
    if (!executed) continue;
    for (const uint32_t number : *spot.after) each_use(number, 0, true);
  }
  // What a node may start, and that one again; the tree is at most some hundred steps deep.
  for (bool more = true; more;) {
    more = false;
    for (const passes::PathPattern& pattern : patterns)
      for (const passes::Use& use : pattern.uses) {
        if (use.kind != passes::UseKind::kStep || held[use.next].risk <= held[use.row].risk) continue;
        held[use.row] = held[use.next];
        more = true;
      }
  }
  return held;
}

}  // namespace treeline::analysis
