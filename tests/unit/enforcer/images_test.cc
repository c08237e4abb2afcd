// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/images.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace treeline::kernel {
namespace {

constexpr size_t kBase = 4096;

class Images : public testing::Test {
 protected:
  Images() {
    slots_[3].published = TL_PUBLISH(7ull, TL_MODE_ENFORCE, 0, kBase);
    slots_[4].published = TL_PUBLISH(2ull, TL_MODE_LEARN, 1, 0);  // no image
    put(TL_IMAGE_MAGIC, TL_ABI_IMAGE);
  }
  void put(uint32_t magic, uint32_t abi) {
    tl_image_header header{};
    header.magic = magic;
    header.abi = abi;
    std::memcpy(arena_.data() + kBase, &header, sizeof header);
  }
  std::vector<tl_slot> slots_{TL_SLOTS};
  std::vector<std::byte> arena_{2 * kBase};
};

TEST_F(Images, WhatThisVersionPlacedIsRead) { EXPECT_EQ(foreign_format(slots_, arena_), std::nullopt); }

TEST_F(Images, AnotherFormatIsNamed) {
  put(TL_IMAGE_MAGIC, TL_ABI_IMAGE - 1);
  EXPECT_EQ(foreign_format(slots_, arena_), TL_ABI_IMAGE - 1u);
  slots_[3].published = TL_PUBLISH(8ull, TL_MODE_OFF, 1, kBase);  // not in force
  EXPECT_EQ(foreign_format(slots_, arena_), std::nullopt);
}

TEST_F(Images, WhatIsNoImageIsNotReadEither) {
  put(0, TL_ABI_IMAGE);
  EXPECT_EQ(foreign_format(slots_, arena_), 0u);
  slots_[3].published = TL_PUBLISH(7ull, TL_MODE_ENFORCE, 0, 2 * kBase - 64);
  EXPECT_EQ(foreign_format(slots_, arena_), 0u);
}

}  // namespace
}  // namespace treeline::kernel
