// SPDX-License-Identifier: Apache-2.0
// fmt, merge and --format as a script sees them: exit status, files, standard output.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "policy-compiler/cli/commands.h"
#include "policy-compiler/support/files.h"

namespace treeline::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr const char* kOdd = "name: web\ntreeline: 1\nentry:\n- exec: /a  # the program\n";
constexpr const char* kEven = "treeline: 1\nname: web\n\nentry:\n  - exec: /a  # the program\n";

class FormatTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string form = (std::filesystem::temp_directory_path() / "treeline-fmt.XXXXXX").string();
    ASSERT_NE(mkdtemp(form.data()), nullptr);
    base_ = form + "/";
  }
  void TearDown() override { std::filesystem::remove_all(base_); }
  std::string put(const std::string& name, const std::string& text) {
    EXPECT_TRUE(files::write_file(base_ + name, text));
    return base_ + name;
  }
  std::string get(const std::string& name) { return *files::read_file(base_ + name, 1u << 20); }
  struct Outcome {
    int exit;
    std::string out, err;
  };
  Outcome run(const std::function<int()>& command) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int exit = command();
    std::string out = testing::internal::GetCapturedStdout();
    return {exit, std::move(out), testing::internal::GetCapturedStderr()};
  }
  std::string base_;
};

TEST_F(FormatTest, AFileIsWrittenInPlaceAndOnce) {
  const std::string path = put("web.yaml", kOdd);
  Outcome o = run([&] { return format({{path}, {}, false}); });
  EXPECT_EQ(o.exit, 0) << o.err;
  EXPECT_EQ(o.out, path + ": formatted\n");
  EXPECT_EQ(get("web.yaml"), kEven);
  o = run([&] { return format({{path}, {}, false}); });
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.out, IsEmpty());
}

TEST_F(FormatTest, TheModeOfAFileStays) {
  const std::string path = put("web.yaml", kOdd);
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(run([&] { return format({{path}, {}, false}); }).exit, 0);
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(FormatTest, CheckSaysWhereAndWritesNothing) {
  const std::string path = put("web.yaml", kOdd);
  const Outcome o = run([&] { return format({{path, put("even.yaml", kEven)}, {}, true}); });
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.err, HasSubstr("web.yaml:1:1: error: the layout differs from here on [not-formatted]"));
  EXPECT_EQ(get("web.yaml"), kOdd);
}

TEST_F(FormatTest, AMistakeInOneFileDoesNotKeepTheOthersFromBeingFormatted) {
  const std::string bad = put("bad.yaml", "name: web\n"), good = put("web.yaml", kOdd);
  const Outcome o = run([&] { return format({{bad, good, base_ + "none.yaml"}, {}, false}); });
  EXPECT_EQ(o.exit, 3);
  EXPECT_EQ(get("web.yaml"), kEven);
  EXPECT_EQ(get("bad.yaml"), "name: web\n");
}

TEST_F(FormatTest, WhatIsNoRegularFileIsNotWaitedFor) {
  const std::string pipe = base_ + "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const Outcome o = run([&] { return format({{pipe}, {}, false}); });
  EXPECT_EQ(o.exit, 3);
  EXPECT_THAT(o.err, HasSubstr("it is no regular file; name one"));
}

TEST_F(FormatTest, JsonIsLeftToFormattersOfJson) {
  const std::string path = put("web.json", R"({"treeline":1,"name":"web","entry":[{"exec":"/a"}]})");
  EXPECT_EQ(run([&] { return format({{path}, {}, false}); }).exit, 2);
}

TEST_F(FormatTest, AMergeThatTheChecksRefuseIsNotWritten) {
  const std::string a =
      put("a.yaml", "treeline: 1\nname: web\nentry:\n  - exec: /a\n    files:\n      /srv/*: write\n");
  const std::string b =
      put("b.yaml", "treeline: 1\nname: web\nentry:\n  - exec: /a\n    files:\n      /srv/lib: map\n");
  const Outcome o = run([&] { return merge({{a, b}, base_ + "out.yaml", "", {}}); });
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.err, HasSubstr("[write-and-execute]"));
  EXPECT_THAT(o.err, HasSubstr("from " + a + ":6:7"));
  EXPECT_FALSE(std::filesystem::exists(base_ + "out.yaml"));
}

TEST_F(FormatTest, ProfilesOfTwoPoliciesMergeUnderANameOnly) {
  const std::string a = put("a.yaml", "treeline: 1\nname: a\nentry: [{exec: /a}]\n");
  const std::string b = put("b.yaml", "treeline: 1\nname: b\nentry: [{exec: /b}]\n");
  Outcome o = run([&] { return merge({{a, b}, base_ + "out.yaml", "", {}}); });
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.err, HasSubstr("[merge-name]"));
  EXPECT_THAT(o.err, HasSubstr(b + ":2:1: "));
  o = run([&] { return merge({{a, b}, base_ + "out.yaml", "both", {}}); });
  EXPECT_EQ(o.exit, 0) << o.err;
  EXPECT_EQ(get("out.yaml"), "treeline: 1\nname: both\non_violation: deny\n\nentry:\n  - exec: /a\n  - exec: /b\n");
}

TEST_F(FormatTest, WhatAViolationCostsIsSaidWithItsPlaceInBothProfiles) {
  const std::string a = put("a.yaml", "treeline: 1\nname: a\nentry: [{exec: /a}]\non_violation: kill\n");
  const std::string b = put("b.yaml", "# b\ntreeline: 1\nname: a\nentry: [{exec: /b}]\n");
  const Outcome o = run([&] { return merge({{a, b}, base_ + "out.yaml", "", {}}); });
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.err, HasSubstr(b + ":2:1: "));
  EXPECT_THAT(o.err, HasSubstr(a + ":4:1"));
}

TEST_F(FormatTest, EachFormatIsOneDocumentAndTheLogStaysReadable) {
  const std::string bad = put("bad.yaml", "treeline: 1\nname: web\nentry:\n  - exec: /a\n    filse: {}\n");
  const auto say = [&](Format format) { return run([&] { return check({{bad}, format, false}); }); };
  EXPECT_THAT(say(Format::kSarif).out, StartsWith("{\n  \"$schema\""));
  EXPECT_THAT(say(Format::kJunit).out, StartsWith("<?xml"));
  EXPECT_THAT(say(Format::kMarkdown).out, StartsWith("### treelinec check: 1 error\n"));
  for (const Format format : {Format::kSarif, Format::kJunit, Format::kMarkdown}) {
    EXPECT_EQ(say(format).exit, 1);
    EXPECT_THAT(say(format).err, HasSubstr("[unknown-key]"));
  }
  EXPECT_THAT(say(Format::kJson).err, IsEmpty());
}

}  // namespace
}  // namespace treeline::cli
