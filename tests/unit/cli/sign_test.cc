// SPDX-License-Identifier: Apache-2.0
// treelinec sign and verify as a pipeline sees them: exit status, fields, the code of a refusal.

#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/cli/commands.h"
#include "tests/unit/bundle/test_keys.h"
#include "tests/unit/cli/run.h"

namespace treeline::cli {
namespace {

using testing::HasSubstr;
namespace keys = bundle::test;

class SignTest : public InDirectory {
 protected:
  void SetUp() override {
    InDirectory::SetUp();
    bundle_ = base_ + "/web.bundle";
    secret_ = put("key.pem", keys::kSecret);
    public_ = put("key.pub.pem", keys::kPublic);
    compile();
  }
  void compile(const std::string& more = "") {
    const std::string profile =
        put("web.yaml", "treeline: 1\nname: web\nentry:\n  - exec: /web\n    users: [0]\n" + more);
    ASSERT_EQ(run([&] { return cli::compile({profile, bundle_, true, false}); }).exit, kYes);
  }  Outcome sign(const std::string& expires = "", uint64_t generation = 0, uint64_t minimum = 0) {
    return run([&] { return cli::sign({bundle_, secret_, expires, generation, minimum, true}); });
  }
  Outcome verify(const std::string& at = "", uint64_t generation = 0) {
    return run([&] { return cli::verify({bundle_, {public_}, at, generation, true}); });
  }

  std::string bundle_, secret_, public_;
};

TEST_F(SignTest, ASignedBundleIsVerifiedWithWhatTheSignerSaid) {
  EXPECT_EQ(sign("9000-01-31", 7, 3).exit, kYes);
  const Outcome o = verify("", 7);
  EXPECT_EQ(o.exit, kYes) << o.out;
  const Json json = Json::parse(o.out);
  EXPECT_EQ(json["valid"], true);
  EXPECT_EQ(json["generation"], 7);
  EXPECT_EQ(json["minimum_generation"], 3);
  EXPECT_EQ(json["expires"], "9000-01-31T00:00:00Z");
}

TEST_F(SignTest, WithoutASignatureOrWithAnotherBundlesItIsRefused) {
  EXPECT_EQ(verify().exit, kNo);
  EXPECT_EQ(verify().code(), "signature-missing");
  ASSERT_EQ(sign().exit, kYes);
  const std::string signature = *files::read_file(bundle_ + "/signature.json", 1 << 20);
  compile("    files: {/etc/hosts: read}\n");
  EXPECT_EQ(verify().code(), "signature-missing") << "compiling again takes the old signature away";
  put("web.bundle/signature.json", signature);
  EXPECT_EQ(verify().code(), "signature-wrong");
}

TEST_F(SignTest, LaterAndLowerAreRefused) {
  ASSERT_EQ(sign("9000-01-31", 7).exit, kYes);
  EXPECT_EQ(verify("9000-01-30T23:59:59Z").exit, kYes);
  EXPECT_EQ(verify("9000-01-31").code(), "signature-expired");
  EXPECT_EQ(verify("", 8).code(), "signature-generation");
}

TEST_F(SignTest, SigningTwiceGivesTheSameBytes) {
  ASSERT_EQ(sign("9000-01-31", 7).exit, kYes);
  const std::string first = *files::read_file(bundle_ + "/signature.json", 1 << 20);
  ASSERT_EQ(sign("9000-01-31", 7).exit, kYes);
  EXPECT_EQ(*files::read_file(bundle_ + "/signature.json", 1 << 20), first);
}

TEST_F(SignTest, WhatMakesNoSenseIsSaidAndNothingIsWritten) {
  EXPECT_EQ(sign("soon").exit, kUsage);
  const Outcome past = sign("2001-01-01"), itself = sign("", 2, 3);
  EXPECT_EQ(past.exit, kUsage);
  EXPECT_THAT(past.out, HasSubstr("is past already; name a moment that is to come"));
  EXPECT_EQ(itself.exit, kUsage);
  EXPECT_THAT(itself.out, HasSubstr("would refuse itself; raise the one or lower the other"));
  EXPECT_EQ(verify("soon").exit, kUsage);
  secret_ = public_;
  EXPECT_EQ(sign().exit, kFailed);
  EXPECT_FALSE(std::filesystem::exists(bundle_ + "/signature.json"));
  const Outcome o = run([&] { return cli::verify({bundle_, {base_ + "/none.pem"}, "", 0, false}); });
  EXPECT_EQ(o.exit, kFailed);
  EXPECT_THAT(o.err, HasSubstr("none.pem"));
}

}  // namespace
}  // namespace treeline::cli
