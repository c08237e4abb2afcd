// SPDX-License-Identifier: Apache-2.0
//
// What was refused, counted by the hooks themselves: exact, whatever became of the events and of earlier daemons.
#include <algorithm>
#include <cerrno>
#include <tuple>

#include "bpf/lsm/abi.h"
#include "enforcer/base/bytes.h"
#include "enforcer/base/clock.h"
#include "enforcer/daemon/service.h"
#include "enforcer/events/words.h"
#include "policy-compiler/support/text.h"

namespace treeline::daemon {
namespace {

constexpr size_t kMost = 1 << 20;  // more than the map holds

struct Sum {
  uint64_t stopped = 0, would = 0;
  uint64_t first = UINT64_MAX, last = 0;  // ns since boot
  size_t objects = 0;
};

}  // namespace

Service::Answer Service::denials(const Json& request) const {
  const std::string only = text_at(request, "policy");
  std::map<std::tuple<uint32_t, uint64_t, uint8_t, uint8_t>, Sum> sums;  // slot, node, hook, reason
  kernel::for_each<tl_denial_key, tl_denial>(engine_->maps().denials.get(), kMost, [&](const tl_denial_key& key, const tl_denial& denial) {
    Sum& sum = sums[{key.slot, key.node, key.hook, key.reason}];
    sum.stopped += denial.count;
    sum.would += denial.would;
    sum.first = std::min<uint64_t>(sum.first, denial.first);
    sum.last = std::max<uint64_t>(sum.last, denial.last);
    ++sum.objects;
  });
  Json list = Json::array();
  uint64_t stopped = 0, would = 0;
  for (auto& [key, sum] : sums) {
    auto& [slot, node, hook, reason] = key;
    const store::Policy* policy = registry_->at(slot);
    const std::string name = policy ? policy->shown_name() : "";
    if (!only.empty() && name != only) continue;
    stopped += sum.stopped;
    would += sum.would;
    list.push_back({{"policy", name},
                    {"node", policy ? escape_bytes(policy->node_path(node)) : ""},
                    {"hook", events::hook_word(hook)},
                    {"reason", events::reason_word(reason)},
                    {"stopped", sum.stopped},
                    {"would", sum.would},
                    {"count", sum.stopped + sum.would},
                    {"objects", sum.objects},
                    {"first", rfc3339(unix_ns_of_boot(sum.first))},
                    {"last", rfc3339(unix_ns_of_boot(sum.last))}});
  }
  if (list.empty() && !only.empty() && !registry_->find(only)) return Error{"there is no policy " + text::quoted(only) + " here; see: treeline policy list", ENOENT};
  const uint64_t uncounted = kernel::sum_over_cpus(engine_->maps().losses.get(), TL_LOSS_DENIALS);
  return Json{{"denials", std::move(list)}, {"stopped", stopped}, {"would", would}, {"total", stopped + would}, {"uncounted", uncounted}};
}

// After what root changed: the log shows anew what is refused, a flood once more.
void Service::tell_again() const { engine_->maps().control_word().told_from = boot_ns(); }

}  // namespace treeline::daemon
