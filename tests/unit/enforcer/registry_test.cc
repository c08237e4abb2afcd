// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "registry_fixture.h"

namespace treeline::store {
namespace {
using testing::HasSubstr;

TEST_F(RegistryTest, ANewNameStartsInMonitorAndItsImageIsInTheArena) {
  Result<Policy*> policy = load(0);
  ASSERT_TRUE(policy) << policy.error().message;
  Published now = publisher_->read((*policy)->slot);
  EXPECT_EQ(now.mode, TL_MODE_MONITOR);
  EXPECT_EQ(now.generation, 1u);
  EXPECT_NE((*policy)->slot, 0u);
  Result<std::string_view> image = publisher_->image_at(now.base);
  ASSERT_TRUE(image);
  EXPECT_EQ(*image, canary::build_image("/a"));
  EXPECT_EQ((*policy)->node_path(kVictimNode), "entry > /a");
  EXPECT_EQ((*policy)->nearest_rule(kVictimNode, "/var/lib/x"), nullptr);
  ASSERT_NE((*policy)->nearest_rule(kVictimNode, "/etc/nginx/secret"), nullptr);
  EXPECT_EQ((*policy)->nearest_rule(kVictimNode, "/etc/nginx/secret")->position.line, 7u);
}

TEST_F(RegistryTest, EnforceIsRefusedWhereItIsNotProvenAndNothingChanges) {
  why_not_ = Error{"the canary lives", ENOTSUP};
  Result<Policy*> policy = load(TL_MODE_ENFORCE);
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code, ENOTSUP);
  EXPECT_EQ(registry_->find("web"), nullptr);
  EXPECT_EQ(publisher_->space().used(), 0u);
  ASSERT_TRUE(load(TL_MODE_MONITOR));
  Change change;
  change.name = "web";
  change.mode = TL_MODE_ENFORCE;
  EXPECT_FALSE(registry_->set_mode(change));
  EXPECT_EQ(publisher_->read(registry_->find("web")->slot).mode, TL_MODE_MONITOR);
}

TEST_F(RegistryTest, ASwapCountsUpAndARollbackGoesBackToTheBytesBefore) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  ASSERT_TRUE(load(0, "/b"));
  Policy* policy = registry_->find("web");
  EXPECT_EQ(publisher_->read(policy->slot).generation, 2u);
  EXPECT_EQ(publisher_->read(policy->slot).mode, TL_MODE_ENFORCE);  // a load does not weaken
  Change change;
  change.name = "web";
  ASSERT_TRUE(registry_->rollback(change));
  Published now = publisher_->read(policy->slot);
  EXPECT_EQ(now.generation, 3u);
  EXPECT_EQ(*publisher_->image_at(now.base), canary::build_image("/a"));
  EXPECT_EQ(policy->node_path(kVictimNode), "entry > /a");
  ASSERT_TRUE(registry_->rollback(change));  // and forth again
  EXPECT_EQ(*publisher_->image_at(publisher_->read(policy->slot).base), canary::build_image("/b"));
}

TEST_F(RegistryTest, SpaceIsReusedOnlyAfterAGracePeriod) {
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(load(0, i % 2 ? "/a" : "/b")) << i;
  EXPECT_GE(graces_, 38);
  EXPECT_LT(publisher_->space().used(), 3 * (canary::build_image("/a").size() + 64));
}

TEST_F(RegistryTest, ATaskThatWouldLoseItsPlaceStopsTheChangeUnlessToldWhatToDo) {
  ASSERT_TRUE(load(TL_MODE_MONITOR));
  const uint32_t slot = registry_->find("web")->slot;
  put_task(slot, kVictimNode);
  put_task(slot + 1, 0x77);  // another policy's
  EXPECT_TRUE(load(TL_MODE_MONITOR, "/b"));
  put_task(slot, 0x55);
  Result<Policy*> refused = load(TL_MODE_MONITOR, "/c");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EBUSY);
  EXPECT_THAT(refused.error().message, HasSubstr("1 task on 0x0000000000000055"));
  ASSERT_TRUE(load(TL_MODE_MONITOR, "/c", Orphans::kKill));
  EXPECT_TRUE(publisher_->read(slot).flags & TL_SLOT_ORPHANS_KILL);
}

TEST_F(RegistryTest, TasksOutsideTheTreeStopAPromotion) {
  ASSERT_TRUE(load(TL_MODE_MONITOR));
  put_task(registry_->find("web")->slot, TL_KEY_OUTSIDE);
  Change change;
  change.name = "web";
  change.mode = TL_MODE_ENFORCE;
  Result<Policy*> refused = registry_->set_mode(change);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("outside the tree"));
  change.orphans = Orphans::kDeny;
  EXPECT_TRUE(registry_->set_mode(change));
}

