// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/support/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace treeline::files {
namespace {

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string form = (std::filesystem::temp_directory_path() / "treeline-files.XXXXXX").string();
    ASSERT_NE(mkdtemp(form.data()), nullptr);
    base_ = form;
  }
  void TearDown() override { std::filesystem::remove_all(base_); }
  std::string base_;
};

TEST_F(FilesTest, AFileIsWrittenWholeWithTheUsualModeAndReplaced) {
  const std::string path = base_ + "/out";
  ASSERT_TRUE(write_file(path, "one"));
  ASSERT_TRUE(write_file(path, "two"));
  EXPECT_EQ(*read_file(path, 10), "two");
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  const mode_t mask = umask(0);
  umask(mask);
  EXPECT_EQ(status.st_mode & 0777u, 0666u & ~mask);
  size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(base_)) entries += !entry.path().empty();
  EXPECT_EQ(entries, 1u);
}

TEST_F(FilesTest, LimitsAndKindsAreErrorsThatNameTheFile) {
  const std::string path = base_ + "/out";
  ASSERT_TRUE(write_file(path, "0123456789"));
  EXPECT_TRUE(read_file(path, 10));
  EXPECT_EQ(read_file(path, 9).error().code, EFBIG);
  EXPECT_EQ(read_file(base_, 9).error().code, EISDIR);
  EXPECT_THAT(read_file(base_ + "/no", 9).error().message, testing::HasSubstr("/no': No such file"));
  EXPECT_THAT(write_file(base_ + "/no/out", "x").error().message, testing::HasSubstr("directory does not exist"));
  EXPECT_FALSE(write_file(base_, "x"));
}

TEST_F(FilesTest, BehindALinkTheFileIsWrittenAndTheLinkStays) {
  ASSERT_TRUE(write_file(base_ + "/file", "one"));
  std::filesystem::create_symlink("file", base_ + "/link");
  std::filesystem::create_symlink("nothing", base_ + "/dangling");
  ASSERT_TRUE(write_file(base_ + "/link", "two"));
  EXPECT_TRUE(std::filesystem::is_symlink(base_ + "/link"));
  EXPECT_EQ(*read_file(base_ + "/file", 10), "two");
  EXPECT_THAT(write_file(base_ + "/dangling", "x").error().message, testing::HasSubstr("name the file itself"));
  EXPECT_TRUE(std::filesystem::is_symlink(base_ + "/dangling"));
}

TEST_F(FilesTest, ADeviceIsWrittenInPlace) { EXPECT_TRUE(write_file("/dev/null", "x")); }

TEST_F(FilesTest, OnlyRegularFilesWithoutLinksAreReadForVerification) {
  ASSERT_TRUE(write_file(base_ + "/file", "x"));
  std::filesystem::create_symlink("file", base_ + "/link");
  const Fd dir(open(base_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_TRUE(read_regular_at(dir.get(), "file", "file", 1));
  EXPECT_EQ(read_regular_at(dir.get(), "link", "link", 1).error().code, ELOOP);
  EXPECT_FALSE(create_at(dir.get(), "file", "y", "file"));
}

}  // namespace
}  // namespace treeline::files
