// SPDX-License-Identifier: Apache-2.0
//
// The deterministic automaton: made from the NFA by subset construction, then minimised for a given labelling of its
// states.
//
//   DeterminiseResult made = determinise(nfa, Budget{});
//   if (!made.dfa) { ... made.excess says which bound was hit, made.cost which patterns carried it there ... }
//   minimise(*made.dfa, class_of_set);   // classes, not rules: states that no node can tell apart become one
//
// A row is a default and the bytes that differ from it, as the image's comb holds it (abi.h): `*` is a default, a
// literal path has one exception per state. State 0 is dead (all bytes lead to itself), state 1 is the start. Byte 0 is
// never fed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/passes/nfa.h"

namespace treeline::passes {

struct Dfa {
  static constexpr uint32_t kDead = 0;
  static constexpr uint32_t kStart = 1;

  struct State {
    uint32_t first = 0;  // exceptions: bytes[first..first+count), ascending; nexts likewise
    uint32_t count = 0;
    uint32_t otherwise = 0;  // the next state on every other byte 1..255
    uint32_t label = 0;      // index of an accept set; after minimise() a class; 0: nothing ends here
  };

  std::vector<State> states;
  std::vector<uint8_t> bytes;
  std::vector<uint32_t> nexts;

  // Accept sets: the numbers of the patterns that end together, ascending. Set 0 is empty.
  std::vector<std::vector<uint32_t>> sets;

  uint32_t next(uint32_t state, uint8_t byte) const;
  uint32_t run(std::string_view text) const;  // from the start
};

// Bounds of the construction. The defaults admit a few hundred thousand ordinary rules and stop what multiplies
// (`/**/a*b*` by the dozen) within seconds.
struct Budget {
  uint32_t states = 4'000'000;
  uint64_t transitions = 48'000'000;  // exceptions in rows
  uint64_t members = 96'000'000;      // sum of the subsets' sizes
  uint64_t effort = 150'000'000;      // elements touched
};

struct DeterminiseResult {
  std::optional<Dfa> dfa;
  std::string excess;          // which bound was hit, for a message
  uint32_t states = 0;         // states made
  std::vector<uint32_t> cost;  // without dfa: per pattern number, states that its own wildcards take part in; where all are shared, its own places
};

DeterminiseResult determinise(const Nfa& nfa, const Budget& budget);

// Merges states that no text tells apart, where `class_of_set[label]` is what can be seen of a state; labels become
// those classes (class_of_set[0] must be 0). The result is the smallest automaton with these classes, numbered in
// breadth-first order, so equal languages give equal bytes. States that lead to no cycle are merged from their
// ends on, the others by partition refinement by signatures, n log n (Jacobs and Wissmann, POPL 2023, after Hopcroft 1971).
void minimise(Dfa& dfa, const std::vector<uint32_t>& class_of_set);

// For each label in `wanted` (true) that is reachable: a shortest text that ends in a state with that label; printable
// where it can be.
std::vector<std::string> witnesses(const Dfa& dfa, const std::vector<bool>& wanted);

}  // namespace treeline::passes
