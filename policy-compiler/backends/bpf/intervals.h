// SPDX-License-Identifier: Apache-2.0
//
// Sets of numbers as intervals, and the classes that several such sets cut a number line into. Addresses are 128 bits
// wide; IPv4 and ports use the lower half.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace treeline::backends::bpf {

struct Wide {
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(const Wide&, const Wide&) = default;
  Wide next() const { return {high + (low == UINT64_MAX ? 1 : 0), low + 1}; }
  Wide previous() const { return {high - (low == 0 ? 1 : 0), low - 1}; }
};

struct Interval {  // both ends included
  Wide first;
  Wide last;
};
using Intervals = std::vector<Interval>;

// What lies in `from` and not in `hole`.
Intervals without(const Intervals& from, const Interval& hole);

// Number of a class, by the sets that contain its members (ascending); class 0 is in none.
class ClassNumbers {
 public:
  ClassNumbers() { number({}); }
  uint32_t number(const std::vector<uint32_t>& sets) {
    return numbers_.try_emplace(sets, static_cast<uint32_t>(numbers_.size())).first->second;
  }
  uint32_t size() const { return static_cast<uint32_t>(numbers_.size()); }
  // For each set the classes that lie in it.
  std::vector<std::vector<uint32_t>> of_sets(size_t sets) const;

 private:
  std::map<std::vector<uint32_t>, uint32_t> numbers_;
};

struct Range {
  Wide first;
  uint32_t class_id;
};
// Cuts 0..`most` at the borders of the sets; neighbours of equal class are one range. The first range starts at 0.
std::vector<Range> cut(const std::vector<Intervals>& sets, Wide most, ClassNumbers& classes);

}  // namespace treeline::backends::bpf
