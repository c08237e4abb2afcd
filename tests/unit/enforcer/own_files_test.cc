// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/own_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace treeline::daemon {
namespace {

class OwnFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string form = ::testing::TempDir() + "own-XXXXXX";
    ASSERT_NE(mkdtemp(form.data()), nullptr);
    root_ = form;
    std::filesystem::create_directories(root_ / "a/store/policies");
    std::filesystem::create_directories(root_ / "b");
    std::ofstream(root_ / "b/program") << "x";
    std::filesystem::create_symlink(root_ / "a/store", root_ / "link");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  static uint64_t inode(const std::filesystem::path& path) {
    struct stat status {};
    EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
    return status.st_ino;
  }
  static uint64_t kind(const std::vector<tl_own>& table, uint64_t inode) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const tl_own& own) { return own.inode == inode; });
    return found == table.end() ? 0 : found->kind;
  }

  std::filesystem::path root_;
};

TEST_F(OwnFilesTest, TreesFilesAndTheWayToThem) {
  Result<std::vector<tl_own>> table = find_own({{root_ / "a/store"}, {root_ / "b/program"}});
  ASSERT_TRUE(table) << table.error().message;
  ASSERT_GE(table->size(), 4U);
  ASSERT_LE(table->size(), size_t{TL_OWN_MAX});
  EXPECT_EQ((*table)[0].inode, inode(root_ / "a/store"));
  EXPECT_EQ((*table)[0].kind, uint64_t{TL_OWN_TREE});
  EXPECT_NE((*table)[0].device, 0U);
  EXPECT_EQ(kind(*table, inode(root_ / "b/program")), uint64_t{TL_OWN_FILE});
  EXPECT_EQ(kind(*table, inode(root_ / "a")), uint64_t{TL_OWN_WAY});
  EXPECT_EQ(kind(*table, inode(root_ / "b")), uint64_t{TL_OWN_WAY});
  EXPECT_EQ(kind(*table, inode("/")), 0U) << "nobody moves it";
  EXPECT_EQ(kind(*table, inode(root_ / "a/store/policies")), 0U) << "it lies below";
}

TEST_F(OwnFilesTest, EachDeviceOnce) {
  Result<std::vector<tl_own>> table = find_own({{root_ / "a/store", "/proc/sys"}, {root_ / "b/program"}});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(devices_of(*table).size(), 2U);
  EXPECT_EQ(devices_of(*table)[0], (*table)[0].device);
}

TEST_F(OwnFilesTest, TreesThenFilesThenWays) {
  Result<std::vector<tl_own>> table = find_own({{root_ / "a"}, {root_ / "b/program"}});
  ASSERT_TRUE(table) << table.error().message;
  for (size_t i = 1; i < table->size(); ++i) EXPECT_GE((*table)[i].kind, (*table)[i - 1].kind) << i;
}

TEST_F(OwnFilesTest, WhatIsNotThereIsNoMistakeAndALinkIsWhereItLeads) {
  Result<std::vector<tl_own>> table = find_own({{root_ / "none", root_ / "link"}, {root_ / "none/file"}});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ((*table)[0].inode, inode(root_ / "a/store"));
}

TEST_F(OwnFilesTest, AFileIsNoTreeAndADirectoryNoFile) {
  Result<std::vector<tl_own>> table = find_own({{root_ / "b/program"}, {root_ / "a/store"}});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_TRUE(table->empty());
}

TEST_F(OwnFilesTest, MoreThanTheTableHoldsIsRefused) {
  OwnFiles many;
  for (int i = 0; i <= TL_OWN_TREES; ++i) {
    many.trees.push_back(root_ / ("t" + std::to_string(i)));
    std::filesystem::create_directory(many.trees.back());
  }
  Result<std::vector<tl_own>> table = find_own(many);
  ASSERT_FALSE(table);
  EXPECT_NE(table.error().message.find("too many places"), std::string::npos) << table.error().message;
}

}  // namespace
}  // namespace treeline::daemon
