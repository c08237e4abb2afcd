// SPDX-License-Identifier: Apache-2.0
//
// From accept sets to classes. A column says what each row may do with the objects of a class, and where an exec of
// them leads; equal columns are one class.
#pragma once

#include <compare>
#include <optional>
#include <vector>

#include "policy-compiler/passes/paths.h"

namespace treeline::backends::bpf {

struct Cell {
  uint32_t row = 0;
  uint16_t rights = 0;       // enum tl_access; TL_WRITE is written with TL_APPEND, a step with TL_EXECUTE
  bool interpreter = false;  // may interpret the script that is this row's node
  uint32_t next = 0;         // the step's target, 0: none
  uint32_t cost = 0;         // 1 + enum tl_cost of a refused act, 0: no path says; the only thing that row TL_ROW_NONE has
  friend auto operator<=>(const Cell&, const Cell&) = default;
};
using Column = std::vector<Cell>;  // ascending rows, no empty cells

// enum tl_cost: what the image calls it.
uint32_t image_cost(ir::OnViolation cost);

struct Classes {
  std::vector<Column> columns;         // by class number; those of reserved classes too, TL_CLASS_NONE's is empty
  std::vector<uint32_t> class_of_set;  // by accept set of the automaton
};

// nullopt: two steps of a row meet (check_paths() reports them).
std::optional<Classes> make_classes(const passes::Paths& paths);

// Does no row have on `to` what it lacks on `from`?
bool included(const Column& to, const Column& from);

struct Move {
  uint32_t from = 0;
  uint32_t to = 0;
};
// Every pair of different classes where a file of the one may get a name of the other and somebody may give such a name
// (create, rename-in or link on `to`). Sorted. `complete` false: there are more than kMostMoves; the rest is left out,
// so refused.
constexpr size_t kMostMoves = 1u << 21;
std::vector<Move> make_moves(const Classes& classes, bool& complete);

}  // namespace treeline::backends::bpf
