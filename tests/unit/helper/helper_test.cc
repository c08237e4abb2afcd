// SPDX-License-Identifier: Apache-2.0
//
// The helper as a process: what it says of others, and what becomes of those who ask when it is gone.
#include "enforcer/helper/helper.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "enforcer/workload/cgroup.h"

namespace treeline::helper {
namespace {

class HelperProcess : public testing::Test {
 protected:
  void SetUp() override {
    std::string directory = testing::TempDir() + "helper-XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    directory_ = directory;
    Result<std::unique_ptr<Helper>> started = Helper::start(directory_ + "/canary", {}, /*confined=*/false);
    ASSERT_TRUE(started) << started.error().message;
    helper_ = std::move(*started);
  }
  void TearDown() override {
    const pid_t pid = helper_ ? helper_->pid() : 0;
    helper_.reset();
    if (pid > 0) waitpid(pid, nullptr, 0);  // it ends when its socket is closed
    std::filesystem::remove_all(directory_);
  }
  std::string directory_;
  std::unique_ptr<Helper> helper_;
};

TEST_F(HelperProcess, SaysOfAProcessWhatOneCouldReadOneself) {
  Result<workload::Look> look = helper_->look_at(getpid());
  Result<std::string> cgroup = helper_->cgroup_of(getpid());
  Result<workload::Look> own = workload::look_at(getpid());
  ASSERT_EQ(look.has_value(), own.has_value()) << (look ? "" : look.error().message);
  if (!own) GTEST_SKIP() << "no cgroup v2 here: " << own.error().message;
  EXPECT_EQ(look->start_time, own->start_time);
  EXPECT_EQ(look->mount_ns, own->mount_ns);
  EXPECT_EQ(look->cgroup, own->cgroup);
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(*cgroup, own->cgroup);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(look->streams[i].ino, own->streams[i].ino) << i;
}

TEST_F(HelperProcess, OfNobodyItSaysSoAndGoesOn) {
  EXPECT_FALSE(helper_->look_at(0x7ffffff0));
  EXPECT_FALSE(helper_->look_at(-1));
  Result<canary::Performance> performed = helper_->perform();
  ASSERT_FALSE(performed);
  EXPECT_EQ(performed.error().message, "there is no victim");
  Result<std::string> cgroup = helper_->cgroup_of(getpid());
  EXPECT_TRUE(cgroup || cgroup.error().code != EPIPE);
}

TEST_F(HelperProcess, GoneItIsGone) {
  ASSERT_EQ(kill(helper_->pid(), SIGKILL), 0);
  for (int i = 0; i < 2; ++i) {
    Result<workload::Look> look = helper_->look_at(getpid());
    ASSERT_FALSE(look);
    EXPECT_EQ(look.error().code, EPIPE);
    EXPECT_NE(look.error().message.find("start treelined again"), std::string::npos) << look.error().message;
  }
}

TEST_F(HelperProcess, AnAbandonedVictimIsReaped) {
  if (geteuid() != 0) GTEST_SKIP() << "the victim's directory has to be root's";
  Result<canary::StoppedVictim> victim = helper_->start_victim();
  ASSERT_TRUE(victim) << victim.error().message;
  EXPECT_EQ(kill(victim->pid, 0), 0);
  EXPECT_NE(victim->streams[0].ino, 0u);
  helper_->abandon();
  EXPECT_EQ(kill(victim->pid, 0), -1);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/canary"));
}

}  // namespace
}  // namespace treeline::helper
