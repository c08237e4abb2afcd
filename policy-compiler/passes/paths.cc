// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/passes/paths.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <unordered_map>

#include "bpf/lsm/abi.h"

namespace treeline::passes {
namespace {

class Collector {
 public:
  explicit Collector(const ir::Policy& policy) : policy_(policy) {}

  std::vector<PathPattern> run() {
    for (uint32_t root : policy_.entry) step(TL_ROW_ENTRY, policy_.nodes[root].executable, root);
    for (uint32_t root : policy_.join) step(TL_ROW_JOIN, policy_.nodes[root].executable, root);
    for (uint32_t n = 0; n < policy_.nodes.size(); ++n) node(n);
    costs(TL_ROW_NONE, policy_.violation_costs);
    for (uint32_t n = 0; n < policy_.nodes.size(); ++n) costs(row_of_node(n), policy_.nodes[n].violation_costs);
    return std::move(patterns_);
  }

 private:
  PathPattern& entry(const ir::Pattern& pattern) {
    const auto [at, fresh] = number_of_.try_emplace(pattern.text, static_cast<uint32_t>(patterns_.size()));
    if (fresh) patterns_.push_back({pattern.text, 0, {}, {}});
    return patterns_[at->second];
  }

  void add(const ir::Pattern& pattern, Use use) {
    use.position = pattern.position;
    entry(pattern).uses.push_back(use);
  }

  void costs(uint32_t row, const ir::ViolationCosts& costs) {
    for (const ir::ViolationCosts::Path& path : costs.paths)
      entry(path.path).costs.push_back({row, path.cost, path.path.position});
  }

  void step(uint32_t row, const ir::Pattern& executable, uint32_t target) {
    Use use;
    use.row = row;
    use.kind = UseKind::kStep;
    use.next = row_of_node(target);
    add(executable, use);
  }

  void node(uint32_t n) {
    const ir::Node& node = policy_.nodes[n];
    const uint32_t row = row_of_node(n);
    if (node.interpreter) {
      Use use;
      use.row = row;
      use.kind = UseKind::kInterpreter;
      add(*node.interpreter, use);
    }
    for (const ir::FileRule& rule : node.files) {
      Use use;
      use.row = row;
      use.access = rule.access;
      use.unsafe = rule.unsafe_write_and_execute;
      add(rule.path, use);
    }
    for (uint32_t child : node.children) step(row, policy_.nodes[child].executable, child);
    for (const ir::Node::BackEdge& edge : node.back_edges) step(row, edge.executable, edge.target);
  }