TEST_F(RegistryTest, UnloadRefusesWhileBoundAndThenLeavesNothing) {
  ASSERT_TRUE(load(0));
  const uint32_t slot = registry_->find("web")->slot;
  bound_ = 2;
  EXPECT_FALSE(registry_->unload("web"));
  bound_ = 0;
  ASSERT_TRUE(registry_->unload("web"));
  EXPECT_EQ(publisher_->read(slot).mode, TL_MODE_OFF);
  EXPECT_EQ(publisher_->space().used(), 0u);
  EXPECT_TRUE(kept_->names()->empty());
  EXPECT_FALSE(std::filesystem::exists(root_ + "/kept/web"));
}

TEST_F(RegistryTest, ASlotIsToldOfWhenItHasANewOwnerAndNotOtherwise) {
  Result<Policy*> policy = load(TL_MODE_MONITOR);
  ASSERT_TRUE(policy) << policy.error().message;
  const uint32_t first = (*policy)->slot;
  EXPECT_EQ(given_, std::vector<uint32_t>{first});
  ASSERT_TRUE(load(TL_MODE_MONITOR, "/b"));
  EXPECT_EQ(given_.size(), 1u) << "a swap";
  ASSERT_TRUE(registry_->unload("web"));
  policy = load(TL_MODE_MONITOR);
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(given_, (std::vector<uint32_t>{first, (*policy)->slot}));
}

TEST_F(RegistryTest, AFreedSlotIsNotGivenToAnotherPolicyWhileATaskStillNamesIt) {
  ASSERT_TRUE(load(0));
  const uint32_t first = registry_->find("web")->slot;
  put_task(first, kVictimNode);
  ASSERT_TRUE(registry_->unload("web"));
  // All slots have been used; tasks that are left name all but three, and the canary's, which is the last.
  for (uint32_t slot = 1; slot < TL_SLOTS; ++slot) {
    slots_[slot].published = TL_PUBLISH(1, TL_MODE_OFF, 0, 0);
    if (slot != first && slot != 7 && slot != 400 && slot < TL_SLOTS - 2u) put_task(slot, kVictimNode);
  }
  std::set<uint32_t> given;
  for (const char* name : {"a", "b", "c"}) {
    Result<Policy*> learning = registry_->start_learning(name);
    ASSERT_TRUE(learning) << learning.error().message;
    given.insert((*learning)->slot);
  }
  EXPECT_EQ(given, (std::set<uint32_t>{7, 400, TL_SLOTS - 2u}));
  EXPECT_FALSE(registry_->start_learning("one-too-many"));
}

TEST_F(RegistryTest, ARestartTakesOverWhatIsPublishedAndChangesNothing) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  ASSERT_TRUE(load(0, "/b"));
  const uint32_t slot = registry_->find("web")->slot;
  const uint64_t before = slots_[slot].published;
  start();
  std::vector<std::string> complaints;
  ASSERT_TRUE(registry_->restore(complaints));
  EXPECT_TRUE(complaints.empty()) << complaints[0];
  EXPECT_EQ(slots_[slot].published, before);
  Policy* policy = registry_->find("web");
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(policy->slot, slot);
  Change change;
  change.name = "web";
  ASSERT_TRUE(registry_->rollback(change));  // the image before is placed again, from disk
  EXPECT_EQ(*publisher_->image_at(policy->base), canary::build_image("/a"));
}

TEST_F(RegistryTest, AChangeThatWasWrittenButNotPublishedIsFinishedByARestart) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const uint32_t slot = registry_->find("web")->slot;
  const tl_slot before = slots_[slot];
  ASSERT_TRUE(load(0, "/b"));
  slots_[slot] = before;  // as if the daemon had died in between
  start();
  std::vector<std::string> complaints;
  ASSERT_TRUE(registry_->restore(complaints));
  EXPECT_TRUE(complaints.empty()) << complaints[0];
  const Published now = publisher_->read(slot);
  EXPECT_EQ(now.generation, 2u);
  EXPECT_EQ(now.mode, TL_MODE_ENFORCE);
  EXPECT_EQ(*publisher_->image_at(now.base), canary::build_image("/b"));
  EXPECT_EQ(registry_->find("web")->node_path(kVictimNode), "entry > /b");
}

TEST_F(RegistryTest, AChangeThatCannotBeWrittenChangesNothing) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const uint32_t slot = registry_->find("web")->slot;
  const auto used = publisher_->space().used();
  const uint64_t before = slots_[slot].published;
  std::filesystem::remove(root_ + "/kept/web/state.json");
  std::filesystem::create_directories(root_ + "/kept/web/state.json/in-the-way");
  EXPECT_FALSE(load(0, "/b"));
  EXPECT_EQ(slots_[slot].published, before);
  EXPECT_EQ(publisher_->space().used(), used);
  EXPECT_EQ(registry_->find("web")->node_path(kVictimNode), "entry > /a");
  Change change;
  change.name = "web";
  change.on_violation = Violation::kKill;
  EXPECT_FALSE(registry_->set_mode(change));
  EXPECT_EQ(slots_[slot].published, before);
}

