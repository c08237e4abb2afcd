// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/seccomp/architecture.h"

namespace treeline::backends::seccomp {
namespace {

struct Words {
  std::string_view word, oci;
};
constexpr Words kWords[] = {
    {"x86_64", "SCMP_ARCH_X86_64"},
    {"x86", "SCMP_ARCH_X86"},
    {"x32", "SCMP_ARCH_X32"},
    {"aarch64", "SCMP_ARCH_AARCH64"},
};

}  // namespace

const std::vector<Architecture>& all_architectures() {
  static const std::vector<Architecture> kAll = {Architecture::kX86_64, Architecture::kX86, Architecture::kX32,
                                                 Architecture::kAarch64};
  return kAll;
}

std::string_view architecture_word(Architecture architecture) { return kWords[static_cast<int>(architecture)].word; }
std::string_view architecture_oci_name(Architecture architecture) { return kWords[static_cast<int>(architecture)].oci; }

std::optional<Architecture> find_architecture(std::string_view word) {
  for (const Architecture architecture : all_architectures())
    if (architecture_word(architecture) == word) return architecture;
  return std::nullopt;
}

}  // namespace treeline::backends::seccomp
