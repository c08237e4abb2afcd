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

TEST_F(LostTables, ATableThatCannotBeReadIsNotAnEmptyOne) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  lose_table();
  std::filesystem::create_directory(root_ + "/slots.json");  // EISDIR
  start();
  std::vector<std::string> complaints;
  EXPECT_FALSE(registry_->restore(complaints));
  EXPECT_EQ(slots_in_force(), 1u);
}

class AfterABoot : public LostTables {
 protected:
  std::vector<std::string> boot() {
    std::fill(slots_.begin(), slots_.end(), tl_slot{});
    return restart();
  }
};

TEST_F(AfterABoot, WhatOfTheStoreDoesNotComeIntoForceIsKnownUntilItIsLoadedAgain) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const std::string image = root_ + "/kept/web/bundle-1/policy.img";
  std::filesystem::remove(image);
  EXPECT_THAT(boot(), SizeIs(1));
  EXPECT_EQ(registry_->find("web"), nullptr);
  ASSERT_TRUE(registry_->not_in_force().contains("web"));
  EXPECT_EQ(registry_->not_in_force().at("web").mode, TL_MODE_ENFORCE);
  EXPECT_THAT(registry_->not_in_force().at("web").why, testing::HasSubstr("'policy.img' is missing"));
  EXPECT_EQ(registry_->mode_of("web"), TL_MODE_ENFORCE);
  EXPECT_EQ(registry_->mode_of("another"), TL_MODE_MONITOR);

  Result<Policy*> again = load(0, "/b");  // without a word about its mode
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->state.mode, TL_MODE_ENFORCE) << "as it was, not as a new one";
  EXPECT_THAT(registry_->not_in_force(), IsEmpty());
}

TEST_F(AfterABoot, WhatDoesNotComeIntoForceCanBeUnloaded) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  std::filesystem::remove(root_ + "/kept/web/bundle-1/policy.img");
  boot();
  ASSERT_TRUE(registry_->unload("web"));
  EXPECT_THAT(registry_->not_in_force(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(root_ + "/kept/web"));
  EXPECT_FALSE(registry_->unload("web"));
}

TEST_F(AfterABoot, NoGenerationIsPublishedTwice) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  {
    FullDisk full;
    std::fill(slots_.begin(), slots_.end(), tl_slot{});
    start();
    std::vector<std::string> complaints;
    ASSERT_TRUE(registry_->restore(complaints));  // in force under a generation that the disk does not know
  }
  const uint32_t published = publisher_->read(registry_->find("web")->slot).generation;
  restart();
  EXPECT_GT(publisher_->read(registry_->find("web")->slot).generation, published);
  EXPECT_THAT(restart(), IsEmpty()) << "now the disk knows it";
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

TEST_F(LostTables, ALoadTakesThePlaceOfWhatIsInForceUnderItsName) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  const uint32_t slot = registry_->find("web")->slot, generation = registry_->find("web")->state.generation;
  for (const bool known : {true, false}) {  // the bundle is damaged; then its state as well
    std::filesystem::remove(root_ + "/kept/web/bundle-" + std::to_string(registry_->find("web")->state.current) + "/policy.img");
    if (!known) std::ofstream(root_ + "/kept/web/state.json") << "{";
    EXPECT_FALSE(restart().empty());
    ASSERT_EQ(registry_->find("web"), nullptr);
    ASSERT_TRUE(registry_->unmanaged("web"));
    put_task(slot, 0x55);
    EXPECT_FALSE(load(0, "/b")) << "a task would lose its place";
    tags_.clear();
    Result<Policy*> loaded = load(0, "/b");
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ((*loaded)->slot, slot) << "what is bound there meets the new policy";
    EXPECT_EQ((*loaded)->mode, TL_MODE_ENFORCE);
    EXPECT_GT((*loaded)->state.generation, generation);
    EXPECT_THAT(registry_->unmanaged(), IsEmpty());
    EXPECT_EQ(slots_in_force(), 1u);
    EXPECT_THAT(restart(), IsEmpty());
    EXPECT_EQ(registry_->find("web")->slot, slot);
  }
}

TEST_F(LostTables, NothingIsLoadedBesideASlotThatMayBeIts) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  std::filesystem::remove(root_ + "/kept/web/bundle-1/policy.img");
  lose_table();
  EXPECT_FALSE(restart().empty());
  Result<Policy*> loaded = load(0, "/b");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, EBUSY);
  EXPECT_EQ(slots_in_force(), 1u);
}

TEST_F(LostTables, OfTwoSlotsUnderOneNameOneIsManaged) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE, "/a"));
  Change change;
  change.name = "other";
  ASSERT_TRUE(registry_->load(bundle_for("/b"), change));
  std::ofstream(root_ + "/slots.json") << R"({"slots":[{"slot":1,"name":"web"},{"slot":2,"name":"web"}]})";
  EXPECT_FALSE(restart().empty());
  ASSERT_NE(registry_->find("web"), nullptr);
  EXPECT_EQ(registry_->find("web")->slot, 1u);
  ASSERT_THAT(registry_->unmanaged(), SizeIs(1));
  EXPECT_EQ(registry_->unmanaged()[0].slot, 2u);
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

// Its bytes are written and renamed, and the directory cannot be flushed: the answer is no, so the next start must not put it in force.
TEST_F(RegistryTest, AStateThatIsRefusedForItsFlushIsNotThereAtTheNextStart) {
  ASSERT_TRUE(load(TL_MODE_ENFORCE));
  PolicyState refused = *kept_->read("web"), fresh = refused;
  refused.mode = TL_MODE_MONITOR;
  fresh.name = "fresh";
  std::filesystem::create_directory(root_ + "/kept/fresh");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = dup(0);
  close(next);
  const rlimit one_more{static_cast<rlim_t>(next) + 1, before.rlim_max};  // for the file, and none for its directory
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &one_more), 0);
  const Result<void> written = kept_->write(refused), first = kept_->write(fresh);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, testing::HasSubstr("cannot open " + root_ + "/kept/web"));
  EXPECT_EQ(kept_->read("web")->mode, TL_MODE_ENFORCE);
  EXPECT_FALSE(first);
  EXPECT_FALSE(std::filesystem::exists(root_ + "/kept/fresh/state.json"));
}

TEST_F(RegistryTest, ALoadRemovesWhatADyingDaemonHadBegun) {
  ASSERT_TRUE(load(0));
  const std::string begun = root_ + "/kept/web/bundle-2.x1y2z3", file = root_ + "/kept/web/state.json.x1y2z3";
  std::filesystem::create_directories(begun);
  std::ofstream(begun + "/policy.img") << "half";
  std::ofstream(file) << "{";
  ASSERT_TRUE(load(0, "/b"));
  EXPECT_FALSE(std::filesystem::exists(begun));
  EXPECT_FALSE(std::filesystem::exists(file));
  Change back;
  back.name = "web";
  EXPECT_TRUE(registry_->rollback(back)) << "the bundle before is there";
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
