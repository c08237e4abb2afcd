// SPDX-License-Identifier: Apache-2.0
// A policy compiled twice, or written out, read again and compiled, gives the same image, byte for byte.
#include <gtest/gtest.h>

#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/passes/check.h"
#include "tests/unit/common.h"
#include "tests/unit/decide/constructs.h"
#include "tests/unit/decide/random_policy.h"

namespace treeline::decide_test {
namespace {

std::string image_of(const ir::Policy& policy) {
  Diagnostics diagnostics;
  std::optional<passes::Paths> paths = passes::compile_paths(policy, diagnostics);
  if (!paths || !passes::check_paths(policy, *paths, diagnostics)) return "";
  const auto lowered = backends::bpf::lower(policy, std::move(*paths), diagnostics);
  return lowered ? lowered->image : "";
}

// A text leads a back edge to a node by its id; the image has none of it.
ir::Policy with_ids(ir::Policy policy) {
  for (const ir::Node& node : std::vector<ir::Node>(policy.nodes))
    for (const ir::Node::BackEdge& edge : node.back_edges) policy.nodes[edge.target].id = "n" + std::to_string(edge.target);
  return policy;
}

TEST(SameBytes, OfRandomPoliciesCompiledTwiceAndWrittenOutInBetween) {
  const uint64_t wanted = from_environment("TREELINE_POLICIES", 60), seed = from_environment("TREELINE_SEED", 20240902);
  SCOPED_TRACE("TREELINE_SEED=" + std::to_string(seed));
  Random random(seed);
  std::map<std::string, uint64_t> met, met_again;  // constructs, by how many policies hold them: of those compiled, of those read back
  uint64_t compiled = 0, read = 0;
  for (uint64_t tried = 0; compiled < wanted && tried < 4 * wanted + 20; ++tried) {
    const ir::Policy policy = with_ids(random_policy(random));
    const std::string image = image_of(policy);
    if (image.empty()) continue;  // refused by the checks
    ++compiled;
    count_constructs(policy, met);
    ASSERT_EQ(image_of(policy), image) << "policy " << tried;
    Diagnostics diagnostics;
    const std::string text = frontend::emit_profile(policy);
    const ir::Policy again = frontend::read_profile(text, diagnostics);
    // A block of IPv4-mapped addresses, which the generator makes and the language writes as IPv4.
    if (diagnostics.has_errors()) {
      ASSERT_NE(text.find("::ffff:"), std::string::npos) << diagnostics.list()[0].message << "\n" << text;
      continue;
    }
    ++read;
    count_constructs(again, met_again);
    ASSERT_EQ(frontend::emit_profile(again), text) << "policy " << tried;
    ASSERT_EQ(image_of(again), image) << "policy " << tried;
  }
  std::cout << compiled << " policies compiled twice, " << read << " of them read back from their text, seed " << seed << "\n";
  EXPECT_EQ(compiled, wanted);
  EXPECT_GT(read * 10, compiled * 8) << "too few are read back";
  for (const std::string& construct : all_constructs()) {
    EXPECT_GT(met[construct], 0u) << "no policy holds: " << construct;
    EXPECT_GT(met_again[construct], 0u) << "none that was read back holds: " << construct;
  }
}

}  // namespace
}  // namespace treeline::decide_test
