// SPDX-License-Identifier: Apache-2.0
// What must not be lost, hidden or fooled on the way to an exit status.

#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/bundle/sign.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/frontend/profile.h"
#include "tests/unit/bundle/test_keys.h"
#include "tests/unit/cli/run.h"

namespace treeline::cli {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
namespace keys = bundle::test;

class TrustTest : public InDirectory {
 protected:
  Outcome check(const std::string& profile, const std::string& fail_on = "", Output output = true) {
    return run([&] { return cli::check({{profile}, output, false, fail_on, ""}); });
  }
  std::string bundle(const std::string& name, const std::string& rules) {
    const std::string profile = put(name + ".yaml", "treeline: 1\nname: web\nentry:\n  - exec: /web\n    users: [33]\n" + rules);
    EXPECT_EQ(run([&] { return cli::compile({profile, base_ + "/" + name + ".bundle", true, false}); }).exit, kYes);
    return base_ + "/" + name + ".bundle";
  }
};

TEST_F(TrustTest, AThousandWarningsHideNoMistake) {
  std::string text = "treeline: 1\nname: x\nentry:\n  - exec: /usr/sbin/web\n    users: [33]\n    files:\n"
                     "      /s/**: {access: write create, unsafe_write_and_execute: true}\n";
  for (int i = 0; i < 1001; ++i) text += "      /s/" + std::to_string(i) + ": map\n";
  const std::string signed_for = put("signed.yaml", text);
  EXPECT_EQ(check(signed_for).exit, kYes);
  const std::string unsigned_too = put("unsigned.yaml", text + "      /usr/bin/**: write create\n    children: [{exec: /usr/bin/tool, users: [33]}]\n");
  const Outcome o = check(unsigned_too);
  EXPECT_EQ(o.exit, kNo);
  EXPECT_THAT(o.codes("error"), Contains("write-and-execute 1009"));
  EXPECT_EQ(run([&] { return cli::compile({unsigned_too, base_ + "/b", true, false}); }).exit, kNo);
  EXPECT_FALSE(std::filesystem::exists(base_ + "/b"));
}

TEST_F(TrustTest, AThousandNotesHideNoRisk) {
  std::string text = "treeline: 1\nname: x\nentry:\n  - exec: /web\n    users: [33]\n    files: {/etc/shadow: read write}\n    children:\n";
  for (int i = 0; i < 1001; ++i) text += "      - {exec: /c" + std::to_string(i) + "}\n";
  const std::string profile = put("notes.yaml", text);
  const Outcome o = check(profile, "critical");
  EXPECT_EQ(o.exit, kNo);
  EXPECT_THAT(o.codes(), Contains("sensitive-file 6"));
  const Outcome t = check(profile, "critical", false);
  EXPECT_THAT(t.err, HasSubstr("not shown: 2 medium)"));
  EXPECT_THAT(t.out, HasSubstr("1002 findings"));
}

TEST_F(TrustTest, AnImageOfAnotherProfileIsRefused) {
  const std::string tight = bundle("tight", ""), wide = bundle("wide", "    files: {/etc/shadow: read}\n");
  Result<bundle::Bundle> evil = bundle::read(tight);
  ASSERT_TRUE(evil);
  for (bundle::Artifact& artifact : evil->artifacts)
    if (artifact.name == bundle::kImage) artifact.bytes = bundle::read(wide)->find(bundle::kImage)->bytes;
  const std::string path = base_ + "/evil.bundle";
  ASSERT_TRUE(bundle::write(path, *evil));
  ASSERT_TRUE(bundle::read(path)) << "whole, by its own digests";
  const Outcome o = run([&] { return cli::explain({path, {"/web", "read", "/etc/shadow"}, false, false}); });
  EXPECT_EQ(o.exit, kFailed);
  EXPECT_THAT(o.err, HasSubstr("policy.img is not what its profile.yaml compiles to"));
  EXPECT_EQ(run([&] { return cli::diff({tight, path, "any", true}); }).exit, kFailed);
  const std::string secret = put("key.pem", keys::kSecret), trusted = put("key.pub.pem", keys::kPublic);
  EXPECT_EQ(run([&] { return cli::sign({path, secret, "", 0, 0, true}); }).exit, kFailed);
  EXPECT_FALSE(std::filesystem::exists(path + "/signature.json"));
  EXPECT_EQ(run([&] { return cli::sign({tight, secret, "", 0, 0, true}); }).exit, kYes);
  evil->compiler = "0.0.9";  // another version's word is not taken for it either
  ASSERT_TRUE(bundle::write(path, *evil));
  EXPECT_EQ(run([&] { return cli::explain({path, {}, true, false}); }).exit, kFailed);
}

TEST_F(TrustTest, ABundleWhoseResidualsAreNotThoseOfItsProfileIsRefused) {
  const std::string path = bundle("weak", "    syscalls: [read]\n    accept: {residual: {syscalls: the platform filters}}\n    children: [{exec: /x, users: [33], operations: [ldt], accept: {residual: {ldt: a test}}}]\n");
  const std::string secret = put("key.pem", keys::kSecret);
  const auto sign = [&](const bundle::Bundle& forged) {
    EXPECT_TRUE(bundle::write(base_ + "/forged.bundle", forged));
    return run([&] { return cli::sign({base_ + "/forged.bundle", secret, "", 0, 0, true}); }).exit;
  };
  const Result<bundle::Bundle> whole = bundle::read(path);
  ASSERT_TRUE(whole);
  ASSERT_EQ(whole->residuals.size(), 2u);
  EXPECT_EQ(sign(*whole), kYes);
  for (const char* backend : {"bpf", "seccomp"}) {
    bundle::Bundle forged = *whole;
    std::erase_if(forged.residuals, [&](const bundle::Residual& residual) { return residual.backend == backend; });
    EXPECT_EQ(sign(forged), kFailed) << backend;
  }
  bundle::Bundle elsewhere = *whole;
  ++elsewhere.residuals[0].column;
  EXPECT_EQ(sign(elsewhere), kFailed);
}

class OptionsTest : public TrustTest {
 protected:
  void SetUp() override {
    TrustTest::SetUp();
    CompileOptions options;
    options.profile = put("calls.yaml", "treeline: 1\nname: web\nentry:\n  - {exec: /web, users: [33], syscalls: [read, write], accept: {residual: {syscalls: a test}}}\n");
    options.bundle = base_ + "/calls.bundle";
    options.output = true;
    options.backends = {"bpf", "seccomp", "apparmor"};
    options.architectures = {"x86_64", "aarch64"};
    options.no_new_privs = options.complain = true;
    ASSERT_EQ(run([&] { return cli::compile(options); }).exit, kYes);
    const Result<bundle::Bundle> read = bundle::read(options.bundle);
    ASSERT_TRUE(read);
    whole_ = *read;
    secret_ = put("key.pem", keys::kSecret);
  }
  // A bundle that is whole by its own digests.
  Outcome sign(const bundle::Bundle& forged) {
    EXPECT_TRUE(bundle::write(base_ + "/forged.bundle", forged));
    EXPECT_TRUE(bundle::read(base_ + "/forged.bundle"));
    return run([&] { return cli::sign({base_ + "/forged.bundle", secret_, "", 0, 0, false}); });
  }

