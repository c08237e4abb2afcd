// SPDX-License-Identifier: Apache-2.0
#include "enforcer/base/fault.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <span>

namespace treeline {
namespace {
std::string_view g_armed;
}

void arm_fault(std::string_view point, bool started) {
  const std::span<const std::string_view> points = started ? std::span<const std::string_view>(kFaultPoints) : kStartFaultPoints;
  const auto found = std::find(points.begin(), points.end(), point);
  g_armed = found == points.end() ? std::string_view() : *found;
}

void fault_point(std::string_view point) {
  if (!g_armed.empty() && g_armed == point) kill(getpid(), SIGKILL);
}

}  // namespace treeline
