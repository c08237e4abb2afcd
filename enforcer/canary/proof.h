// SPDX-License-Identifier: Apache-2.0
//
// What the attempts of the canary so far prove. The programs do not change while treelined runs, and lost pins are asked for apart: an attempt that could
// not be made (no memory, no room in the arena, an executable that was replaced) says nothing against an earlier proof, and is made again where there is none.
//
//   Proof proof;
//   proof.take(run_canary(world), began, boot_ns());
//   if (!proof.passed()) ...                    // proof.why()
//   if (proof.is_due(boot_ns())) ...            // nothing is proven yet for want of an attempt: try again
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "enforcer/canary/canary.h"

namespace treeline::canary {

class Proof {
 public:
  // Times in ns since boot.
  void take(CanaryReport report, uint64_t began, uint64_t ended);

  [[nodiscard]] bool passed() const { return report_.passed(); }
  [[nodiscard]] std::string why() const;  // "" when it passed
  [[nodiscard]] const CanaryReport& report() const { return report_; }
  // Later than report(), which counts all the same: this attempt could not be made.
  [[nodiscard]] const std::optional<CanaryReport>& failed_attempt() const { return failed_attempt_; }
  // Each 10 s at first, then each minute; less often where an attempt takes long, since nobody is answered meanwhile.
  [[nodiscard]] bool is_due(uint64_t now) const { return report_.inconclusive() && now >= next_; }

 private:
  CanaryReport report_;
  std::optional<CanaryReport> failed_attempt_;
  uint32_t attempts_ = 0;
  uint64_t next_ = 0;
};

}  // namespace treeline::canary
