// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/seccomp/lower.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include "bpf/lsm/abi.h"

namespace treeline::backends::seccomp {
namespace {

constexpr int kEperm = 1, kEnosys = 38;              // errno of every architecture named below
constexpr uint64_t kCloneNewUser = 0x10000000;       // linux/sched.h: CLONE_NEWUSER
constexpr uint64_t kFilterFlagNewListener = 1 << 3;  // linux/seccomp.h: SECCOMP_FILTER_FLAG_NEW_LISTENER

constexpr const char* kArchitectures[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64",
                                          "SCMP_ARCH_ARM"};

struct Refusal {
  tl_operation unless;  // some node holds this
  std::initializer_list<const char*> names;
  int error;
  int argument = -1;  // -1: whatever the arguments; else only where this argument
  uint64_t flag = 0;  // has this bit
};

// A condition asks for one bit and never for a whole value. The kernel takes 32 bits of an argument that seccomp sees
// with 64: "operation is 1" would be passed by 0x100000001. For a listener the bit alone is enough: no other operation
// of seccomp(2) takes flags.
const Refusal kRefusals[] = {
    {TL_OP_USERNS, {"clone", "unshare"}, kEperm, 0, kCloneNewUser},
    // Its flags lie in memory, where no filter can look. libc takes ENOSYS for an older kernel and calls clone; after
    // EPERM it would start no thread.
    {TL_OP_USERNS, {"clone3"}, kEnosys},
    {TL_OP_IO_URING, {"io_uring_enter", "io_uring_register", "io_uring_setup"}, kEperm},
    {TL_OP_USERFAULTFD, {"userfaultfd"}, kEperm},
    {TL_OP_LDT, {"modify_ldt"}, kEperm},
    {TL_OP_SECCOMP_LISTENER, {"seccomp"}, kEperm, 1, kFilterFlagNewListener},
};

bool held(const ir::Policy& policy, tl_operation operation) {
  return std::any_of(policy.nodes.begin(), policy.nodes.end(), [&](const ir::Node& node) {
    return std::any_of(node.operations.begin(), node.operations.end(),
                       [&](const ir::NumberRule& rule) { return rule.value == static_cast<uint32_t>(operation); });
  });
}

template <typename Words>
std::string list(const Words& words) {
  std::string out;
  for (const char* word : words) out += (out.empty() ? "\"" : ", \"") + std::string(word) + "\"";
  return "[" + out + "]";
}

std::string entry(const Refusal& refusal) {
  std::string out = "{\"names\": " + list(refusal.names) + R"(, "action": "SCMP_ACT_ERRNO", "errnoRet": )" +
                    std::to_string(refusal.error);
  if (refusal.argument >= 0) {
    const std::string flag = std::to_string(refusal.flag);  // value is the mask, valueTwo what it has to leave
    out += R"(, "args": [{"index": )" + std::to_string(refusal.argument) + ", \"value\": " + flag +
           ", \"valueTwo\": " + flag + R"(, "op": "SCMP_CMP_MASKED_EQ"}])";
  }
  return out + "}";
}

}  // namespace

std::string lower(const ir::Policy& policy) {
  std::string entries;
  for (const Refusal& refusal : kRefusals)
    if (!held(policy, refusal.unless)) entries += (entries.empty() ? "\n    " : ",\n    ") + entry(refusal);
  return "{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\",\n  \"architectures\": " + list(kArchitectures) +
         ",\n  \"syscalls\": [" + entries + (entries.empty() ? "]\n}\n" : "\n  ]\n}\n");
}

}  // namespace treeline::backends::seccomp
