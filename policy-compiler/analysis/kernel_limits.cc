// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/kernel_limits.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::analysis {
namespace {

// enforcer/kernel/substitutes.h says the same of the hooks.
struct Limit {
  uint32_t operation;
  Kernel hook_since;  // {0, 0}: no kernel has one
};
constexpr Limit kLimits[] = {
    {TL_OP_USERNS, {6, 1}},  // userns_create
    {TL_OP_IO_URING, {5, 16}},  // inode_init_security_anon, 91a9ab7c942a
    {TL_OP_USERFAULTFD, {5, 12}},
    {TL_OP_LDT, {0, 0}},
    {TL_OP_SECCOMP_LISTENER, {0, 0}},
};

bool without_hook(const Limit& limit, std::optional<Kernel> kernel) {
  return limit.hook_since == Kernel{} || (kernel ? *kernel < limit.hook_since : true);
}

const ir::NumberRule* held(const ir::Node& node, uint32_t operation) {
  const auto at = std::find_if(node.operations.begin(), node.operations.end(),
                               [&](const ir::NumberRule& rule) { return rule.value == operation; });
  return at == node.operations.end() ? nullptr : &*at;
}

std::string version_text(Kernel kernel) { return std::to_string(kernel.major) + "." + std::to_string(kernel.minor); }

}  // namespace

std::optional<Kernel> kernel_of(std::string_view text) {
  Kernel kernel;
  const auto [dot, bad] = std::from_chars(text.data(), text.data() + text.size(), kernel.major);
  if (bad != std::errc() || dot == text.data() + text.size() || *dot != '.') return std::nullopt;
  const auto [end, worse] = std::from_chars(dot + 1, text.data() + text.size(), kernel.minor);
  if (worse != std::errc() || (end != text.data() + text.size() && *end != '.' && *end != '-')) return std::nullopt;
  return kernel;
}

void note_kernel_limits(const ir::Policy& policy, std::optional<Kernel> kernel, Diagnostics& diagnostics) {
  if (kernel && *kernel < kOldestKernel) {
    diagnostics.finding(Severity::kWarning, {}, "kernel-limit",
                        "Linux " + version_text(*kernel) + " cannot enforce any policy: BPF programs answer LSM hooks since " +
                            version_text(kOldestKernel),
                        "use a newer kernel", "high");
    return;
  }
  std::string closed;
  for (const Limit& limit : kLimits) {
    if (!without_hook(limit, kernel)) continue;
    const std::string name(ir::names::operations().name(limit.operation));
    const std::string where = limit.hook_since == Kernel{} ? "no kernel has a hook for " : "before Linux " + version_text(limit.hook_since) + " there is no hook for ";
    size_t holders = 0;
    for (const ir::Node& node : policy.nodes) holders += held(node, limit.operation) != nullptr;
    if (holders == 0) {
      closed += (closed.empty() ? "" : ", ") + name;
      continue;
    }
    if (holders == policy.nodes.size()) continue;  // all of them may: nothing is weaker
    for (const ir::Node& node : policy.nodes)
      if (const ir::NumberRule* rule = held(node, limit.operation))
        diagnostics.finding(Severity::kNote, rule->position, "kernel-limit",
                            where + text::quoted(name) + ": there every process of the workload may do it, not only this node",
                            limit.hook_since == Kernel{} ? "remove it where the workload runs without it"
                                                         : "remove it, or run the workload on " + version_text(limit.hook_since) + " or newer",
                            "medium");
  }
  if (kernel && !closed.empty())
    diagnostics.finding(Severity::kNote, {}, "kernel-limit",
                        "on Linux " + version_text(*kernel) + " the bundle's closing.json alone refuses: " + closed +
                            "; `enforce` refuses a container that is started without it",
                        "start it by the runtime wrapper or with the filter in its config.json; what is promoted to enforce later has none",
                        "low");
}

}  // namespace treeline::analysis
