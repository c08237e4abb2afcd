// SPDX-License-Identifier: Apache-2.0
// A policy whose image spans elements: no row crosses a border, and every rule is still found.
#include <gtest/gtest.h>

#include "tests/bench/compile/policies.h"
#include "tests/unit/backend_bpf/image_view.h"

namespace treeline::backends::bpf {
namespace {

TEST(LargeImage, SpansElementsAndHoldsEveryLiteralRule) {
  const ir::Policy policy = bench::large_policy(25'000, 30, true, 5);
  Diagnostics diagnostics;
  std::optional<passes::Paths> paths = passes::compile_paths(policy, diagnostics);
  ASSERT_TRUE(paths.has_value());
  std::optional<Lowered> lowered = lower(policy, std::move(*paths), diagnostics);
  ASSERT_TRUE(lowered.has_value());
  EXPECT_GT(lowered->image.size(), size_t{2} * TL_ELEMENT);
  EXPECT_TRUE(validate(lowered->image).has_value()) << "no row may cross a border";
  EXPECT_GT(lowered->figures.used_slots, lowered->figures.slots / 10 * 9) << "the comb is packed";
  const test::ImageView view(lowered->image);
  size_t asked = 0;
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) {
    for (const ir::FileRule& rule : policy.nodes[n].files) {
      if (rule.path.text.find('*') != std::string::npos) continue;
      ++asked;
      const uint32_t class_id = view.class_of(rule.path.text);
      EXPECT_EQ(tl_missing_access(view.get(), passes::row_of_node(n), class_id, rule.access), 0u) << rule.path.text;
      EXPECT_EQ(view.class_of(rule.path.text.substr(0, rule.path.text.rfind('/')) + "//own"), uint32_t{TL_CLASS_NONE});
    }
  }
  EXPECT_GT(asked, 20'000u);
}

}  // namespace
}  // namespace treeline::backends::bpf
