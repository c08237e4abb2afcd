// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/ir/names.h"

#include <arpa/inet.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/support/text.h"

namespace treeline::ir::names {
namespace {

constexpr Entry kAccess[] = {
    {"read", TL_READ},       {"write", TL_WRITE}, {"append", TL_APPEND},       {"create", TL_CREATE},
    {"delete", TL_DELETE},   {"link", TL_LINK},   {"rename-in", TL_RENAME_IN}, {"setattr", TL_SETATTR},
    {"list", TL_LIST},       {"mkdir", TL_MKDIR}, {"mknod", TL_MKNOD},         {"map", TL_MAP},
    {"connect", TL_CONNECT},
};

// linux/capability.h; the last one came with 5.9.
constexpr Entry kCapabilities[] = {
    {"chown", 0},
    {"dac_override", 1},
    {"dac_read_search", 2},
    {"fowner", 3},
    {"fsetid", 4},
    {"kill", 5},
    {"setgid", 6},
    {"setuid", 7},
    {"setpcap", 8},
    {"linux_immutable", 9},
    {"net_bind_service", 10},
    {"net_broadcast", 11},
    {"net_admin", 12},
    {"net_raw", 13},
    {"ipc_lock", 14},
    {"ipc_owner", 15},
    {"sys_module", 16},
    {"sys_rawio", 17},
    {"sys_chroot", 18},
    {"sys_ptrace", 19},
    {"sys_pacct", 20},
    {"sys_admin", 21},
    {"sys_boot", 22},
    {"sys_nice", 23},
    {"sys_resource", 24},
    {"sys_time", 25},
    {"sys_tty_config", 26},
    {"mknod", 27},
    {"lease", 28},
    {"audit_write", 29},
    {"audit_control", 30},
    {"setfcap", 31},
    {"mac_override", 32},
    {"mac_admin", 33},
    {"syslog", 34},
    {"wake_alarm", 35},
    {"block_suspend", 36},
    {"audit_read", 37},
    {"perfmon", 38},
    {"bpf", 39},
    {"checkpoint_restore", 40},
};

constexpr Entry kOperations[] = {
    {"jit", TL_OP_JIT},
    {"ptrace", TL_OP_PTRACE},
    {"mount", TL_OP_MOUNT},
    {"userns", TL_OP_USERNS},
    {"setuid", TL_OP_SETUID},
    {"stack-exec", TL_OP_STACK_EXEC},
    {"ptrace-descendant", TL_OP_PTRACE_DESCENDANT},
    {"ptrace-workload", TL_OP_PTRACE_WORKLOAD},
    {"signal-descendant", TL_OP_SIGNAL_DESCENDANT},
    {"signal-workload", TL_OP_SIGNAL_WORKLOAD},
    {"signal", TL_OP_SIGNAL},
    {"tune-workload", TL_OP_TUNE_WORKLOAD},
    {"tune", TL_OP_TUNE},
    {"bpf", TL_OP_BPF},
    {"keyring", TL_OP_KEYRING},
    {"load-module", TL_OP_LOAD_MODULE},
    {"autoload-module", TL_OP_AUTOLOAD_MODULE},
    {"kexec", TL_OP_KEXEC},
    {"perf", TL_OP_PERF},
    {"io-uring", TL_OP_IO_URING},
    {"userfaultfd", TL_OP_USERFAULTFD},
    {"tty-inject", TL_OP_TTY_INJECT},
    {"kernel-log", TL_OP_KERNEL_LOG},
    {"ldt", TL_OP_LDT},
    {"seccomp-listener", TL_OP_SECCOMP_LISTENER},
};
static_assert(std::size(kOperations) == TL_OP_COUNT - 1);  // TL_OP_SPAWN_WORKLOADS has no word: no hook asks for it

constexpr Entry kSocketKinds[] = {
    {"inet-stream", TL_SOCK_INET_STREAM},
    {"inet-dgram", TL_SOCK_INET_DGRAM},
    {"inet-raw", TL_SOCK_INET_RAW},
    {"inet-ping", TL_SOCK_INET_PING},
    {"inet-sctp", TL_SOCK_INET_SCTP},
    {"inet-mptcp", TL_SOCK_INET_MPTCP},
    {"inet-other", TL_SOCK_INET_OTHER},
    {"unix-stream", TL_SOCK_UNIX_STREAM},
    {"unix-dgram", TL_SOCK_UNIX_DGRAM},
    {"unix-seqpacket", TL_SOCK_UNIX_SEQPACKET},
    {"netlink", TL_SOCK_NETLINK},
    {"packet", TL_SOCK_PACKET},
    {"vsock", TL_SOCK_VSOCK},
    {"alg", TL_SOCK_ALG},
    {"xdp", TL_SOCK_XDP},
    {"other", TL_SOCK_OTHER},
};
static_assert(std::size(kSocketKinds) == TL_SOCK_KINDS);

// linux/netlink.h
constexpr Entry kNetlink[] = {
    {"route", 0},      {"usersock", 2},       {"firewall", 3},  {"sock-diag", 4}, {"nflog", 5},
    {"xfrm", 6},       {"selinux", 7},        {"iscsi", 8},     {"audit", 9},     {"fib-lookup", 10},
    {"connector", 11}, {"netfilter", 12},     {"ip6-fw", 13},   {"dnrtmsg", 14},  {"kobject-uevent", 15},
    {"generic", 16},   {"scsitransport", 18}, {"ecryptfs", 19}, {"rdma", 20},     {"crypto", 21},
    {"smc", 22},
};

constexpr Entry kClasses[] = {
    {"pipe", TL_CLASS_PIPE},
    {"socket", TL_CLASS_SOCKET},
    {"memfd", TL_CLASS_MEMFD},
    {"unlinked", TL_CLASS_UNLINKED},
    {"nsfs", TL_CLASS_NSFS},
    {"detached", TL_CLASS_DETACHED},
    {"anon:other", TL_CLASS_ANON_OTHER},
    {"anon:eventfd", TL_CLASS_ANON_EVENTFD},
    {"anon:eventpoll", TL_CLASS_ANON_EVENTPOLL},
    {"anon:timerfd", TL_CLASS_ANON_TIMERFD},
    {"anon:signalfd", TL_CLASS_ANON_SIGNALFD},
    {"anon:inotify", TL_CLASS_ANON_INOTIFY},
    {"anon:fanotify", TL_CLASS_ANON_FANOTIFY},
    {"anon:pidfd", TL_CLASS_ANON_PIDFD},
    {"anon:io_uring", TL_CLASS_ANON_IO_URING},
    {"anon:bpf", TL_CLASS_ANON_BPF},
    {"anon:perf", TL_CLASS_ANON_PERF},
    {"anon:userfaultfd", TL_CLASS_ANON_USERFAULTFD},
    {"anon:seccomp", TL_CLASS_ANON_SECCOMP},
    {"sysv-shm", TL_CLASS_SYSV_SHM},
    {"unreadable", TL_CLASS_UNREADABLE},
};

constexpr Entry kProtocols[] = {
    {"tcp", TL_PROTO_TCP},   {"udp", TL_PROTO_UDP}, {"sctp", TL_PROTO_SCTP},
    {"icmp", TL_PROTO_ICMP}, {"raw", TL_PROTO_RAW}, {"other", TL_PROTO_OTHER},
};
static_assert(std::size(kProtocols) == TL_PROTOCOLS);
static_assert(static_cast<uint32_t>(Protocol::kOther) == TL_PROTO_OTHER);

constexpr Entry kDirections[] = {{"out", TL_NET_OUT}, {"in", TL_NET_IN}};
static_assert(static_cast<uint32_t>(Direction::kIn) == TL_NET_IN);

constexpr Entry kPeers[] = {
    {"any", static_cast<uint32_t>(PeerKind::kAny)},
    {"localhost", static_cast<uint32_t>(PeerKind::kLocalhost)},
    {"internal", static_cast<uint32_t>(PeerKind::kInternal)},
    {"external", static_cast<uint32_t>(PeerKind::kExternal)},
};

constexpr Entry kViolations[] = {
    {"deny", static_cast<uint32_t>(OnViolation::kDeny)},
    {"kill", static_cast<uint32_t>(OnViolation::kKill)},
    {"kill-container", static_cast<uint32_t>(OnViolation::kKillContainer)},
    {"freeze-container", static_cast<uint32_t>(OnViolation::kFreezeContainer)},
};

constexpr Entry kViolationKindNames[] = {
    {"exec", static_cast<uint32_t>(ViolationKind::kExec)},
    {"files", static_cast<uint32_t>(ViolationKind::kFiles)},
    {"written", static_cast<uint32_t>(ViolationKind::kWritten)},
    {"network", static_cast<uint32_t>(ViolationKind::kNetwork)},
    {"capabilities", static_cast<uint32_t>(ViolationKind::kCapabilities)},
    {"operations", static_cast<uint32_t>(ViolationKind::kOperations)},
    {"users", static_cast<uint32_t>(ViolationKind::kUsers)},
};
static_assert(std::size(kViolationKindNames) == kViolationKinds);

constexpr Table kAccessTable{kAccess}, kCapabilityTable{kCapabilities}, kOperationTable{kOperations},
    kSocketTable{kSocketKinds}, kNetlinkTable{kNetlink}, kClassTable{kClasses}, kProtocolTable{kProtocols},
    kDirectionTable{kDirections}, kPeerTable{kPeers}, kViolationTable{kViolations},
    kViolationKindTable{kViolationKindNames};

}  // namespace

std::optional<uint32_t> Table::find(std::string_view name) const {
  for (const Entry& entry : entries_)
    if (entry.name == name) return entry.value;
  return std::nullopt;
}

std::string_view Table::name(uint32_t value) const {
  for (const Entry& entry : entries_)
    if (entry.value == value) return entry.name;
  return {};
}

std::string Table::list() const {
  std::string out;
  for (const Entry& entry : entries_) {
    if (!out.empty()) out += ", ";
    out += entry.name;
  }
  return out;
}

std::string_view Table::closest(std::string_view word) const {
  std::vector<std::string_view> words;
  for (const Entry& entry : entries_) words.push_back(entry.name);
  return text::closest(word, words);
}

const Table& access_words() { return kAccessTable; }
const Table& capabilities() { return kCapabilityTable; }
const Table& operations() { return kOperationTable; }
const Table& socket_kinds() { return kSocketTable; }
const Table& netlink_protocols() { return kNetlinkTable; }
const Table& reserved_classes() { return kClassTable; }
const Table& protocols() { return kProtocolTable; }
const Table& directions() { return kDirectionTable; }
const Table& peer_kinds() { return kPeerTable; }
const Table& violations() { return kViolationTable; }
const Table& violation_kinds() { return kViolationKindTable; }

std::string access_text(AccessSet access) {
  std::string out;
  for (uint32_t bit = 1; bit <= TL_CONNECT; bit <<= 1) {
    if ((access & bit) == 0) continue;
    if (!out.empty()) out += ' ';
    out += bit == TL_EXECUTE ? std::string_view("execute") : kAccessTable.name(bit);
  }
  return out;
}

std::string cost_text(OnViolation cost) { return std::string(kViolationTable.name(static_cast<uint32_t>(cost))); }

std::string violation_text(const Policy& policy, uint32_t node) {
  const OnViolation any = cost_of_any(policy, node);
  std::string out = cost_text(any);
  for (const Entry& kind : kViolationKindNames)
    if (const OnViolation cost = cost_of(policy, node, static_cast<ViolationKind>(kind.value)); cost != any)
      out += ", " + std::string(kind.name) + ": " + cost_text(cost);
  const auto paths = [&out](const ViolationCosts& costs) {
    for (const ViolationCosts::Path& path : costs.paths) out += ", " + path.path.text + ": " + cost_text(path.cost);
  };
  if (node != kNoNode) paths(policy.nodes[node].violation_costs);
  paths(policy.violation_costs);
  return out;
}

std::string netlink_text(uint32_t protocol) {
  const std::string_view name = kNetlinkTable.name(protocol);
  return name.empty() ? std::to_string(protocol) : std::string(name);
}

std::string cidr_text(const Cidr& cidr) {
  char buffer[INET6_ADDRSTRLEN] = "";
  inet_ntop(cidr.v6 ? AF_INET6 : AF_INET, cidr.address.data(), buffer, sizeof buffer);
  return std::string(buffer) + "/" + std::to_string(cidr.prefix);
}

std::string port_text(PortRange ports) {
  if (ports.first == ports.last) return std::to_string(ports.first);
  return std::to_string(ports.first) + "-" + std::to_string(ports.last);
}

std::string peer_text(const Peer& peer) {
  std::string out;
  if (peer.kind != PeerKind::kBlocks) out = std::string(kPeerTable.name(static_cast<uint32_t>(peer.kind)));
  for (const Cidr& block : peer.blocks) {
    if (!out.empty()) out += ',';
    out += cidr_text(block);
  }
  if (!peer.selector) return out;
  const auto labels = [](const std::vector<Label>& list) {
    std::string text;
    for (const Label& label : list) text += (text.empty() ? "" : ",") + label.key + "=" + label.value;
    return text;
  };
  out += " pods " + (peer.selector->pods.empty() ? "any" : labels(peer.selector->pods));
  if (!peer.selector->name_space.empty()) out += " in " + labels(peer.selector->name_space);
  std::string ports;
  for (const PortRange& range : peer.selector->target_ports) ports += (ports.empty() ? "" : ",") + port_text(range);
  return ports.empty() ? out : out + " to " + ports;
}

}  // namespace treeline::ir::names
