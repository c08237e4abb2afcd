// SPDX-License-Identifier: Apache-2.0
//
// What a filter refuses, kept as words: whether one that a container was started with still refuses all that its policy wants.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "enforcer/confine/closing.h"

namespace treeline::confine {
namespace {

Closing closing(std::vector<Refusal> refusals) {
  Closing made;
  made.refusals = std::move(refusals);
  return made;
}

TEST(ClosingWords, APartOfAConditionIsAWord) {
  EXPECT_THAT(words_of(closing({{"unshare", 1, std::nullopt}, {"clone", 1, Condition{0, 0x10000000, 0}}, {"fallocate", 1, Condition{1, 3, 0}}})),
              testing::ElementsAre("unshare", "clone:0:0x0000000010000000:0x0000000000000000", "fallocate:1:0x0000000000000001:0x0000000000000000",
                                   "fallocate:1:0x0000000000000002:0x0000000000000000"));
}

TEST(ClosingWords, WhatRefusesMoreCoversWhatRefusesLess) {
  const std::vector<std::string> some = words_of(closing({{"clone", 1, Condition{0, 0x10000000, 0}}}));
  const std::vector<std::string> all = words_of(closing({{"clone", 1, std::nullopt}, {"io_uring_setup", 38, std::nullopt}}));
  EXPECT_TRUE(covers(all, some)) << "refused whatever its arguments";
  EXPECT_FALSE(covers(some, all));
  EXPECT_TRUE(covers(some, some));
  EXPECT_TRUE(covers(some, {}));
  EXPECT_FALSE(covers({}, some));
  EXPECT_FALSE(covers({"clone:0:0x0000000020000000:0x0000000000000000"}, some)) << "another bit";
}

}  // namespace
}  // namespace treeline::confine
