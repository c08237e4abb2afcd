// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/seccomp/arguments.h"

#include <algorithm>
#include <iterator>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"

namespace treeline::backends::seccomp {
namespace {

// linux/sched.h, linux/capability.h, linux/seccomp.h, asm-generic/ioctls.h and linux/personality.h: the same numbers on
// x86 and arm64.
constexpr uint64_t kNewUser = 0x10000000;
constexpr uint64_t kNewTime = 0x80;  // unshare and clone3 only: in clone these bits are the signal
constexpr uint64_t kNewOthers = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000;
constexpr uint32_t kCapSysAdmin = 21;
constexpr uint64_t kNewListener = 1 << 3;
constexpr uint32_t kTiocsti = 0x5412, kTioclinux = 0x541c;
constexpr uint64_t kPersonalities[] = {0, 0x8, 0x20000, 0x20008, 0xffffffff};  // PER_LINUX, PER_LINUX32, UNAME26, ask
constexpr uint64_t kInt = 0xffffffff;

// linux/socket.h: the families that have kinds of their own, and how many there are (the kernel refuses larger ones).
struct Family {
  uint32_t number;
  uint64_t kinds;
};
constexpr uint64_t bit(uint32_t n) { return 1ull << n; }
constexpr Family kFamilies[] = {
    {1, bit(TL_SOCK_UNIX_STREAM) | bit(TL_SOCK_UNIX_DGRAM) | bit(TL_SOCK_UNIX_SEQPACKET)},
    {2, bit(TL_SOCK_INET_STREAM) | bit(TL_SOCK_INET_DGRAM) | bit(TL_SOCK_INET_RAW) | bit(TL_SOCK_INET_PING) |
            bit(TL_SOCK_INET_SCTP) | bit(TL_SOCK_INET_MPTCP) | bit(TL_SOCK_INET_OTHER)},
    {16, bit(TL_SOCK_NETLINK)},
    {17, bit(TL_SOCK_PACKET)},
    {38, bit(TL_SOCK_ALG)},
    {40, bit(TL_SOCK_VSOCK)},
    {44, bit(TL_SOCK_XDP)},
};
constexpr uint32_t kInet = 2, kInet6 = 10, kFamilyCount = 64;

bool has(uint64_t set, uint32_t n) { return (set & bit(n)) != 0; }

bool family_held(uint32_t family, uint64_t sockets) {
  if (family == kInet6) family = kInet;
  const auto* known =
      std::find_if(std::begin(kFamilies), std::end(kFamilies), [&](const Family& f) { return f.number == family; });
  return (sockets & (known == std::end(kFamilies) ? bit(TL_SOCK_OTHER) : known->kinds)) != 0;
}

std::vector<Rule> passes(const std::string& call) { return {{call, 0, {}}}; }
std::vector<Rule> passes_where(const std::string& call, uint32_t index, uint64_t mask, uint64_t value) {
  return {{call, 0, ArgumentBits{index, mask, value}}};
}
std::vector<Rule> passes_if(const std::string& call, bool held) { return held ? passes(call) : std::vector<Rule>(); }

// Refused as a file system would that cannot, where one of the bits is there.
std::vector<Rule> without_bits(const std::string& call, uint32_t index, uint64_t bits) {
  std::vector<Rule> rules = passes_where(call, index, bits, 0);
  for (uint64_t left = bits; left != 0; left &= left - 1) {
    const uint64_t one = left & -left;
    rules.push_back({call, kEopnotsupp, ArgumentBits{index, one, one}});
  }
  return rules;
}

std::vector<Rule> socket_rules(const std::string& call, uint64_t sockets) {
  std::vector<Rule> rules;
  for (uint32_t family = 0; family < kFamilyCount; ++family)
    if (family_held(family, sockets)) rules.push_back({call, 0, ArgumentBits{0, kInt, family}});
  return rules;
}

uint64_t forbidden_namespaces(const Held& held, bool time) {
  const uint64_t others = has(held.capabilities, kCapSysAdmin) ? 0 : kNewOthers | (time ? kNewTime : 0);
  return others | (has(held.operations, TL_OP_USERNS) ? 0 : kNewUser);
}

// Everything but the two: one of the bits that they share differs, or the last four are none of 2 and 12.
std::vector<Rule> ioctl_rules(const std::string& call) {
  static_assert((kTiocsti >> 4) == (kTioclinux >> 4) && (kTiocsti & 15) == 2 && (kTioclinux & 15) == 12);
  constexpr ArgumentBits kLastFour[] = {{1, 1, 1}, {1, 0xb, 0}, {1, 0x7, 6}, {1, 0xd, 8}};
  std::vector<Rule> rules;
  for (const ArgumentBits& bits : kLastFour) rules.push_back({call, 0, bits});
  for (uint32_t i = 4; i < 32; ++i) rules.push_back({call, 0, ArgumentBits{1, bit(i), ~uint64_t{kTiocsti} & bit(i)}});
  return rules;
}

std::vector<Rule> personality_rules(const std::string& call) {
  std::vector<Rule> rules;
  for (const uint64_t value : kPersonalities) rules.push_back({call, 0, ArgumentBits{0, kInt, value}});
  return rules;
}

}  // namespace

bool appends_only(const ir::Policy& policy) {
  return std::any_of(policy.nodes.begin(), policy.nodes.end(), [](const ir::Node& node) {
    return std::any_of(node.files.begin(), node.files.end(), [](const ir::FileRule& rule) {
      return rule.path.text.starts_with('/') && (rule.access & (TL_APPEND | TL_WRITE)) == TL_APPEND;
    });
  });
}

Held held_by_any(const ir::Policy& policy) {
  Held held;
  for (const ir::Node& node : policy.nodes) {
    for (const ir::NumberRule& rule : node.operations) held.operations |= bit(rule.value);
    for (const ir::NumberRule& rule : node.capabilities) held.capabilities |= bit(rule.value);
    for (const ir::NumberRule& rule : node.sockets) held.sockets |= bit(rule.value);
  }
  held.appends_only = appends_only(policy);
  return held;
}

std::vector<Rule> rules_of_call(const std::string& call, const Held& held) {
  const auto operation = [&](tl_operation op) { return has(held.operations, op); };
  if (call == "socket" || call == "socketpair") return socket_rules(call, held.sockets);
  if (call == "clone" || call == "unshare") {
    const uint64_t mask = forbidden_namespaces(held, call == "unshare");
    return mask == 0 ? passes(call) : passes_where(call, 0, mask, 0);
  }
  if (call == "clone3")
    return forbidden_namespaces(held, true) == 0 ? passes(call) : std::vector<Rule>{{call, kEnosys, {}}};
  if (call == "personality")
    return operation(TL_OP_STACK_EXEC) || operation(TL_OP_JIT) ? passes(call) : personality_rules(call);
  if (call == "ioctl") return operation(TL_OP_TTY_INJECT) ? passes(call) : ioctl_rules(call);
  if (call == "seccomp" && !operation(TL_OP_SECCOMP_LISTENER))
    return passes_where(call, 1, kNewListener, 0);
  if (call == "modify_ldt") return passes_if(call, operation(TL_OP_LDT));
  if (call == "userfaultfd") return passes_if(call, operation(TL_OP_USERFAULTFD));
  if (call == "fallocate" && held.appends_only) return without_bits(call, 1, kFallocateChanges);
  if (call == "pwritev2" && held.appends_only) return without_bits(call, 5, kNoAppend);
  if (call.starts_with("io_uring_")) return passes_if(call, operation(TL_OP_IO_URING));
  return passes(call);
}

bool may_pass(const std::string& call, const Held& held) {
  const std::vector<Rule> rules = rules_of_call(call, held);
  return std::any_of(rules.begin(), rules.end(), [](const Rule& rule) { return rule.error == 0; });
}

std::string opened_by(const std::string& call) {
  if (call == "socket" || call == "socketpair") return "a kind of 'sockets'";
  if (call == "clone3") return "the operation userns and the capability sys_admin together";
  const tl_operation operation = call == "modify_ldt" ? TL_OP_LDT : call == "userfaultfd" ? TL_OP_USERFAULTFD : TL_OP_IO_URING;
  return "the operation " + std::string(ir::names::operations().name(operation));
}

}  // namespace treeline::backends::seccomp
