// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/bpf/intervals.h"

#include <algorithm>

namespace treeline::backends::bpf {

Intervals without(const Intervals& from, const Interval& hole) {
  Intervals rest;
  for (const Interval& interval : from) {
    if (hole.last < interval.first || interval.last < hole.first) {
      rest.push_back(interval);
      continue;
    }
    if (interval.first < hole.first) rest.push_back({interval.first, hole.first.previous()});
    if (hole.last < interval.last) rest.push_back({hole.last.next(), interval.last});
  }
  return rest;
}

std::vector<std::vector<uint32_t>> ClassNumbers::of_sets(size_t sets) const {
  std::vector<std::vector<uint32_t>> classes(sets);
  for (const auto& [members, number] : numbers_) {
    for (uint32_t set : members) classes[set].push_back(number);
  }
  for (std::vector<uint32_t>& of_set : classes) std::sort(of_set.begin(), of_set.end());
  return classes;
}

std::vector<Range> cut(const std::vector<Intervals>& sets, Wide most, ClassNumbers& classes) {
  struct Border {
    Wide at;
    uint32_t set;
    int step;  // +1 enters, -1 leaves
  };
  std::vector<Border> borders;
  for (uint32_t set = 0; set < sets.size(); ++set) {
    for (const Interval& interval : sets[set]) {
      borders.push_back({interval.first, set, 1});
      if (interval.last < most) borders.push_back({interval.last.next(), set, -1});
    }
  }
  std::sort(borders.begin(), borders.end(),
            [](const Border& a, const Border& b) { return a.at != b.at ? a.at < b.at : a.set < b.set; });
  std::map<uint32_t, int> inside;  // a set's own intervals may overlap: depth
  std::vector<Range> ranges;
  std::vector<uint32_t> members;
  size_t i = 0;
  Wide at;
  while (true) {
    for (; i < borders.size() && borders[i].at == at; ++i) {
      if ((inside[borders[i].set] += borders[i].step) == 0) inside.erase(borders[i].set);
    }
    members.clear();
    for (const auto& [set, depth] : inside) members.push_back(set);
    const uint32_t class_id = classes.number(members);
    if (ranges.empty() || ranges.back().class_id != class_id) ranges.push_back({at, class_id});
    if (i == borders.size()) return ranges;
    at = borders[i].at;
  }
}

}  // namespace treeline::backends::bpf
