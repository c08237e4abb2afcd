// SPDX-License-Identifier: Apache-2.0
//
// Which refusals are told: tell.h on counters in memory, as the hooks have it on those in maps.
#include "bpf/lsm/tell.h"

#include <gtest/gtest.h>

#include <map>

namespace treeline {
namespace {

constexpr uint64_t kSecond = 1'000'000'000, kStart = 3600 * kSecond;

// The hooks' part: one policy, objects by number, a share that a test can make small.
struct Hooks {
  std::map<int, tl_denial> kinds;
  std::map<std::pair<int, int>, tl_denial> behaviours;
  std::map<uint32_t, tl_bucket> buckets;
  size_t share = TL_DENIALS_SHARE;
  uint64_t now = kStart, told_from = 0, told = 0;

  bool refuse(uint32_t container, int kind, int object, bool urgent = false, bool monitor = false) {
    tl_denial& k = kinds[kind];
    const uint64_t together = tl_count(&k, monitor, now);
    const bool known = behaviours.contains({kind, object});
    tl_denial* d = known || behaviours.size() < share ? &behaviours[{kind, object}] : nullptr;
    const uint64_t count = d ? tl_count(d, monitor, now) : 0;
    const bool is_told = tl_tell(&k, together, d, count, &buckets[container], now, container, told_from, urgent) != 0;
    told += is_told;
    return is_told;
  }
};

TEST(Tell, ARepeatIsToldAtPowersOfTwo) {
  Hooks hooks;
  for (int i = 1; i <= 1000; ++i) EXPECT_EQ(hooks.refuse(1, 0, 0), (i & (i - 1)) == 0) << i;
  EXPECT_EQ(hooks.kinds[0].count, 1000u);
  EXPECT_EQ(hooks.buckets[1].not_shown, 0u);
}

TEST(Tell, ARepeatIsToldAgainAfterTenMinutesForAnotherContainerAndAfterAChange) {
  Hooks hooks;
  for (int i = 0; i < 5; ++i) hooks.refuse(1, 0, 0);
  hooks.now += TL_TELL_OTHER_NS;
  EXPECT_FALSE(hooks.refuse(1, 0, 0));
  EXPECT_TRUE(hooks.refuse(2, 0, 0));
  for (int i = 0; i < 2; ++i) hooks.refuse(2, 0, 0);
  EXPECT_FALSE(hooks.refuse(2, 0, 0));
  hooks.now += TL_TELL_AGAIN_NS;
  EXPECT_TRUE(hooks.refuse(2, 0, 0));
  EXPECT_FALSE(hooks.refuse(2, 0, 0));
  hooks.told_from = hooks.now;
  EXPECT_TRUE(hooks.refuse(2, 0, 0));
}

TEST(Tell, StoppedAndInMonitorAreCountedApart) {
  Hooks hooks;
  hooks.refuse(1, 0, 0);
  for (int i = 0; i < 3; ++i) hooks.refuse(1, 0, 0, false, true);
  EXPECT_EQ(hooks.kinds[0].count, 1u);
  EXPECT_EQ(hooks.kinds[0].would, 3u);
  EXPECT_EQ(hooks.kinds[0].first, kStart);
}

TEST(Tell, AFloodOfNamesCostsABurstAndThenARate) {
  Hooks hooks;
  constexpr int kNames = 3000, kLatePowers = 3;  // 512, 1,024, 2,048: told because their kind is due, and owed; those before found the bucket full
  for (int i = 0; i < kNames; ++i) hooks.refuse(1, 0, i);
  EXPECT_EQ(hooks.told, TL_TELL_BURST + kLatePowers);
  EXPECT_EQ(hooks.told + hooks.buckets[1].not_shown, uint64_t{kNames});
  EXPECT_EQ(hooks.kinds[0].count, uint64_t{kNames});
  const uint64_t before = hooks.told;
  for (int i = 0; i < 1000; ++i) {
    hooks.now += kSecond / 1000;
    hooks.refuse(1, 0, kNames + i);
  }
  EXPECT_NEAR(static_cast<double>(hooks.told - before), 64 - kLatePowers, 2);
}

TEST(Tell, TheBucketFillsInABurstsTimeAndNoFurther) {
  tl_bucket bucket{};
  for (int round = 0; round < 2; ++round) {
    uint64_t taken = 0;
    while (tl_take(&bucket, kStart + static_cast<uint64_t>(round) * TL_TELL_AGAIN_NS, 0)) ++taken;
    EXPECT_EQ(taken, uint64_t{TL_TELL_BURST});
  }
  EXPECT_EQ(tl_take(&bucket, kStart + TL_TELL_AGAIN_NS + TL_TELL_EACH_NS - 1, 0), 0u);
  EXPECT_EQ(tl_take(&bucket, kStart + TL_TELL_AGAIN_NS + TL_TELL_EACH_NS, 0), 1u);
  EXPECT_EQ(tl_take(&bucket, kStart + TL_TELL_AGAIN_NS + TL_TELL_EACH_NS, 0), 0u);
}

TEST(Tell, SoonAfterTheBootABucketHoldsWhatHasComeSince) {
  tl_bucket bucket{};
  uint64_t taken = 0;
  while (tl_take(&bucket, kSecond, 0)) ++taken;
  EXPECT_EQ(taken, kSecond / TL_TELL_EACH_NS);
}

TEST(Tell, AnotherContainersAndAnotherKindsFirstAreTold) {
  Hooks hooks;
  for (int i = 0; i < 3000; ++i) hooks.refuse(1, 0, i);
  EXPECT_TRUE(hooks.refuse(2, 0, 10'000)) << "another container, the same kind";
  EXPECT_TRUE(hooks.refuse(1, 1, 0)) << "the same container, another kind";
}

TEST(Tell, WhatWasNotShownIsToldWhenItComesAgain) {
  Hooks hooks;
  for (int i = 0; i < 3000; ++i) hooks.refuse(1, 0, i);
  for (int i = 0; i < 3; ++i) ASSERT_FALSE(hooks.refuse(1, 0, 2999));
  constexpr uint64_t kOwed = 3;  // 512, 1,024, 2,048 of the kind
  hooks.now += (kOwed + 1) * TL_TELL_EACH_NS;
  EXPECT_TRUE(hooks.refuse(1, 0, 2999)) << "the fifth";
  EXPECT_FALSE(hooks.refuse(1, 0, 2999));
}

TEST(Tell, WithoutRoomTheBucketAloneBoundsAndEachContainerHasItsOwn) {
  Hooks hooks;
  hooks.share = 10;
  for (int i = 1; i <= 1024; ++i) hooks.refuse(1, 0, i);
  EXPECT_EQ(hooks.told, TL_TELL_BURST + 2u) << "512 and 1,024 of the kind";
  EXPECT_EQ(hooks.kinds[0].count, 1024u);
  EXPECT_EQ(hooks.buckets[1].not_shown, 1024u - hooks.told);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(hooks.refuse(2, 0, 5000 + i)) << "another container's";
  EXPECT_EQ(hooks.buckets[2].not_shown, 0u);
}

TEST(Tell, WithoutAnyCounterTheBucketBounds) {
  tl_bucket bucket{};
  uint64_t told = 0;
  for (int i = 0; i < 1000; ++i) told += tl_tell(nullptr, 0, nullptr, 0, &bucket, kStart, 1, 0, 0);
  EXPECT_EQ(told, uint64_t{TL_TELL_BURST});
  EXPECT_EQ(bucket.not_shown, 1000 - told);
  EXPECT_EQ(tl_tell(nullptr, 0, nullptr, 0, nullptr, kStart, 1, 0, 0), 0u);
}

// A task is preempted between its look at the clock and the counters: another one has told it since.
TEST(Tell, WhatAnotherProcessorToldLaterIsNoOldNews) {
  Hooks hooks;
  for (int i = 0; i < 5; ++i) hooks.refuse(1, 0, 0);
  hooks.now += kSecond;
  hooks.refuse(1, 0, 1);
  --hooks.now;
  EXPECT_FALSE(hooks.refuse(1, 0, 0)) << "the sixth, told at the fourth";
  for (int i = 0; i < 300; ++i) hooks.refuse(1, 0, 10 + i);
  const uint64_t told = hooks.told;
  --hooks.now;
  for (int i = 0; i < 100; ++i) hooks.refuse(1, 0, 1000 + i);
  EXPECT_EQ(hooks.told, told) << "the bucket is empty, and its kind is not due";
}

TEST(Tell, LongEventsCostMore) {
  tl_bucket bucket{};
  uint64_t taken = 0;
  for (; tl_take(&bucket, kStart, 0); ++taken) tl_charge(&bucket, 4096);
  EXPECT_EQ(taken, (TL_TELL_BURST + 8u) / 9);
  tl_bucket small{};
  for (taken = 0; tl_take(&small, kStart, 0); ++taken) tl_charge(&small, TL_TELL_BYTES - 1);
  EXPECT_EQ(taken, uint64_t{TL_TELL_BURST});
}

TEST(Tell, WhatAsksForAReactionIsAlwaysTold) {
  Hooks hooks;
  for (int i = 0; i < 3000; ++i) hooks.refuse(1, 0, i);
  const uint64_t withheld = hooks.buckets[1].not_shown;
  EXPECT_TRUE(hooks.refuse(1, 0, 4000, true));
  for (int i = 0; i < 4; ++i) hooks.refuse(1, 0, 4000);
  EXPECT_TRUE(hooks.refuse(1, 0, 4000, true)) << "a repeat";
  hooks.share = 0;
  EXPECT_TRUE(hooks.refuse(1, 0, 5000, true)) << "no room";
  EXPECT_EQ(hooks.buckets[1].not_shown, withheld + 2) << "the second and the fourth";
}

}  // namespace
}  // namespace treeline
