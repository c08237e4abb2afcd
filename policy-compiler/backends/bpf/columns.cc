// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/bpf/columns.h"

#include <algorithm>
#include <map>

#include "bpf/lsm/abi.h"

namespace treeline::backends::bpf {
namespace {

Cell cell_of(const passes::Use& use) {
  Cell cell;
  cell.row = use.row;
  switch (use.kind) {
    case passes::UseKind::kFile:
      cell.rights = static_cast<uint16_t>(use.access | ((use.access & TL_WRITE) != 0 ? uint32_t{TL_APPEND} : 0u) |
                                          (use.unsafe ? uint32_t{TL_UNSAFE} : 0u));
      break;
    case passes::UseKind::kStep:
      cell.rights = TL_EXECUTE;
      cell.next = use.next;
      break;
    case passes::UseKind::kInterpreter:
      cell.interpreter = true;
      break;
  }
  return cell;
}

Cell cell_of(const passes::PathCost& cost) {
  Cell cell;
  cell.row = cost.row;
  cell.cost = 1 + image_cost(cost.cost);
  return cell;
}

bool is_empty(const Cell& cell) { return cell.rights == 0 && !cell.interpreter && cell.cost == 0; }

// Merges the cells of each row. False: two steps of a row lead to different nodes.
bool fold(Column& cells) {
  std::sort(cells.begin(), cells.end());
  size_t kept = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (is_empty(cells[i])) continue;
    if (kept == 0 || cells[kept - 1].row != cells[i].row) {
      cells[kept++] = cells[i];
      continue;
    }
    Cell& cell = cells[kept - 1];
    cell.rights |= cells[i].rights;
    cell.interpreter = cell.interpreter || cells[i].interpreter;
    cell.cost = std::max(cell.cost, cells[i].cost);
    if (cells[i].next == 0) continue;
    if (cell.next != 0 && cell.next != cells[i].next) return false;
    cell.next = cells[i].next;
  }
  cells.resize(kept);
  return true;
}

// Columns under construction, each stored once.
class Interned {
 public:
  Interned() { number(Column()); }
  uint32_t number(Column column) {
    const auto [at, fresh] = numbers_.try_emplace(std::move(column), static_cast<uint32_t>(columns_.size()));
    if (fresh) columns_.push_back(&at->first);
    return at->second;
  }
  const Column& operator[](uint32_t number) const { return *columns_[number]; }
  // The map's order is that of the content: what numbers the classes.
  const std::map<Column, uint32_t>& by_content() const { return numbers_; }
  size_t size() const { return columns_.size(); }

 private:
  std::map<Column, uint32_t> numbers_;
  std::vector<const Column*> columns_;
};

}  // namespace

uint32_t image_cost(ir::OnViolation cost) {
  switch (cost) {
    case ir::OnViolation::kDeny: return TL_COST_DENY;
    case ir::OnViolation::kKill: return TL_COST_KILL;
    case ir::OnViolation::kKillContainer: return TL_COST_KILL_CONTAINER;
    case ir::OnViolation::kFreezeContainer: return TL_COST_FREEZE_CONTAINER;
  }
  return TL_COST_DENY;
}

std::optional<Classes> make_classes(const passes::Paths& paths) {
  Interned columns;
  std::vector<uint32_t> of_pattern;
  for (const passes::PathPattern& pattern : paths.patterns) {
    Column cells;
    for (const passes::Use& use : pattern.uses) cells.push_back(cell_of(use));
    for (const passes::PathCost& cost : pattern.costs) cells.push_back(cell_of(cost));
    if (!fold(cells)) return std::nullopt;
    of_pattern.push_back(columns.number(std::move(cells)));
  }
  // Sets of patterns are sets of few columns; each combination is folded once.
  std::map<std::vector<uint32_t>, uint32_t> of_combination;
  std::vector<uint32_t> of_set;
  std::vector<uint32_t> combination;
  for (const std::vector<uint32_t>& set : paths.dfa.sets) {
    combination.clear();
    for (uint32_t pattern : set) combination.push_back(of_pattern[pattern]);
    std::sort(combination.begin(), combination.end());
    combination.erase(std::unique(combination.begin(), combination.end()), combination.end());
    const auto [at, fresh] = of_combination.try_emplace(combination, 0);
    if (fresh) {
      Column cells;
      for (uint32_t column : combination) cells.insert(cells.end(), columns[column].begin(), columns[column].end());
      if (!fold(cells)) return std::nullopt;
      at->second = columns.number(std::move(cells));
    }
    of_set.push_back(at->second);
  }
  Classes classes;
  classes.columns.resize(TL_CLASS_FIRST);
  for (uint32_t pattern = 0; pattern < paths.patterns.size(); ++pattern) {
    const uint32_t reserved = paths.patterns[pattern].reserved_class;
    if (reserved != 0) classes.columns[reserved] = columns[of_pattern[pattern]];
  }
  std::vector<bool> used(columns.size(), false);
  for (uint32_t column : of_set) used[column] = true;
  std::vector<uint32_t> class_of_column(columns.size(), TL_CLASS_NONE);
  for (const auto& [column, number] : columns.by_content()) {
    if (column.empty() || !used[number]) continue;
    class_of_column[number] = static_cast<uint32_t>(classes.columns.size());
    classes.columns.push_back(column);
  }
  for (uint32_t column : of_set) classes.class_of_set.push_back(class_of_column[column]);
  return classes;
}

bool included(const Column& to, const Column& from) {
  size_t at = 0;
  for (const Cell& cell : to) {
    if (cell.rights == 0 && !cell.interpreter) continue;  // a cost is no right
    while (at < from.size() && from[at].row < cell.row) ++at;
    if (at == from.size() || from[at].row != cell.row) return false;
    const Cell& held = from[at];
    if ((cell.rights & ~held.rights) != 0) return false;
    if (cell.next != 0 && cell.next != held.next) return false;
    if (cell.interpreter && !held.interpreter) return false;
  }
  return true;
}

std::vector<Move> make_moves(const Classes& classes, bool& complete) {
  constexpr uint16_t kNaming = TL_CREATE | TL_RENAME_IN | TL_LINK;
  complete = true;
  std::vector<Move> moves;
  for (uint32_t to = 1; to < classes.columns.size(); ++to) {
    const Column& column = classes.columns[to];
    if (std::none_of(column.begin(), column.end(), [](const Cell& cell) { return (cell.rights & kNaming) != 0; }))
      continue;
    for (uint32_t from = 1; from < classes.columns.size(); ++from) {
      if (from == to || !included(column, classes.columns[from])) continue;
      if (moves.size() == kMostMoves) {
        complete = false;
        break;
      }
      moves.push_back({from, to});
    }
  }
  std::sort(moves.begin(), moves.end(),
            [](const Move& a, const Move& b) { return a.from != b.from ? a.from < b.from : a.to < b.to; });
  return moves;
}

}  // namespace treeline::backends::bpf
