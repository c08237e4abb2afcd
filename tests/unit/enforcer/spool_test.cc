// SPDX-License-Identifier: Apache-2.0
#include "enforcer/recorder/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "bpf/lsm/abi.h"
#include "enforcer/recorder/session.h"

namespace treeline::recorder {
namespace {
using testing::ElementsAre;
using testing::SizeIs;

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() {
    root_ = testing::TempDir() + "spool-XXXXXX";
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
  }
  ~SpoolTest() override { std::filesystem::remove_all(root_); }
  std::string root_;
};

TEST_F(SpoolTest, WhatWasWrittenIsReadLineByLine) {
  ASSERT_TRUE(spool(root_ + "/web", {"{\"a\":1}", std::string(100'000, 'x'), ""}));
  ASSERT_TRUE(spool(root_ + "/web", {"second"}));
  const std::vector<std::string> files = *spooled(root_ + "/web");
  ASSERT_THAT(files, SizeIs(2));
  std::vector<std::string> lines;
  ASSERT_TRUE(read_lines(files[0], [&](const std::string& line) { lines.push_back(line); }));
  EXPECT_THAT(lines, ElementsAre("{\"a\":1}", std::string(100'000, 'x'), ""));
  EXPECT_FALSE(read_lines(root_ + "/none", [](const std::string&) {}));
  EXPECT_FALSE(read_lines(root_, [](const std::string&) {}));
}

TEST_F(SpoolTest, ACrashLoopDoesNotFillTheDisk) {
  for (size_t i = 0; i < kMaxTraces; ++i) std::ofstream(root_ + "/" + std::to_string(i) + ".jsonl") << "";
  Result<void> refused = spool(root_, {"{}"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ENOSPC);
  EXPECT_THAT(*spooled(root_), SizeIs(kMaxTraces));
}

// Taken for "nothing was recorded", they would be removed as collected.
TEST_F(SpoolTest, ADirectoryThatCannotBeReadHoldsNotNothing) {
  ASSERT_TRUE(spool(root_, {"{}"}));
  EXPECT_TRUE(spooled(root_ + "/none")->empty());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool read = spooled(root_).has_value();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(read);
  EXPECT_THAT(*spooled(root_), SizeIs(1));
}

TEST(Session, TextsBeyondItsBoundAreNotKept) {
  SessionInfo info;
  info.index = 4;
  Session session(info);
  events::Event event;
  event.type = TL_EVENT_LEARNED;
  event.container = 4;
  event.text = std::string(4096, 'x');
  constexpr size_t kMany = 2 * kMaxBytes / 4096;
  for (event.object = 0; event.object < kMany; ++event.object) session.see(event);
  EXPECT_LT(session.seen().size(), kMaxBytes / 4096);
  EXPECT_GT(session.seen().size(), kMaxBytes / 8192);
  EXPECT_NE(session.text_of({event.node, event.kind, event.access, 0}), nullptr);
  EXPECT_EQ(session.text_of({event.node, event.kind, event.access, kMany - 1}), nullptr);
}

}  // namespace
}  // namespace treeline::recorder
