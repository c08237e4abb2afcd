// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/fold_tree.h"

#include <algorithm>
#include <set>

#include "policy-compiler/learn/programs.h"

namespace treeline::learn {
namespace {

constexpr int kMaxPasses = 16;

// Set difference in both directions: how many keys one side has and the other lacks.
template <typename Keys>
uint64_t differing(const Keys& a, const Keys& b) {
  uint64_t count = 0;
  for (const auto& entry : a) {
    if constexpr (requires { entry.first; })
      count += !b.contains(entry.first);
    else
      count += !b.contains(entry);
  }
  return count;
}
template <typename Keys>
uint64_t both_ways(const Keys& a, const Keys& b) {
  return differing(a, b) + differing(b, a);
}

uint64_t file_rights_added(const ObservedNode& a, const ObservedNode& b) {
  uint64_t count = 0;
  for (const auto& [name, words] : a.files) {
    const auto other = b.files.find(name);
    count += other == b.files.end() ? words.size() : differing(words, other->second);
  }
  return count;
}

std::set<Step> edges(const ObservedNode& node) {
  std::set<Step> out;
  for (const auto& [step, child] : node.children) out.insert(step);
  for (const auto& [step, child] : node.back_edges) out.insert(step);
  return out;
}

class Folder {
 public:
  Folder(Observed& observed, std::vector<Question>& questions) : observed_(observed), questions_(questions) {}

  TreeFold run() {
    for (int pass = 0; pass < kMaxPasses; pass++) {
      bool changed = false;
      for (uint32_t node = 0; node < observed_.nodes.size(); node++) changed |= fold_at(node);
      if (!changed) break;
    }
    return std::move(result_);
  }

 private:
  // The cycle from `top` to its first repetition `again`: steps_[i] leads on from the i-th node, the last back to the
  // top.
  struct Cycle {
    uint32_t top = 0, again = 0;
    std::vector<Step> steps;
  };
  static constexpr size_t kOffSpine = SIZE_MAX;

  ObservedNode& at(uint32_t node) { return observed_.nodes[node]; }
  uint32_t ancestor(uint32_t node, uint32_t steps) {
    while (steps-- != 0 && node != ir::kNoNode) node = at(node).parent;
    return node;
  }

  // Is `node` the end of a second turn?
  bool fold_at(uint32_t node) {
    for (uint32_t length = 1; length <= kMaxCycle; length++) {
      if (at(node).merged_into != ir::kNoNode) return false;
      const uint32_t again = ancestor(node, length), top = again == ir::kNoNode ? again : ancestor(again, length);
      if (top == ir::kNoNode) return false;
      Cycle cycle{top, again, {}};
      bool equal = at(again).step == at(top).step;
      for (uint32_t lower = node, upper = again; equal && lower != again;
           lower = at(lower).parent, upper = at(upper).parent) {
        equal = at(lower).step == at(upper).step;
        cycle.steps.push_back(at(lower).step);
      }
      if (!equal) continue;
      std::reverse(cycle.steps.begin(), cycle.steps.end());
      if (refused_.contains({top, again})) continue;
      const std::string why = obstacle(cycle);
      if (why.empty()) {
        fold(cycle);
        return true;
      }
      refused_.emplace(top, again);
      questions_.push_back(
          {QuestionKind::kLiteral,
           "recursion-not-folded",
           observed_path(observed_, again),
           "the recursion back to " + observed_path(observed_, top) + " stays as deep as it was seen: " + why,
           "write it as a back edge (back_to) if any depth is meant",
           {}});
    }
    return false;
  }

  std::string obstacle(const Cycle& cycle) {
    if (is_shell(at(cycle.top).step)) {
      for (uint32_t node = at(cycle.again).parent;; node = at(node).parent) {
        if (is_network_facing(at(node))) return "a shell below a node that listens on the network is not one above it";
        if (node == cycle.top) break;
      }
    }
    return difference(cycle, cycle.top, cycle.again, 0);
  }

