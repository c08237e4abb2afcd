// SPDX-License-Identifier: Apache-2.0
//
// The automaton laid out as the image's comb (abi.h, "The automaton"): each row's exceptions fill the gaps of other
// rows.
//
// No row's 256 slots cross a border of an element, since a hook looks the element up once and then reads any of them.
// Rows of literal paths lie in the order of a depth-first walk, so that a path's states are near each other in memory.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bpf/lsm/abi.h"
#include "policy-compiler/passes/dfa.h"

namespace treeline::backends::bpf {

// Slots of an element of the arena, and those that the image's header takes of the first one.
constexpr uint32_t kElementSlots = TL_ELEMENT / sizeof(tl_dfa_entry);
constexpr uint32_t kHeaderSlots = TL_DFA_OFFSET / sizeof(tl_dfa_entry);

struct Comb {
  std::vector<tl_dfa_entry> slots;
  uint32_t used = 0;  // slots that hold something
};

// `dfa` is minimised, its labels are classes. nullopt: it does not fit into TL_IMAGE_MAX.
std::optional<Comb> pack(const passes::Dfa& dfa);

}  // namespace treeline::backends::bpf
