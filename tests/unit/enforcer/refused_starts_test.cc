// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/refused_starts.h"

#include <gtest/gtest.h>

namespace treeline::daemon {
namespace {

TEST(RefusedStarts, CountsAllAndKeepsTheLast) {
  RefusedStarts refused;
  EXPECT_EQ(refused.count(), 0u);
  EXPECT_TRUE(refused.last().empty());
  constexpr size_t kMany = RefusedStarts::kShown + 3;
  for (size_t i = 1; i <= kMany; ++i) refused.add({"web-" + std::to_string(i), "web", "", "why"});
  EXPECT_EQ(refused.count(), kMany);
  ASSERT_EQ(refused.last().size(), RefusedStarts::kShown);
  EXPECT_EQ(refused.last().front().container, "web-4");
  EXPECT_EQ(refused.last().back().container, "web-11");
}

}  // namespace
}  // namespace treeline::daemon