  const ir::Policy& policy_;
  std::vector<PathPattern> patterns_;
  std::unordered_map<std::string_view, uint32_t> number_of_;  // keys point into the policy
};

void report(const PathPattern& pattern, const std::vector<PatternError>& errors, Diagnostics& diagnostics) {
  std::set<ir::Position> places;  // a group's rule is used by many nodes, and wrong once
  for (const Use& use : pattern.uses) places.insert(use.position);
  for (const PathCost& cost : pattern.costs) places.insert(cost.position);
  for (const ir::Position place : places)
    for (const PatternError& error : errors)
      diagnostics.error(position_in(place, pattern.text, error.offset), "pattern", error.message, error.remedy);
}

// The automaton's input without the patterns in `without`. False: too large.
bool build(const std::vector<PathPattern>& patterns, const std::vector<bool>& without, Nfa& nfa) {
  std::vector<PatternError> ignored;
  for (uint32_t number = 0; number < patterns.size(); ++number) {
    if (patterns[number].reserved_class != 0 || (number < without.size() && without[number])) continue;
    const std::optional<Pattern> parsed = parse_pattern(patterns[number].text, ignored);
    if (parsed && !nfa.add(*parsed, number)) return false;
  }
  return nfa.finish();
}

// Which patterns to blame, costliest first: by the states that their own wildcards take part in.
std::vector<uint32_t> by_cost(const std::vector<uint32_t>& cost) {
  std::vector<uint32_t> numbers(cost.size());
  std::iota(numbers.begin(), numbers.end(), 0u);
  std::erase_if(numbers, [&](uint32_t n) { return cost[n] == 0; });
  std::stable_sort(numbers.begin(), numbers.end(), [&](uint32_t a, uint32_t b) { return cost[a] > cost[b]; });
  return numbers;
}

// The fewest of the costliest patterns (a power of two of them) without which the rest fits comfortably.
struct Relief {
  size_t removed = 0;
  uint32_t states = 0;
};
std::optional<Relief> relief(const std::vector<PathPattern>& patterns, const std::vector<uint32_t>& blamed,
                             const Budget& budget) {
  const Budget trial = {budget.states / 8, budget.transitions / 8, budget.members / 8, budget.effort / 16};
  std::vector<bool> without(patterns.size(), false);
  size_t removed = 0;
  for (size_t step = 1; removed < blamed.size(); step *= 2) {
    for (; removed < std::min(step, blamed.size()); ++removed) without[blamed[removed]] = true;
    Nfa nfa;
    if (!build(patterns, without, nfa)) continue;
    const DeterminiseResult made = determinise(nfa, trial);
    if (made.dfa) return Relief{removed, made.states};
  }
  return std::nullopt;
}

void report_excess(const std::vector<PathPattern>& patterns, const DeterminiseResult& made, const Budget& budget,
                   Diagnostics& diagnostics) {
  constexpr size_t kNamed = 5;
  const std::vector<uint32_t> blamed = by_cost(made.cost);
  const std::optional<Relief> mend = relief(patterns, blamed, budget);
  std::string remedy = "write fewer wildcards before a literal part in rules that can match the same path";
  if (mend) {
    remedy += "; without the " + std::to_string(mend->removed) + " costliest pattern(s) the rest needs " +
              std::to_string(mend->states) + " states";
  }
  const ir::Position costliest = blamed.empty() ? ir::Position() : patterns[blamed[0]].position();
  diagnostics.error(costliest, "automaton-budget", "the policy's patterns need " + made.excess + " in the path automaton",
                    remedy);
  for (size_t i = 0; i < std::min(kNamed, blamed.size()); ++i) {
    const PathPattern& pattern = patterns[blamed[i]];
    const uint64_t percent = 100ull * made.cost[blamed[i]] / std::max(made.states, 1u);
    diagnostics.error(
        pattern.position(), "automaton-budget",
        "\"" + pattern.text + "\" takes part in " + std::to_string(percent) + " % of the automaton's states",
        "write its directory literally, or a named class instead of \"*\"");
  }
}

}  // namespace

uint32_t row_of_node(uint32_t node) { return TL_ROW_FIRST + node; }

ir::Position position_in(ir::Position start, std::string_view text, size_t offset) {
  if (start.line == 0) return start;
  for (size_t i = 0; i < std::min(offset, text.size()); ++i) {
    if ((static_cast<uint8_t>(text[i]) & 0xc0) != 0x80) ++start.column;
  }
  return start;
}

std::vector<PathPattern> collect_patterns(const ir::Policy& policy) { return Collector(policy).run(); }

std::optional<Paths> compile_paths(const ir::Policy& policy, Diagnostics& diagnostics, const Budget& budget) {
  Paths paths;
  paths.patterns = collect_patterns(policy);
  Nfa nfa;
  bool well_formed = true;
  bool fits = true;
  std::vector<PatternError> errors;
  for (uint32_t number = 0; number < paths.patterns.size(); ++number) {
    PathPattern& pattern = paths.patterns[number];
    errors.clear();
    const std::optional<Pattern> parsed = parse_pattern(pattern.text, errors);
    if (!parsed) {
      well_formed = false;
      report(pattern, errors, diagnostics);
      continue;
    }
    pattern.reserved_class = parsed->reserved_class;
    if (fits && parsed->reserved_class == 0 && !nfa.add(*parsed, number)) {
      fits = false;
      diagnostics.error(pattern.position(), "automaton-budget",
                        "the patterns up to this one hold more than 32 million positions",
                        "split the policy, or shorten counts such as {hex:255}");
    }
  }
  if (!well_formed || !fits) return std::nullopt;
  if (!nfa.finish()) {
    diagnostics.error({}, "automaton-budget", "the policy's patterns hold too many parts that may be empty",
                      "write alternatives such as {,a} as rules of their own");
    return std::nullopt;
  }
  DeterminiseResult made = determinise(nfa, budget);
  if (!made.dfa) {
    report_excess(paths.patterns, made, budget, diagnostics);
    return std::nullopt;
  }
  paths.dfa = std::move(*made.dfa);
  return paths;
}

}  // namespace treeline::passes
