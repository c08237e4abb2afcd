// SPDX-License-Identifier: Apache-2.0
#include "enforcer/store/arena.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "bpf/lsm/abi.h"

namespace treeline::store {
namespace {

TEST(Arena, AddressZeroIsNeverGivenOut) {
  ArenaSpace space(2);
  Result<uint32_t> base = space.take(64);
  ASSERT_TRUE(base);
  EXPECT_GE(*base, TL_IMAGE_ALIGN);
}

TEST(Arena, SmallOnesShareAnElementAndNoneCrossesABorder) {
  ArenaSpace space(2);
  const uint32_t third = TL_ELEMENT / 3;
  uint32_t a = *space.take(third), b = *space.take(third), c = *space.take(third);
  EXPECT_EQ(a >> TL_ELEMENT_SHIFT, 0u);
  EXPECT_EQ(b >> TL_ELEMENT_SHIFT, 0u);
  EXPECT_EQ(c >> TL_ELEMENT_SHIFT, 1u);  // would have crossed
}

TEST(Arena, ALargeOneStartsAtAnElementAndOwnsItsLast) {
  ArenaSpace space(4);
  ASSERT_TRUE(space.take(64));
  Result<uint32_t> large = space.take(TL_ELEMENT + 64);
  ASSERT_TRUE(large);
  EXPECT_EQ(*large, TL_ELEMENT);
  Result<uint32_t> small = space.take(TL_ELEMENT);
  ASSERT_TRUE(small);
  EXPECT_EQ(*small, 3 * TL_ELEMENT);
}

TEST(Arena, FullSaysSoAndWhatToSet) {
  ArenaSpace space(2);
  Result<uint32_t> none = space.take(2 * TL_ELEMENT);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ENOSPC);
  EXPECT_THAT(none.error().message, testing::HasSubstr("arena_mib"));
  EXPECT_FALSE(space.take(0));
}

TEST(Arena, WhatIsGivenBackIsUsedAgain) {
  ArenaSpace space(1);
  uint32_t base = *space.take(TL_ELEMENT - 64);
  EXPECT_FALSE(space.take(64));
  space.give_back(base);
  EXPECT_EQ(space.used(), 0u);
  EXPECT_TRUE(space.take(TL_ELEMENT - 64));
}

TEST(Arena, TakingOverRefusesOverlapMisalignmentAndOutside) {
  ArenaSpace space(2);
  EXPECT_TRUE(space.take_at(64, 4096));
  EXPECT_FALSE(space.take_at(4096, 64));                      // inside the first
  EXPECT_FALSE(space.take_at(0, 64));
  EXPECT_FALSE(space.take_at(8192 + 1, 64));
  EXPECT_FALSE(space.take_at(TL_ELEMENT - 64, 128));          // crosses
  EXPECT_FALSE(space.take_at(TL_ELEMENT + 64, TL_ELEMENT + 64));
  EXPECT_FALSE(space.take_at(TL_ELEMENT, 2 * TL_ELEMENT));    // outside
  EXPECT_TRUE(space.take_at(TL_ELEMENT, TL_ELEMENT));
}

TEST(Arena, RandomUseNeverOverlaps) {
  std::mt19937 random(3);
  ArenaSpace space(8);
  std::map<uint32_t, uint32_t> held;
  for (int step = 0; step < 20000; ++step) {
    if (random() % 3 && !held.empty()) {
      auto it = std::next(held.begin(), static_cast<long>(random() % held.size()));
      space.give_back(it->first);
      held.erase(it);
      continue;
    }
    const uint32_t size = random() % 10 ? 64 + static_cast<uint32_t>(random() % 400000) : TL_ELEMENT + static_cast<uint32_t>(random() % (2 * TL_ELEMENT));
    Result<uint32_t> base = space.take(size);
    if (!base) continue;
    ASSERT_EQ(*base % TL_IMAGE_ALIGN, 0u);
    ASSERT_LE(uint64_t{*base} + size, space.total());
    for (auto [other, length] : held) ASSERT_TRUE(*base + size <= other || other + length <= *base);
    held[*base] = size;
  }
}

}  // namespace
}  // namespace treeline::store