TEST_F(RegistryTest, WhatOnlyWeakensIsInForceAlsoWhereItCannotBeWritten) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const uint32_t slot = registry_->find("web")->slot;
  Change change;
  change.name = "web";
  change.mode = TL_MODE_MONITOR;
  {
    const FullDisk full;
    ASSERT_TRUE(registry_->set_mode(change));
  }
  EXPECT_EQ(publisher_->read(slot).mode, TL_MODE_MONITOR);
  EXPECT_FALSE(registry_->find("web")->unsaved.empty());
  EXPECT_EQ(kept_->read("web")->mode, TL_MODE_ENFORCE);
  change.mode = TL_MODE_ENFORCE;
  {
    const FullDisk full;
    EXPECT_FALSE(registry_->set_mode(change));
  }
  EXPECT_EQ(publisher_->read(slot).mode, TL_MODE_MONITOR);
  registry_->write_again();
  EXPECT_TRUE(registry_->find("web")->unsaved.empty());
  EXPECT_EQ(kept_->read("web")->mode, TL_MODE_MONITOR);
}

TEST_F(RegistryTest, AnUnloadThatCannotBeWrittenChangesNothing) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const uint32_t slot = registry_->find("web")->slot;
  const uint64_t before = slots_[slot].published;
  std::filesystem::remove(root_ + "/kept/web/state.json");
  std::filesystem::create_directories(root_ + "/kept/web/state.json/in-the-way");
  EXPECT_FALSE(registry_->unload("web"));
  EXPECT_EQ(slots_[slot].published, before);
  EXPECT_NE(registry_->find("web"), nullptr);
}

TEST_F(RegistryTest, ARestartPlacesNothingOverWhatIsPublishedEvenBeforeItIsRestored) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const Published now = publisher_->read(registry_->find("web")->slot);
  start();  // the canary's image is placed before the registry is restored
  Result<uint32_t> other = publisher_->place(canary::build_image("/canary"));
  ASSERT_TRUE(other);
  EXPECT_NE(*other, now.base);
  EXPECT_EQ(*publisher_->image_at(now.base), canary::build_image("/a"));
}

TEST_F(RegistryTest, APublishedImageThatCannotBeReadIsWalledOff) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const uint32_t base = publisher_->read(registry_->find("web")->slot).base;
  arena_[base] = std::byte{0};
  start();
  Result<uint32_t> other = publisher_->place(canary::build_image("/canary"));
  EXPECT_FALSE(other && *other >= base);
}

TEST_F(RegistryTest, AfterARebootThePolicyIsPublishedFromDiskWithALaterGeneration) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  std::fill(slots_.begin(), slots_.end(), tl_slot{});
  std::fill(arena_.begin(), arena_.end(), std::byte{0});
  std::filesystem::remove(root_ + "/slots.json");
  start();
  std::vector<std::string> complaints;
  ASSERT_TRUE(registry_->restore(complaints));
  Policy* policy = registry_->find("web");
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(publisher_->read(policy->slot).mode, TL_MODE_ENFORCE);
  EXPECT_EQ(policy->state.generation, 2u);
}

TEST_F(RegistryTest, DamagedFilesAreComplaintsAndLeaveWhatIsPublishedInForce) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const uint32_t slot = registry_->find("web")->slot;
  const uint64_t before = slots_[slot].published;
  for (const char* content : {"", "{", "{\"schema\":1,\"mode\":\"enforce\",\"bundle\":-4}", "{\"schema\":1,\"mode\":9}", "[[[["}) {
    { std::ofstream(root_ + "/kept/web/state.json") << content; }
    start();
    std::vector<std::string> complaints;
    ASSERT_TRUE(registry_->restore(complaints)) << content;
    EXPECT_FALSE(complaints.empty()) << content;
    EXPECT_EQ(slots_[slot].published, before) << content;
  }
}

TEST(Publisher, GenerationsWrapWithinTheirBitsAndAreNeverZero) {
  EXPECT_EQ(next_generation(0), 1u);
  EXPECT_EQ(next_generation(0x0fffffff), 1u);
  EXPECT_EQ(TL_PUBLISHED_GENERATION(TL_PUBLISH(0x0fffffffull, 3, 1, 64)), 0x0fffffffu);
}

TEST(PolicyNames, OnlyTheStated) {
  for (const char* good : {"a", "nginx", "web-1.2_x", "0"}) EXPECT_TRUE(valid_policy_name(good)) << good;
  for (const char* bad : {"", ".", "..", ".x", "-x", "A", "a/b", "a b", "a\n", "\xc3\xbc"}) EXPECT_FALSE(valid_policy_name(bad)) << bad;
  EXPECT_FALSE(valid_policy_name(std::string(64, 'a')));
}

}  // namespace
}  // namespace treeline::store
