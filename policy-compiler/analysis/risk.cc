// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/risk.h"

#include <linux/capability.h>

#include <algorithm>
#include <utility>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"

namespace treeline::analysis {
namespace {

constexpr std::string_view kRiskNames[] = {"low", "medium", "high", "critical"};

constexpr ir::AccessSet kContent = TL_WRITE | TL_APPEND | TL_CREATE | TL_RENAME_IN | TL_MKNOD | TL_LINK;
constexpr ir::AccessSet kChanging = kContent | TL_DELETE | TL_SETATTR | TL_MKDIR;

Grade of(Risk risk, std::string why = "") { return {risk, std::move(why)}; }

struct Numbered {
  uint32_t number;
  Risk risk;
  const char* why;
};

// capabilities(7): what each is known to be worth.
constexpr Numbered kCapabilities[] = {
    {CAP_SYS_ADMIN, Risk::kCritical, "sys_admin is most of root"},
    {CAP_SYS_MODULE, Risk::kCritical, "loads code into the kernel"},
    {CAP_SYS_RAWIO, Risk::kCritical, "reaches memory and devices directly"},
    {CAP_SYS_PTRACE, Risk::kCritical, "reads and writes other processes"},
    {CAP_DAC_READ_SEARCH, Risk::kCritical, "opens files by handle, across mounts"},
    {CAP_BPF, Risk::kCritical, "loads programs into the kernel"},
    {CAP_MAC_ADMIN, Risk::kCritical, "changes what confines it"},
    {CAP_MAC_OVERRIDE, Risk::kCritical, "passes what confines it"},
    {CAP_SYS_BOOT, Risk::kCritical, "stops or replaces the kernel"},
    {CAP_PERFMON, Risk::kHigh, "observes the kernel and other processes"},
    {CAP_NET_ADMIN, Risk::kHigh, "changes routes, filters and interfaces"},
    {CAP_NET_RAW, Risk::kHigh, "forges and reads packets"},
    {CAP_DAC_OVERRIDE, Risk::kHigh, "passes the permissions of files"},
    {CAP_SETUID, Risk::kHigh, "becomes any user of its list"},
    {CAP_SETGID, Risk::kHigh, "joins any group"},
    {CAP_SETFCAP, Risk::kHigh, "gives capabilities to files"},
    {CAP_SETPCAP, Risk::kHigh, "changes sets of capabilities"},
    {CAP_SYS_CHROOT, Risk::kHigh, "moves its root"},
    {CAP_MKNOD, Risk::kHigh, "makes devices"},
    {CAP_SYS_TIME, Risk::kHigh, "sets the host's clock"},
    {CAP_SYSLOG, Risk::kHigh, "reads the kernel's log and addresses"},
    {CAP_AUDIT_CONTROL, Risk::kHigh, "changes what is audited"},
    {CAP_CHECKPOINT_RESTORE, Risk::kHigh, "reads other processes' state"},
};

constexpr Numbered kOperations[] = {
    {TL_OP_LOAD_MODULE, Risk::kCritical, "loads code into the kernel"},
    {TL_OP_KEXEC, Risk::kCritical, "replaces the kernel"},
    {TL_OP_BPF, Risk::kCritical, "loads programs into the kernel"},
    {TL_OP_MOUNT, Risk::kCritical, "changes what its paths mean"},
    {TL_OP_PTRACE, Risk::kCritical, "reads and writes any process"},
    {TL_OP_PTRACE_WORKLOAD, Risk::kHigh, "takes over other nodes of the workload"},
    {TL_OP_PTRACE_DESCENDANT, Risk::kHigh, "takes over the nodes below it"},
    {TL_OP_USERNS, Risk::kHigh, "makes a user namespace, in which it has all capabilities"},
    {TL_OP_SETUID, Risk::kHigh, "gains rights by set-id programs"},
    {TL_OP_JIT, Risk::kHigh, "executes memory that it wrote"},
    {TL_OP_STACK_EXEC, Risk::kHigh, "executes its stack"},
    {TL_OP_IO_URING, Risk::kHigh, "io_uring passes filters of system calls"},
    {TL_OP_USERFAULTFD, Risk::kHigh, "stops the kernel where an attacker wants it"},
    {TL_OP_SIGNAL, Risk::kHigh, "stops any process"},
    {TL_OP_PERF, Risk::kHigh, "observes the kernel and other processes"},
    {TL_OP_TTY_INJECT, Risk::kHigh, "types into a terminal"},
    {TL_OP_AUTOLOAD_MODULE, Risk::kHigh, "makes the kernel load modules"},
    {TL_OP_KERNEL_LOG, Risk::kHigh, "reads the kernel's log and addresses"},
    {TL_OP_TUNE, Risk::kHigh, "slows down any process"},
    {TL_OP_SECCOMP_LISTENER, Risk::kHigh, "answers system calls for other processes"},
};

template <size_t N>
Grade find(const Numbered (&table)[N], uint32_t number, Risk otherwise) {
  for (const Numbered& entry : table)
    if (entry.number == number) return of(entry.risk, entry.why);
  return of(otherwise);
}

std::string named(Sensitive kind) { return std::string(sensitive_text(kind)); }

}  // namespace

std::string_view risk_name(Risk risk) { return kRiskNames[static_cast<size_t>(risk)]; }

std::optional<Risk> risk_of_name(std::string_view name) {
  for (size_t i = 0; i < std::size(kRiskNames); ++i)
    if (kRiskNames[i] == name) return static_cast<Risk>(i);
  return std::nullopt;
}

Grade graver(Grade a, Grade b) { return b.risk > a.risk ? std::move(b) : std::move(a); }

Grade grade_file(ir::AccessSet words, SensitiveSet name, bool executed) {
  const bool content = (words & kContent) != 0, changes = (words & kChanging) != 0;
  const bool reads = (words & (TL_READ | TL_MAP)) != 0;
  if (content && (executed || (words & TL_MAP) != 0)) return of(Risk::kCritical, "it is executed as well");
  for (const Sensitive socket : {Sensitive::kRuntimeSocket, Sensitive::kSessionSocket})
    if (holds(name, socket) && (words & (TL_CONNECT | TL_READ | kContent)) != 0) return of(Risk::kCritical, named(socket));
  if (holds(name, Sensitive::kMemory) && content) return of(Risk::kCritical, named(Sensitive::kMemory));
  if (holds(name, Sensitive::kDevice) && (reads || content)) return of(Risk::kCritical, named(Sensitive::kDevice));
  if (holds(name, Sensitive::kOtherDevice) && content) return of(Risk::kCritical, named(Sensitive::kOtherDevice));
  for (const Sensitive kind : {Sensitive::kKernel, Sensitive::kStartup, Sensitive::kProgram, Sensitive::kSecret}) {
    if (!holds(name, kind) || !changes) continue;
    return of(content ? Risk::kCritical : Risk::kHigh, named(kind));
  }
  if (holds(name, Sensitive::kProcess) && (reads || changes)) return of(Risk::kHigh, named(Sensitive::kProcess));
  // A socket among secrets hands them out.
  if (holds(name, Sensitive::kSecret) && (reads || (words & TL_CONNECT) != 0)) return of(Risk::kHigh, named(Sensitive::kSecret));
  if (holds(name, Sensitive::kOtherDevice) && reads) return of(Risk::kHigh, named(Sensitive::kOtherDevice));
  if (holds(name, Sensitive::kAgentSocket) && (words & TL_CONNECT) != 0) return of(Risk::kHigh, named(Sensitive::kAgentSocket));
  if ((words & TL_MKNOD) != 0) return of(Risk::kHigh, "may be made a device");
  if (holds(name, Sensitive::kKernel) && reads) return of(Risk::kMedium, named(Sensitive::kKernel));
  if (changes || (words & (TL_MAP | TL_CONNECT)) != 0) return of(Risk::kMedium);
  return of(Risk::kLow);
}

ir::AccessSet words_of(ir::AccessSet words, const ir::Node* node) {
  if (node == nullptr || (words & TL_MKNOD) == 0) return words;
  const bool devices = std::any_of(node->capabilities.begin(), node->capabilities.end(), [](const ir::NumberRule& rule) { return rule.value == CAP_MKNOD; });
  return devices ? words : static_cast<ir::AccessSet>((words & ~TL_MKNOD) | TL_CREATE);
}

Grade grade_exec(SensitiveSet name, bool from_network) {
  if (!holds(name, Sensitive::kShell)) return of(Risk::kHigh, from_network ? "reachable from the network" : "");
  if (from_network) return of(Risk::kCritical, "a shell, reachable from the network");
  return of(Risk::kHigh, named(Sensitive::kShell));
}

Grade grade_capability(uint32_t capability) { return find(kCapabilities, capability, Risk::kMedium); }
Grade grade_operation(uint32_t operation) { return find(kOperations, operation, Risk::kMedium); }

Grade grade_socket(uint32_t kind) {
  switch (kind) {
    case TL_SOCK_INET_RAW:
    case TL_SOCK_PACKET:
    case TL_SOCK_XDP:
      return of(Risk::kHigh, "forges and reads packets");
    case TL_SOCK_OTHER:
    case TL_SOCK_INET_OTHER:
    case TL_SOCK_ALG:
    case TL_SOCK_VSOCK:
      return of(Risk::kHigh, "a protocol of the kernel that few programs need");
    case TL_SOCK_NETLINK:
      return of(Risk::kMedium);
    default:
      return of(Risk::kLow);
  }
}

Grade grade_netlink(uint32_t protocol) {
  const std::string_view name = ir::names::netlink_protocols().name(protocol);
  if (name == "netfilter" || name == "xfrm" || name == "audit")
    return of(Risk::kHigh, "changes filters or what is audited");
  return of(name == "route" ? Risk::kLow : Risk::kMedium);
}

Grade grade_user(std::optional<uint32_t> user) {
  if (!user) return of(Risk::kHigh, "any user, root too");
  if (*user == 0) return of(Risk::kHigh, "root");
  return of(Risk::kMedium);
}

Grade grade_network(ir::Direction direction, ir::Protocol protocol, const NetworkReach& reach) {
  if (protocol == ir::Protocol::kRaw || protocol == ir::Protocol::kOther)
    return of(Risk::kHigh, "a raw or unknown protocol");
  if (direction == ir::Direction::kOut && reach.outside && reach.any_address)
    return of(Risk::kHigh, reach.any_port ? "any port of the outside" : "any address of the outside");
  if (direction == ir::Direction::kOut && reach.metadata) return of(Risk::kHigh, "the cloud's metadata service hands out credentials");
  if (direction == ir::Direction::kIn && reach.any_port && protocol != ir::Protocol::kIcmp) return of(Risk::kHigh, "any port");
  return of(Risk::kMedium);
}

}  // namespace treeline::analysis
