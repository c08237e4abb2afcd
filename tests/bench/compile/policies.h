// SPDX-License-Identifier: Apache-2.0
//
// Synthetic policies of a given size, from a seed: the shape of a large learned profile.
#pragma once

#include <cstdint>
#include <string>

#include "policy-compiler/ir/policy.h"

namespace treeline::bench {

// `rules` file rules over `nodes` nodes. Mixed: 70 % literal paths, the rest in equal parts DIR/**, DIR/*, DIR/*.ext
// and one `*` in the middle; else all literal. Directories are shared between rules as in a file system (a few hundred,
// four deep).
ir::Policy large_policy(uint32_t rules, uint32_t nodes, bool mixed, uint64_t seed);

}  // namespace treeline::bench
