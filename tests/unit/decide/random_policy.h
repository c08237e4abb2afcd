// SPDX-License-Identifier: Apache-2.0
//
// Random policies and random acts, from a seed. Policies use every construct of the language and mostly pass the checks
// (what may be written and what may be executed lie in different directories); acts are made from the policy's own
// rules, then often bent, so that allowed and refused ones both come up and many lie at a border.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/passes/network_match.h"
#include "policy-compiler/passes/pattern.h"

namespace treeline::decide_test {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t bits() { return engine_(); }
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }
  bool one_in(uint32_t n) { return below(n) == 0; }
  template <typename Container>
  const auto& pick(const Container& from) {
    return from[below(static_cast<uint32_t>(std::size(from)))];
  }

 private:
  std::mt19937_64 engine_;
};

ir::Policy random_policy(Random& random);

// A text that the pattern matches (no object without a path).
std::string sample(const passes::Pattern& pattern, Random& random);
// A text near it, which may match or not, or be one that no walk produces.
std::string bend(std::string path, Random& random);

passes::Address random_address(const ir::Policy& policy, Random& random);
uint32_t random_port(const ir::Policy& policy, Random& random);

}  // namespace treeline::decide_test
