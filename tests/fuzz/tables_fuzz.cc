// SPDX-License-Identifier: Apache-2.0
// links: treeline_workload treeline_store treeline_canary treeline_kernel
//
// Any bytes in the tables that treelined keeps over a restart (slots.json, containers/1.json, unbound/1.json), and as mountinfo: the next start
// returns, what is in force stays as it is, and every slot and binding that the kernel knows is known or said. The first byte chooses which: s c u m.
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "enforcer/base/log.h"
#include "enforcer/base/mounts.h"
#include "enforcer/canary/image.h"
#include "enforcer/kernel/probe.h"
#include "enforcer/store/image.h"
#include "enforcer/store/registry.h"
#include "enforcer/workload/containers.h"
#include "enforcer/workload/unbound.h"

using namespace treeline;

namespace {

std::string scratch() {
  std::string form = "/dev/shm/tables-fuzz-XXXXXX";
  if (mkdtemp(form.data()) == nullptr) std::abort();
  return form;
}

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

// One policy in force, published once; each start reads another slots.json.
class Slots {
 public:
  Slots() : root_(scratch()) {
    bundle::Bundle b;
    b.name = "web";
    b.compiler = "fuzz";
    b.abi = TL_ABI_IMAGE;
    b.artifacts.push_back({std::string(bundle::kImage), "bpf-image", canary::build_image("/a"), 0, ""});
    b.artifacts.push_back({std::string(bundle::kProfile), "profile", "treeline: 1\n", 0, ""});
    b.artifacts.push_back({std::string(bundle::kRules), "rules", *bundle::encode_rules({}), 0, ""});
    b.policy = store::identify_image(b.artifacts[0].bytes)->policy;
    b.nodes.push_back({4, 0x9a6e7a2d3c4b5f01ull, "entry > /a", 5});
    start();
    store::Change change;
    change.name = "web";
    change.mode = TL_MODE_ENFORCE;
    if (!registry_->load(std::move(b), change)) std::abort();
    slot_ = registry_->find("web")->slot;
  }
  ~Slots() { std::filesystem::remove_all(root_); }

  void restart(const std::string& table) {
    write(root_ + "/slots.json", table);
    const store::Published before = publisher_->read(slot_);
    start();
    std::vector<std::string> complaints;
    (void)registry_->restore(complaints);
    const store::Published after = publisher_->read(slot_);
    if (after.mode != before.mode || after.generation != before.generation || after.base != before.base) std::abort();
    size_t in_force = 0;
    for (uint32_t slot = 0; slot < TL_SLOTS; ++slot) in_force += publisher_->read(slot).mode != TL_MODE_OFF ? 1 : 0;
    const store::Policy* managed = registry_->at(slot_);
    const bool unmanaged = !registry_->unmanaged().empty();
    if (in_force != 1 || (managed == nullptr) != unmanaged) std::abort();
    if (managed != nullptr && managed->learning && registry_->find("web") == managed) std::abort();
  }

 private:
  void start() {
    publisher_ = std::make_unique<store::Publisher>(store::Publisher::Memory{memory_, arena_, []() -> Result<void> { return {}; }});
    kept_ = std::make_unique<store::PolicyStore>(root_ + "/kept");
    transient_ = std::make_unique<store::PolicyStore>(root_ + "/transient");
    if (!kept_->open() || !transient_->open()) std::abort();
    registry_ = std::make_unique<store::Registry>(*publisher_, *kept_, *transient_,
                                                  store::Registry::World{[](const std::function<void(const tl_tag&)>&) {},
                                                                         []() -> std::optional<Error> { return std::nullopt; },
                                                                         [](uint32_t mode) { return mode; }, [](uint32_t) { return 0u; },
                                                                         root_ + "/slots.json", admission_});
  }

  std::string root_;
  std::vector<tl_slot> memory_{TL_SLOTS};
  std::vector<std::byte> arena_{2 * TL_ELEMENT};
  store::Admission admission_;
  std::unique_ptr<store::Publisher> publisher_;
  std::unique_ptr<store::PolicyStore> kept_, transient_;
  std::unique_ptr<store::Registry> registry_;
  uint32_t slot_ = 0;
};

// One container bound; each start reads another file for it.
void containers(const std::string& directory, const std::string& text) {
  std::vector<tl_container> table(TL_CONTAINERS);
  tl_control control{};
  table[1].flags = TL_CONTAINER_BOUND;
  table[1].slot = 5;
  table[1].cgroup = 77;
  control.bound = 1;
  std::filesystem::create_directories(directory);
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
  write(directory + "/1.json", text);
  workload::Containers::Memory memory;
  memory.table = table;
  memory.control = &control;
  memory.insert = [](uint64_t, uint32_t) -> Result<void> { return {}; };
  memory.erase = [](uint64_t) {};
  memory.look_up = [](uint64_t cgroup) { return cgroup == 77 ? std::optional(1u) : std::nullopt; };
  memory.tagged = [](uint32_t) { return false; };
  workload::Containers all(std::move(memory), directory);
  if (!all.restore()) return;
  const workload::Container* known = all.at(1);
  if (known == nullptr || known->slot != 5 || (table[1].flags & TL_CONTAINER_BOUND) == 0) std::abort();
  (void)workload::cgroup_on_disk(directory, known->id);
}

void unbound(const std::string& directory, const std::string& text) {
  std::filesystem::create_directories(directory);
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
  write(directory + "/1.json", text);
  workload::Unbound all(directory);
  if (!all.restore()) return;
  for (const auto& [number, container] : all.all())
    if (container.cgroup.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  set_log_level(static_cast<LogLevel>(0));  // what is damaged is said at every input
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static Slots slots;
  static const std::string directory = scratch();
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0]) {
    case 's':
      slots.restart(text);
      break;
    case 'c':
      containers(directory + "/containers", text);
      break;
    case 'u':
      unbound(directory + "/unbound", text);
      break;
    default: {
      (void)device_of_mount(parse_mountinfo(text), 36);
      (void)parse_fdinfo(text);
      const std::string mount = kernel::cgroup2_mount(text);
      if (mount.size() > text.size()) std::abort();
    }
  }
  return 0;
}
