// SPDX-License-Identifier: Apache-2.0
//
// The registry over plain memory: an arena, slots and a list of tags stand in for the maps.
#pragma once

#include "enforcer/store/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include <filesystem>
#include <fstream>

#include "enforcer/canary/image.h"
#include "enforcer/store/image.h"

namespace treeline::store {

constexpr uint64_t kVictimNode = 0x9a6e7a2d3c4b5f01ull;

inline bundle::Bundle bundle_for(const std::string& executable) {
  bundle::Bundle b;
  b.name = "web";
  b.compiler = "test";
  b.abi = TL_ABI_IMAGE;
  b.artifacts.push_back({std::string(bundle::kImage), "bpf-image", canary::build_image(executable), 0, ""});
  b.artifacts.push_back({std::string(bundle::kProfile), "profile", "treeline: 1\n", 0, ""});
  b.artifacts.push_back({std::string(bundle::kRules), "rules",
                         *bundle::encode_rules({{4, kVictimNode, "file", "read", "/etc/nginx/**", {7, 3}}, {4, kVictimNode, "file", "read", "/usr/lib/**", {9, 3}}}), 0, ""});
  b.policy = identify_image(b.artifacts[0].bytes)->policy;
  b.nodes.push_back({4, kVictimNode, "entry > " + executable, 5});
  return b;
}

// While it lives no file takes a byte (EFBIG), and what is there can be read.
class FullDisk {
 public:
  FullDisk() : handler_(signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit none{0, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  ~FullDisk() {
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before_), 0);
    signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() {
    root_ = testing::TempDir() + "registry-XXXXXX";
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
    start();
  }
  ~RegistryTest() override { std::filesystem::remove_all(root_); }

  void start() {
    publisher_ = std::make_unique<Publisher>(Publisher::Memory{slots_, arena_, [this]() -> Result<void> {
                                                                 ++graces_;
                                                                 return {};
                                                               }});
    kept_ = std::make_unique<PolicyStore>(root_ + "/kept");
    transient_ = std::make_unique<PolicyStore>(root_ + "/transient");
    ASSERT_TRUE(kept_->open());
    ASSERT_TRUE(transient_->open());
    registry_ = std::make_unique<Registry>(*publisher_, *kept_, *transient_,
                                           Registry::World{[this](const std::function<void(const tl_tag&)>& use) {
                                                             for (const tl_tag& tag : tags_) use(tag);
                                                           },
                                                           [this] { return why_not_; }, [](uint32_t mode) { return mode; },
                                                           [this](uint32_t) { return bound_; }, root_ + "/slots.json", admission_,
                                                           [this](uint32_t slot) { given_.push_back(slot); },
                                                           [this](const std::function<void(const tl_task&)>& use) {
                                                             for (const tl_task& task : tasks_) use(task);
                                                           }});
  }
  Result<Policy*> load(uint32_t mode, const std::string& executable = "/a", Orphans orphans = Orphans::kRefuse) {
    Change change;
    change.name = "web";
    change.mode = mode;
    change.orphans = orphans;
    return registry_->load(bundle_for(executable), change);
  }
  void put_task(uint32_t slot, uint64_t node) {
    tl_tag tag{};
    tag.slot = slot;
    tag.node = node;
    tags_.push_back(tag);
  }

  std::string root_;
  std::vector<tl_slot> slots_{TL_SLOTS};
  std::vector<std::byte> arena_{2 * TL_ELEMENT};
  std::vector<tl_tag> tags_;
  std::vector<tl_task> tasks_;  // by pid: what a walk of the tags may have missed
  std::optional<Error> why_not_;
  Admission admission_;
  uint32_t bound_ = 0;
  std::vector<uint32_t> given_;  // slots, as they were told of
  int graces_ = 0;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<PolicyStore> kept_, transient_;
  std::unique_ptr<Registry> registry_;
};

}  // namespace treeline::store
