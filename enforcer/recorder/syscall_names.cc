// SPDX-License-Identifier: Apache-2.0
#include "enforcer/recorder/syscall_names.h"

#include <seccomp.h>

#include <algorithm>
#include <cstdlib>

namespace treeline::recorder {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArch[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};
constexpr const char* kNames[] = {"x86_64", "i386", "x32"};
#elif defined(__aarch64__)
constexpr uint32_t kArch[] = {SCMP_ARCH_AARCH64, SCMP_ARCH_ARM, SCMP_ARCH_AARCH64};
constexpr const char* kNames[] = {"arm64", "arm", "arm64"};
#else
#error "no system call tables for this architecture"
#endif
constexpr int kX32Bit = 0x40000000;

}  // namespace

std::string architecture_name(uint32_t arch) { return arch < 3 ? kNames[arch] : "arch-" + std::to_string(arch); }

std::vector<std::string> syscall_names(uint32_t arch, const tl_syscalls& calls) {
  std::vector<std::string> names;
  for (int number = 0; number < static_cast<int>(TL_SYSCALLS); ++number) {
    if (!calls.seen[number]) continue;
    char* name = arch < 3 ? seccomp_syscall_resolve_num_arch(kArch[arch], arch == 2 ? number | kX32Bit : number) : nullptr;
    names.push_back(name ? name : "syscall-" + std::to_string(number));
    std::free(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace treeline::recorder
