// SPDX-License-Identifier: Apache-2.0
//
// Attached is not proven. Before `enforce` is reported, a victim that is bound to a policy of its own must have been refused by each
// hook, and the kernel side must have counted that refusal for that hook: an errno alone could be another security module's.
//
//   CanaryReport report = run_canary(world);
//   if (!report.passed()) ...                        // which hook let it pass, or what stood in the way
//
// The victim needs rights that its judge need not have (kCapabilities in performance.h): who forks and reaps it is the VictimHost, in treelined a process that
// was started before the daemon laid its own rights down (enforcer/helper).
//
// Takes slot TL_SLOTS - 1 and container entry TL_CONTAINERS - 1, which nobody else is given. Takes tens of milliseconds; at most
// kLimitSeconds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bpf/lsm/abi.h"
#include "enforcer/canary/performance.h"
#include "enforcer/kernel/maps.h"
#include "enforcer/kernel/probe.h"
#include "enforcer/store/publisher.h"
#include "enforcer/workload/cgroup.h"

namespace treeline::canary {

constexpr uint32_t kSlot = TL_SLOT_CANARY;
constexpr uint32_t kContainer = TL_CONTAINERS - 1;

struct HookProof {
  std::string hook;
  bool refused = false;  // the act ended in EACCES or EPERM, or the process was killed
  bool counted = false;  // and the kernel side counted a refusal of this hook
  bool let_pass = false; // the act succeeded
  bool wanted = true;    // false: this kernel has no such hook, and another one answers for it
  std::string detail;    // what happened instead
};

struct CanaryReport {
  std::string time;   // RFC 3339
  std::string error;  // the canary could not be run
  std::vector<HookProof> hooks;
  [[nodiscard]] bool passed() const;
  [[nodiscard]] std::string why() const;  // "" when it passed
  // The attempt could not be made, or not to its end, and no hook let an act of it pass: it proves nothing, neither way.
  [[nodiscard]] bool inconclusive() const;
};

// The canary's image in the arena. It stays there between attempts: an arena that fills up meanwhile would keep it out.
struct PlacedImage {
  uint32_t base = 0;       // 0: not yet
  std::string executable;  // of the victim, which it names
};

struct CanaryWorld {
  kernel::Maps& maps;
  store::Publisher& publisher;
  PlacedImage& image;
  const workload::Cgroups& cgroups;
  VictimHost& host;
  std::string cgroup;                                        // path in the hierarchy; nobody else's, as who is below a bound one is bound
  std::function<bool(const std::string& hook)> is_attached;  // programs of this kernel
  std::string cannot_act;                                    // why the victim could not try all its acts, "" where it can: then nothing is tried
};

CanaryReport run_canary(CanaryWorld world);

}  // namespace treeline::canary
