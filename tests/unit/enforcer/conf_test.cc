// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace treeline::daemon {
namespace {
using testing::HasSubstr;

TEST(Conf, AnEmptyFileIsTheDefaults) {
  Result<Conf> conf = parse_conf("", "f");
  ASSERT_TRUE(conf);
  EXPECT_EQ(conf->default_, Default::kRefuse);
  EXPECT_EQ(conf->arena_mib, 64u);
}

TEST(Conf, EverySettingIsTaken) {
  Result<Conf> conf = parse_conf("# a comment\n default = nginx # bound to this\narena_mib=128\nring_kib = 64\nstore = /srv/t/\nruntime=/run/t\nlog = error\noci_runtime = crun\nrequire_signature = yes\ntrusted_keys = /srv/keys/\n", "f");
  ASSERT_TRUE(conf) << conf.error().message;
  EXPECT_EQ(conf->default_, Default::kPolicy);
  EXPECT_EQ(conf->default_policy, "nginx");
  EXPECT_EQ(conf->arena_mib, 128u);
  EXPECT_EQ(conf->ring_kib, 64u);
  EXPECT_EQ(conf->store, "/srv/t");
  EXPECT_EQ(conf->runtime, "/run/t");
  EXPECT_EQ(conf->log, LogLevel::kError);
  EXPECT_EQ(conf->oci_runtime, "crun");
  EXPECT_TRUE(conf->require_signature);
  EXPECT_EQ(conf->trusted_keys, "/srv/keys");
}

TEST(Conf, AllMistakesAtOnceEachWithItsLine) {
  Result<Conf> conf = parse_conf("default = Nginx\narena_mib = 7\n\nring_kib = 100\nwhat\nlog = loud\nlog = info\nstore = relative\ndefalt = refuse\n", "treeline.conf");
  ASSERT_FALSE(conf);
  const std::string& text = conf.error().message;
  EXPECT_THAT(text, HasSubstr("treeline.conf:1: default: wants refuse"));
  EXPECT_THAT(text, HasSubstr("treeline.conf:2: arena_mib"));
  EXPECT_THAT(text, HasSubstr("treeline.conf:4: ring_kib"));
  EXPECT_THAT(text, HasSubstr("treeline.conf:5: wants `key = value`"));
  EXPECT_THAT(text, HasSubstr("treeline.conf:6: log"));
  EXPECT_THAT(text, HasSubstr("treeline.conf:7: log is set twice"));
  EXPECT_THAT(text, HasSubstr("treeline.conf:8: store"));
  EXPECT_THAT(text, HasSubstr("treeline.conf:9: there is no setting 'defalt'; did you mean 'default'"));
}

TEST(Conf, HostileBytesAreMistakes) {
  EXPECT_FALSE(parse_conf(std::string("default = refuse\0x\n", 19), "f"));
  EXPECT_FALSE(parse_conf("default = ../../etc\n", "f"));
  EXPECT_FALSE(parse_conf("runtime = /run/../etc\n", "f"));
  EXPECT_FALSE(parse_conf("oci_runtime = bin/runc\n", "f"));
  EXPECT_FALSE(parse_conf("require_signature = true\n", "f")) << "a word that is neither must not mean no";
  EXPECT_FALSE(parse_conf("trusted_keys = keys\n", "f"));
  EXPECT_FALSE(parse_conf("arena_mib = 99999999999999999999999\n", "f"));
  EXPECT_FALSE(parse_conf("store = /" + std::string(200, 'x') + "\n", "f"));
}

}  // namespace
}  // namespace treeline::daemon
