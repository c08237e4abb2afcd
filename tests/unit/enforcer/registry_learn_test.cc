// SPDX-License-Identifier: Apache-2.0
#include "registry_fixture.h"

namespace treeline::store {
namespace {

TEST_F(RegistryTest, WhatIsNotLearnedAnyMoreIsNotLearnedAfterARestartEither) {
  Result<Policy*> learning = registry_->start_learning("web");
  ASSERT_TRUE(learning);
  const uint32_t slot = (*learning)->slot;
  ASSERT_TRUE(registry_->stop_learning(slot));
  start();
  std::vector<std::string> complaints;
  ASSERT_TRUE(registry_->restore(complaints));
  EXPECT_EQ(registry_->find_learning("web"), nullptr);
  ASSERT_NE(registry_->at(slot), nullptr);  // its containers run on
  EXPECT_TRUE(registry_->at(slot)->stopped);
}

TEST_F(RegistryTest, AStopOfLearningThatCannotBeWrittenIsNone) {
  Result<Policy*> learning = registry_->start_learning("web");
  ASSERT_TRUE(learning);
  std::filesystem::remove(root_ + "/slots.json");
  std::filesystem::create_directories(root_ + "/slots.json/in-the-way");
  EXPECT_FALSE(registry_->stop_learning((*learning)->slot));
  EXPECT_NE(registry_->find_learning("web"), nullptr);
}

}  // namespace
}  // namespace treeline::store
