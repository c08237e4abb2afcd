// SPDX-License-Identifier: Apache-2.0
//
// The image's shortcuts of the automaton (abi.h, struct tl_word): for every component that a pattern spells out behind nothing but such
// components, the steps of up to eight bytes that a walk takes along it.
//
// What a pattern leaves open (`{uuid}`, `*`, what stands below `**`) has none: the automaton's bytes answer there. So does a step that
// found its bucket full, which at half as many entries as places is about one of a hundred.
#pragma once

#include <cstdint>
#include <vector>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/bpf/comb.h"
#include "policy-compiler/passes/paths.h"

namespace treeline::backends::bpf {

struct Words {
  std::vector<tl_word> table;  // buckets of TL_WORD_WAYS
  uint32_t shift = 63;         // tl_image_header.word_shift
  uint32_t used = 0;           // entries
};

// The same patterns and comb give the same bytes.
Words make_words(const std::vector<passes::PathPattern>& patterns, const Comb& comb);

}  // namespace treeline::backends::bpf
