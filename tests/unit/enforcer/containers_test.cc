// SPDX-License-Identifier: Apache-2.0
#include "enforcer/workload/containers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "enforcer/base/mounts.h"
#include "enforcer/workload/cgroup.h"
#include "enforcer/workload/process.h"

namespace treeline::workload {
namespace {

class ContainersTest : public testing::Test {
 protected:
  ContainersTest() {
    directory_ = testing::TempDir() + "containers-" + std::to_string(getpid());
    std::filesystem::remove_all(directory_);
    start();
  }
  void start() {
    Containers::Memory memory;
    memory.table = table_;
    memory.buckets = buckets_;
    memory.control = &control_;
    memory.insert = [this](uint64_t cgroup, uint32_t index) -> Result<void> {
      EXPECT_TRUE(table_[index].flags & TL_CONTAINER_BOUND) << "the binding must not appear before its entry is whole";
      if (refuse_) return Error{"full", ENOSPC};
      bindings_[cgroup] = index;
      return {};
    };
    memory.erase = [this](uint64_t cgroup) { bindings_.erase(cgroup); };
    memory.look_up = [this](uint64_t cgroup) { return bindings_.contains(cgroup) ? std::optional(bindings_[cgroup]) : std::nullopt; };
    memory.tagged = [this](uint32_t index) { return index == tagged_; };
    containers_ = std::make_unique<Containers>(std::move(memory), directory_);
  }
  Binding binding(const std::string& id, uint64_t cgroup) {
    Binding b;
    b.id = id;
    b.cgroup = "/" + id;
    b.cgroup_id = cgroup;
    b.slot = 5;
    return b;
  }
  std::string directory_;
  std::vector<tl_container> table_{8};
  std::vector<tl_bucket> buckets_{8};
  tl_control control_{};
  std::map<uint64_t, uint32_t> bindings_;
  bool refuse_ = false;
  uint32_t tagged_ = 0;
  std::unique_ptr<Containers> containers_;
};

TEST_F(ContainersTest, BindFillsTheEntryAndUnbindTakesTheBindingAway) {
  for (tl_bucket& bucket : buckets_) bucket = {1, 1};  // of who had the entry before
  Result<const Container*> bound = containers_->bind(binding("a", 77));
  ASSERT_TRUE(bound);
  const uint32_t index = (*bound)->index;
  EXPECT_NE(index, 0u);
  EXPECT_EQ(table_[index].slot, 5u);
  EXPECT_EQ(buckets_[index].spent_till + buckets_[index].not_shown, 0u);
  EXPECT_EQ(control_.bound, 1u);
  EXPECT_EQ(containers_->bound_to(5), 1u);
  ASSERT_TRUE(containers_->unbind(index));
  EXPECT_TRUE(bindings_.empty());
  EXPECT_EQ(control_.bound, 0u);
  EXPECT_FALSE(table_[index].flags & TL_CONTAINER_BOUND);
  EXPECT_FALSE(containers_->unbind(index));
}

TEST_F(ContainersTest, TheSameCgroupOrIdIsNotBoundTwice) {
  ASSERT_TRUE(containers_->bind(binding("a", 77)));
  EXPECT_FALSE(containers_->bind(binding("a", 78)));
  EXPECT_FALSE(containers_->bind(binding("b", 77)));
  EXPECT_EQ(control_.bound, 1u);
}

TEST_F(ContainersTest, WhatCannotBeInsertedLeavesNothingBehind) {
  refuse_ = true;
  EXPECT_FALSE(containers_->bind(binding("a", 77)));
  EXPECT_EQ(control_.bound, 0u);
  EXPECT_TRUE(containers_->all().empty());
  for (const tl_container& entry : table_) EXPECT_FALSE(entry.flags & TL_CONTAINER_BOUND);
}

TEST_F(ContainersTest, AnEntryThatATaskStillNamesIsNotReused) {
  Result<const Container*> bound = containers_->bind(binding("a", 77));
  tagged_ = (*bound)->index;
  ASSERT_TRUE(containers_->unbind(tagged_));
  for (uint64_t i = 0; i < 5; ++i) {
    Result<const Container*> next = containers_->bind(binding("n" + std::to_string(i), 100 + i));
    ASSERT_TRUE(next);
    EXPECT_NE((*next)->index, tagged_);
    EXPECT_LT((*next)->index, table_.size() - 1);  // the last is the canary's
  }
  Result<const Container*> full = containers_->bind(binding("full", 200));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ENOSPC);
}

TEST_F(ContainersTest, ARestartKeepsWhatIsBoundWithOrWithoutItsFile) {
  ASSERT_TRUE(containers_->bind(binding("a", 77)));
  start();
  ASSERT_TRUE(containers_->restore());
  EXPECT_NE(containers_->find("a"), nullptr);
  EXPECT_EQ(control_.bound, 1u);
  std::filesystem::remove_all(directory_);
  start();
  ASSERT_TRUE(containers_->restore());
  ASSERT_NE(containers_->find("cgroup-77"), nullptr);
  EXPECT_EQ(containers_->find("cgroup-77")->slot, 5u);
}

TEST_F(ContainersTest, WhatADyingDaemonHadBegunToBindIsBound) {
  ASSERT_TRUE(containers_->bind(binding("a", 77)));
  const uint32_t index = containers_->find("a")->index;
  bindings_.clear();
  start();
  ASSERT_TRUE(containers_->restore());
  EXPECT_EQ(bindings_.at(77), index);
  EXPECT_TRUE(containers_->held(index));
  bindings_.clear();
  refuse_ = true;
  start();
  ASSERT_TRUE(containers_->restore());
  ASSERT_NE(containers_->find("a"), nullptr);
  EXPECT_FALSE(containers_->held(index)) << "nobody may be told that it is bound";
}

// Between the entry and its file: nobody was answered, and nothing is bound.
TEST_F(ContainersTest, WhatADyingDaemonHadNotWrittenYetIsGivenUp) {
  ASSERT_TRUE(containers_->bind(binding("a", 77)));
  bindings_.clear();
  std::filesystem::remove_all(directory_);
  start();
  ASSERT_TRUE(containers_->restore());
  EXPECT_TRUE(containers_->all().empty());
  EXPECT_EQ(control_.bound, 0u);
  ASSERT_TRUE(containers_->bind(binding("a", 77)));
  EXPECT_EQ(bindings_.at(77), containers_->find("a")->index);
}

TEST_F(ContainersTest, WhatWasBoundAndIsNotIsKnownUntilItIsForgotten) {
  ASSERT_TRUE(containers_->bind(binding("a", 77)));
  ASSERT_TRUE(containers_->bind(binding("b", 78)));
  const uint32_t index = containers_->find("a")->index;
  bindings_.erase(77);
  table_[index] = {};  // the maps are new, for this one
  start();
  ASSERT_TRUE(containers_->restore());
  ASSERT_EQ(containers_->freed().size(), 1u);
  EXPECT_EQ(containers_->freed()[0].id, "a");
  EXPECT_EQ(containers_->freed()[0].cgroup, "/a");
  EXPECT_EQ(containers_->freed()[0].cgroup_id, 77u);
  containers_->forget_freed(index);
  containers_->forget_freed(containers_->find("b")->index);  // bound: not forgotten
  start();
  ASSERT_TRUE(containers_->restore());
  EXPECT_TRUE(containers_->freed().empty());
  EXPECT_NE(containers_->find("b"), nullptr);
}

TEST_F(ContainersTest, WhatIsFoundAgainIsKept) {
  Binding plain = binding("run-3", 77);
  plain.plain = true;
  ASSERT_TRUE(containers_->bind(plain));
  std::filesystem::remove_all(directory_);
  start();
  ASSERT_TRUE(containers_->restore());
  const Container* lost = containers_->find("cgroup-77");
  ASSERT_NE(lost, nullptr);
  ASSERT_TRUE(containers_->found_at(lost->index, "/treeline/run-3"));
  start();
  ASSERT_TRUE(containers_->restore());
  ASSERT_NE(containers_->find("run-3"), nullptr);
  EXPECT_EQ(containers_->find("run-3")->cgroup, "/treeline/run-3");
  EXPECT_TRUE(containers_->find("run-3")->own_cgroup);
}

TEST_F(ContainersTest, WhoeverReadsTheDirectoryFindsTheCgroup) {
  ASSERT_TRUE(containers_->bind(binding("a", 77)));
  ASSERT_TRUE(containers_->bind(binding("b", 78)));
  EXPECT_EQ(cgroup_on_disk(directory_, "b"), "/b");
  EXPECT_EQ(cgroup_on_disk(directory_, "c"), std::nullopt);
  EXPECT_EQ(cgroup_on_disk(directory_ + "/none", "a"), std::nullopt);
  std::ofstream(directory_ + "/9.json") << R"({"id":"d","cgroup":"/../d"})";
  std::ofstream(directory_ + "/10.json") << "[1,";
  EXPECT_EQ(cgroup_on_disk(directory_, "d"), std::nullopt);
}

TEST_F(ContainersTest, WhatFilterItWasStartedWithIsKeptOverARestart) {
  Binding enforced = binding("enforced", 77), monitored = binding("monitored", 78);
  enforced.enforced_at_start = true;
  enforced.filter = {"filter", "unshare", "clone:0:10000000:0"};
  monitored.two_names = "'/a' and '/b' are one directory";
  ASSERT_TRUE(containers_->bind(enforced));
  ASSERT_TRUE(containers_->bind(monitored));
  start();
  ASSERT_TRUE(containers_->restore());
  EXPECT_TRUE(containers_->find("enforced")->enforced_at_start);
  EXPECT_EQ(containers_->find("enforced")->filter, enforced.filter);
  EXPECT_FALSE(containers_->find("monitored")->enforced_at_start);
  EXPECT_TRUE(containers_->find("monitored")->filter.empty());
  EXPECT_EQ(containers_->find("monitored")->two_names, monitored.two_names);
}

TEST_F(ContainersTest, WhatItsTraceIsCalledIsKeptOverARestart) {
  Binding run = binding("run-3", 77);
  run.workload = "demo";
  ASSERT_TRUE(containers_->bind(run));
  ASSERT_TRUE(containers_->bind(binding("b", 78)));
  const std::string begun = directory_ + "/1.json.x1y2z3";  // of a daemon that died over it
  std::ofstream(begun) << "{";
  start();
  ASSERT_TRUE(containers_->restore());
  EXPECT_EQ(containers_->find("run-3")->workload, "demo");
  EXPECT_EQ(containers_->find("b")->workload, "");
  EXPECT_FALSE(std::filesystem::exists(begun));
}

TEST_F(ContainersTest, WhatAViolationFrozeIsKnownAfterARestart) {
  ASSERT_TRUE(containers_->bind(binding("a", 77)));
  ASSERT_TRUE(containers_->bind(binding("b", 78)));
  ASSERT_TRUE(containers_->set_frozen(containers_->find("a")->index, true));
  EXPECT_TRUE(containers_->set_frozen(4000, true));  // ended meanwhile
  start();
  ASSERT_TRUE(containers_->restore());
  EXPECT_TRUE(containers_->find("a")->frozen_by_violation);
  EXPECT_FALSE(containers_->find("b")->frozen_by_violation);
  ASSERT_TRUE(containers_->set_frozen(containers_->find("a")->index, false));
  start();
  ASSERT_TRUE(containers_->restore());
  EXPECT_FALSE(containers_->find("a")->frozen_by_violation);
}

TEST(Cgroup, KillingWithoutAPathOrInTheRootKillsNobody) {
  const std::string root = testing::TempDir() + "cgroups-" + std::to_string(getpid());
  std::filesystem::create_directories(root + "/somebody");
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  for (const char* where : {"", "/somebody"}) std::ofstream(root + where + "/cgroup.procs") << child << "\n";
  Cgroups cgroups(root);
  EXPECT_FALSE(cgroups.kill_all(""));
  EXPECT_FALSE(cgroups.kill_all("/"));
  EXPECT_TRUE(cgroups.kill_all("/gone"));
  usleep(10'000);
  EXPECT_EQ(waitpid(child, nullptr, WNOHANG), 0);
  int status = 0;
  EXPECT_FALSE(cgroups.kill_all("/somebody"));  // as before 5.14: there is no cgroup.kill here; and the file goes on naming it
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  std::filesystem::remove_all(root);
}

// With no descriptor left nothing can be killed, which must not pass for done.
TEST(Cgroup, AKillThatCannotBeMadeIsAnError) {
  const std::string root = testing::TempDir() + "unkilled-" + std::to_string(getpid());
  std::filesystem::create_directories(root + "/a");
  std::ofstream(root + "/a/cgroup.procs") << "";
  const Cgroups cgroups(root);
  EXPECT_TRUE(cgroups.kill_all("/a"));
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{0, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  Result<void> without_fds = cgroups.kill_all("/a");
  setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(without_fds);
  EXPECT_EQ(without_fds.error().code, EMFILE);
  std::filesystem::remove_all(root);
}

TEST(Cgroup, IsAnotherOneWhereItsPathWasMadeAgain) {
  const std::string root = testing::TempDir() + "replaced-" + std::to_string(getpid());
  std::filesystem::create_directories(root + "/a");
  const Cgroups cgroups(root);
  const uint64_t id = *cgroups.id("/a");
  EXPECT_FALSE(cgroups.replaced("/a", id));
  EXPECT_TRUE(cgroups.replaced("/a", id + 1));
  EXPECT_FALSE(cgroups.replaced("/gone", id));  // ended, and nothing in its place
  EXPECT_EQ(cgroups.cpu_time("/a"), std::nullopt);
  std::ofstream(root + "/a/cpu.stat") << "usage_usec 1234\nuser_usec 1000\n";
  EXPECT_EQ(cgroups.cpu_time("/a"), 1234u);
  std::filesystem::remove_all(root);
}

TEST(Cgroup, InDoubtAContainerHasNotEnded) {
  const std::string root = testing::TempDir() + "populated-" + std::to_string(getpid());
  std::filesystem::create_directories(root + "/a");
  std::ofstream(root + "/cgroup.controllers") << "cpu memory\n";
  const Cgroups cgroups(root);
  const auto events = [&](const char* text) { std::ofstream(root + "/a/cgroup.events", std::ios::trunc) << text; };
  events("populated 1\nfrozen 0\n");
  EXPECT_TRUE(*cgroups.populated("/a"));
  EXPECT_FALSE(cgroups.ended("/a"));
  events("populated 0\nfrozen 0\n");
  EXPECT_TRUE(cgroups.ended("/a"));
  EXPECT_TRUE(cgroups.ended("/gone"));
  events("");
  EXPECT_FALSE(cgroups.populated("/a"));
  EXPECT_FALSE(cgroups.ended("/a"));

  events("populated 0\nfrozen 0\n");
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  Result<bool> without_fds = cgroups.populated("/a");
  setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(without_fds);
  EXPECT_EQ(without_fds.error().code, EMFILE);

  std::filesystem::remove_all(root);  // as if something else were mounted there
  EXPECT_FALSE(cgroups.populated("/a"));
  EXPECT_FALSE(cgroups.ended("/a"));
}

TEST(Cgroup, OneClaimsItTheOtherDoesNot) {
  const std::string root = testing::TempDir() + "claimed-" + std::to_string(getpid());
  std::filesystem::create_directories(root);
  const Cgroups one(root), other(root);
  EXPECT_TRUE(*one.claim("/treeline/run-1"));
  EXPECT_FALSE(*other.claim("/treeline/run-1"));
  EXPECT_TRUE(*other.claim("/treeline/run-2"));
  std::ofstream(root + "/file") << "";
  EXPECT_FALSE(one.claim("/file/run-1"));  // an Error
  std::filesystem::remove_all(root);
}

TEST(Cgroup, IsFoundByItsId) {
  const std::string root = testing::TempDir() + "found-" + std::to_string(getpid());
  std::filesystem::create_directories(root + "/a/b/c");
  std::filesystem::create_directories(root + "/d");
  const Cgroups cgroups(root);
  EXPECT_FALSE(cgroups.find(1));  // no hierarchy there: in doubt
  std::ofstream(root + "/cgroup.controllers") << "";
  EXPECT_EQ(*cgroups.find(*cgroups.id("/a/b/c")), "/a/b/c");
  EXPECT_EQ(*cgroups.find(*cgroups.id("/d")), "/d");
  EXPECT_EQ(*cgroups.find(1), "");
  std::filesystem::remove_all(root);
}

TEST(Cgroup, BelowMeansAComponentNotAPrefix) {
  EXPECT_TRUE(is_at_or_below("/a/b", "/a"));
  EXPECT_TRUE(is_at_or_below("/a", "/a"));
  EXPECT_FALSE(is_at_or_below("/ab", "/a"));
  EXPECT_TRUE(is_at_or_below("/x", "/"));
}

TEST(Process, DevicesAreTheKernelsOwnNumbers) {
  const std::vector<Mount> info = parse_mountinfo(
      "22 1 0:21 / / rw,relatime - overlay overlay rw,lowerdir=/\n"
      "25 22 254:3 / /mnt/a rw shared:5 - ext4 /dev/vda3 rw\nbroken line\n\n");
  EXPECT_EQ(device_of_mount(info, 22), kernel_device(0, 21));
  EXPECT_EQ(device_of_mount(info, 25), (uint64_t{254} << 20) | 3);
  EXPECT_EQ(device_of_mount(info, 99), 0u);
  EXPECT_NE(start_time(getpid()), 0u);
  EXPECT_EQ(start_time(0x7ffffff0), 0u);
  EXPECT_NE(mount_namespace(getpid()), 0u);
}

}  // namespace
}  // namespace treeline::workload
