// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/passes/joined.h"

#include <algorithm>

#include "policy-compiler/passes/flat_map.h"

namespace treeline::passes {
namespace {

class Join {
 public:
  Join(const Dfa& first, const Dfa& second, const Ends& ends, uint32_t most) : first_(first), second_(second), ends_(ends), most_(most) {}

  bool run() {
    (void)number(Dfa::kDead, Dfa::kDead);
    (void)number(Dfa::kStart, Dfa::kStart);
    out_.states.emplace_back();
    for (uint32_t at = Dfa::kStart; at < tuples_.size(); ++at) {
      if (tuples_.size() > most_) return false;
      row(at);
    }
    return true;
  }

  // What leads to no end is dead.
  Dfa trimmed() const {
    const std::vector<bool> leads = leading();
    std::vector<uint32_t> kept(out_.states.size(), Dfa::kDead);
    uint32_t count = Dfa::kStart;
    for (uint32_t s = Dfa::kStart; s < kept.size(); ++s)
      if (s == Dfa::kStart || leads[s]) kept[s] = count++;
    Dfa dfa;
    dfa.states.reserve(count);
    dfa.states.emplace_back();
    for (uint32_t s = Dfa::kStart; s < kept.size(); ++s) {
      if (kept[s] == Dfa::kDead) continue;
      const Dfa::State& row = out_.states[s];
      dfa.states.push_back({static_cast<uint32_t>(dfa.bytes.size()), row.count, kept[row.otherwise], row.label});
      for (uint32_t i = row.first; i < row.first + row.count; ++i) {
        dfa.bytes.push_back(out_.bytes[i]);
        dfa.nexts.push_back(kept[out_.nexts[i]]);
      }
    }
    return dfa;
  }

 private:
  uint32_t number(uint32_t first, uint32_t second) {
    bool found = false;
    uint32_t& known = numbers_.at((uint64_t{first} << 32) | second, found);
    if (found) return known;
    known = static_cast<uint32_t>(tuples_.size());
    tuples_.emplace_back(first, second);
    return known;
  }

  void row(uint32_t at) {
    const auto [one, two] = tuples_[at];
    const Dfa::State &a = first_.states[one], &b = second_.states[two];
    const auto bytes_a = first_.bytes.begin() + a.first, bytes_b = second_.bytes.begin() + b.first;
    Dfa::State made;
    made.first = static_cast<uint32_t>(out_.bytes.size());
    std::set_union(bytes_a, bytes_a + a.count, bytes_b, bytes_b + b.count, std::back_inserter(out_.bytes));
    made.count = static_cast<uint32_t>(out_.bytes.size()) - made.first;
    for (uint32_t i = made.first; i < out_.bytes.size(); ++i)
      out_.nexts.push_back(number(first_.next(one, out_.bytes[i]), second_.next(two, out_.bytes[i])));
    made.otherwise = number(a.otherwise, b.otherwise);
    const auto end = ends_.find({a.label, b.label});
    made.label = end == ends_.end() ? 0 : end->second;
    out_.states.push_back(made);
  }

  template <typename Each>
  void each_edge(Each each) const {
    for (uint32_t s = Dfa::kStart; s < out_.states.size(); ++s) {
      const Dfa::State& row = out_.states[s];
      each(s, row.otherwise);
      for (uint32_t i = row.first; i < row.first + row.count; ++i) each(s, out_.nexts[i]);
    }
  }

  std::vector<bool> leading() const {
    // Who leads to a state: its part of `from`.
    std::vector<uint32_t> begin(out_.states.size() + 1, 0);
    each_edge([&](uint32_t, uint32_t to) { ++begin[to + 1]; });
    for (size_t s = 1; s < begin.size(); ++s) begin[s] += begin[s - 1];
    std::vector<uint32_t> from(begin.back()), filled(begin.begin(), begin.end() - 1);
    each_edge([&](uint32_t s, uint32_t to) { from[filled[to]++] = s; });

    std::vector<bool> leads(out_.states.size(), false);
    std::vector<uint32_t> todo;
    const auto mark = [&](uint32_t s) {
      if (leads[s]) return;
      leads[s] = true;
      todo.push_back(s);
    };
    for (uint32_t s = Dfa::kStart; s < out_.states.size(); ++s)
      if (out_.states[s].label != 0) mark(s);
    while (!todo.empty()) {
      const uint32_t s = todo.back();
      todo.pop_back();
      for (uint32_t i = begin[s]; i < begin[s + 1]; ++i) mark(from[i]);
    }
    return leads;
  }

  const Dfa& first_;
  const Dfa& second_;
  const Ends& ends_;
  uint32_t most_;
  FlatMap numbers_;
  std::vector<std::pair<uint32_t, uint32_t>> tuples_;
  Dfa out_;
};

}  // namespace

std::optional<Dfa> joined(const Dfa& first, const Dfa& second, const Ends& ends, uint32_t most) {
  Join join(first, second, ends, most);
  if (!join.run()) return std::nullopt;
  return join.trimmed();
}

}  // namespace treeline::passes
