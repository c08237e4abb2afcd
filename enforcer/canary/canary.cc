// SPDX-License-Identifier: Apache-2.0
#include "enforcer/canary/canary.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <sstream>

#include "enforcer/base/clock.h"
#include "enforcer/base/files.h"
#include "enforcer/base/own_path.h"
#include "enforcer/canary/acts.h"
#include "enforcer/canary/image.h"
#include "enforcer/canary/victim.h"
#include "enforcer/events/words.h"

namespace treeline::canary {
namespace {

using Counts = std::map<std::pair<uint32_t, uint32_t>, uint64_t>;

// Everything that was set up, taken down again in the reverse order.
class Stage {
 public:
  explicit Stage(CanaryWorld& world) : world_(world) {}
  ~Stage() { clear(); }

  Result<void> set(const std::string& executable) {
    forget_counts();
    if (Result<void> placed = place(executable); !placed) return placed;
    const uint32_t generation = store::next_generation(world_.publisher.read(kSlot).generation);
    world_.publisher.publish(kSlot, {generation, TL_MODE_ENFORCE, world_.image.base, 0});
    published_ = true;
    if (Result<void> made = world_.cgroups.create(world_.cgroup); !made) return made;
    Result<uint64_t> id = world_.cgroups.id(world_.cgroup);
    if (!id) return id.error();
    cgroup_ = *id;
    return {};
  }

  // The process is stopped; from here on its next exec is the entry.
  Result<void> bind(const StoppedVictim& victim) {
    if (Result<void> entered = world_.cgroups.enter(world_.cgroup, victim.pid); !entered) return entered;
    tl_container entry{};
    entry.cgroup = cgroup_;
    entry.slot = kSlot;
    entry.flags = TL_CONTAINER_BOUND | TL_CONTAINER_PLAIN;
    for (size_t i = 0; i < 3; ++i) entry.stdio[i] = victim.streams[i];
    entry.bound_at = boot_ns();
    world_.maps.container_table()[kContainer] = entry;
    __atomic_add_fetch(&world_.maps.control_word().bound, 1, __ATOMIC_SEQ_CST);
    bound_ = true;
    const uint32_t index = kContainer;
    if (bpf_map_update_elem(world_.maps.bindings.get(), &cgroup_, &index, BPF_ANY) != 0) return system_error("cannot bind the canary's cgroup", errno);
    return {};
  }

  // (hook, reason) -> refusals
  Counts counts() const {
    Counts counts;
    kernel::for_each<tl_count_key, tl_denial>(world_.maps.canary_counts.get(), 1 << 10, [&](const tl_count_key& key, const tl_denial& denial) {
      counts[{key.hook, key.reason}] += denial.count;
    });
    return counts;
  }

 private:
  Result<void> place(const std::string& executable) {
    if (world_.image.base && world_.image.executable == executable) return {};
    Result<uint32_t> base = world_.publisher.place(build_image(executable));
    if (!base) return base.error();
    const uint32_t replaced = world_.image.base;
    world_.image = {*base, executable};
    return world_.publisher.retire(replaced);
  }

  void forget_counts() {
    kernel::erase_if<tl_count_key, tl_denial>(world_.maps.canary_counts.get(), 1 << 10, [](const tl_count_key&) { return true; });
  }

  void clear() {
    (void)!world_.cgroups.kill_all(world_.cgroup).has_value();
    if (bound_) {
      bpf_map_delete_elem(world_.maps.bindings.get(), &cgroup_);
      world_.maps.container_table()[kContainer].flags = 0;
      __atomic_sub_fetch(&world_.maps.control_word().bound, 1, __ATOMIC_SEQ_CST);
    }
    if (published_) world_.publisher.publish(kSlot, {world_.publisher.read(kSlot).generation, TL_MODE_OFF, 0, 0});
    forget_counts();
    for (int i = 0; i < 50 && !world_.cgroups.remove(world_.cgroup); ++i) usleep(10000);  // exiting tasks still count for a moment
  }

