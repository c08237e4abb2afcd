// SPDX-License-Identifier: Apache-2.0
//
// Which node of one tree is which of another: those that the same execs lead to. From the two entries (and the two joins) along every
// executable that both trees have a step for, so a step's pattern may be written otherwise, one node may have become several, or several one.
// What is left is matched by likeness and marked as moved: the same id, or the same program (and interpreter) elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "policy-compiler/analysis/diff.h"
#include "policy-compiler/analysis/spots.h"

namespace treeline::analysis {

constexpr uint32_t kNoRow = 0;  // TL_ROW_NONE: no such node, it holds nothing

struct NodePair {
  uint32_t before = kNoRow;  // rows
  uint32_t after = kNoRow;
  bool moved = false;
};

struct StepChange {
  uint32_t pair = 0;
  bool gained = false;  // the new version has the step, the old one not; else the other way round
  uint32_t spot = 0;
  uint32_t pattern = 0;  // number in the paths of the version that has it
  const passes::Use* use = nullptr;
};

struct TreePairs {
  std::vector<NodePair> pairs;
  std::vector<StepChange> steps;  // in the order of pairs and spots
};

constexpr size_t kMostPairs = 200'000;

// nullopt: more pairs than the bound.
std::optional<TreePairs> pair_trees(const Version& before, const Version& after, const Spots& spots);

}  // namespace treeline::analysis