  // What would make one of the pair, or of their descendants, more than it was seen to be. `position`: where on the
  // cycle.
  std::string difference(const Cycle& cycle, uint32_t upper, uint32_t lower, size_t position) {
    const ObservedNode &a = at(upper), &b = at(lower);
    if (both_ways(a.capabilities, b.capabilities) != 0)
      return "a capability would be added to " + observed_path(observed_, upper);
    if (both_ways(a.operations, b.operations) != 0)
      return "a special operation would be added to " + observed_path(observed_, upper);
    const bool on_spine = position != kOffSpine;
    const std::set<Step> of_a = edges(a), of_b = edges(b);
    for (const Step& step : of_b) {
      if (!of_a.contains(step))
        return "the exec of " + step_text(step) + " would be added to " + observed_path(observed_, upper);
    }
    for (const Step& step : of_a) {
      if (of_b.contains(step) || (on_spine && step == cycle.steps[position])) continue;
      return "the exec of " + step_text(step) + " would be added to " + observed_path(observed_, lower);
    }
    for (const auto& [step, child] : b.children) {
      const bool forward = on_spine && step == cycle.steps[position];
      const size_t next = !forward ? kOffSpine : position + 1 == cycle.steps.size() ? 0 : position + 1;
      const uint32_t other = forward && next == 0 ? cycle.top : target(upper, step);
      if (std::string why = difference(cycle, other, child, next); !why.empty()) return why;
    }
    return {};
  }

  uint32_t target(uint32_t node, const Step& step) {
    const auto child = at(node).children.find(step);
    return child != at(node).children.end() ? child->second : at(node).back_edges.at(step);
  }

  void fold(const Cycle& cycle) {
    const uint32_t last = at(cycle.again).parent;
    result_.folded.push_back(observed_path(observed_, cycle.again) + " back to " + observed_path(observed_, cycle.top));
    at(last).children.erase(cycle.steps.back());
    at(last).back_edges[cycle.steps.back()] = cycle.top;
    absorb(cycle.top, cycle.again);
  }

  void absorb(uint32_t into, uint32_t from) {
    ObservedNode &a = at(into), &b = at(from);
    auto& added = result_.added;
    added.exec_edges += both_ways(edges(a), edges(b));
    added.file_rights += file_rights_added(a, b) + file_rights_added(b, a);
    added.peers += both_ways(a.nets, b.nets);
    added.users += both_ways(a.users, b.users);
    added.calls += both_ways(a.calls, b.calls);
    b.merged_into = into;
    const auto unite = [](auto& to, const auto& source) {
      for (const auto& [key, use] : source) to[key].add(use);
    };
    a.executions.add(b.executions);
    for (const auto& [name, words] : b.files) unite(a.files[name], words);
    unite(a.nets, b.nets);
    unite(a.sockets, b.sockets);
    unite(a.capabilities, b.capabilities);
    unite(a.operations, b.operations);
    unite(a.users, b.users);
    a.calls.insert(b.calls.begin(), b.calls.end());
    a.foreign_calls.insert(b.foreign_calls.begin(), b.foreign_calls.end());
    // Each edge of the lower node exists above: difference() saw to it.
    for (const auto& [step, child] : b.children) absorb(target(into, step), child);
    b.children.clear();
    b.back_edges.clear();
  }

  Observed& observed_;
  std::vector<Question>& questions_;
  std::set<std::pair<uint32_t, uint32_t>> refused_;
  TreeFold result_;
};

}  // namespace

TreeFold fold_tree(Observed& observed, std::vector<Question>& questions) { return Folder(observed, questions).run(); }

std::string observed_path(const Observed& observed, uint32_t node) {
  std::vector<uint32_t> chain;
  for (; node != ir::kNoNode; node = observed.nodes[node].parent) chain.push_back(node);
  std::string out = observed.nodes[chain.back()].joined ? "join" : "entry";
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) out += " > " + step_text(observed.nodes[*it].step);
  return out;
}

uint32_t current_node(const Observed& observed, uint32_t node) {
  while (observed.nodes[node].merged_into != ir::kNoNode) node = observed.nodes[node].merged_into;
  return node;
}

bool is_network_facing(const ObservedNode& node) {
  return std::any_of(node.nets.begin(), node.nets.end(),
                     [](const auto& entry) { return entry.first.direction == ir::Direction::kIn; });
}

const char* question_kind_name(QuestionKind kind) {
  return kind == QuestionKind::kLeftOut ? "left-out" : kind == QuestionKind::kLiteral ? "literal" : "review";
}

}  // namespace treeline::learn
