// SPDX-License-Identifier: Apache-2.0
//
// A plain directory stands in for bpffs.
#include "enforcer/kernel/pins.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace treeline::kernel {
namespace {

class PinsTest : public testing::Test {
 protected:
  PinsTest() { EXPECT_NE(mkdtemp(parent_.data()), nullptr); }
  ~PinsTest() override { std::filesystem::remove_all(parent_); }

  [[nodiscard]] std::string root() const { return parent_ + "/treeline"; }
  // As a daemon leaves them.
  [[nodiscard]] Pins whole() const {
    Pins pins(root());
    EXPECT_TRUE(pins.make(6));
    EXPECT_TRUE(pins.set_build("abc"));
    std::ofstream(pins.link("tl_file_open")) << "";
    return pins;
  }

  std::string parent_ = testing::TempDir() + "pins-XXXXXX";
};

TEST_F(PinsTest, OneAtATimeAlsoWhenTheyWereRemovedMeanwhile) {
  const Pins pins(root());
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
}

TEST_F(PinsTest, AreFoundAsTheyWereLeft) {
  const Pins none(root());
  EXPECT_FALSE(*none.exist());
  EXPECT_EQ(*none.layout(), 0);
  EXPECT_EQ(*none.build(), "");
  EXPECT_TRUE(none.links()->empty());

  const Pins pins = whole();
  EXPECT_TRUE(*pins.exist());
  EXPECT_EQ(*pins.layout(), 6);
  EXPECT_EQ(*pins.build(), "abc");
  EXPECT_EQ(pins.links()->size(), 1u);
  ASSERT_TRUE(pins.set_build("def"));
  EXPECT_EQ(*pins.build(), "def");
  ASSERT_TRUE(pins.remove_all());
  EXPECT_FALSE(*pins.exist());
}

// Whoever dies between the two marks leaves both: neither build may take the links for all its own.
TEST_F(PinsTest, OfTwoBuildsAreThoseOfNone) {
  const Pins pins = whole();
  std::filesystem::create_directory(root() + "/build-0ld");
  EXPECT_EQ(*pins.build(), kUnfinished);
  ASSERT_TRUE(pins.set_build("abc"));
  EXPECT_EQ(*pins.build(), "abc") << "and the other mark has gone";
  ASSERT_TRUE(pins.set_build(kUnfinished));
  EXPECT_EQ(*pins.build(), kUnfinished) << "not none: what is pinned would be removed";
  ASSERT_TRUE(pins.set_build("def"));
  EXPECT_EQ(*pins.build(), "def");
}

// A start that took "no file descriptor left" for "nothing is pinned" would remove the pins of what is bound.
TEST_F(PinsTest, ThatCannotBeReadAreAnErrorAndNotNone) {
  const Pins pins = whole();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const int build = pins.build().has_value() ? 0 : pins.build().error().code, layout = pins.layout().has_value() ? 0 : pins.layout().error().code;
  const bool links = pins.links().has_value(), removed = pins.remove_all().has_value();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(build, EMFILE);
  EXPECT_EQ(layout, EMFILE);
  EXPECT_FALSE(links);
  EXPECT_FALSE(removed);
  EXPECT_TRUE(std::filesystem::exists(pins.link("tl_file_open")));
}

// Its links refuse without their pins: to say "detached" would be a lie.
TEST_F(PinsTest, OfALivingTreelinedAreNotDetached) {
  const Pins pins = whole();
  {
    Result<UniqueFd> held = pins.lock();
    ASSERT_TRUE(held);
    Result<void> detached = detach_pinned(root());
    ASSERT_FALSE(detached);
    EXPECT_EQ(detached.error().code, EADDRINUSE);
    EXPECT_TRUE(std::filesystem::exists(pins.link("tl_file_open")));
    EXPECT_EQ(pins.holder(), getpid());
  }
  EXPECT_EQ(pins.holder(), 0);
  EXPECT_TRUE(detach_pinned(root()));
  EXPECT_FALSE(*pins.exist());
}

TEST(FlockHolder, IsFoundByTheFileAmongAllLocks) {
  const std::string locks =
      "1: POSIX  ADVISORY  WRITE 100 00:1e:7 0 EOF\n"
      "2: FLOCK  ADVISORY  WRITE 200 00:1e:8 0 EOF\n"
      "3: FLOCK  ADVISORY  WRITE 300 00:1e:7 0 EOF\n"
      "3: -> FLOCK  ADVISORY  WRITE 400 00:1f:7 0 EOF\n";
  EXPECT_EQ(flock_holder(locks, 0, 0x1e, 7), 300);
  EXPECT_EQ(flock_holder(locks, 0, 0x1e, 9), 0);
  EXPECT_EQ(flock_holder(locks, 0, 0x1f, 7), 0);  // it waits
}

}  // namespace
}  // namespace treeline::kernel
