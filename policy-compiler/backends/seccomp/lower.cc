// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/seccomp/lower.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/seccomp/arguments.h"
#include "policy-compiler/ir/names.h"

namespace treeline::backends::seccomp {
namespace {

constexpr uint64_t kCloneNewUser = 0x10000000;       // linux/sched.h: CLONE_NEWUSER
constexpr uint64_t kFilterFlagNewListener = 1 << 3;  // linux/seccomp.h: SECCOMP_FILTER_FLAG_NEW_LISTENER

constexpr uint64_t kReadImpliesExec = 0x400000;      // linux/personality.h: READ_IMPLIES_EXEC
constexpr uint64_t kQueryBits = 0xffffffff & ~kReadImpliesExec;  // personality(0xffffffff) only asks (personality(2))

constexpr const char* kArchitectures[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64",
                                          "SCMP_ARCH_ARM"};

enum class Unless : uint8_t {
  kHeld,         // some node holds `operation`
  kCodeMade,     // some node may make code: jit, or stack-exec
  kNoAppend,     // no node may append to what it may not write
  kSubmitted,    // as kNoAppend, or a node lists io_submit, or none lists any call
};

struct Refusal {
  Unless unless;
  tl_operation operation;
  std::initializer_list<const char*> names;
  int error;
  int argument = -1;   // -1: whatever the arguments; else only where this argument
  uint64_t flags = 0;  // has one of these bits
  uint64_t without = 0;  // and lacks one of these, where there are any
};

// A condition asks for bits and never for a whole value. The kernel takes 32 bits of an argument that seccomp sees
// with 64: "operation is 1" would be passed by 0x100000001. For a listener the bit alone is enough: no other operation
// of seccomp(2) takes flags.
const Refusal kRefusals[] = {
    {Unless::kHeld, TL_OP_USERNS, {"clone", "unshare"}, kEperm, 0, kCloneNewUser},
    // Its flags lie in memory, where no filter can look. libc takes ENOSYS for an older kernel and calls clone; after
    // EPERM it would start no thread.
    {Unless::kHeld, TL_OP_USERNS, {"clone3"}, kEnosys},
    {Unless::kHeld, TL_OP_IO_URING, {"io_uring_enter", "io_uring_register", "io_uring_setup"}, kEperm},
    {Unless::kHeld, TL_OP_USERFAULTFD, {"userfaultfd"}, kEperm},
    {Unless::kHeld, TL_OP_LDT, {"modify_ldt"}, kEperm},
    {Unless::kHeld, TL_OP_SECCOMP_LISTENER, {"seccomp"}, kEperm, 1, kFilterFlagNewListener},
    // brk(2) asks no hook: with this the heap is executable.
    {Unless::kCodeMade, TL_OP_COUNT, {"personality"}, kEperm, 0, kReadImpliesExec, kQueryBits},
    {Unless::kNoAppend, TL_OP_COUNT, {"fallocate"}, kEopnotsupp, 1, kFallocateChanges},
    {Unless::kNoAppend, TL_OP_COUNT, {"pwritev2"}, kEopnotsupp, 5, kNoAppend},
    // Says RWF_NOAPPEND in memory.
    {Unless::kSubmitted, TL_OP_COUNT, {"io_submit"}, kEperm},
};

const ir::NumberRule* rule_of(const ir::Node& node, tl_operation operation) {
  const auto found = std::find_if(node.operations.begin(), node.operations.end(),
                                  [&](const ir::NumberRule& rule) { return rule.value == static_cast<uint32_t>(operation); });
  return found == node.operations.end() ? nullptr : &*found;
}

bool held(const ir::Policy& policy, tl_operation operation) {
  return std::any_of(policy.nodes.begin(), policy.nodes.end(),
                     [&](const ir::Node& node) { return rule_of(node, operation) != nullptr; });
}

bool lists(const ir::Policy& policy, std::string_view call) {
  return std::any_of(policy.nodes.begin(), policy.nodes.end(), [&](const ir::Node& node) {
    return std::any_of(node.syscalls.begin(), node.syscalls.end(),
                       [&](const ir::SyscallRule& rule) { return call.empty() || rule.name == call; });
  });
}

bool open(const ir::Policy& policy, const Refusal& refusal) {
  switch (refusal.unless) {
    case Unless::kHeld: return held(policy, refusal.operation);
    case Unless::kCodeMade: return held(policy, TL_OP_JIT) || held(policy, TL_OP_STACK_EXEC);
    case Unless::kNoAppend: return !appends_only(policy);
    case Unless::kSubmitted: return !appends_only(policy) || lists(policy, "io_submit") || !lists(policy, "");
  }
  return false;
}

template <typename Words>
std::string list(const Words& words) {
  std::string out;
  for (const char* word : words) out += (out.empty() ? "\"" : ", \"") + std::string(word) + "\"";
  return "[" + out + "]";
}

// One for each bit, or pair of bits: an entry's conditions have to hold together.
std::vector<std::string> entries_of(const Refusal& refusal) {
  const std::string out = "{\"names\": " + list(refusal.names) + R"(, "action": "SCMP_ACT_ERRNO", "errnoRet": )" +
                          std::to_string(refusal.error);
  if (refusal.argument < 0) return {out + "}"};
  std::vector<std::string> entries;
  for (uint64_t left = refusal.flags; left != 0; left &= left - 1) {
    const uint64_t flag = left & -left;
    const auto add = [&](uint64_t clear) {  // value is the mask, valueTwo what it has to leave
      entries.push_back(out + R"(, "args": [{"index": )" + std::to_string(refusal.argument) +
                        ", \"value\": " + std::to_string(flag | clear) + ", \"valueTwo\": " + std::to_string(flag) +
                        R"(, "op": "SCMP_CMP_MASKED_EQ"}]})");
    };
    if (refusal.without == 0) add(0);
    for (uint64_t without = refusal.without; without != 0; without &= without - 1) add(without & -without);
  }
  return entries;
}

}  // namespace

std::string lower(const ir::Policy& policy) {
  std::string entries;
  for (const Refusal& refusal : kRefusals)
    if (!open(policy, refusal))
      for (const std::string& entry : entries_of(refusal)) entries += (entries.empty() ? "\n    " : ",\n    ") + entry;
  return "{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\",\n  \"architectures\": " + list(kArchitectures) +
         ",\n  \"syscalls\": [" + entries + (entries.empty() ? "]\n}\n" : "\n  ]\n}\n");
}

int closing_errno(const ir::Policy& policy, std::string_view call) {
  for (const Refusal& refusal : kRefusals)
    if (refusal.argument < 0 && std::find(refusal.names.begin(), refusal.names.end(), call) != refusal.names.end() && !open(policy, refusal)) return refusal.error;
  return 0;
}

std::vector<ClosingResidual> closing_residuals(const ir::Policy& policy) {
  std::vector<ClosingResidual> residuals;
  for (const tl_operation operation : {TL_OP_LDT, TL_OP_SECCOMP_LISTENER}) {
    std::vector<ir::Position> places;
    for (const ir::Node& node : policy.nodes)
      if (const ir::NumberRule* rule = rule_of(node, operation)) places.push_back(rule->position);
    if (places.size() == policy.nodes.size()) continue;
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());  // of a group that several nodes use
    for (const ir::Position place : places)
      residuals.push_back({place, "no hook asks for the operation " + std::string(ir::names::operations().name(operation)) +
                                      ", and the filter is one for all programs: those without it may do it too"});
  }
  return residuals;
}

}  // namespace treeline::backends::seccomp
