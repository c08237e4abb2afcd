// SPDX-License-Identifier: Apache-2.0
//
// require_signature = yes: what is not signed by a trusted key, any more or yet, does not come into force; what is in force stays.
#include "enforcer/store/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "enforcer/canary/image.h"
#include "enforcer/store/image.h"
#include "enforcer/store/registry.h"
#include "policy-compiler/bundle/sign.h"
#include "tests/unit/bundle/test_keys.h"

namespace treeline::store {
namespace {
using testing::HasSubstr;
namespace keys = bundle::test;

class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest() {
    root_ = testing::TempDir() + "admission-XXXXXX";
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
    std::filesystem::create_directory(root_ + "/keys");
    trust("team.pem", keys::kPublic);
    start(true);
  }
  ~AdmissionTest() override { std::filesystem::remove_all(root_); }

  void trust(const std::string& name, const std::string& pem) { std::ofstream(root_ + "/keys/" + name) << pem; }

  // Another daemon on the same disk and slots.
  void start(bool required) {
    publisher_ = std::make_unique<Publisher>(Publisher::Memory{slots_, arena_, [] { return Result<void>{}; }});
    kept_ = std::make_unique<PolicyStore>(root_ + "/kept");
    transient_ = std::make_unique<PolicyStore>(root_ + "/transient");
    ASSERT_TRUE(kept_->open());
    ASSERT_TRUE(transient_->open());
    Registry::World world{[](const std::function<void(const tl_tag&)>&) {}, [] { return std::optional<Error>(); },
                          [](uint32_t mode) { return mode; }, [](uint32_t) { return 0u; }, root_ + "/slots.json",
                          Admission({.required = required, .keys = root_ + "/keys", .guarded = false, .now = [this] { return now_; }})};
    registry_ = std::make_unique<Registry>(*publisher_, *kept_, *transient_, std::move(world));
    complaints_.clear();
    ASSERT_TRUE(registry_->restore(complaints_));
  }

  // A bundle as it is read from disk, signed or not.
  bundle::Bundle made(const std::string& executable, const char* key, const bundle::Terms& terms = {}, const std::string& workload = "web") {
    bundle::Bundle b;
    b.name = workload;
    b.compiler = "test";
    b.abi = TL_ABI_IMAGE;
    b.artifacts.push_back({std::string(bundle::kImage), "bpf-image", canary::build_image(executable), 0, ""});
    b.policy = identify_image(b.artifacts[0].bytes)->policy;
    EXPECT_TRUE(bundle::write(root_ + "/made", b));
    Result<bundle::Bundle> read = bundle::read(root_ + "/made");
    EXPECT_TRUE(read);
    if (key) read->signature = *bundle::sign(*read, *bundle::read_secret_key(key, "test"), terms);
    return *read;
  }
  Result<Policy*> load(const bundle::Bundle& bundle, bool transient = false, const std::string& name = "web") {
    Change change;
    change.name = name;
    change.mode = TL_MODE_ENFORCE;
    change.transient = transient;
    return registry_->load(bundle, change);
  }
  void expect_refused(const Result<Policy*>& loaded, const std::string& why) {
    ASSERT_FALSE(loaded) << "admitted: " << why;
    EXPECT_EQ(loaded.error().code, EPERM);
    EXPECT_THAT(loaded.error().message, HasSubstr(why));
  }
  uint32_t mode_in_force() {
    const Policy* policy = registry_->find("web");
    return policy ? publisher_->read(policy->slot).mode : uint32_t{TL_MODE_OFF};
  }

