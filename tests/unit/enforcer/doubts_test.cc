// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/doubts.h"

#include <gtest/gtest.h>

namespace treeline::daemon {
namespace {

TEST(Doubts, AreNewForAnHourAfterTheLookThatShowsThem) {
  Doubts doubts;
  const uint64_t start = 5 * Doubts::kNews;
  EXPECT_TRUE(doubts.is_new(7, 3, start));
  EXPECT_TRUE(doubts.is_new(7, 3, start + Doubts::kNews - 1));
  EXPECT_FALSE(doubts.is_new(7, 3, start + Doubts::kNews));
  EXPECT_TRUE(doubts.is_new(8, 1, start + Doubts::kNews)) << "another counter";
  EXPECT_TRUE(doubts.is_new(7, 4, start + 9 * Doubts::kNews)) << "whenever it rose since the look before";
  EXPECT_FALSE(doubts.is_new(7, 4, start + 10 * Doubts::kNews));
}

}  // namespace
}  // namespace treeline::daemon
