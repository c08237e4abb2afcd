// SPDX-License-Identifier: Apache-2.0
//
// A plain directory stands in for bpffs.
#include "enforcer/kernel/pins.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

namespace treeline::kernel {
namespace {

TEST(Pins, OneAtATimeAlsoWhenTheyWereRemovedMeanwhile) {
  std::string root = testing::TempDir() + "pins-XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  const Pins pins(root + "/treeline");
  {
    Result<UniqueFd> first = pins.lock();
    ASSERT_TRUE(first);
    ASSERT_TRUE(pins.make(1));
    ASSERT_TRUE(pins.remove_all());
    ASSERT_TRUE(pins.make(1));
    Result<UniqueFd> second = pins.lock();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EADDRINUSE);
  }
  EXPECT_TRUE(pins.lock());  // the first has ended
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace treeline::kernel
