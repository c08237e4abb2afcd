// SPDX-License-Identifier: Apache-2.0
#include "enforcer/workload/unbound.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "enforcer/workload/process.h"

namespace treeline::workload {
namespace {

class UnboundTest : public testing::Test {
 protected:
  UnboundTest() {
    root_ = testing::TempDir() + "unbound-XXXXXX";
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
    std::filesystem::create_directories(root_ + "/cgroup/a");
    std::ofstream(root_ + "/cgroup/cgroup.controllers") << "";
    populated(true);
  }
  ~UnboundTest() override { std::filesystem::remove_all(root_); }
  void populated(bool yes) { std::ofstream(root_ + "/cgroup/a/cgroup.events", std::ios::trunc) << (yes ? "populated 1\n" : "populated 0\n"); }
  [[nodiscard]] Unbound restarted() const {
    Unbound next(root_ + "/unbound");
    EXPECT_TRUE(next.restore());
    return next;
  }
  std::string root_;
};

TEST_F(UnboundTest, ARestartListsThemUntilTheyHaveEnded) {
  const Cgroups cgroups(root_ + "/cgroup");
  ASSERT_TRUE(restarted().add({"../a", "/a", "now", 0, 0}));  // a name is never a path
  Unbound next = restarted();
  ASSERT_EQ(next.all().size(), 1u);
  EXPECT_EQ(next.all().begin()->second.id, "../a");
  next.sweep(cgroups);
  EXPECT_EQ(next.all().size(), 1u);
  populated(false);
  next.sweep(cgroups);
  EXPECT_TRUE(next.all().empty());
  EXPECT_TRUE(restarted().all().empty());
}

TEST_F(UnboundTest, OneWithoutACgroupOfItsOwnEndsWithItsFirstProcess) {
  const Cgroups cgroups(root_ + "/cgroup");
  Unbound unbound = restarted();
  ASSERT_TRUE(unbound.add({"runs", "/", "now", getpid(), start_time(getpid())}));
  ASSERT_TRUE(unbound.add({"reused", "/", "now", getpid(), start_time(getpid()) + 1}));
  ASSERT_TRUE(unbound.add({"ended", "/", "now", 0x7ffffff0, 1}));
  unbound.sweep(cgroups);
  ASSERT_EQ(unbound.all().size(), 1u);
  EXPECT_EQ(unbound.all().begin()->second.id, "runs");
}

TEST_F(UnboundTest, OneThatWasBegunAgainLeavesNoSecondLine) {
  Unbound unbound = restarted();
  ASSERT_TRUE(unbound.add({"a", "/a", "before", 0, 0}));
  ASSERT_TRUE(unbound.add({"a", "/a", "now", 0, 0}));
  ASSERT_TRUE(unbound.add({"b", "/a", "now", 0, 0}));
  EXPECT_EQ(restarted().all().size(), 2u);
  ASSERT_TRUE(unbound.add({"a", "/other", "now", 0, 0}));  // of another runtime's root
  EXPECT_EQ(restarted().all().size(), 3u);
}

TEST_F(UnboundTest, APathThatWasMadeAgainIsAnotherContainers) {
  const Cgroups cgroups(root_ + "/cgroup");
  const uint64_t id = *cgroups.id("/a");
  ASSERT_TRUE(restarted().add({"same", "/a", "now", 0, 0, id}));
  ASSERT_TRUE(restarted().add({"before", "/a", "now", 0, 0, id + 1}));
  Unbound next = restarted();
  ASSERT_EQ(next.all().size(), 2u);
  next.sweep(cgroups);
  ASSERT_EQ(next.all().size(), 1u);
  EXPECT_EQ(next.all().begin()->second.id, "same");
}

TEST_F(UnboundTest, WhatIsBoundNowIsNotListed) {
  Unbound unbound = restarted();
  for (const char* cgroup : {"/", "/pod", "/pod/a", "/pod2"}) ASSERT_TRUE(unbound.add({cgroup, cgroup, "now", 0, 0}));
  unbound.forget("/pod");
  const Unbound next = restarted();
  ASSERT_EQ(next.all().size(), 2u);
  EXPECT_EQ(next.all().begin()->second.id, "/");
  EXPECT_EQ(next.all().rbegin()->second.id, "/pod2");
}

TEST_F(UnboundTest, AFileThatADyingDaemonHadBegunIsRemoved) {
  ASSERT_TRUE(restarted().add({"a", "/a", "now", 0, 0}));
  const std::string begun = root_ + "/unbound/2.json.x1y2z3";
  std::ofstream(begun) << "{";
  EXPECT_EQ(restarted().all().size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(begun));
}

TEST_F(UnboundTest, DamagedFilesAreNoContainers) {
  std::filesystem::create_directories(root_ + "/unbound");
  for (const char* name : {"1.json", "x.json", "2.json"}) std::ofstream(root_ + "/unbound/" + name) << "[1,";
  std::filesystem::permissions(root_ + "/unbound", std::filesystem::perms::owner_all);
  EXPECT_TRUE(restarted().all().empty());
}

}  // namespace
}  // namespace treeline::workload
