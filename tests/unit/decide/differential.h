// SPDX-License-Identifier: Apache-2.0
//
// Holds a build of decide.h against evaluate(): random policies are compiled, then each random act is asked of both.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "tests/unit/decide/decisions.h"

namespace treeline::decide_test {

struct Report {
  uint64_t pairs = 0;
  uint64_t allowed = 0;
  uint64_t policies = 0;
  uint64_t discarded = 0;                   // random policies that the checks refused
  std::map<std::string, uint64_t> asked;    // kind of question, word, kind of object -> pairs
  std::map<std::string, uint64_t> granted;  // of those, allowed
  std::vector<std::string> differences;     // the first few, each reproducible from the seed
};

struct Options {
  uint64_t seed = 1;
  uint64_t pairs = 1'000'000;
  size_t most_differences = 5;  // stop after so many
};

Report compare(const decisions& decide, const Options& options);

}  // namespace treeline::decide_test