  std::string root_;
  int64_t now_ = 1'000'000;
  std::vector<tl_slot> slots_{TL_SLOTS};
  std::vector<std::byte> arena_{2 * TL_ELEMENT};
  std::vector<std::string> complaints_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<PolicyStore> kept_, transient_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(AdmissionTest, WhatIsNotSignedDoesNotComeIntoForceNorForARun) {
  expect_refused(load(made("/a", nullptr)), "the bundle is not signed; sign it: treelinec sign");
  expect_refused(load(made("/a", nullptr), /*transient=*/true), "require_signature = yes");
  EXPECT_EQ(registry_->find("web"), nullptr);
  EXPECT_EQ(publisher_->space().used(), 0u);
}

TEST_F(AdmissionTest, WhatATrustedKeySignedIsLoadedAndItsSignatureIsKnown) {
  Result<Policy*> policy = load(made("/a", keys::kSecret, {2'000'000, 7, 3}));
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_STREQ((*policy)->provenance.state(now_), "valid");
  EXPECT_EQ((*policy)->provenance.generation, 7u);
  EXPECT_EQ((*policy)->provenance.key, bundle::read_public_key(keys::kPublic, "p")->id);
}

TEST_F(AdmissionTest, AnotherKeyATakenAwayKeyAndAnotherBundlesSignatureAreRefused) {
  expect_refused(load(made("/a", keys::kOtherSecret)), "no trusted key made the signature");
  bundle::Bundle moved = made("/b", keys::kSecret);
  bundle::Bundle unsigned_one = made("/a", nullptr);
  unsigned_one.signature = moved.signature;
  expect_refused(load(unsigned_one), "the signature is of another bundle");
  std::filesystem::remove(root_ + "/keys/team.pem");
  expect_refused(load(made("/a", keys::kSecret)), "holds no key");
}

TEST_F(AdmissionTest, AFileInTheKeysThatIsNoKeyRefusesEveryLoadAndIsNamed) {
  trust("broken.pem", "no key\n");
  expect_refused(load(made("/a", keys::kSecret)), "broken.pem");
}

TEST_F(AdmissionTest, AnExpiredSignatureIsNotLoaded) {
  expect_refused(load(made("/a", keys::kSecret, {1'000'000, 0, 0})), "the signature expired at 1970-01-12T13:46:40Z");
}

TEST_F(AdmissionTest, WhatExpiresWhileItIsLoadedGoesOnAndSaysSoAcrossARestart) {
  ASSERT_TRUE(load(made("/a", keys::kSecret, {1'000'001, 0, 0})));
  now_ = 5'000'000;
  EXPECT_STREQ(registry_->find("web")->provenance.state(now_), "expired");
  start(true);
  ASSERT_NE(registry_->find("web"), nullptr);
  EXPECT_TRUE(complaints_.empty());
  EXPECT_STREQ(registry_->find("web")->provenance.state(now_), "expired");
  EXPECT_EQ(mode_in_force(), TL_MODE_ENFORCE);
  // After a reboot too: nothing is published any more, the store holds it.
  std::fill(slots_.begin(), slots_.end(), tl_slot{});
  start(true);
  EXPECT_EQ(mode_in_force(), TL_MODE_ENFORCE);
}

TEST_F(AdmissionTest, ALowerGenerationIsRefusedAlsoAfterARestart) {
  ASSERT_TRUE(load(made("/a", keys::kSecret, {std::nullopt, 7, 0})));
  start(true);
  expect_refused(load(made("/b", keys::kSecret, {std::nullopt, 6, 0})), "generation 6, 7 is the least that is accepted");
  EXPECT_TRUE(load(made("/b", keys::kSecret, {std::nullopt, 7, 0})));
  EXPECT_TRUE(load(made("/a", keys::kSecret, {std::nullopt, 8, 0})));
}

TEST_F(AdmissionTest, NoOtherNameBringsAnOldBundleBackNorAnotherWorkloadInPlaceOfThis) {
  ASSERT_TRUE(load(made("/a", keys::kSecret, {std::nullopt, 7, 0})));
  const bundle::Bundle old = made("/b", keys::kSecret, {std::nullopt, 6, 0});
  expect_refused(load(old, /*transient=*/true, "run-1"), "7 is the least");
  expect_refused(load(old, /*transient=*/false, "web2"), "7 is the least");
  EXPECT_TRUE(load(made("/b", keys::kSecret, {std::nullopt, 7, 0}), /*transient=*/false, "web2"));
  expect_refused(load(made("/b", keys::kSecret, {std::nullopt, 9, 0}, "api")), "the bundle is signed for 'api', and policy 'web' is 'web'");
  EXPECT_TRUE(load(made("/b", keys::kSecret, {std::nullopt, 1, 0}, "api"), /*transient=*/false, "api"));
}

TEST_F(AdmissionTest, ARollbackGoesBackButNotBelowTheMinimum) {
  Change change;
  change.name = "web";
  ASSERT_TRUE(load(made("/a", keys::kSecret, {std::nullopt, 1, 0})));
  ASSERT_TRUE(load(made("/b", keys::kSecret, {std::nullopt, 2, 1})));
  EXPECT_TRUE(registry_->rollback(change)) << "1 is not below 1";
  ASSERT_TRUE(load(made("/b", keys::kSecret, {std::nullopt, 3, 3})));
  expect_refused(registry_->rollback(change), "generation 1, 3 is the least");
  EXPECT_EQ(registry_->find("web")->provenance.generation, 3u);
}

TEST_F(AdmissionTest, ARestartKeepsInForceWhatWouldNotBeAdmittedNowAndComplains) {
  start(false);
  ASSERT_TRUE(load(made("/a", nullptr)));
  EXPECT_STREQ(registry_->find("web")->provenance.state(now_), "unchecked");
  start(true);
  EXPECT_EQ(mode_in_force(), TL_MODE_ENFORCE) << "taking it off would free its containers";
  EXPECT_STREQ(registry_->find("web")->provenance.state(now_), "refused");
  ASSERT_EQ(complaints_.size(), 1u);
  EXPECT_THAT(complaints_[0], HasSubstr("stays in force as published, but would not be admitted now"));
}

TEST_F(AdmissionTest, AfterARebootAnUnsignedPolicyIsNotInForceAndItsContainersDoNotStart) {
  start(false);
  ASSERT_TRUE(load(made("/a", nullptr)));
  std::fill(slots_.begin(), slots_.end(), tl_slot{});
  start(true);
  EXPECT_EQ(registry_->find("web"), nullptr);
  ASSERT_EQ(complaints_.size(), 1u);
  EXPECT_THAT(complaints_[0], HasSubstr("is not in force"));
  EXPECT_THAT(complaints_[0], HasSubstr("the bundle is not signed"));
  ASSERT_TRUE(registry_->not_in_force().contains("web"));
  EXPECT_EQ(registry_->not_in_force().at("web").mode, TL_MODE_ENFORCE);
  EXPECT_THAT(registry_->not_in_force().at("web").why, HasSubstr("the bundle is not signed"));
}

TEST_F(AdmissionTest, ASignedStateSurvivesAPeriodInWhichNoneWasAskedFor) {
  ASSERT_TRUE(load(made("/a", keys::kSecret, {std::nullopt, 7, 0})));
  start(false);
  ASSERT_TRUE(load(made("/b", nullptr)));
  start(true);
  expect_refused(load(made("/a", keys::kSecret, {std::nullopt, 6, 0})), "7 is the least");
}

}  // namespace
}  // namespace treeline::store
