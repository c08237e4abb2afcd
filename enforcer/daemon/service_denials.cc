// SPDX-License-Identifier: Apache-2.0
//
// What was refused, counted by the hooks themselves: exact, whatever became of the events and of earlier daemons.
#include <cerrno>
#include <map>
#include <tuple>
#include <utility>

#include "bpf/lsm/abi.h"
#include "enforcer/base/bytes.h"
#include "enforcer/base/clock.h"
#include "enforcer/daemon/service.h"
#include "enforcer/events/json_encoder.h"
#include "enforcer/events/words.h"
#include "policy-compiler/support/text.h"

namespace treeline::daemon {
namespace {

constexpr size_t kMost = 1 << 20;  // more than any of the maps holds

}  // namespace

Service::Answer Service::denials(const Json& request) const {
  const std::string only = text_at(request, "policy");
  std::map<std::tuple<uint32_t, uint64_t, uint8_t, uint8_t>, tl_denial> counts;  // slot, node, hook, reason: in an order
  kernel::for_each<tl_count_key, tl_denial>(engine_->maps().counts.get(), kMost, [&](const tl_count_key& key, const tl_denial& counted) {
    counts[{key.slot, key.node, key.hook, key.reason}] = counted;
  });
  Json list = Json::array();
  uint64_t stopped = 0, would = 0;
  for (auto& [key, counted] : counts) {
    auto& [slot, node, hook, reason] = key;
    const store::Policy* policy = registry_->at(slot);
    const std::string name = policy ? policy->shown_name() : "";
    if (!only.empty() && name != only) continue;
    stopped += counted.count;
    would += counted.would;
    list.push_back({{"policy", name},
                    {"node", policy ? escape_bytes(policy->node_path(node)) : ""},
                    {"hook", events::hook_word(hook)},
                    {"reason", events::reason_word(reason)},
                    {"stopped", counted.count},
                    {"would", counted.would},
                    {"count", counted.count + counted.would},
                    {"objects", counted.objects},
                    {"first", rfc3339(unix_ns_of_boot(counted.first))},
                    {"last", rfc3339(unix_ns_of_boot(counted.last))}});
  }
  if (list.empty() && !only.empty() && !registry_->find(only)) return Error{"there is no policy " + text::quoted(only) + " here; see: treeline policy list", ENOENT};
  const uint64_t uncounted = kernel::sum_over_cpus(engine_->maps().losses.get(), TL_LOSS_COUNTS);
  return Json{{"denials", std::move(list)}, {"stopped", stopped}, {"would", would}, {"total", stopped + would}, {"uncounted", uncounted}};
}

void Service::count_denials(uint32_t slot, Run& run) const {
  run.denied = run.would = 0;
  kernel::for_each<tl_count_key, tl_denial>(engine_->maps().counts.get(), kMost, [&](const tl_count_key& key, const tl_denial& counted) {
    if (key.slot != slot) return;
    run.denied += counted.count;
    run.would += counted.would;
  });
}

// A freed slot's counts must not be the next owner's.
void Service::forget_denials(uint32_t slot) const {
  const kernel::Maps& maps = engine_->maps();
  kernel::erase_if<tl_count_key, tl_denial>(maps.counts.get(), kMost, [slot](const tl_count_key& key) { return key.slot == slot; });
  kernel::erase_if<tl_denial_key, tl_denial>(maps.denials.get(), kMost, [slot](const tl_denial_key& key) { return key.slot == slot; });
  __atomic_store_n(&maps.share_table()[slot], 0, __ATOMIC_RELAXED);
}

uint64_t Service::not_shown(uint32_t container) const { return __atomic_load_n(&engine_->maps().bucket_table()[container].not_shown, __ATOMIC_RELAXED); }

// A container's refusals that no event told: too many at once, or too many different ones.
void Service::report_not_shown(const workload::Container& container) {
  const uint64_t now = not_shown(container.index), before = std::exchange(not_shown_told_[container.index], now);
  if (now <= before) return;
  const store::Policy* policy = registry_->at(container.slot);
  broadcast(to_line(events::not_shown_to_json(policy ? policy->shown_name() : "", container.id, now - before)), false, container.index);
}

// After what root changed: the log shows anew what is refused, a flood once more.
void Service::tell_again() const { engine_->maps().control_word().told_from = boot_ns(); }

}  // namespace treeline::daemon
