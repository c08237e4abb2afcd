// SPDX-License-Identifier: Apache-2.0
// A bundle that is whole -> read as it was written. One byte, file or field changed -> refused whole, with a reason.
#include "policy-compiler/bundle/bundle.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bpf/lsm/abi.h"
#include "policy-compiler/support/sha256.h"

namespace treeline::bundle {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
void spill(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string image(uint64_t policy, size_t size = 4096) {
  std::string bytes(size, '\0');
  tl_image_header header{};
  header.magic = TL_IMAGE_MAGIC;
  header.abi = TL_ABI_IMAGE;
  header.size = static_cast<uint32_t>(size);
  header.policy = policy;
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

Bundle sample(const std::string& name = "nginx") {
  Bundle b;
  b.name = name;
  b.compiler = "0.1.0";
  b.abi = TL_ABI_IMAGE;
  b.policy = 0x0123456789abcdefull;
  b.artifacts = {{"rules.json", "rules", *encode_rules({{4, 7, "file", "read", "/etc/hosts", {9, 7}}}), 0, ""},
                 {"policy.img", "bpf-image", image(b.policy), 0, ""},
                 {"profile.yaml", "profile", "treeline: 1\n", 0, ""}};
  b.nodes = {{5, 0xfffffffffffffff0ull, "entry > /a > /b \"ä\"", 12}, {4, 7, "entry > /a", 4}};
  b.residuals = {{"bpf", "the image does not limit system calls", 30, 7}};
  return b;
}

class BundleTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string form = (fs::temp_directory_path() / "treeline-bundle.XXXXXX").string();
    ASSERT_NE(mkdtemp(form.data()), nullptr);
    base_ = form;
    path_ = (base_ / "nginx").string();
  }
  void TearDown() override { fs::remove_all(base_); }

  void expect_refused(const std::string& because) {
    const Result<Bundle> read = bundle::read(path_);
    ASSERT_FALSE(read) << "accepted: " << because;
    EXPECT_THAT(read.error().message, HasSubstr(because));
  }
  // Nothing but the bundle may be left beside it.
  void expect_alone() {
    size_t entries = 0;
    for (const auto& entry : fs::directory_iterator(base_)) entries += !entry.path().empty();
    EXPECT_EQ(entries, 1u);
  }

  fs::path base_;
  std::string path_;
};

TEST_F(BundleTest, WhatIsWrittenIsReadBackSorted) {
  ASSERT_TRUE(write(path_, sample()));
  const Result<Bundle> read = bundle::read(path_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->name, "nginx");
  EXPECT_EQ(read->policy, 0x0123456789abcdefull);
  ASSERT_EQ(read->nodes.size(), 2u);
  EXPECT_EQ(read->nodes[0].row, 4u);
  EXPECT_EQ(read->nodes[1].key, 0xfffffffffffffff0ull);
  EXPECT_EQ(read->nodes[1].path, "entry > /a > /b \"ä\"");
  EXPECT_EQ(read->find("profile.yaml")->bytes, "treeline: 1\n");
  EXPECT_EQ(read->find("policy.img")->size, 4096u);
  EXPECT_EQ(read->find("nothing"), nullptr);
  EXPECT_EQ(read->residuals[0].line, 30u);
  EXPECT_EQ(read->residuals[0].column, 7u);
  const auto rules = decode_rules(read->find("rules.json")->bytes);
  ASSERT_TRUE(rules);
  EXPECT_EQ((*rules)[0].pattern, "/etc/hosts");
  EXPECT_EQ((*rules)[0].position, (Position{9, 7}));
  expect_alone();
}

TEST_F(BundleTest, OptionsAreReadBackAndMakeTheSchema) {
  ASSERT_TRUE(write(path_, sample()));
  EXPECT_THAT(slurp(path_ + "/manifest.json"), HasSubstr("\"schema\": 1"));
  EXPECT_FALSE(bundle::read(path_)->options);
  Bundle with = sample();
  with.options = Options{{"bpf", "seccomp"}, {"x86_64"}, false, true, "2.5.4"};
  ASSERT_TRUE(write(path_, with));
  const std::string manifest = slurp(path_ + "/manifest.json");
  EXPECT_THAT(manifest, HasSubstr("\"schema\": 2"));
  const Result<Bundle> read = bundle::read(path_);
  ASSERT_TRUE(read && read->options) << read.error().message;
  EXPECT_EQ(read->options->backends, with.options->backends);
  EXPECT_EQ(read->options->architectures, with.options->architectures);
  EXPECT_FALSE(read->options->no_new_privs);
  EXPECT_TRUE(read->options->complain);
  EXPECT_EQ(read->options->libseccomp, "2.5.4");
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = manifest;
    text.replace(text.find(from), from.size(), to);
    spill(path_ + "/manifest.json", text);
  };
  changed("\"schema\": 2", "\"schema\": 3");
  expect_refused("reads 1 to 2");
  changed("\"complain\": true", "\"complain\": 1");
  expect_refused("'complain' is not true or false");
  changed("\"options\"", "\"Options\"");
  expect_refused("'options' is missing");
}

