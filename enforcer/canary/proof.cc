// SPDX-License-Identifier: Apache-2.0
#include "enforcer/canary/proof.h"

#include <algorithm>
#include <utility>

namespace treeline::canary {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint32_t kSoon = 6;  // attempts

}  // namespace

void Proof::take(CanaryReport report, uint64_t began, uint64_t ended) {
  ++attempts_;
  next_ = ended + std::max(attempts_ < kSoon ? 10 * kSecond : 60 * kSecond, 20 * (ended - began));
  const bool concluded = !report_.hooks.empty() && !report_.inconclusive();
  if (concluded && report.inconclusive()) {
    failed_attempt_ = std::move(report);
    return;
  }
  failed_attempt_.reset();
  report_ = std::move(report);
}

std::string Proof::why() const {
  if (passed()) return "";
  if (report_.inconclusive()) return "the canary could not be tried, so nothing is proven yet (it is tried again by itself): " + report_.why();
  return "the canary was not refused by every hook: " + report_.why();
}

}  // namespace treeline::canary
