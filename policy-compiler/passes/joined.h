// SPDX-License-Identifier: Apache-2.0
//
// Two automata as one, as far as it leads to an end that the caller asks about. For a question that would multiply by a third automaton: it is put
// to what is left, which is little where two versions of one policy differ little.
//
//   Ends ends;
//   ends[{1, 2}] = 7;                               // label 1 of the first with label 2 of the second: label 7
//   const std::optional<Dfa> both = joined(old_paths.dfa, new_paths.dfa, ends);
//
// Rows keep the bytes of both automata, so meetings() finds the same texts in the same order by the one as by the two. `sets` is empty.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "policy-compiler/passes/dfa.h"

namespace treeline::passes {

// Labels of the two to a label of the joined one, not 0. Any other combination of labels is no end there.
using Ends = std::map<std::pair<uint32_t, uint32_t>, uint32_t>;

// nullopt: more states are reached than `most`.
std::optional<Dfa> joined(const Dfa& first, const Dfa& second, const Ends& ends, uint32_t most);

}  // namespace treeline::passes
