// SPDX-License-Identifier: Apache-2.0
//
// Tables that were lost: what is in force keeps its slot, and no policy is published a second time beside it.
#include "registry_fixture.h"

namespace treeline::store {
namespace {
using testing::IsEmpty;
using testing::SizeIs;

class LostTables : public RegistryTest {
 protected:
  std::vector<std::string> restart() {
    start();
    std::vector<std::string> complaints;
    EXPECT_TRUE(registry_->restore(complaints));
    return complaints;
  }
  void lose_table() { std::filesystem::remove(root_ + "/slots.json"); }
  [[nodiscard]] size_t slots_in_force() const {
    size_t count = 0;
    for (uint32_t slot = 0; slot < TL_SLOTS; ++slot) count += publisher_->read(slot).mode != TL_MODE_OFF;
    return count;
  }
};

TEST_F(LostTables, ASlotIsKnownByItsImage) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const uint32_t slot = registry_->find("web")->slot;
  const uint64_t before = slots_[slot].published;
  lose_table();
  EXPECT_THAT(restart(), IsEmpty());
  ASSERT_NE(registry_->find("web"), nullptr);
  EXPECT_EQ(registry_->find("web")->slot, slot);
  EXPECT_EQ(slots_[slot].published, before);
  EXPECT_THAT(registry_->unmanaged(), IsEmpty());
}

TEST_F(LostTables, AnotherImageOfTheSameProfileIsLeftAndNothingIsPublishedBesideIt) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const uint32_t slot = registry_->find("web")->slot;
  const tl_slot before = slots_[slot];
  ASSERT_TRUE(load(0, "/b"));
  slots_[slot] = before;
  lose_table();
  EXPECT_THAT(restart(), SizeIs(2));
  EXPECT_EQ(registry_->find("web"), nullptr);
  ASSERT_THAT(registry_->unmanaged(), SizeIs(1));
  EXPECT_EQ(registry_->unmanaged()[0].slot, slot);
  EXPECT_EQ(registry_->unmanaged()[0].mode, TL_MODE_ENFORCE);
  EXPECT_EQ(slots_in_force(), 1u);
}

TEST_F(LostTables, TwoNamesOfOneBundleAreNotGuessed) {
  for (const char* name : {"one", "two"}) {
    Change change;
    change.name = name;
    ASSERT_TRUE(registry_->load(bundle_for("/a"), change));
  }
  lose_table();
  EXPECT_THAT(restart(), SizeIs(4));
  EXPECT_THAT(registry_->unmanaged(), SizeIs(2));
  EXPECT_EQ(slots_in_force(), 2u);
}

TEST_F(LostTables, WhatCannotBeReadKeepsItsNameForTheNextStart) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const uint32_t slot = registry_->find("web")->slot;
  const std::string state = root_ + "/kept/web/state.json";
  std::filesystem::rename(state, state + ".aside");
  std::ofstream(state) << "{";
  EXPECT_FALSE(restart().empty());
  ASSERT_THAT(registry_->unmanaged(), SizeIs(1));
  EXPECT_EQ(registry_->unmanaged()[0].name, "web");
  std::filesystem::rename(state + ".aside", state);
  EXPECT_THAT(restart(), IsEmpty());
  ASSERT_NE(registry_->find("web"), nullptr);
  EXPECT_EQ(registry_->find("web")->slot, slot);
  EXPECT_THAT(registry_->unmanaged(), IsEmpty());
}

TEST_F(RegistryTest, UnloadRemovesWhatADyingDaemonHadBegunToo) {
  ASSERT_TRUE(load(0));
  std::filesystem::create_directories(root_ + "/kept/web/bundle-2.x1y2z3");
  std::ofstream(root_ + "/kept/web/bundle-2.x1y2z3/policy.img") << "half";
  Result<void> unloaded = registry_->unload("web");
  ASSERT_TRUE(unloaded) << unloaded.error().message;
  EXPECT_FALSE(std::filesystem::exists(root_ + "/kept/web"));
}

}  // namespace
}  // namespace treeline::store
