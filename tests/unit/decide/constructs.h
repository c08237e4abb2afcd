// SPDX-License-Identifier: Apache-2.0
//
// Which constructs of the language a random policy holds: what a test never met, it says nothing about.
//
//   std::map<std::string, uint64_t> met;
//   count_constructs(policy, met);
//   for (const std::string& one : all_constructs()) EXPECT_GT(met[one], 0u) << one;
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/passes/pattern.h"

namespace treeline::decide_test {

// "literal", "star", "class {uuid}", "pseudo /own", "object {pipe}" ...
std::vector<std::string> pattern_constructs(const passes::Pattern& pattern, const std::string& text);

// Policies that hold each, by name.
void count_constructs(const ir::Policy& policy, std::map<std::string, uint64_t>& met);

// Those that random_policy() makes.
std::vector<std::string> all_constructs();

}  // namespace treeline::decide_test
