// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/diff.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "policy-compiler/analysis/diff_parts.h"
#include "policy-compiler/passes/inclusion.h"

namespace treeline::analysis {
namespace {

Error too_different() {
  return Error{"the trees of the two combine in more pairs of nodes than can be compared; compare versions that are closer to each other"};
}

// By meaning where that can be decided. nullopt: not even by what is written.
std::optional<TreePairs> lay_out(const Version& before, const Version& after, Spots& spots, std::vector<Doubt>& doubts) {
  if (spots.make(*before.paths, *after.paths))
    if (std::optional<TreePairs> tree = pair_trees(before, after, spots)) return tree;
  spots = Spots();
  spots.make_by_text(*before.paths, *after.paths);
  doubts.push_back({{}, "the patterns of the two combine in more ways than can be compared"});
  return pair_trees(before, after, spots);
}

NodeDiff node_diff(const Version& before, const Version& after, const NodePair& pair, std::vector<Change> changes) {
  NodeDiff node;
  const std::string old_name = row_name(*before.policy, pair.before), new_name = row_name(*after.policy, pair.after);
  node.state = pair.before == kNoRow  ? NodeDiff::State::kAdded
               : pair.after == kNoRow ? NodeDiff::State::kRemoved
               : pair.moved           ? NodeDiff::State::kMoved
                                      : NodeDiff::State::kKept;
  node.node = pair.after == kNoRow ? old_name : new_name;
  if (pair.before != kNoRow && pair.after != kNoRow && old_name != new_name) node.old_node = old_name;
  const ir::Node* place = pair.after == kNoRow ? node_at(*before.policy, pair.before) : node_at(*after.policy, pair.after);
  if (place != nullptr) node.position = place->position;
  sort_changes(changes);
  node.changes = std::move(changes);
  return node;
}

}  // namespace

void sort_changes(std::vector<Change>& changes) {
  const auto key = [](const Change& c) {
    return std::tuple(c.effect, -static_cast<int>(c.risk), std::string_view(c.kind), c.position, std::string_view(c.what),
                      std::string_view(c.words));
  };
  std::stable_sort(changes.begin(), changes.end(), [&](const Change& a, const Change& b) { return key(a) < key(b); });
}

std::string_view effect_name(Effect effect) {
  return effect == Effect::kAllowed ? "allowed" : effect == Effect::kDenied ? "denied" : "changed";
}

std::string_view state_name(NodeDiff::State state) {
  switch (state) {
    case NodeDiff::State::kKept:
      return "kept";
    case NodeDiff::State::kMoved:
      return "moved";
    case NodeDiff::State::kAdded:
      return "added";
    case NodeDiff::State::kRemoved:
      return "removed";
  }
  return "";
}

size_t Diff::count(Effect effect) const {
  size_t n = 0;
  for (const NodeDiff& node : nodes)
    n += static_cast<size_t>(std::count_if(node.changes.begin(), node.changes.end(),
                                           [&](const Change& change) { return change.effect == effect; }));
  return n;
}

std::optional<Risk> Diff::worst_allowed() const {
  std::optional<Risk> worst;
  for (const NodeDiff& node : nodes)
    for (const Change& change : node.changes)
      if (change.effect == Effect::kAllowed && (!worst || change.risk > *worst)) worst = change.risk;
  return worst;
}

Result<Diff> compare(const Version& before, const Version& after) {
  Diff diff;
  Spots spots;
  const std::optional<TreePairs> tree = lay_out(before, after, spots, diff.doubts);
  if (!tree) return too_different();

  PatternKinds kinds(passes::most_combinations(0), uint64_t{4} * passes::most_combinations(after.paths->dfa.states.size()));
  const Comparison comparison = {before, after, spots, *tree, kinds};
  std::vector<Differs> differing(spots.list().size(), Differs::kNot);
  for (const StepChange& step : tree->steps) differing[step.spot] = std::max(differing[step.spot], step.gained ? Differs::kMore : Differs::kLess);
  find_differing_files(comparison, differing);
  spots.look_closer(differing, kinds);

  Changes changes(tree->pairs.size());
  compare_steps(comparison, changes);
  compare_files(comparison, changes);
  compare_rules(comparison, changes, diff.doubts);

  std::vector<uint32_t> order(tree->pairs.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const auto key = [&](uint32_t i) {
      const NodePair& pair = tree->pairs[i];
      return std::tuple(pair.after == kNoRow, pair.after, pair.before);
    };
    return key(a) < key(b);
  });
  for (const uint32_t i : order) {
    const NodePair& pair = tree->pairs[i];
    const bool whole_node = pair.moved || pair.before == kNoRow || pair.after == kNoRow;
    if (changes[i].empty() && !whole_node) continue;
    diff.nodes.push_back(node_diff(before, after, pair, std::move(changes[i])));
  }
  return diff;
}

}  // namespace treeline::analysis
