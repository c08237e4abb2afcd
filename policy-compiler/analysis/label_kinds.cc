// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/label_kinds.h"

#include <algorithm>
#include <unordered_map>

#include "policy-compiler/passes/inclusion.h"

namespace treeline::analysis {
namespace {

using passes::Dfa;

template <typename Each>
void each_next(const Dfa& dfa, uint32_t state, Each each) {
  const Dfa::State& row = dfa.states[state];
  each(row.otherwise);
  for (uint32_t i = row.first; i < row.first + row.count; ++i) each(dfa.nexts[i]);
}

// The text that all others begin with: up to the first state that has an end, more than one way on, or a way back to it. States are numbered as they
// are reached.
std::string literal_part(const Dfa& dfa) {
  std::string text;
  for (uint32_t at = Dfa::kStart; text.size() < dfa.states.size();) {
    const Dfa::State& row = dfa.states[at];
    if (row.label != 0 || row.otherwise != Dfa::kDead || row.count != 1) break;
    text.push_back(static_cast<char>(dfa.bytes[row.first]));
    at = dfa.nexts[row.first];
  }
  for (uint32_t s = Dfa::kStart; s < dfa.states.size(); ++s)
    each_next(dfa, s, [&](uint32_t to) {
      if (to != Dfa::kDead && to <= s) text.resize(std::min<size_t>(text.size(), to - Dfa::kStart));
    });
  return text;
}

// Those of the literal part come first, so equal rests have equal rows.
std::vector<uint32_t> rows_behind(const Dfa& dfa, size_t literal) {
  const auto shift = static_cast<uint32_t>(literal);
  const auto number = [&](uint32_t state) { return state == Dfa::kDead ? state : state - shift; };
  std::vector<uint32_t> rows;
  for (uint32_t s = Dfa::kStart + shift; s < dfa.states.size(); ++s) {
    const Dfa::State& row = dfa.states[s];
    rows.insert(rows.end(), {row.label, number(row.otherwise), row.count});
    for (uint32_t i = row.first; i < row.first + row.count; ++i) rows.insert(rows.end(), {dfa.bytes[i], number(dfa.nexts[i])});
  }
  return rows;
}

}  // namespace

LabelKinds::LabelKinds(const Dfa& dfa, uint32_t most_of_one, uint64_t most)
    : dfa_(dfa), most_of_one_(most_of_one), left_(most), begin_(dfa.states.size() + 1, 0), marked_(dfa.states.size(), 0) {
  for (uint32_t s = Dfa::kStart; s < dfa.states.size(); ++s) {
    if (dfa.states[s].label != 0) ends_[dfa.states[s].label].push_back(s);
    each_next(dfa, s, [&](uint32_t to) { ++begin_[to + 1]; });
  }
  begin_[Dfa::kDead + 1] = 0;
  for (size_t s = 1; s < begin_.size(); ++s) begin_[s] += begin_[s - 1];
  from_.resize(begin_.back());
  std::vector<uint32_t> filled(begin_.begin(), begin_.end() - 1);
  for (uint32_t s = Dfa::kStart; s < dfa.states.size(); ++s)
    each_next(dfa, s, [&](uint32_t to) {
      if (to != Dfa::kDead) from_[filled[to]++] = s;
    });
}

bool LabelKinds::mark(uint32_t label) {
  const uint64_t most = std::min<uint64_t>(left_, most_of_one_);
  std::vector<uint32_t> todo = ends_[label];
  for (const uint32_t s : todo) marked_[s] = label;
  uint64_t work = todo.size();
  while (!todo.empty() && work <= most) {
    const uint32_t s = todo.back();
    todo.pop_back();
    work += begin_[s + 1] - begin_[s];
    for (uint32_t i = begin_[s]; i < begin_[s + 1]; ++i) {
      if (marked_[from_[i]] == label) continue;
      marked_[from_[i]] = label;
      todo.push_back(from_[i]);
    }
  }
  spend(work);
  return todo.empty() && work <= most;
}

Dfa LabelKinds::only(uint32_t label) const {
  std::unordered_map<uint32_t, uint32_t> numbers;
  std::vector<uint32_t> reached = {Dfa::kStart};
  numbers.emplace(Dfa::kStart, Dfa::kStart);
  const auto number = [&](uint32_t state) {
    if (marked_[state] != label) return Dfa::kDead;
    const auto [at, fresh] = numbers.emplace(state, static_cast<uint32_t>(reached.size()) + Dfa::kStart);
    if (fresh) reached.push_back(state);
    return at->second;
  };
  Dfa out;
  out.states.emplace_back();
  for (size_t n = 0; n < reached.size(); ++n) {
    const Dfa::State& row = dfa_.states[reached[n]];
    Dfa::State made;
    made.first = static_cast<uint32_t>(out.bytes.size());
    made.otherwise = number(row.otherwise);
    made.label = row.label == label ? 1 : 0;
    for (uint32_t i = row.first; i < row.first + row.count; ++i) {
      const uint32_t next = number(dfa_.nexts[i]);
      if (next == made.otherwise) continue;
      out.bytes.push_back(dfa_.bytes[i]);
      out.nexts.push_back(next);
    }
    made.count = static_cast<uint32_t>(out.bytes.size()) - made.first;
    out.states.push_back(made);
  }
  return out;
}

PatternKinds::Found LabelKinds::of(uint32_t label) {
  const auto most = static_cast<uint32_t>(std::min<uint64_t>(left_, most_of_one_));
  if (most == 0 || !mark(label)) return {false, {}};
  const Dfa alone = only(label);
  const std::string literal = literal_part(alone);
  const auto [at, fresh] = known_.try_emplace({rows_behind(alone, literal.size()), sensitive_places().run(literal), sensitive_names().run(literal)});
  if (fresh) {
    at->second = look_at(alone, most);
    for (PatternKinds::Met& met : at->second.list) met.text.erase(0, literal.size());
  }
  PatternKinds::Found found = at->second;
  for (PatternKinds::Met& met : found.list) met.text.insert(0, literal);
  return found;
}

PatternKinds::Found LabelKinds::look_at(const Dfa& dfa, uint32_t most) {
  const Dfa* automata[] = {&dfa, &sensitive_places(), &sensitive_names()};
  passes::Meetings met = passes::meetings(automata, 1, most);
  spend(met.combinations);
  PatternKinds::Found found;
  found.complete = met.complete;
  for (passes::Meeting& m : met.list) found.add(kinds_of(m.labels[1], m.labels[2]), std::move(m.text));
  return found;
}

}  // namespace treeline::analysis
