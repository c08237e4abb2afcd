// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/tree_pairs.h"

#include <algorithm>
#include <map>
#include <set>

#include "bpf/lsm/abi.h"

namespace treeline::analysis {
namespace {

constexpr size_t kMostMoved = 2'000;  // each costs a look at all nodes; further ones count as removed and added

struct Edge {
  uint32_t spot;
  uint32_t pattern;
  const passes::Use* use;
};
using Edges = std::vector<std::vector<Edge>>;  // by row, ascending by spot

Edges edges_of(const Version& version, const Spots& spots, bool after) {
  Edges edges(TL_ROW_FIRST + version.policy->nodes.size());
  for (uint32_t s = 0; s < spots.list().size(); ++s) {
    const Spot& spot = spots.list()[s];
    for (const uint32_t number : after ? *spot.after : *spot.before)
      for (const passes::Use& use : version.paths->patterns[number].uses)
        if (use.kind == passes::UseKind::kStep) edges[use.row].push_back({s, number, &use});
  }
  return edges;
}

class Pairing {
 public:
  Pairing(const Version& before, const Version& after, const Spots& spots)
      : before_(before), after_(after), edges_before_(edges_of(before, spots, false)), edges_after_(edges_of(after, spots, true)) {
    has_before_.assign(edges_before_.size(), false);
    has_after_.assign(edges_after_.size(), false);
  }

  std::optional<TreePairs> run() {
    add(TL_ROW_ENTRY, TL_ROW_ENTRY, false);
    add(TL_ROW_JOIN, TL_ROW_JOIN, false);
    follow();
    // A moved node's children are pairs again; each round may find more.
    for (size_t moved = 0; moved < kMostMoved && !full_ && match_moved(); ++moved) follow();
    for (uint32_t row = TL_ROW_FIRST; row < edges_after_.size(); ++row)
      if (!has_after_[row]) add(kNoRow, row, false);
    for (uint32_t row = TL_ROW_FIRST; row < edges_before_.size(); ++row)
      if (!has_before_[row]) add(row, kNoRow, false);
    follow();
    if (full_) return std::nullopt;
    return std::move(out_);
  }

 private:
  void add(uint32_t before, uint32_t after, bool moved) {
    if (!known_.emplace(before, after).second) return;
    if (out_.pairs.size() >= kMostPairs) {
      full_ = true;
      return;
    }
    out_.pairs.push_back({before, after, moved});
    has_before_[before] = true;
    has_after_[after] = true;
  }

  void follow() {
    for (; at_ < out_.pairs.size() && !full_; ++at_) {
      const NodePair pair = out_.pairs[at_];
      const std::vector<Edge>& before = edges_before_[pair.before];
      const std::vector<Edge>& after = edges_after_[pair.after];
      const auto step = [&](bool gained, const Edge& edge) {
        out_.steps.push_back({static_cast<uint32_t>(at_), gained, edge.spot, edge.pattern, edge.use});
      };
      for (size_t b = 0, a = 0; b < before.size() || a < after.size();) {
        if (a == after.size() || (b < before.size() && before[b].spot < after[a].spot)) {
          step(false, before[b++]);
        } else if (b == before.size() || after[a].spot < before[b].spot) {
          step(true, after[a++]);
        } else {
          // Two steps of one node meet at a spot only where both lead to the same node (check_paths).
          add(before[b].use->next, after[a].use->next, false);
          const uint32_t spot = before[b].spot;
          while (b < before.size() && before[b].spot == spot) ++b;
          while (a < after.size() && after[a].spot == spot) ++a;
        }
      }
    }
  }

  // Pairs of nodes that are still alone on both sides and alike. Each likeness is tried for all before the next, weaker one.
  bool match_moved() {
    const auto id = [](const ir::Node& node) { return node.id; };
    const auto program = [](const ir::Node& node) {
      return node.executable.text + "\n" + (node.interpreter ? node.interpreter->text : "");
    };
    const auto name = [](const ir::Node& node) {
      return node.executable.text.substr(node.executable.text.rfind('/') + 1);
    };
    return match(id) || match(program) || match(name);
  }

  template <typename Likeness>
  bool match(Likeness likeness) {
    std::multimap<std::string, uint32_t> alone;
    for (uint32_t row = TL_ROW_FIRST; row < edges_before_.size(); ++row) {
      std::string key = has_before_[row] ? "" : likeness(before_.policy->nodes[row - TL_ROW_FIRST]);
      if (!key.empty()) alone.emplace(std::move(key), row);
    }
    bool found = false;
    for (uint32_t row = TL_ROW_FIRST; row < edges_after_.size(); ++row) {
      if (has_after_[row]) continue;
      const auto at = alone.find(likeness(after_.policy->nodes[row - TL_ROW_FIRST]));
      if (at == alone.end()) continue;
      add(at->second, row, true);
      alone.erase(at);
      found = true;
      break;  // its children first: they are pairs by their steps, not by likeness
    }
    return found;
  }

  const Version& before_;
  const Version& after_;
  Edges edges_before_, edges_after_;
  std::vector<bool> has_before_, has_after_;
  std::set<std::pair<uint32_t, uint32_t>> known_;
  TreePairs out_;
  size_t at_ = 0;
  bool full_ = false;
};

}  // namespace

std::optional<TreePairs> pair_trees(const Version& before, const Version& after, const Spots& spots) {
  return Pairing(before, after, spots).run();
}

}  // namespace treeline::analysis
