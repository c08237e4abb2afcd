// SPDX-License-Identifier: Apache-2.0
//
// What some kernels cannot hold as it is written: operations without a hook there, which the bundle's seccomp filter answers for, and the filter
// knows no nodes (SECURITY.md). Said per rule, as notes.
//
//   std::optional<Kernel> kernel = kernel_of("5.10");
//   note_kernel_limits(policy, kernel, diagnostics);       // of that kernel; nullopt: of all that are supported
#pragma once

#include <optional>
#include <string_view>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::analysis {

struct Kernel {
  uint32_t major = 0, minor = 0;
  friend auto operator<=>(const Kernel&, const Kernel&) = default;
};

constexpr Kernel kOldestKernel = {5, 7};  // below that there is no LSM hook for BPF programs

// "6.1"; further parts ("6.1.0-13-amd64") are ignored. nullopt: not of that form.
std::optional<Kernel> kernel_of(std::string_view text);

void note_kernel_limits(const ir::Policy& policy, std::optional<Kernel> kernel, Diagnostics& diagnostics);

}  // namespace treeline::analysis
