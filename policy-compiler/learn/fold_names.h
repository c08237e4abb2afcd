// SPDX-License-Identifier: Apache-2.0
//
// Names seen in one directory, by one node, with one access word -> the classes that they are of.
//
//   names: temp-17.rdb temp-23.rdb temp-31.rdb dump.rdb       groups: temp-{digits}.rdb: the first three
//
// A class is a shape (the same letters around digits, hex digits, a UUID, a date, or a random core of one length) that
// enough names have, in two episodes or more, and that fits how such names come to be: counters grow or are deleted,
// mkstemp's names are made with O_EXCL, dates are near the clock. Temporary names (made so that they could not have
// been there, removed again, another one in each start) are believed sooner: two of them suffice. Which names may be
// folded at all is asked before (guards.h). What had a shape and missed a condition comes back as a near miss with the reason, for the list of
// questions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "policy-compiler/learn/name_pattern.h"

namespace treeline::learn {

constexpr size_t kMaxFoldedNames = 50'000;  // of one directory; more (a hostile trace) stay literal

struct NameFacts {
  std::string name;
  std::vector<uint32_t> episodes;  // in which it was seen with this word, ascending
  bool exclusive = false;          // made with O_EXCL or mkdir; see fold_paths.cc where no recorder tells
  bool removed = false;
  bool temporary = false;  // exclusive, removed again, and seen in one episode only
  bool kernel_number = false;                 // an entry of the own /proc/{own}/fd, task: the kernel made it
  bool series = false;                        // of a counter that the image began (series.h)
  bool lower_hex = false, upper_hex = false;  // letters among the hex digits of its like in the directory (series.h)
  bool fan_out = false;                       // a directory of fan_out.h
  bool projected = false;  // may be a projected volume's time stamp: only read, not made by the workload
  std::vector<std::pair<uint32_t, uint64_t>> born;  // (episode, ns) of its making, where known
};

struct NameGroup {
  NamePattern pattern;
  std::vector<size_t> members;  // indices into the names given
  bool one_digit = false;       // a counter that went up to 9 and no further: the next may be 10, or `a`
};
struct NearMiss {
  std::vector<size_t> members;
  std::string shape;   // "temp-{digits}.rdb"
  std::string reason;  // "2 such names were seen, 3 are needed"
};
struct FoldedNames {
  std::vector<NameGroup> groups;  // disjoint
  std::vector<NearMiss> near_misses;
};

// `days`: per episode its first and last day (for dates), empty range where not known.
FoldedNames fold_names(const std::vector<NameFacts>& names, const std::vector<std::pair<int64_t, int64_t>>& days);

}  // namespace treeline::learn
