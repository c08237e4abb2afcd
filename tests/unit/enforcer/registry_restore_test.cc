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

// A disk that is full at a boot must not make a policy one that refuses all.
TEST_F(LostTables, AfterARebootWithAFullDiskThePolicyIsInForceAllTheSame) {
  ASSERT_TRUE(load(TL_MODE_MONITOR, "/a"));
  std::fill(slots_.begin(), slots_.end(), tl_slot{});
  std::fill(arena_.begin(), arena_.end(), std::byte{0});
  lose_table();
  std::vector<std::string> complaints;
  {
    const FullDisk full;
    complaints = restart();
  }
  EXPECT_THAT(complaints, SizeIs(2));  // the state, the table
  Policy* policy = registry_->find("web");
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(publisher_->read(policy->slot).mode, TL_MODE_MONITOR);
  EXPECT_FALSE(policy->unsaved.empty());
  registry_->write_again();
  EXPECT_THAT(restart(), IsEmpty());
  EXPECT_EQ(slots_in_force(), 1u);
}

TEST_F(LostTables, ATableThatIsRightIsNotWrittenAgain) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const FullDisk full;
  EXPECT_THAT(restart(), IsEmpty());
  EXPECT_NE(registry_->find("web"), nullptr);
}

TEST_F(LostTables, AStoreThatCannotBeReadIsAComplaint) {
  std::filesystem::remove_all(root_ + "/kept");
  std::ofstream(root_ + "/kept") << "";
  kept_ = std::make_unique<PolicyStore>(root_ + "/kept");
  Result<std::vector<std::string>> names = kept_->names();
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, ENOTDIR);
}

TEST_F(LostTables, AnUnloadThatWasInterruptedIsFinished) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  std::filesystem::remove(root_ + "/kept/web/state.json");
  bound_ = 1;  // then it was no unload, but a damaged disk
  EXPECT_THAT(restart(), SizeIs(1));
  EXPECT_EQ(slots_in_force(), 1u);
  bound_ = 0;
  EXPECT_THAT(restart(), IsEmpty());
  EXPECT_EQ(slots_in_force(), 0u);
  EXPECT_EQ(publisher_->space().used(), 0u);
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
