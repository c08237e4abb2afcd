// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/backlog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace treeline::daemon {
namespace {

std::vector<std::string> lines(const Backlog& backlog) {
  std::vector<std::string> all;
  for (size_t i = 0; i < backlog.size(); ++i) all.push_back(backlog.at(i));
  return all;
}

TEST(Backlog, KeepsTheLastOnes) {
  Backlog backlog(3);
  for (int i = 0; i < 5; ++i) backlog.add(1, std::to_string(i));
  EXPECT_THAT(lines(backlog), testing::ElementsAre("2", "3", "4"));
}

TEST(Backlog, WhoIsLoudPushesOutHisOwn) {
  Backlog backlog(4);
  backlog.add(2, "quiet");
  backlog.add(0, "loss");
  for (int i = 0; i < 100; ++i) backlog.add(1, std::to_string(i));
  EXPECT_THAT(lines(backlog), testing::ElementsAre("quiet", "loss", "98", "99"));
  backlog.add(2, "second");
  backlog.add(2, "third");
  EXPECT_EQ(backlog.size(), 4u);
  EXPECT_THAT(lines(backlog), testing::Contains("99")) << "as few as the others";
}

}  // namespace
}  // namespace treeline::daemon
