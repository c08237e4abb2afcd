// SPDX-License-Identifier: Apache-2.0
#include "registry_fixture.h"

namespace treeline::store {
namespace {

TEST_F(RegistryTest, WhatIsNotLearnedAnyMoreIsNotLearnedAfterARestartEither) {
  Result<Policy*> learning = registry_->start_learning("web");
  ASSERT_TRUE(learning);
  const uint32_t slot = (*learning)->slot;
  const std::string since = (*learning)->state.changed;
  EXPECT_FALSE(since.empty());
  ASSERT_TRUE(registry_->stop_learning(slot));
  start();
  std::vector<std::string> complaints;
  ASSERT_TRUE(registry_->restore(complaints));
  EXPECT_EQ(registry_->at(slot)->state.changed, since);
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
  std::filesystem::remove_all(root_ + "/slots.json");
  registry_->write_again();
  start();
  std::vector<std::string> complaints;
  ASSERT_TRUE(registry_->restore(complaints));
  EXPECT_NE(registry_->find_learning("web"), nullptr) << "also for the next start";
}

TEST_F(RegistryTest, TheLearningOfARunCannotBeAskedForByItsName) {
  ASSERT_TRUE(registry_->start_learning("run-1", /*transient=*/true));
  EXPECT_EQ(registry_->find_learning("run-1"), nullptr);
  start();
  std::vector<std::string> complaints;
  ASSERT_TRUE(registry_->restore(complaints));
  EXPECT_EQ(registry_->find_learning("run-1"), nullptr);
  EXPECT_TRUE(registry_->start_learning("run-1"));  // an operator's own
  EXPECT_NE(registry_->find_learning("run-1"), nullptr);
}

// A slot that is off denies everything to who still stands on it: a login session that left the tree of a learned sshd.
TEST_F(RegistryTest, WhatEndedStaysInForceWhileATaskStandsOnIt) {
  Result<Policy*> learning = registry_->start_learning("run-1", /*transient=*/true);
  ASSERT_TRUE(learning);
  const uint32_t slot = (*learning)->slot;
  bound_ = 1;
  EXPECT_FALSE(registry_->has_ended());
  bound_ = 0;
  put_task(slot, kVictimNode);
  EXPECT_TRUE(registry_->has_ended());
  EXPECT_TRUE(registry_->free_ended().empty());
  EXPECT_EQ(publisher_->read(slot).mode, TL_MODE_LEARN);
  tags_.clear();
  tasks_.push_back({});
  tasks_.back().slot = slot;
  EXPECT_TRUE(registry_->free_ended().empty()) << "it is found by its pid";
  tasks_.clear();
  EXPECT_EQ(registry_->free_ended(), std::vector<uint32_t>{slot});
  EXPECT_EQ(publisher_->read(slot).mode, TL_MODE_OFF);
  EXPECT_FALSE(registry_->has_ended());
}

}  // namespace
}  // namespace treeline::store