  bundle::Bundle whole_;
  std::string secret_;
};

TEST_F(OptionsTest, EveryFileIsHeldAgainstTheProfile) {
  EXPECT_EQ(sign(whole_).exit, kYes);
  ASSERT_EQ(whole_.artifacts.size(), 8u);
  for (size_t i = 0; i < whole_.artifacts.size(); ++i) {
    const std::string name = whole_.artifacts[i].name;
    if (name == bundle::kProfile || name == bundle::kImage) continue;  // another profile; read() looks at the header of an image
    bundle::Bundle forged = whole_;
    forged.artifacts[i].bytes += "\n";
    const Outcome o = sign(forged);
    EXPECT_EQ(o.exit, kFailed) << name;
    EXPECT_THAT(o.err, HasSubstr("its " + name + " is not what its profile.yaml compiles to")) << name;
    EXPECT_EQ(run([&] { return cli::diff({base_ + "/calls.bundle", base_ + "/forged.bundle", "none", true}); }).exit, kFailed) << name;
    EXPECT_EQ(run([&] { return cli::check({{base_ + "/forged.bundle"}, true, false, "", ""}); }).exit, kFailed) << name;
  }
}

TEST_F(OptionsTest, NoFileIsThereBesides) {
  bundle::Bundle forged = whole_;
  forged.artifacts.push_back({"more.json", "seccomp", "{}", 0, ""});
  EXPECT_THAT(sign(forged).err, HasSubstr("its more.json is not what"));
  for (size_t i = 0; i < whole_.artifacts.size(); ++i) {
    bundle::Bundle less = whole_;
    if (less.artifacts[i].name == bundle::kImage || less.artifacts[i].name == bundle::kProfile) continue;
    less.artifacts.erase(less.artifacts.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(sign(less).exit, kFailed) << whole_.artifacts[i].name;
  }
}

TEST_F(OptionsTest, OtherOptionsCompileToOtherFiles) {
  bundle::Bundle forged = whole_;
  forged.options->complain = false;
  EXPECT_THAT(sign(forged).err, HasSubstr("its apparmor is not what"));
  forged = whole_;
  forged.options->architectures.pop_back();
  EXPECT_THAT(sign(forged).err, HasSubstr("its seccomp.bpf is not what"));
  forged = whole_;
  forged.options->backends = {"bpf"};
  EXPECT_THAT(sign(forged).err, HasSubstr("its manifest.json is not what")) << "--complain without AppArmor";
  forged = whole_;
  forged.options->backends = {"bpf", "seccomp", "apparmor"};
  EXPECT_THAT(sign(forged).err, HasSubstr("its manifest.json is not what")) << "not as compile notes them";
}

TEST_F(OptionsTest, ABundleThatNotesNoOptionsIsCompiledAgain) {
  bundle::Bundle older = whole_;
  older.options.reset();
  const Outcome o = sign(older);
  EXPECT_EQ(o.exit, kFailed);
  EXPECT_THAT(o.err, HasSubstr("did not note with which options"));
}

TEST_F(OptionsTest, VerifySaysWhoseFilesItDidNotCompare) {
  const std::string trusted = put("key.pub.pem", keys::kPublic);
  const Result<bundle::SecretKey> key = bundle::read_secret_key(keys::kSecret, "key.pem");
  ASSERT_TRUE(key);
  const auto verify = [&](bundle::Bundle forged) {
    EXPECT_TRUE(bundle::write(base_ + "/forged.bundle", forged));
    Result<bundle::Bundle> read = bundle::read(base_ + "/forged.bundle");
    read->signature = *bundle::sign(*read, *key, {});
    EXPECT_TRUE(bundle::write(base_ + "/forged.bundle", *read));
    return run([&] { return cli::verify({base_ + "/forged.bundle", {trusted}, "", 0, false}); });
  };
  EXPECT_THAT(verify(whole_).out, Not(HasSubstr("not compared")));
  bundle::Bundle other = whole_;
  other.options->libseccomp = "2.99.0";
  EXPECT_THAT(verify(other).out, HasSubstr("not compared with profile.yaml: treelinec " TREELINE_VERSION " with libseccomp 2.99.0 compiled them"));
  other.options.reset();
  EXPECT_THAT(verify(other).out, HasSubstr("which noted no options, compiled them"));
  other = whole_;
  other.artifacts[0].bytes += "#";  // signed, by a key that is trusted, and by no treelinec
  EXPECT_EQ(verify(other).exit, kNo);
}

TEST_F(TrustTest, ADamagedBundleIsNotWhole) {
  const std::string path = bundle("web", ""), trusted = put("key.pub.pem", keys::kPublic);
  put("web.bundle/rules.json", "[]");
  const Outcome o = run([&] { return cli::verify({path, {trusted}, "", 0, true}); });
  EXPECT_EQ(o.exit, kNo);
  EXPECT_EQ(o.code(), "bundle-damaged");
  EXPECT_EQ(run([&] { return cli::verify({base_ + "/none.bundle", {trusted}, "", 0, true}); }).exit, kFailed);
}

TEST_F(TrustTest, WhatCrossesTheLineIsAFailureInJUnitAndAnErrorInSarif) {
  const std::string risky = put("risky.yaml", "treeline: 1\nname: x\nentry:\n  - exec: /web\n    files: {/etc/shadow: read write}\n");
  EXPECT_THAT(check(risky, "critical", Format::kJunit).out, HasSubstr("failures=\"1\""));
  EXPECT_THAT(check(risky, "medium", Format::kJunit).out, HasSubstr("failures=\"2\""));
  EXPECT_THAT(check(risky, "", Format::kJunit).out, HasSubstr("failures=\"0\""));
  EXPECT_EQ(check(risky, "critical", Format::kSarif).json()["runs"][0]["results"][1]["level"], "error");
  const std::string before = put("before.yaml", "treeline: 1\nname: x\nentry:\n  - exec: /web\n");
  const auto diff = [&](const std::string& fail_on) { return run([&] { return cli::diff({before, risky, fail_on, Format::kJunit}); }); };
  EXPECT_THAT(diff("").out, HasSubstr("failures=\"1\""));
  EXPECT_THAT(diff("none").out, HasSubstr("failures=\"0\""));
}

TEST_F(TrustTest, WhatATraceLacksIsSaid) {
  const std::string profile = put("web.yaml", "treeline: 1\nname: web\nentry:\n  - exec: /web\n    users: [33]\n");
  const std::string lossy = put("loss.jsonl", R"({"type":"trace","schema":1,"workload":"web","late":true}
{"type":"node","node":"0xa1","parent":"entry","exec":"/web","users":[33]}
{"type":"loss","count":100000}
{"type":"end","incomplete":true}
)");
  const auto replay = [&](bool json, bool complete) { return run([&] { return cli::replay({profile, {lossy}, false, json, complete}); }); };
  const Outcome text = replay(false, false);
  EXPECT_EQ(text.exit, kYes);
  EXPECT_THAT(text.out, Not(HasSubstr("all allowed")));
  EXPECT_THAT(text.out, HasSubstr("100000 acts lost"));
  EXPECT_THAT(text.err, HasSubstr("[trace-late]"));
  const Outcome o = replay(true, true);
  EXPECT_EQ(o.exit, kNo);
  EXPECT_EQ(o.json()["complete"], false);
  EXPECT_EQ(o.json()["lost"], 100000);
}

TEST_F(TrustTest, ALineOfAMegabyteIsNotTakenApartForEachMistake) {
  std::string text = "{\"treeline\": 1, \"name\": \"x\", \"entry\": [{\"exec\": \"/a\", \"files\": {\"/0\": \"read\"";
  for (int i = 1; i < 20'000; ++i) text += ", \"/some/file/name/" + std::to_string(i) + "\": \"raed\"";
  const Outcome o = check(put("line.json", text + "}}]}"), "", false);
  EXPECT_EQ(o.exit, kNo);
  EXPECT_LT(o.err.size(), 1'000'000u);
  EXPECT_THAT(o.err, HasSubstr("\"/some/file/name/900\": \"raed\""));
}

TEST_F(TrustTest, OutputThatCannotBeWrittenIsNoSuccess) {
  const std::string profile = put("web.yaml", "treeline: 1\nname: web\nentry:\n  - exec: /web\n    users: [33]\n");
  // In a child: a stream that has failed stays so.
  const auto on_a_full_disk = [](const std::function<int()>& command, int buffering) {
    if (std::freopen("/dev/full", "w", stdout) == nullptr) std::exit(99);
    std::setvbuf(stdout, nullptr, buffering, BUFSIZ);
    std::exit(command());
  };
  const char* said = "cannot write standard output: it is not whole";
  for (const int buffering : {_IONBF, _IOFBF}) {
    EXPECT_EXIT(on_a_full_disk([&] { return cli::check({{profile}, true, false, "", ""}); }, buffering), testing::ExitedWithCode(kFailed), said);
    EXPECT_EXIT(on_a_full_disk([] { return cli::completion("bash"); }, buffering), testing::ExitedWithCode(kFailed), said);
  }
}

TEST_F(TrustTest, EntryIsTheRuntimeWhateverANodeIsCalled) {
  const std::string profile = put("web.yaml", "treeline: 1\nname: web\nentry:\n  - {exec: /web, id: entry, users: [33]}\n");
  EXPECT_EQ(run([&] { return cli::explain({profile, {"entry", "exec", "/web"}, true, false}); }).exit, kYes);
  EXPECT_EQ(run([&] { return cli::explain({profile, {"/web", "read", "/" + std::string(300, 'a')}, true, false}); }).exit, kUsage);
}

TEST_F(TrustTest, UnknownGroupsByTheThousandAreReportedSoon) {
  std::string text = "treeline: 1\nname: x\ngroups:\n", use;
  for (int i = 0; i < 3000; ++i) {
    text += "  group-number-" + std::to_string(i) + ": {files: {/a: read}}\n";
    use += (i == 0 ? "" : ", ") + std::string("graup-number-") + std::to_string(i);
  }
  const std::string profile = put("groups.yaml", text + "entry:\n  - exec: /a\n    use: [" + use + "]\n");
  const Outcome o = check(profile);
  EXPECT_EQ(o.exit, kNo);
  EXPECT_EQ(o.json()["diagnostics"].back()["remedy"], "define it under 'groups'") << "guesses are for the first ones";
}

}  // namespace
}  // namespace treeline::cli
