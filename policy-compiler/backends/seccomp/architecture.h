// SPDX-License-Identifier: Apache-2.0
//
// The architectures that a filter may name, by the words of the command line and of OCI.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace treeline::backends::seccomp {

enum class Architecture : uint8_t { kX86_64, kX86, kX32, kAarch64 };

// All four, in this order. 32-bit x86 and x32 are other doors into the same x86-64 kernel: who leaves them out has their
// callers killed at the first call, which is tighter, and right for images without such programs.
const std::vector<Architecture>& all_architectures();

std::string_view architecture_word(Architecture architecture);      // "x86_64"
std::string_view architecture_oci_name(Architecture architecture);  // "SCMP_ARCH_X86_64"
std::optional<Architecture> find_architecture(std::string_view word);

}  // namespace treeline::backends::seccomp
