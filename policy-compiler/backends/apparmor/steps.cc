// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/apparmor/steps.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "policy-compiler/backends/apparmor/glob.h"
#include "policy-compiler/passes/dfa.h"
#include "policy-compiler/passes/nfa.h"
#include "policy-compiler/passes/pattern.h"

namespace treeline::backends::apparmor {
namespace {

std::optional<passes::Pattern> read(const std::string& text) {
  std::vector<passes::PatternError> errors;
  return passes::parse_pattern(text, errors);  // a malformed one was refused before
}

// Accept sets of the automaton over these patterns; nullopt: over the budget.
std::optional<std::vector<std::vector<uint32_t>>> accept_sets(const std::vector<const std::string*>& texts) {
  passes::Nfa nfa;
  for (uint32_t number = 0; number < texts.size(); ++number) {
    const std::optional<passes::Pattern> pattern = read(*texts[number]);
    if (!pattern || pattern->reserved_class != 0) continue;  // its step is not exact
    if (!nfa.add(*pattern, number)) return std::nullopt;
  }
  if (!nfa.finish()) return std::nullopt;
  passes::DeterminiseResult made = passes::determinise(nfa, {});
  if (!made.dfa) return std::nullopt;
  return std::move(made.dfa->sets);
}

// Sets of numbers that become one when two of them are joined.
class Groups {
 public:
  explicit Groups(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0u); }
  uint32_t of(uint32_t number) {
    while (parent_[number] != number) number = parent_[number] = parent_[parent_[number]];
    return number;
  }
  // The smaller number stands for both: an order that hangs on nothing else.
  void join(uint32_t a, uint32_t b) {
    a = of(a), b = of(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<uint32_t> parent_;
};

}  // namespace

Nodes as_set(Nodes nodes) {
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

Steps::Steps(const ir::Policy& policy) : steps_(policy.nodes.size()) {
  std::unordered_map<std::string_view, uint32_t> numbers;
  std::vector<Step> by_pattern;  // but for the target
  const auto add = [&](uint32_t node, const ir::Pattern& executable, uint32_t target) {
    const auto [at, fresh] = numbers.try_emplace(executable.text, static_cast<uint32_t>(texts_.size()));
    if (fresh) {
      const std::optional<passes::Pattern> pattern = read(executable.text);
      const Glob glob = pattern ? make_glob(*pattern) : Glob();
      by_pattern.push_back({glob.file, glob.file.empty() ? "it has no path" : glob.why, 0, nullptr, at->second});
      texts_.push_back(&executable.text);
    }
    Step step = by_pattern[at->second];
    step.target = target;
    step.executable = &executable;
    steps_[node].push_back(std::move(step));
  };
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) {
    for (const uint32_t child : policy.nodes[n].children) add(n, policy.nodes[child].executable, child);
    for (const ir::Node::BackEdge& edge : policy.nodes[n].back_edges) add(n, edge.executable, edge.target);
  }
}

void Steps::find_meetings() {
  meetings_.emplace(texts_.size());
  const auto sets = accept_sets(texts_);
  if (!sets) {  // not known: each may meet each. The compiler has refused such a profile before, by the same budget
    for (std::vector<uint32_t>& of_pattern : *meetings_) of_pattern = {0};
    return;
  }
  for (uint32_t set = 0; set < sets->size(); ++set)
    if ((*sets)[set].size() > 1)
      for (const uint32_t pattern : (*sets)[set]) (*meetings_)[pattern].push_back(set);
}

std::vector<Way> Steps::ways(const Nodes& nodes) {
  std::vector<Way> ways;
  if (nodes.size() == 1) {
    effort_ += steps_[nodes[0]].size();
    for (const Step& step : steps_[nodes[0]]) ways.push_back({{&step}, {step.target}});
    return ways;
  }
  if (!meetings_) find_meetings();
  std::vector<const Step*> all;
  for (const uint32_t node : nodes)
    for (const Step& step : steps_[node]) all.push_back(&step);
  effort_ += all.size();
  Groups groups(all.size());
  std::unordered_map<uint32_t, uint32_t> of_pattern, of_set;  // the first step that has it
  for (uint32_t i = 0; i < all.size(); ++i) {
    const auto [same, fresh] = of_pattern.try_emplace(all[i]->pattern, i);
    groups.join(same->second, i);
    if (!fresh) continue;
    effort_ += (*meetings_)[all[i]->pattern].size();
    for (const uint32_t set : (*meetings_)[all[i]->pattern]) groups.join(of_set.try_emplace(set, i).first->second, i);
  }
  std::map<uint32_t, Way> found;  // by its first step
  for (uint32_t i = 0; i < all.size(); ++i) {
    Way& way = found[groups.of(i)];
    way.steps.push_back(all[i]);
    way.targets.push_back(all[i]->target);
  }
  for (auto& [first, way] : found) {
    way.targets = as_set(std::move(way.targets));
    ways.push_back(std::move(way));
  }
  return ways;
}

}  // namespace treeline::backends::apparmor