// Of the whole line.
TEST_F(BundleTest, AResidualMayHaveNoColumn) {
  Bundle older = sample();
  older.residuals[0].column = 0;
  ASSERT_TRUE(write(path_, older));
  const Result<Bundle> read = bundle::read(path_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->residuals[0].column, 0u);
  const Result<std::string> manifest = encode_manifest(*read);
  ASSERT_TRUE(manifest);
  EXPECT_THAT(*manifest, testing::Not(HasSubstr("\"column\"")));
}

TEST_F(BundleTest, TheSameContentGivesTheSameBytes) {
  ASSERT_TRUE(write(path_, sample()));
  const std::string first = slurp(path_ + "/manifest.json");
  Bundle other = sample();
  std::reverse(other.artifacts.begin(), other.artifacts.end());
  std::reverse(other.nodes.begin(), other.nodes.end());
  ASSERT_TRUE(write(path_, other));
  EXPECT_EQ(slurp(path_ + "/manifest.json"), first);
  EXPECT_EQ(bundle::read(path_)->digest, sha256_hex(first));
}

TEST_F(BundleTest, AnOlderBundleIsReplacedAndLeavesNothing) {
  Bundle old = sample();
  old.artifacts.push_back({"seccomp.json", "seccomp", "{}", 0, ""});
  ASSERT_TRUE(write(path_, old));
  ASSERT_TRUE(write(path_ + "/", sample()));
  const Result<Bundle> read = bundle::read(path_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->artifacts.size(), 3u);
  EXPECT_FALSE(fs::exists(path_ + "/seccomp.json"));
  expect_alone();
}

TEST_F(BundleTest, ADamagedBundleMayBeReplaced) {
  ASSERT_TRUE(write(path_, sample()));
  spill(path_ + "/manifest.json", "{\"type\": \"treeline-bundle\"}");
  EXPECT_TRUE(write(path_, sample()));
  EXPECT_TRUE(bundle::read(path_));
}

TEST_F(BundleTest, AnEmptyDirectoryIsTaken) {
  fs::create_directory(path_);
  EXPECT_TRUE(write(path_, sample()));
  EXPECT_TRUE(bundle::read(path_));
}

TEST_F(BundleTest, WhatIsNoBundleIsLeftAlone) {
  fs::create_directory(path_);
  spill(path_ + "/thesis.txt", "ten years");
  EXPECT_EQ(write(path_, sample()).error().code, EEXIST);
  EXPECT_EQ(slurp(path_ + "/thesis.txt"), "ten years");
  for (const char* manifest : {"{\"type\": \"app\", \"uses\": [\"treeline-bundle\"]}", "{\"uses\": {\"type\": \"treeline-bundle\"}}", "[\"treeline-bundle\"]",
                               "{\"type\": \"treeline-bundle\" cut"}) {
    spill(path_ + "/manifest.json", manifest);
    EXPECT_EQ(write(path_, sample()).error().code, EEXIST) << manifest;
    EXPECT_EQ(slurp(path_ + "/thesis.txt"), "ten years") << manifest;
  }
  fs::remove_all(path_);
  spill(path_, "a file");
  EXPECT_EQ(write(path_, sample()).error().code, EEXIST);
  EXPECT_EQ(slurp(path_), "a file");
  fs::remove(path_);
  fs::create_directory_symlink("/", path_);
  EXPECT_EQ(write(path_, sample()).error().code, EEXIST);
  expect_alone();
}

TEST_F(BundleTest, ABundleWithADirectoryInItIsNotReplaced) {
  ASSERT_TRUE(write(path_, sample()));
  fs::create_directory(path_ + "/sub");
  EXPECT_EQ(write(path_, sample()).error().code, EEXIST);
}

