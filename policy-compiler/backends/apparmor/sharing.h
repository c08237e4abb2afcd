// SPDX-License-Identifier: Apache-2.0
//
// What is said of nodes that share a profile: to the person who compiles (Shape::merges), and of each rule that becomes wider by it (Shape::residuals).
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/backends/apparmor/shape.h"
#include "policy-compiler/backends/apparmor/steps.h"

namespace treeline::backends::apparmor {

struct Sharing {
  Nodes nodes;  // more than one
  enum class Kind {
    kRoots,    // a runtime names one profile for all that it starts
    kStarted,  // programs that share a profile start them
    kReached,  // a step cannot be said: they, and every exec of theirs, stay in the profile
    kAll,      // the same, of the whole policy
  } kind = Kind::kStarted;
  std::string why;  // a sentence; unused for kRoots
};

void say(const ir::Policy& policy, const Steps& steps, const std::vector<Sharing>& sharings, Shape& shape);

// 'a', 'b' and 'c': the first four, and how many more.
std::string listed(const std::vector<std::string>& texts);
// Of the kind kAll.
std::string all_in_one(const ir::Policy& policy, const std::string& why);

}  // namespace treeline::backends::apparmor
