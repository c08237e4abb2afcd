// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "bpf/lsm/decide.h"
#include "policy-compiler/analysis/diff_parts.h"
#include "policy-compiler/analysis/network_set.h"
#include "policy-compiler/analysis/reach.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::analysis {
namespace {

namespace names = ir::names;

constexpr size_t kMostBoxes = 10'000'000;  // of a node's network rules with the blocks of the other version

const ir::Node kNothing;  // what a node holds that is not there

// What violations cost at a node; kNoNode: by the policy alone.
struct Costs {
  const ir::Policy& policy;
  uint32_t node;

  // As words: of "" (what is of no kind), a kind, a path.
  std::string of(const std::string& what) const {
    if (what.empty()) return names::cost_text(ir::cost_of_any(policy, node));
    if (const auto kind = names::violation_kinds().find(what)) return names::cost_text(ir::cost_of(policy, node, static_cast<ir::ViolationKind>(*kind)));
    for (const ir::ViolationCosts* costs : {node == ir::kNoNode ? &policy.violation_costs : &policy.nodes[node].violation_costs, &policy.violation_costs})
      for (const ir::ViolationCosts::Path& path : costs->paths)
        if (path.path.text == what) return names::cost_text(path.cost);
    return "as its kind";
  }
  void name_paths(std::set<std::string>& into) const {
    for (const ir::ViolationCosts::Path& path : policy.violation_costs.paths) into.insert(path.path.text);
    if (node == ir::kNoNode) return;
    for (const ir::ViolationCosts::Path& path : policy.nodes[node].violation_costs.paths) into.insert(path.path.text);
  }
};

class NodeRules {
 public:
  NodeRules(const ir::Node& before, const ir::Node& after, std::vector<Change>& out)
      : before_(before), after_(after), out_(out) {}

  // `grants`: does holding the one allow the other?
  void numbers(const char* kind, std::vector<ir::NumberRule> ir::Node::* list, const names::Table* table, Grade (*graded_by)(uint32_t),
               bool (*grants)(uint32_t held, uint32_t asked) = [](uint32_t held, uint32_t asked) { return held == asked; }) {
    const auto one_way = [&](const ir::Node& has, const ir::Node& lacks, Effect effect) {
      for (const ir::NumberRule& rule : has.*list) {
        const std::vector<ir::NumberRule>& other = lacks.*list;
        if (std::any_of(other.begin(), other.end(), [&](const ir::NumberRule& r) { return grants(r.value, rule.value); })) continue;
        const std::string_view word = table->name(rule.value);
        add(effect, kind, word.empty() ? std::to_string(rule.value) : std::string(word), graded_by(rule.value),
            rule.position);
      }
    };
    one_way(after_, before_, Effect::kAllowed);
    one_way(before_, after_, Effect::kDenied);
  }

  // No list means any user.
  void users() {
    if (before_.users.empty() && after_.users.empty()) return;
    if (after_.users.empty()) return add(Effect::kAllowed, "user", "any", grade_user(std::nullopt), after_.position);
    if (before_.users.empty()) return add(Effect::kDenied, "user", "any but the listed", {}, before_.position);
    const auto one_way = [&](const ir::Node& has, const ir::Node& lacks, Effect effect) {
      for (const ir::NumberRule& rule : has.users)
        if (std::none_of(lacks.users.begin(), lacks.users.end(),
                         [&](const ir::NumberRule& r) { return r.value == rule.value; }))
          add(effect, "user", std::to_string(rule.value), grade_user(rule.value), rule.position);
    };
    one_way(after_, before_, Effect::kAllowed);
    one_way(before_, after_, Effect::kDenied);
  }