TEST_F(BundleTest, WhatWouldBeTooLargeToReadReplacesNothing) {
  ASSERT_TRUE(write(path_, sample()));
  const std::string digest = bundle::read(path_)->digest;
  const auto expect_kept = [&](const Bundle& large, const char* because) {
    const Result<void> written = write(path_, large);
    ASSERT_FALSE(written);
    EXPECT_THAT(written.error().message, HasSubstr(because));
    const Result<Bundle> read = bundle::read(path_);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->digest, digest);
    expect_alone();
  };
  Bundle large = sample();
  for (uint32_t line = 0; line < kMaxManifest / 60'000; ++line) large.residuals.push_back({"apparmor", std::string(60'000, 'x'), line, 1});
  expect_kept(large, "MiB, the limit is 64, and is made of the paths of the nodes and of what the back ends do not hold; compile for fewer of them");
  large = sample();
  large.residuals.push_back({"apparmor", std::string(70'000, 'x'), 1, 1});
  expect_kept(large, "'message' of a residual is too long");
  large = sample();
  large.artifacts.push_back({"apparmor", "apparmor", std::string(kMaxBeside, 'x'), 0, ""});
  expect_kept(large, "MiB, the limit is 256; compile for fewer back ends");
}

TEST_F(BundleTest, AMissingParentIsNamed) {
  const Result<void> written = write((base_ / "no" / "nginx").string(), sample());
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("does not exist"));
}

TEST_F(BundleTest, EveryByteOfEveryFileCounts) {
  ASSERT_TRUE(write(path_, sample()));
  for (const char* name : {"manifest.json", "policy.img", "profile.yaml", "rules.json"}) {
    const fs::path file = fs::path(path_) / name;
    const std::string whole = slurp(file);
    // Every byte of the texts; of the image the header and each 97th.
    for (size_t at = 0; at<whole.size(); at += whole.size()> 2000 && at > 200 ? 97 : 1) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      spill(file, changed);
      EXPECT_FALSE(bundle::read(path_)) << name << " byte " << at;
    }
    spill(file, whole);
  }
  EXPECT_TRUE(bundle::read(path_));
}

TEST_F(BundleTest, EveryTruncationIsRefused) {
  ASSERT_TRUE(write(path_, sample()));
  for (const char* name : {"manifest.json", "policy.img", "profile.yaml", "rules.json"}) {
    const fs::path file = fs::path(path_) / name;
    const std::string whole = slurp(file);
    for (size_t size = 0; size < whole.size(); size += 1 + whole.size() / 50) {
      spill(file, whole.substr(0, size));
      EXPECT_FALSE(bundle::read(path_)) << name << " cut to " << size;
    }
    spill(file, whole + "\n");
    EXPECT_FALSE(bundle::read(path_)) << name << " with a byte more";
    spill(file, whole);
  }
  EXPECT_TRUE(bundle::read(path_));
}

TEST_F(BundleTest, AMissingFileAndAnExtraOneAreRefused) {
  ASSERT_TRUE(write(path_, sample()));
  spill(path_ + "/extra", "");
  expect_refused("'extra' is not named by the manifest");
  fs::remove(path_ + "/extra");
  fs::remove(path_ + "/profile.yaml");
  expect_refused("'profile.yaml' is missing");
  fs::remove(path_ + "/manifest.json");
  expect_refused("manifest.json");
}

TEST_F(BundleTest, LinksAndPipesAreNoFilesOfABundle) {
  ASSERT_TRUE(write(path_, sample()));
  const std::string copy = (base_ / "copy").string();
  fs::rename(path_ + "/profile.yaml", copy);
  fs::create_symlink(copy, path_ + "/profile.yaml");
  expect_refused("it is a link");
  fs::remove(path_ + "/profile.yaml");
  ASSERT_EQ(mkfifo((path_ + "/profile.yaml").c_str(), 0600), 0);
  expect_refused("not a regular file");  // and does not wait for a writer
}

TEST_F(BundleTest, FilesOfTwoBundlesDoNotMix) {
  ASSERT_TRUE(write(path_, sample()));
  Bundle other = sample("redis");
  other.policy = 42;
  other.artifacts[1].bytes = image(42);
  ASSERT_TRUE(write((base_ / "redis").string(), other));
  fs::copy_file(base_ / "redis" / "policy.img", path_ + "/policy.img", fs::copy_options::overwrite_existing);
  expect_refused("not the one that the manifest names");
}

