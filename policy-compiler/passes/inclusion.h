// SPDX-License-Identifier: Apache-2.0
//
// Where several automata stand after the same text: the product construction, as far as it can be reached. What one policy holds and another
// does not, which rule another one covers, which patterns meet a list of names: all are questions about the combinations that exist.
//
//   const Dfa* two[] = {&old_paths.dfa, &new_paths.dfa};
//   const Meetings found = meetings(two, 2);
//   if (!found.complete) ...                    // over the bound: nothing may be concluded
//   for (const Meeting& m : found.list)
//     if (grants(new, m.labels[1]) > grants(old, m.labels[0])) report(m.text);
//
// A combination that is not listed exists for no text at all: a claim that holds for each listed one holds for all paths, which is how
// inclusion is decided. The order is that of the search, shortest texts first, so it is the same on every machine.
//
// Cost: as the number of reachable combinations. Two versions of one policy have about as many as one of them has states; automata that
// have nothing in common up to their product, hence the bound.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "policy-compiler/passes/dfa.h"

namespace treeline::passes {

constexpr size_t kMostFactors = 4;
constexpr uint32_t kMostCombinations = 8'000'000;

// For automata with so many states in all: what versions of one policy need, and rules beside a list of names. What multiplies is stopped within
// seconds, however small it is.
constexpr uint32_t most_combinations(size_t states) {
  return static_cast<uint32_t>(states < kMostCombinations / 4 ? std::min<size_t>(kMostCombinations, 1'000'000 + 4 * states) : kMostCombinations);
}

struct Meeting {
  std::array<uint32_t, kMostFactors> labels{};  // of the automata, in their order; 0: nothing ends there
  std::string text;                             // a shortest one that ends in this combination; printable where it can be
};

struct Meetings {
  bool complete = true;
  uint32_t combinations = 0;  // of states, reached
  std::vector<Meeting> list;  // each combination of labels once
};

// One to kMostFactors automata. Texts that end nowhere in the first `decisive` of them are not listed and, where those are dead, not followed.
Meetings meetings(std::span<const Dfa* const> automata, size_t decisive, uint32_t most = kMostCombinations);

}  // namespace treeline::passes