  // False: the two have more rules to be held against each other than are, so they were compared as they are written.
  bool network() {
    const std::vector<ir::NetworkRule> only_before = only_in(before_.network, after_.network), only_after = only_in(after_.network, before_.network);
    const size_t here = blocks_of(before_.network) * only_after.size(), there = blocks_of(after_.network) * only_before.size();
    if (here + there > kMostBoxes) {
      network_as_written(Effect::kAllowed, after_, only_after);
      network_as_written(Effect::kDenied, before_, only_before);
      return false;
    }
    const auto one_way = [&](const ir::Node& has, const ir::Node& lacks, Effect effect) {
      std::vector<NetworkSet> differs;
      const std::vector<ir::NetworkRule>& rules = &has == &after_ ? only_after : only_before;
      for (const ir::NetworkRule& rule : rules) differs.push_back(network_left(rule, lacks.network));
      for (size_t i = 0; i < rules.size(); ++i) {
        const ir::NetworkRule& rule = rules[i];
        const NetworkSet& left = differs[i];
        if (left.empty()) continue;
        const std::string all = network_left(rule, {}).text(), part = left.text();
        NetworkReach reach = left.reach();
        reach.any_address = reach.any_address || (reach.outside && opens_all(has, lacks, rules, differs, rule));
        add_network(effect, rule, part, reach);
        out_.back().whole = all == part;
      }
    };
    one_way(after_, before_, Effect::kAllowed);
    one_way(before_, after_, Effect::kDenied);
    return true;
  }

  // One change for all: they are many, and a filter holds them together.
  void syscalls() {
    const auto one_way = [&](const ir::Node& has, const ir::Node& lacks, Effect effect) {
      std::set<std::string_view> known, more;
      for (const ir::SyscallRule& call : lacks.syscalls) known.insert(call.name);
      ir::Position position;
      for (const ir::SyscallRule& call : has.syscalls) {
        if (known.count(call.name) != 0 || !more.insert(call.name).second) continue;
        if (more.size() == 1) position = call.position;
      }
      if (more.empty()) return;
      std::string list;
      for (const std::string_view call : more) list += (list.empty() ? "" : " ") + std::string(call);
      add(effect, "syscall", std::move(list), {}, position);
    };
    one_way(after_, before_, Effect::kAllowed);
    one_way(before_, after_, Effect::kDenied);
  }

  // What `check` counted until now: the reviewer of the change is who has to know.
  void accepted() {
    for (const ir::Accepted& one : after_.accepted)
      if (std::none_of(before_.accepted.begin(), before_.accepted.end(), [&](const ir::Accepted& a) { return a.code == one.code && a.about == one.about; }))
        add(Effect::kChanged, "accept", one.code + (one.about.empty() ? "" : " " + one.about), {Risk::kMedium, "`check` counts it no more"}, one.position);
  }

  void digest() {
    if (before_.digest == after_.digest) return;
    if (after_.digest.empty())
      return add(Effect::kAllowed, "digest", "any content of the executable",
                 {Risk::kHigh, "the program's content is not held any more"}, after_.position);
    if (!before_.digest.empty())
      add(Effect::kAllowed, "digest", after_.digest, {Risk::kMedium, "another program under the same name"},
          after_.position);
    add(Effect::kDenied, "digest", before_.digest.empty() ? "any other content of the executable" : before_.digest, {},
        before_.position);
  }

  // What became another cost here, and did not by the policy's own word; of a kind, and not by that of what is of no kind.
  void costs(const Costs& was, const Costs& is) {
    std::set<std::string> named = {""};
    for (const names::Entry& kind : names::violation_kinds().entries()) named.insert(std::string(kind.name));
    was.name_paths(named);
    is.name_paths(named);
    const auto change = [](const Costs& from, const Costs& to, const std::string& what) {
      const std::string old_cost = from.of(what), new_cost = to.of(what);
      return old_cost == new_cost ? "" : new_cost + ", was " + old_cost;
    };
    for (const std::string& what : named) {
      const std::string here = change(was, is, what);
      const bool of_policy = is.node != ir::kNoNode && here == change({was.policy, ir::kNoNode}, {is.policy, ir::kNoNode}, what);
      const bool of_all = names::violation_kinds().find(what) && here == change(was, is, "");
      if (here.empty() || of_policy || of_all) continue;
      add(Effect::kChanged, "on_violation", (what.empty() ? "" : what + ": ") + here, {}, after_.position);
    }
  }

  void add(Effect effect, const char* kind, std::string what, Grade grade, ir::Position position) {
    Change change;
    change.effect = effect;
    if (effect != Effect::kDenied) {
      change.risk = grade.risk;
      change.why = std::move(grade.why);
    }
    change.kind = kind;
    change.what = std::move(what);
    change.position = position;
    out_.push_back(std::move(change));
  }

