// SPDX-License-Identifier: Apache-2.0
// The hooks' decisions over compiled images and the slow meaning of the policy agree, on a million random acts.
#include <gtest/gtest.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/pattern.h"
#include "tests/unit/common.h"
#include "tests/unit/decide/differential.h"

namespace treeline::decide_test {
namespace {

constexpr uint64_t kPairs = 1'000'000;

TEST(Decide, AgreesWithEvaluateOnRandomPoliciesAndActs) {
  Options options;
  options.seed = from_environment("TREELINE_SEED", 20240901);
  options.pairs = from_environment("TREELINE_PAIRS", kPairs);
  const Report report = compare(treeline_decisions, options);
  for (const std::string& difference : report.differences) ADD_FAILURE() << difference;
  std::cout << report.pairs << " pairs on " << report.policies << " policies (" << report.discarded
            << " refused by the checks), " << report.allowed * 100 / report.pairs << " % allowed, seed " << options.seed
            << "\n";
  for (const auto& [kind, asked] : report.asked) {
    std::cout << "  " << kind << ": " << asked << ", allowed " << report.granted.at(kind) << "\n";
  }
  EXPECT_GE(report.pairs, options.pairs);
  EXPECT_GE(report.allowed * 100, report.pairs * 30) << "too few acts are allowed";

  std::vector<std::string> kinds = {"access",
                                    "exec",
                                    "interpreter",
                                    "move",
                                    "user",
                                    "capability",
                                    "operation",
                                    "socket",
                                    "connect",
                                    "accept",
                                    "listen",
                                    "key",
                                    "name of 32 bytes and more",
                                    "name of 255 bytes",
                                    "byte 255",
                                    "literal",
                                    "root directory",
                                    "star",
                                    "any byte",
                                    "set",
                                    "alternatives",
                                    "any depth",
                                    "class {uuid}",
                                    "class {hex:",
                                    "class {digits}",
                                    "class {digits:",
                                    "class {rand:",
                                    "class {date}",
                                    "pseudo /own",
                                    "pseudo /descendant",
                                    "pseudo /workload",
                                    "pseudo /other",
                                    "pseudo /tmpfile",
                                    "pseudo /abstract"};
  for (unsigned bit = 0; bit < 14; ++bit)
    kinds.push_back("word " + ir::names::access_text(static_cast<ir::AccessSet>(1u << bit)));
  for (uint32_t reserved = 1; reserved < TL_CLASS_FIRST; ++reserved) {
    if (!passes::reserved_class_name(reserved).empty())
      kinds.push_back("object " + passes::reserved_class_name(reserved));
  }
  for (const std::string& kind : kinds) {
    const auto asked = report.asked.find(kind);
    ASSERT_NE(asked, report.asked.end()) << kind << " was never met";
    EXPECT_GT(report.granted.at(kind), 0u) << kind << " was never allowed";
  }
  for (const char* kind : {"access", "exec", "interpreter", "move", "user", "capability", "operation", "socket",
                           "connect", "accept", "listen"}) {
    EXPECT_GT(report.asked.at(kind) - report.granted.at(kind), 0u) << kind << " was never refused";
  }
  for (unsigned bit = 0; bit < 14; ++bit) {
    const std::string word = "word " + ir::names::access_text(static_cast<ir::AccessSet>(1u << bit));
    EXPECT_GT(report.asked.at(word) - report.granted.at(word), 0u) << word << " was never refused";
  }
  EXPECT_GT(report.asked.count("name of more than 255 bytes"), 0u);
}

}  // namespace
}  // namespace treeline::decide_test
