// SPDX-License-Identifier: Apache-2.0
#include "enforcer/base/files.h"
#include "enforcer/base/mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "enforcer/base/boot.h"
#include "enforcer/base/own_path.h"

namespace treeline {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;

class FilesTest : public testing::Test {
 protected:
  FilesTest() { EXPECT_NE(mkdtemp(root_.data()), nullptr); }
  ~FilesTest() override { std::filesystem::remove_all(root_); }
  [[nodiscard]] std::string file(const std::string& name, mode_t mode) const {
    const std::string path = root_ + "/" + name;
    std::ofstream(path) << "text";
    chmod(path.c_str(), mode);
    return path;
  }
  std::string root_ = testing::TempDir() + "files-XXXXXX";
};

TEST_F(FilesTest, ADirectoryThatCannotBeReadIsNotAnEmptyOne) {
  EXPECT_TRUE(names_in(root_)->empty());
  (void)file("b", 0600);
  (void)file(".a", 0600);
  EXPECT_THAT(*names_in(root_), ElementsAre(".a", "b"));
  EXPECT_EQ(names_in(root_ + "/none").error().code, ENOENT);
  EXPECT_EQ(names_in(root_ + "/b").error().code, ENOTDIR);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  Result<std::vector<std::string>> names = names_in(root_);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, EMFILE);
}

TEST_F(FilesTest, WhatADyingProcessHadBegunIsRemovedAndNothingElse) {
  for (const char* name : {"3.json.Ab12cd", "state.json.x1y2z3", "3.json", "3.json.d", "trace.jsonl.x1y2z3"}) (void)file(name, 0600);
  remove_begun(root_);
  remove_begun(root_ + "/none");
  EXPECT_THAT(*names_in(root_), ElementsAre("3.json", "3.json.d", "trace.jsonl.x1y2z3"));
}

TEST_F(FilesTest, AGuardedFileIsRootsAloneWhereRootReads) {
  EXPECT_EQ(*read_guarded_file(file("good", 0644)), "text");
  EXPECT_EQ(read_guarded_file(root_ + "/none").error().code, ENOENT);
  EXPECT_EQ(read_guarded_file(root_).error().code, EINVAL);
  const std::string pipe = root_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(read_guarded_file(pipe).error().code, EINVAL) << "and nobody is waited for";
  if (geteuid() != 0) GTEST_SKIP() << "what others may write is asked by root only";
  for (mode_t mode : {0664, 0646}) EXPECT_THAT(read_guarded_file(file("open", mode)).error().message, HasSubstr("chmod go-w"));
  const std::string foreign = file("foreign", 0600);
  ASSERT_EQ(chown(foreign.c_str(), 1234, 1234), 0);
  EXPECT_EQ(read_guarded_file(foreign).error().code, EPERM);
}

TEST_F(FilesTest, RootExecutesNothingThatOthersCanWrite) {
  EXPECT_TRUE(check_executable(file("good", 0755)));
  EXPECT_EQ(check_executable(file("text", 0644)).error().code, EACCES);
  EXPECT_EQ(check_executable(root_).error().code, EACCES);
  EXPECT_EQ(check_executable(root_ + "/none").error().code, ENOENT);
  Result<std::string> own = own_path();
  ASSERT_TRUE(own);
  EXPECT_TRUE(std::filesystem::equivalent(*own, "/proc/self/exe"));
  if (geteuid() != 0) GTEST_SKIP() << "what others may write is asked by root only";
  EXPECT_EQ(check_executable(file("open", 0775)).error().code, EPERM);
}

TEST_F(FilesTest, TheWayOutIsReadFromTheCommandLine) {
  const auto off = [this](const std::string& text) {
    std::ofstream(root_ + "/cmdline") << text << "\n";
    return switched_off(root_ + "/cmdline");
  };
  EXPECT_TRUE(off("root=/dev/vda treeline=off quiet"));
  EXPECT_FALSE(off("root=/dev/vda treeline=monitor"));
  EXPECT_FALSE(off("treeline=off treeline=monitor")) << "the last one counts";
  EXPECT_FALSE(off("quiet -- treeline=off")) << "that is init's";
  EXPECT_FALSE(switched_off(root_ + "/none"));
}

TEST(Mounts, EscapesAndRoots) {
  const std::vector<Mount> mounts = parse_mountinfo("31 22 8:1 /a\\040b /mnt/c\\011d rw - ext4 x rw\n32 22 0:5 / / rw - x x x\n33 x\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].root, "/a b");
  EXPECT_EQ(mounts[0].point, "/mnt/c\td");
  EXPECT_EQ(mounts[1].root + mounts[1].point, "");
  EXPECT_EQ(find_mount(mounts, 33), nullptr);
}

TEST(Mounts, WhatAFileDescriptorsInfoSays) {
  const FdInfo info = parse_fdinfo("pos:\t0\nflags:\t02\nmnt_id:\t27\nino:\t1234567890123\n");
  EXPECT_EQ(info.mount_id, 27);
  EXPECT_EQ(info.inode, 1234567890123U);
  EXPECT_EQ(parse_fdinfo("pos:\t0\n").mount_id, -1);
}

}  // namespace
}  // namespace treeline