 private:
  void add_network(Effect effect, const ir::NetworkRule& rule, std::string what, const NetworkReach& reach) {
    add(effect, "net", std::move(what), grade_network(rule.direction, rule.protocol, reach), rule.position);
    out_.back().words = std::string(names::directions().name(static_cast<uint32_t>(rule.direction))) + " " +
                        std::string(names::protocols().name(static_cast<uint32_t>(rule.protocol)));
  }

  // Each as if the other version had nothing of it: more than differs, never less.
  void network_as_written(Effect effect, const ir::Node& has, const std::vector<ir::NetworkRule>& rules) {
    using Kind = std::pair<ir::Direction, ir::Protocol>;
    std::map<Kind, std::vector<NetworkSet>> alike;
    for (const ir::NetworkRule& rule : has.network) alike[{rule.direction, rule.protocol}].push_back(network_left(rule, {}));
    std::map<Kind, bool> opens;
    for (const auto& [kind, sets] : alike) opens[kind] = together(sets).any_address();
    for (const ir::NetworkRule& rule : rules) {
      const NetworkSet set = network_left(rule, {});
      NetworkReach reach = set.reach();
      reach.any_address = reach.any_address || (reach.outside && opens[{rule.direction, rule.protocol}]);
      add_network(effect, rule, set.text(), reach);
    }
  }

  static std::string meaning(const ir::NetworkRule& rule) {
    std::string out = std::to_string(static_cast<int>(rule.direction)) + " " + std::to_string(static_cast<int>(rule.protocol)) + " " + names::peer_text(rule.peer);
    for (const ir::PortRange& range : rule.ports) out += " " + names::port_text(range);
    return out;
  }

  // A rule that stands in both, word for word, differs in nothing.
  static std::vector<ir::NetworkRule> only_in(const std::vector<ir::NetworkRule>& has, const std::vector<ir::NetworkRule>& lacks) {
    std::set<std::string> known;
    for (const ir::NetworkRule& rule : lacks) known.insert(meaning(rule));
    std::vector<ir::NetworkRule> out;
    for (const ir::NetworkRule& rule : has)
      if (known.count(meaning(rule)) == 0) out.push_back(rule);
    return out;
  }

  static size_t blocks_of(const std::vector<ir::NetworkRule>& rules) {
    size_t blocks = 0;
    for (const ir::NetworkRule& rule : rules) blocks += std::max<size_t>(rule.peer.blocks.size(), 8) + rule.ports.size();
    return blocks;
  }

  // One rule may open a part, and several all: of what differs, or of what `has` reaches now and `lacks` did not.
  static bool opens_all(const ir::Node& has, const ir::Node& lacks, const std::vector<ir::NetworkRule>& rules, const std::vector<NetworkSet>& differs,
                        const ir::NetworkRule& rule) {
    const auto of_its_kind = [&](const ir::NetworkRule& other) { return other.direction == rule.direction && other.protocol == rule.protocol; };
    const auto reached = [&](const ir::Node& node) {
      std::vector<NetworkSet> sets;
      for (const ir::NetworkRule& other : node.network)
        if (of_its_kind(other)) sets.push_back(network_left(other, {}));
      return together(sets).any_address();
    };
    std::vector<NetworkSet> alike;
    for (size_t i = 0; i < rules.size(); ++i)
      if (of_its_kind(rules[i])) alike.push_back(differs[i]);
    return together(alike).any_address() || (reached(has) && !reached(lacks));
  }

