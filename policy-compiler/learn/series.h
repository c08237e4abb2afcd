// SPDX-License-Identifier: Apache-2.0
//
// Counters that the image began. PostgreSQL's log segments are an example: the image holds 06 to 0B, the workload
// deletes those, makes 0C and 0D, and goes on. A name that the image holds is never folded, but such a one is no static
// name: it is the counter's past. A series is, in one directory,
//   - names of one shape with one number of fixed width (leading zeros, or at least 8 hex digits),
//   - of which two or more were born at run time, at least one was there before,
//   - and every one born is larger than every one that was there.
// Its earlier names may fold like those born; and since they are names of the counter too, two names a word suffice.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "policy-compiler/learn/observed.h"

namespace treeline::learn {

class Guards;

class Series {
 public:
  Series(const Observed& observed, const Guards& guards);
  bool holds(const std::string& path) const { return members_.contains(path); }

  // Letters among the hex digits of names of this one's shape in its directory, whichever node and word they were seen
  // with: a few names of a counter may have none, and yet its next one will.
  enum Letters : unsigned { kNone = 0, kLower = 1, kUpper = 2 };
  unsigned letters(const std::string& path) const;

 private:
  std::set<std::string> members_;
  std::map<std::pair<std::string, std::string>, unsigned> letters_;  // directory, shape
};

}  // namespace treeline::learn
