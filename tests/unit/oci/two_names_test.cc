// SPDX-License-Identifier: Apache-2.0
//
// Policies are compiled from text, so what is asked is what the kernel would be asked; mounts are a mountinfo of the test's.
#include "enforcer/oci/two_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/passes/check.h"
#include "tests/unit/oci/fake.h"

namespace treeline::oci {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string image_of(const std::string& files, const std::string& children = "") {
  Diagnostics diagnostics("test.yaml");
  ir::Policy policy = frontend::read_profile("treeline: 1\nname: twice\nentry:\n  - exec: /srv/entry\n    users: [0]\n    files:\n" + files + children, diagnostics);
  std::optional<passes::Paths> paths = passes::compile_paths(policy, diagnostics);
  std::optional<backends::bpf::Lowered> lowered;
  if (paths && passes::check_paths(policy, *paths, diagnostics)) lowered = backends::bpf::lower(policy, std::move(*paths), diagnostics);
  for (const Diagnostic& d : diagnostics.list())
    if (d.severity == Severity::kError) ADD_FAILURE() << d.message;
  return lowered ? lowered->image : "";
}

Mounted at(const std::string& name, const std::string& source, bool writable = true, bool executable = true, uint64_t device = 7) {
  Mounted mounted;
  mounted.device = device;
  mounted.source = source;
  mounted.name = name;
  mounted.writable = writable;
  mounted.executable = executable;
  return mounted;
}

const char kWrites[] = "      /data/**: read write create\n      /opt/plugins/*.so: read map\n";

TEST(WrittenAndExecuted, one_source_under_both_names) {
  const std::string image = image_of(kWrites);
  EXPECT_EQ(written_and_executed(image, {at("/data", "/vol"), at("/opt/plugins", "/vol")}),
            "/data and /opt/plugins are mounts of one directory: what the policy lets be written as /data/.so could be executed as /opt/plugins/.so");
  EXPECT_THAT(written_and_executed(image, {at("/data", "/vol"), at("/opt/plugins", "/vol/lib")}), HasSubstr("/data/lib/.so could be executed as /opt/plugins/.so"));
  EXPECT_THAT(written_and_executed(image, {at("/data/deep", "/vol/a/b"), at("/opt", "/vol/a")}), IsEmpty()) << "/opt/b is no /opt/plugins";
  EXPECT_THAT(written_and_executed(image, {at("/data/deep", "/vol/plugins"), at("/opt", "/vol")}), HasSubstr("/data/deep/.so could be executed as /opt/plugins/.so"));
}

TEST(WrittenAndExecuted, what_is_no_clash) {
  const std::string image = image_of(kWrites);
  EXPECT_THAT(written_and_executed(image, {at("/data", "/vol", false), at("/opt/plugins", "/vol")}), IsEmpty()) << "read-only";
  EXPECT_THAT(written_and_executed(image, {at("/data", "/vol"), at("/opt/plugins", "/vol", true, false)}), IsEmpty()) << "noexec";
  EXPECT_THAT(written_and_executed(image, {at("/data", "/vol"), at("/opt/plugins", "/vol2")}), IsEmpty()) << "another directory";
  EXPECT_THAT(written_and_executed(image, {at("/data", "/vol"), at("/opt/plugins", "/vol", true, true, 8)}), IsEmpty()) << "another file system";
  EXPECT_THAT(written_and_executed(image, {at("/data", "/vol"), at("/elsewhere", "/vol")}), IsEmpty()) << "nothing is executed there";
  EXPECT_THAT(written_and_executed(image, {at("/data", "/vol"), at("/data", "/vol")}), IsEmpty()) << "one name";
}

TEST(WrittenAndExecuted, a_program_and_an_interpreter_are_executed) {
  const std::string children = "    children:\n      - {exec: /opt/tools/run, users: [0]}\n      - {exec: /opt/tools/script, interpreter: /opt/bin/sh, users: [0]}\n";
  const std::string image = image_of("      /data/**: read write create\n", children);
  EXPECT_THAT(written_and_executed(image, {at("/data", "/vol"), at("/opt/tools", "/vol")}), HasSubstr("/opt/tools/run"));
  EXPECT_THAT(written_and_executed(image, {at("/data", "/vol"), at("/opt/bin", "/vol")}), HasSubstr("executed as /opt/bin/sh"));
}

TEST(WrittenAndExecuted, a_file_and_the_root) {
  const std::string image = image_of("      /data/config: write\n      /usr/lib/x.so: map\n");
  EXPECT_THAT(written_and_executed(image, {at("/data/config", "/f"), at("/usr/lib/x.so", "/f")}), HasSubstr("written as /data/config could be executed as /usr/lib/x.so"));
  EXPECT_THAT(written_and_executed(image, {at("", "/rootfs"), at("/data", "/rootfs/usr/lib")}), IsEmpty()) << "config is no x.so";
  EXPECT_THAT(written_and_executed(image_of("      /data/*: write\n      /usr/lib/x.so: map\n"), {at("", "/rootfs"), at("/data", "/rootfs/usr/lib")}),
              HasSubstr("written as /data/x.so could be executed as /usr/lib/x.so"));
}

TEST(WrittenAndExecuted, what_a_person_signed_for) {
  const std::string image = image_of("      /data/**: read write create\n      /opt/plugins/*.so: {access: read map, unsafe_write_and_execute: true}\n");
  EXPECT_THAT(written_and_executed(image, {at("/data", "/vol"), at("/opt/plugins", "/vol")}), IsEmpty());
}

TEST(WrittenAndExecuted, a_damaged_image_is_no_crash) {
  std::string image = image_of(kWrites);
  EXPECT_THAT(written_and_executed("", {at("/data", "/vol"), at("/opt/plugins", "/vol")}), IsEmpty());
  for (size_t i = 0; i + 8 < image.size(); i += 97) {
    std::string damaged = image;
    damaged.replace(i, 8, 8, '\xff');
    (void)written_and_executed(damaged, {at("/data", "/vol"), at("/opt/plugins", "/vol")});
  }
}

class MountedAt : public ::testing::Test {
 protected:
  // The test's directory is its own mount, 1:2 below /sub, with another one in vol/inner.
  std::vector<std::string> mounted(const std::string& config) {
    std::string id;
    std::istringstream lines(fdinfo_of(world_.path));
    for (std::string line; std::getline(lines, line);)
      if (line.rfind("mnt_id:", 0) == 0) id = line.substr(7);
    world_.write("mountinfo", id + " 1 1:2 /sub " + world_.path + " rw - ext4 x rw\n" +
                                  "99999 1 3:4 / " + world_.path + "/vol/inner rw - ext4 y rw\n");
    std::filesystem::create_directories(world_.path + "/vol/inner");
    std::filesystem::create_directories(world_.path + "/b/rootfs");
    Result<Config> read = Config::of_text(config, "config.json");
    EXPECT_TRUE(read) << read.error().message;
    Result<std::vector<Mounted>> found = mounted_at(*read, world_.path + "/b", world_.path + "/mountinfo");
    if (!found) return {found.error().message};
    std::vector<std::string> out;
    for (const Mounted& each : *found)
      out.push_back(each.name + "=" + std::to_string(each.device >> 20) + ":" + std::to_string(each.device & 0xfffff) + each.source + (each.writable ? " w" : "") + (each.executable ? " x" : ""));
    return out;
  }
  static std::string fdinfo_of(const std::string& path) {
    const UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
    std::ostringstream text;
    text << std::ifstream("/proc/self/fdinfo/" + std::to_string(fd.get())).rdbuf();
    return text.str();
  }
  [[nodiscard]] std::string bind(const std::string& source, const std::string& to, const std::string& options) const {
    return R"({"destination":")" + to + R"(","type":"bind","source":")" + world_.path + "/" + source + R"(","options":[)" + options + "]}";
  }
  World world_;
};

TEST_F(MountedAt, the_root_and_the_bind_mounts) {
  EXPECT_THAT(mounted(R"({"root":{"path":"rootfs","readonly":true},"mounts":[)" + bind("vol", "/data", R"("bind","ro")") + "," +
                      R"({"destination":"/tmp","type":"tmpfs","source":"tmpfs"},)" + bind("vol/", "/opt/", R"("bind","noexec")") + "]}"),
              ElementsAre("=1:2/sub/b/rootfs x", "/data=1:2/sub/vol x", "/opt=1:2/sub/vol w"));
}

TEST_F(MountedAt, rbind_brings_what_is_mounted_below) {
  EXPECT_THAT(mounted(R"({"mounts":[)" + bind("vol", "/data", R"("rbind","ro")") + "]}"), ElementsAre("/data=1:2/sub/vol x", "/data/inner=3:4 w x"));
  EXPECT_THAT(mounted(R"({"mounts":[)" + bind("vol", "/data", R"("rbind","rro")") + "]}"), ElementsAre("/data=1:2/sub/vol x", "/data/inner=3:4 x"));
}

TEST_F(MountedAt, on_a_mount_that_is_in_no_list_by_name) {
  std::filesystem::create_directories(world_.path + "/vol/sub");
  world_.write("none", "");
  Result<Config> read = Config::of_text(R"({"mounts":[)" + bind("vol", "/data", R"("bind")") + "," + bind("vol/sub", "/opt", R"("bind")") + "]}", "config.json");
  ASSERT_TRUE(read) << read.error().message;
  Result<std::vector<Mounted>> found = mounted_at(*read, world_.path, world_.path + "/none");
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[1].source, (*found)[0].source + "/sub");
  EXPECT_EQ((*found)[1].device, (*found)[0].device);
}

TEST_F(MountedAt, a_source_that_is_not_there_is_the_runtimes_to_say) {
  EXPECT_THAT(mounted(R"({"mounts":[)" + bind("none", "/data", R"("bind")") + "]}"), IsEmpty());
  EXPECT_THAT(mounted("{}"), IsEmpty());
}

}  // namespace
}  // namespace treeline::oci