TEST_F(BundleTest, AnImageOfAnotherPolicyVersionOrKindIsRefused) {
  Bundle b = sample();
  b.policy = 42;  // the image says another
  ASSERT_TRUE(write(path_, b));
  expect_refused("do not belong together");
  b = sample();
  b.artifacts[1].bytes = std::string(4096, 'x');
  ASSERT_TRUE(write(path_, b));
  expect_refused("no policy image");
  b.artifacts[1].bytes = "short";
  ASSERT_TRUE(write(path_, b));
  expect_refused("shorter than its header");
  b.artifacts.erase(b.artifacts.begin() + 1);
  ASSERT_TRUE(write(path_, b));
  expect_refused("no policy.img");
  b = sample();
  b.abi = TL_ABI_IMAGE + 1;
  ASSERT_TRUE(write(path_, b));
  expect_refused("version");
}

TEST_F(BundleTest, AnUnknownRequirementIsRefused) {
  Bundle b = sample();
  b.requires_ = {"telepathy"};
  ASSERT_TRUE(write(path_, b));
  expect_refused("requires 'telepathy'");
}

TEST_F(BundleTest, NamesThatLeaveTheDirectoryAreRefusedOnBothSides) {
  for (const char* name : {"../escape", "/etc/passwd", "a/b", "", ".", "..", ".hidden", "manifest.json", "UPPER"}) {
    Bundle b = sample();
    b.artifacts[2].name = name;
    EXPECT_FALSE(write(path_, b)) << name;
  }
  ASSERT_TRUE(write(path_, sample()));
  std::string manifest = slurp(path_ + "/manifest.json");
  manifest.replace(manifest.find("profile.yaml"), 12, "../../passwd");
  spill(path_ + "/manifest.json", manifest);
  expect_refused("cannot be the name of an artifact");
}

TEST_F(BundleTest, AManifestInAnotherFormIsRefused) {
  ASSERT_TRUE(write(path_, sample()));
  const std::string whole = slurp(path_ + "/manifest.json");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = whole;
    changed.replace(changed.find(from), from.size(), to);
    spill(path_ + "/manifest.json", changed);
  };
  with("\"schema\": 1", "\"schema\": 9");
  expect_refused("schema 9 is not known");
  with("\"name\": \"nginx\"", "\"name\": \"nginx\", \"name\": \"nginx\"");
  expect_refused("it was altered");
  with("\"name\": \"nginx\"", "\"name\":  \"nginx\"");
  expect_refused("(from line " + std::to_string(1 + std::count(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(whole.find("\"name\": \"nginx\"")), '\n')) + ", column 10)");
  with("\"schema\": 1", "\"schema\": 1, \"zzz\": 1");
  expect_refused("it was altered");
  const std::string abi = "\"abi\": " + std::to_string(TL_ABI_IMAGE);
  with(abi, "\"abi\": 1.0");
  expect_refused("'abi' is not a number");
  with(abi, "\"abi\": \"1\"");
  expect_refused("'abi' is not a number");
  spill(path_ + "/manifest.json", "[]");
  expect_refused("an object was expected");
  spill(path_ + "/manifest.json", "\xff\xfe");
  expect_refused("it is not JSON (line 1, column 1)");
  spill(path_ + "/manifest.json", "{\n \"abi\": 3,\n \"\xc3\xa4\": ?\n}\n");
  expect_refused("it is not JSON (line 3, column 7)");
  spill(path_ + "/manifest.json", std::string(200'000, '['));
  expect_refused("it is not JSON");
}

TEST_F(BundleTest, WhatIsNoDirectoryIsNamed) {
  expect_refused("No such file");
  spill(path_, "x");
  expect_refused("a bundle is a directory");
}

TEST(Rules, AreSortedAndReadBack) {
  const auto json = encode_rules({{5, 2, "file", "read", "/b", {3, 1}},
                                  {4, 1, "net", "out tcp", "any port 443", {9, 1}},
                                  {4, 1, "file", "read", "/\xc3\xa4\\x0a", {2, 7}}});
  ASSERT_TRUE(json);
  const auto rules = decode_rules(*json);
  ASSERT_TRUE(rules);
  ASSERT_EQ(rules->size(), 3u);
  EXPECT_EQ((*rules)[0].pattern, "/\xc3\xa4\\x0a");
  EXPECT_EQ((*rules)[2].row, 5u);
  EXPECT_EQ(*encode_rules(*rules), *json);
  EXPECT_FALSE(encode_rules({{4, 1, "file", "read", "/\xff", {1, 1}}}));
  EXPECT_TRUE(decode_rules(*encode_rules({})));
  EXPECT_FALSE(decode_rules("{}"));
  EXPECT_FALSE(decode_rules("[1]"));
}

}  // namespace
}  // namespace treeline::bundle