  CanaryWorld& world_;
  uint64_t cgroup_ = 0;
  bool published_ = false;
  bool bound_ = false;
};

bool counted_for(const Counts& counts, uint32_t hook) {
  auto it = counts.lower_bound({hook, 0});
  return it != counts.end() && it->first.first == hook;
}

// What stopped a victim that did not get to its acts.
std::string obituary(const Counts& counts, int status) {
  std::string text = WIFSIGNALED(status) ? "it ended by signal " + std::to_string(WTERMSIG(status)) : "it ended with status " + std::to_string(WEXITSTATUS(status));
  for (auto& [key, count] : counts)
    text += ", " + events::hook_word(key.first) + " refused " + std::to_string(count) + " (" + events::reason_word(key.second) + ")";
  return text;
}

void judge(CanaryReport& report, const std::string& text, const Counts& counts, const CanaryWorld& world) {
  std::map<std::string, int> outcomes;
  std::istringstream lines(text);
  std::string hook;
  for (int code = 0; lines >> hook >> code;) outcomes[hook] = code;
  for (const std::string& name : victim_hooks()) {
    HookProof proof;
    proof.hook = name;
    proof.wanted = world.is_attached(name);
    auto outcome = outcomes.find(name);
    if (outcome != outcomes.end() && outcome->second == kNotHere) {
      proof.wanted = false;
      proof.detail = "this kernel answers before the hook";
      report.hooks.push_back(std::move(proof));
      continue;
    }
    proof.refused = outcome != outcomes.end() && (outcome->second == EACCES || outcome->second == EPERM);
    // A fork is not refused, it is followed: that its child was refused is the proof.
    proof.counted = name == "task_alloc" ? proof.refused : counted_for(counts, events::hook_of_word(name));
    proof.let_pass = outcome != outcomes.end() && outcome->second == 0;
    if (outcome == outcomes.end()) proof.detail = "the victim did not get there";
    else if (outcome->second == 0) proof.detail = "the act succeeded";
    else if (!proof.refused) proof.detail = std::string("the act failed for another reason: ") + std::strerror(outcome->second);
    else if (!proof.counted) proof.detail = "refused, but not by this hook";
    report.hooks.push_back(std::move(proof));
  }
}

}  // namespace

bool CanaryReport::passed() const { return why().empty(); }

bool CanaryReport::inconclusive() const {
  return !error.empty() && std::none_of(hooks.begin(), hooks.end(), [](const HookProof& proof) { return proof.wanted && proof.let_pass; });
}

std::string CanaryReport::why() const {
  if (!error.empty()) return error;
  if (hooks.empty()) return "the canary has not been run";
  std::string text;
  for (const HookProof& proof : hooks)
    if (proof.wanted && !(proof.refused && proof.counted)) text += (text.empty() ? "" : "; ") + proof.hook + ": " + proof.detail;
  return text;
}

CanaryReport run_canary(CanaryWorld world) {
  CanaryReport report;
  report.time = rfc3339(unix_ns());
  if (!world.cannot_act.empty()) {
    report.error = world.cannot_act;
    return report;
  }
  Result<std::string> self = own_path();
  if (!self) {
    report.error = self.error().message;
    return report;
  }
  Stage stage(world);
  if (Result<void> set = stage.set(*self); !set) {
    report.error = set.error().message;
    return report;
  }
  Result<StoppedVictim> victim = world.host.start_victim();
  if (!victim) {
    report.error = victim.error().message;
    return report;
  }
  Result<void> bound = stage.bind(*victim);
  Result<Performance> performed = bound ? world.host.perform() : bound.error();
  if (!bound) world.host.abandon();
  if (!performed) {
    report.error = performed.error().message;
    return report;
  }
  const Counts counts = stage.counts();
  if (!performed->complete) report.error = "the victim did not finish in " + std::to_string(kLimitSeconds) + " s; it had said:\n" + performed->report;
  else if (performed->report.empty()) report.error = "the victim did not get to its first act: " + obituary(counts, performed->status);
  judge(report, performed->report, counts, world);
  return report;
}

}  // namespace treeline::canary