  const ir::Node& before_;
  const ir::Node& after_;
  std::vector<Change>& out_;
};

// What the policies themselves say, once: it would be a difference of every node.
void compare_policies(const ir::Policy& before, const ir::Policy& after, std::vector<Change>& out) {
  NodeRules rules(kNothing, kNothing, out);
  rules.costs({before, ir::kNoNode}, {after, ir::kNoNode});
  const bool was = backends::seccomp::lists_calls(before), is = backends::seccomp::lists_calls(after);
  if (was && !is)
    rules.add(Effect::kAllowed, "syscall", "any", {Risk::kHigh, "no node lists system calls any more: nothing filters them"}, {});
  if (is && !was) rules.add(Effect::kDenied, "syscall", "any but the listed", {}, {});
}

bool operation_grants(uint32_t held, uint32_t asked) { return held < TL_OP_COUNT && (tl_operations_granting(asked) >> held & 1) != 0; }

// Nodes of the new version whose executable may be a shell.
std::vector<bool> shells(const Comparison& in) {
  std::vector<bool> found(TL_ROW_FIRST + in.after.policy->nodes.size(), false);
  for (const passes::PathPattern& pattern : in.after.paths->patterns) {
    const auto is_step = [](const passes::Use& use) { return use.kind == passes::UseKind::kStep; };
    if (pattern.reserved_class != 0 || std::none_of(pattern.uses.begin(), pattern.uses.end(), is_step)) continue;
    const PatternKinds::Found met = in.kinds.of(pattern.text);
    if (met.complete && std::none_of(met.list.begin(), met.list.end(), [](const auto& m) { return holds(either(m.kinds), Sensitive::kShell); })) continue;
    for (const passes::Use& use : pattern.uses)
      if (is_step(use)) found[use.next] = true;
  }
  return found;
}

}  // namespace

std::string row_name(const ir::Policy& policy, uint32_t row) {
  if (row == TL_ROW_ENTRY) return "entry";
  if (row == TL_ROW_JOIN) return "join";
  return node_at(policy, row) == nullptr ? "" : ir::canonical_path(policy, row - TL_ROW_FIRST);
}

const ir::Node* node_at(const ir::Policy& policy, uint32_t row) {
  if (row < TL_ROW_FIRST || row - TL_ROW_FIRST >= policy.nodes.size()) return nullptr;
  return &policy.nodes[row - TL_ROW_FIRST];
}

void compare_rules(const Comparison& in, Changes& changes, std::vector<Doubt>& doubts) {
  const Reach reach_before = reach_from_network(*in.before.policy), reach_after = reach_from_network(*in.after.policy);
  std::optional<std::vector<bool>> shells_after;
  const bool calls_before = backends::seccomp::lists_calls(*in.before.policy), calls_after = backends::seccomp::lists_calls(*in.after.policy);
  for (uint32_t i = 0; i < in.tree.pairs.size(); ++i) {
    const NodePair& pair = in.tree.pairs[i];
    const ir::Node* before = node_at(*in.before.policy, pair.before);
    const ir::Node* after = node_at(*in.after.policy, pair.after);
    if (pair.before == TL_ROW_ENTRY && pair.after == TL_ROW_ENTRY) compare_policies(*in.before.policy, *in.after.policy, changes[i]);
    if (before == nullptr && after == nullptr) continue;
    NodeRules rules(before == nullptr ? kNothing : *before, after == nullptr ? kNothing : *after, changes[i]);
    if (!rules.network()) {
      const std::string node = after == nullptr ? row_name(*in.before.policy, pair.before) : row_name(*in.after.policy, pair.after);
      doubts.push_back({after == nullptr ? ir::Position() : after->position, "the network rules of " + text::quoted(node, 4096) + " are too many to be held against each other"});
    }
    rules.numbers("socket", &ir::Node::sockets, &names::socket_kinds(), grade_socket);
    rules.numbers("netlink", &ir::Node::netlink, &names::netlink_protocols(), grade_netlink);
    rules.numbers("capability", &ir::Node::capabilities, &names::capabilities(), grade_capability);
    rules.numbers("operation", &ir::Node::operations, &names::operations(), grade_operation, operation_grants);
    if (calls_before && calls_after) rules.syscalls();
    rules.accepted();
    // Of a node that only one version has, the step to it says the rest.
    if (before == nullptr || after == nullptr) continue;
    rules.users();
    rules.digest();
    rules.costs({*in.before.policy, pair.before - TL_ROW_FIRST}, {*in.after.policy, pair.after - TL_ROW_FIRST});
    const bool newly = !reach_before.reached(pair.before - TL_ROW_FIRST) && reach_after.reached(pair.after - TL_ROW_FIRST);
    if (newly && !shells_after) shells_after = shells(in);
    if (newly && (*shells_after)[pair.after])
      rules.add(Effect::kAllowed, "reach",
                "from " + ir::canonical_path(*in.after.policy, reach_after.from[pair.after - TL_ROW_FIRST]),
                {Risk::kCritical, "a shell, now reachable from the network"}, after->position);
  }
}

}  // namespace treeline::analysis
