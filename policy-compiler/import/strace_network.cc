// SPDX-License-Identifier: Apache-2.0
//
// Sockets and what one process does to others, out of a log.
#include <algorithm>

#include "bpf/lsm/abi.h"
#include "policy-compiler/frontend/network.h"
#include "policy-compiler/import/strace_acts.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

struct SocketKind {
  uint32_t kind = TL_SOCK_OTHER;
  std::optional<ir::Protocol> protocol;
};

SocketKind kind_of(std::string_view family, std::string_view type, std::string_view protocol) {
  const bool stream = has(type, "SOCK_STREAM"), datagram = has(type, "SOCK_DGRAM");
  if (family == "AF_UNIX" || family == "AF_LOCAL")
    return {stream ? TL_SOCK_UNIX_STREAM : has(type, "SOCK_SEQPACKET") ? TL_SOCK_UNIX_SEQPACKET : TL_SOCK_UNIX_DGRAM, {}};
  if (family == "AF_NETLINK") return {TL_SOCK_NETLINK, {}};
  if (family == "AF_PACKET") return {TL_SOCK_PACKET, {}};
  if (family == "AF_VSOCK") return {TL_SOCK_VSOCK, {}};
  if (family == "AF_ALG") return {TL_SOCK_ALG, {}};
  if (family == "AF_XDP") return {TL_SOCK_XDP, {}};
  if (family != "AF_INET" && family != "AF_INET6") return {};
  if (has(protocol, "IPPROTO_MPTCP")) return {TL_SOCK_INET_MPTCP, ir::Protocol::kTcp};
  if (has(protocol, "IPPROTO_SCTP") || has(type, "SOCK_SEQPACKET")) return {TL_SOCK_INET_SCTP, ir::Protocol::kSctp};
  if (stream) return {TL_SOCK_INET_STREAM, ir::Protocol::kTcp};
  if (has(type, "SOCK_RAW"))
    return {TL_SOCK_INET_RAW, has(protocol, "ICMP") ? ir::Protocol::kIcmp : ir::Protocol::kRaw};
  if (datagram && has(protocol, "ICMP")) return {TL_SOCK_INET_PING, ir::Protocol::kIcmp};
  if (datagram) return {TL_SOCK_INET_DGRAM, ir::Protocol::kUdp};
  return {TL_SOCK_INET_OTHER, ir::Protocol::kOther};
}

// What stands in the quotes of inet_addr("...") or inet_pton(AF_INET6, "...").
std::optional<std::string> in_quotes(std::string_view text) {
  const size_t first = text.find('"');
  if (first == std::string_view::npos) return std::nullopt;
  const auto value = quoted(text.substr(first, text.find('"', first + 1) - first + 1));
  return value ? std::optional(value->bytes) : std::nullopt;
}

struct InternetAddress {
  ir::Cidr address;
  uint16_t port = 0;
};

// {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.0.1")}
std::optional<InternetAddress> internet_address(std::string_view structure) {
  const bool v6 = has(structure, "AF_INET6");
  if (!v6 && !has(structure, "AF_INET")) return std::nullopt;
  const std::string_view port = field(structure, v6 ? "sin6_port" : "sin_port");
  std::string_view address = v6 ? std::string_view() : field(structure, "sin_addr");
  // The older form has no key for an IPv6 address: inet_pton(AF_INET6, "::1", &sin6_addr).
  if (v6) address = structure.substr(std::min(structure.find("inet_pton"), structure.size()));
  const auto text = in_quotes(address);
  constexpr std::string_view kCall = "htons(";
  if (!text || port.substr(0, kCall.size()) != kCall || port.back() != ')') return std::nullopt;
  const auto number = text::decimal(port.substr(kCall.size(), port.size() - kCall.size() - 1), 65535);
  if (!number) return std::nullopt;
  std::string bare = *text;
  if (bare.rfind("::ffff:", 0) == 0 && bare.find('.') != std::string::npos) bare = bare.substr(7);
  std::string problem, remedy;
  const auto cidr = frontend::parse_cidr(bare, problem, remedy);
  if (!cidr) return std::nullopt;
  return InternetAddress{*cidr, static_cast<uint16_t>(*number)};
}

bool unspecified(const ir::Cidr& address) {
  return std::all_of(address.address.begin(), address.address.end(), [](uint8_t byte) { return byte == 0; });
}

bool loopback(const ir::Cidr& address) {
  if (!address.v6) return address.address[0] == 127;
  return std::all_of(address.address.begin(), address.address.end() - 1, [](uint8_t byte) { return byte == 0; }) &&
         address.address[15] == 1;
}

}  // namespace

void Tracee::network(Process& process, std::string_view name, const Call& call, Position position) {
  const Arguments& arguments = call.arguments;
  Files& files = *process.files;
  if (name == "socket" && arguments.size() >= 3) {
    const SocketKind kind = kind_of(arguments[0], arguments[1], arguments[2]);
    add_number(node(process).sockets, kind.kind, position);
    if (kind.kind == TL_SOCK_NETLINK) {
      std::string word;
      constexpr std::string_view kPrefix = "NETLINK_";
      if (arguments[2].substr(0, kPrefix.size()) == kPrefix)
        for (const char c : arguments[2].substr(kPrefix.size()))
          word += c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if (const auto number = ir::names::netlink_protocols().find(word))
        add_number(node(process).netlink, *number, position);
      else
        lost("a netlink socket of a protocol that is not known", "add its number to 'netlink'", position);
    }
    OpenFile open;
    open.pattern = "{socket}";
    open.access = TL_READ | TL_WRITE;
    open.close_on_exec = has(arguments[1], "SOCK_CLOEXEC");
    open.protocol = kind.protocol;
    open.any_port = kind.protocol.has_value();
    open.datagram = kind.kind == TL_SOCK_INET_DGRAM;
    files[*call.result] = std::move(open);
    return;
  }
  if (name == "socketpair" && arguments.size() >= 3)  // its descriptors: table()
    return add_number(node(process).sockets, kind_of(arguments[0], arguments[1], arguments[2]).kind, position);
  if ((name == "accept" || name == "accept4") && !arguments.empty()) {
    OpenFile open;
    open.pattern = "{socket}";
    open.access = TL_READ | TL_WRITE;
    open.close_on_exec = has(arguments.back(), "SOCK_CLOEXEC");
    files[*call.result] = std::move(open);
    return;
  }
  if ((name == "recvmsg" || name == "recvmmsg") && arguments.size() > 1 && has(arguments[1], "SCM_RIGHTS")) {
    constexpr std::string_view kData = "cmsg_data=[";
    for (std::string_view rest = arguments[1]; !rest.empty();) {
      const size_t end = std::min(rest.find(", "), rest.size());
      std::string_view word = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 2, rest.size()));
      if (word.starts_with(kData)) word.remove_prefix(kData.size());
      if (const auto number = descriptor(word)) files.erase(number->number);  // what had that number before
    }
    lost("descriptors that are received (SCM_RIGHTS): the log does not say what they were opened for",
         "add the words with which their files are open", position);
    return;
  }
  if (name == "listen" && !arguments.empty()) {
    const auto number = descriptor(arguments[0]);
    if (const auto open = number ? files.find(number->number) : files.end(); open != files.end() && open->second.any_port)
      lost("sockets that listen on a port that the kernel chose", "add a rule of direction in with the ports that it may be",
           position);
    return;
  }
  const bool binding = name == "bind", sending = name == "sendto" || name == "sendmsg" || name == "sendmmsg";
  if ((name != "connect" && !binding && !sending) || arguments.size() < 2) return;
  const auto number = descriptor(arguments[0]);
  // sendmsg: the name is within the structure. sendto: the fifth argument.
  std::string_view structure =
      name == "sendto" ? (arguments.size() > 4 ? arguments[4] : std::string_view()) : arguments[1];
  const auto not_shown = [&] {
    lost("addresses of sockets that the log does not show", "add the network rule, or the socket's path with its words, by hand", position);
  };
  if (structure.starts_with("0x") || has(structure, "msg_name=0x")) return not_shown();  // a place in memory that strace did not read
  if (structure.empty() || structure == "NULL" || !has(structure, "sa_family=")) return;
  if (has(structure, "AF_UNIX")) {
    const std::string_view value = field(structure, "sun_path");
    const bool abstract = !value.empty() && value[0] == '@';
    const auto text = quoted(abstract ? value.substr(1) : value);
    if (!text || text->cut) {
      lost("unix sockets without a name, or with one that was cut", "write the socket's path with 'connect'", position);
    } else if (abstract) {
      if (!binding) grant_pattern(process, "{abstract}/" + passes::literal_pattern(text->bytes), TL_CONNECT, position);
    } else if (is_elsewhere(process, text->bytes, position)) {
      return;
    } else if (const auto path = absolute(text->bytes, process.at->directory)) {
      grant(process, *path, binding ? TL_MKNOD : TL_CONNECT, position);
    } else {
      lost("names with '..', or relative to a directory that the log does not show", "record with strace -y", position);
    }
    return;
  }
  const auto peer = internet_address(structure);
  if (!peer && has(structure, "AF_INET")) return not_shown();
  if (!peer) return;
  const auto open = number ? files.find(number->number) : files.end();
  if (open == files.end() || !open->second.protocol) {
    lost("connections of a socket whose making is not in the log", "record from the start of the program", position);
    return;
  }
  ir::NetworkRule rule;
  rule.protocol = *open->second.protocol;
  rule.position = position;
  const bool ports = rule.protocol == ir::Protocol::kTcp || rule.protocol == ir::Protocol::kUdp ||
                     rule.protocol == ir::Protocol::kSctp;
  rule.ports = {ports ? ir::PortRange{peer->port, peer->port} : ir::PortRange{0, 65535}};
  if (binding) {
    // Port 0 is "any that is free": a client's, unless it listens.
    if (peer->port == 0 && ports) {
      open->second.any_port = true;
      return;
    }
    open->second.any_port = false;
    rule.direction = ir::Direction::kIn;
    if (loopback(peer->address)) rule.peer.kind = ir::PeerKind::kLocalhost;
  } else {
    rule.direction = ir::Direction::kOut;
    // connect to 0.0.0.0 is connect to this machine.
    if (loopback(peer->address) || unspecified(peer->address)) {
      rule.peer.kind = ir::PeerKind::kLocalhost;
    } else {
      rule.peer.kind = ir::PeerKind::kBlocks;
      rule.peer.blocks.push_back(peer->address);
    }
  }
  const std::string key = std::to_string(static_cast<int>(rule.direction)) +
                          std::to_string(static_cast<int>(rule.protocol)) + " " + ir::names::port_text(rule.ports[0]) +
                          " " + ir::names::peer_text(rule.peer);
  if (!networks_[process.node].insert(key).second) return;
  ++rules_;
  node(process).network.push_back(std::move(rule));
}

namespace {

// Calls whose success may have asked for an operation (tests/kernel/enforce/syscalls.toml: by which hook).
struct Grave {
  std::string_view call;
  std::string_view word;  // of the first two arguments; "": any
  int whom;               // argument that is a process's number: nothing is asked of the caller itself. -1: none
  std::string_view operation;
};
constexpr std::string_view kTrace = "'ptrace-descendant' (or a wider one)", kTune = "'tune-workload' (or a wider one)", kMount = "'mount'", kKeys = "'keyring'";
constexpr Grave kGrave[] = {
    {"ptrace", "PTRACE_", -1, kTrace},
    {"process_vm_readv", "", 0, kTrace},
    {"process_vm_writev", "", 0, kTrace},
    {"pidfd_getfd", "", -1, kTrace},
    {"prctl", "PR_SET_MM", -1, "'ptrace'"},
    {"mount", "", -1, kMount},
    {"umount", "", -1, kMount},
    {"umount2", "", -1, kMount},
    {"pivot_root", "", -1, kMount},
    {"move_mount", "", -1, kMount},
    {"fsconfig", "", -1, kMount},
    {"unshare", "CLONE_NEWUSER", -1, "'userns'"},
    {"bpf", "", -1, "'bpf'"},
    {"perf_event_open", "", -1, "'perf'"},
    {"add_key", "", -1, kKeys},
    {"request_key", "", -1, kKeys},
    {"keyctl", "", -1, kKeys},
    {"init_module", "", -1, "'load-module'"},
    {"finit_module", "", -1, "'load-module'"},
    {"kexec_load", "", -1, "'kexec'"},
    {"kexec_file_load", "", -1, "'kexec'"},
    {"ioctl", "TIOCSTI", -1, "'tty-inject'"},
    {"ioctl", "TIOCLINUX", -1, "'tty-inject'"},
    {"ioctl", "FIOSETOWN", -1, "'signal'"},
    {"ioctl", "SIOCSPGRP", -1, "'signal'"},
    {"fcntl", "F_SETOWN", 2, "'signal'"},
    {"setpriority", "PRIO_PGRP", -1, kTune},
    {"setpriority", "PRIO_USER", -1, kTune},
    {"setpriority", "", 1, kTune},
    {"ioprio_set", "IOPRIO_WHO_PGRP", -1, kTune},
    {"ioprio_set", "IOPRIO_WHO_USER", -1, kTune},
    {"ioprio_set", "", 1, kTune},
    {"sched_setscheduler", "", 0, kTune},
    {"sched_setparam", "", 0, kTune},
    {"sched_setattr", "", 0, kTune},
    {"sched_setaffinity", "", 0, kTune},
    {"migrate_pages", "", 0, kTune},
    {"move_pages", "", 0, kTune},
    {"prlimit64", "", 0, "'tune'"},
    {"io_uring_setup", "", -1, "'io-uring'"},
    {"userfaultfd", "", -1, "'userfaultfd'"},
    {"modify_ldt", "", -1, "'ldt'"},
    {"seccomp", "SECCOMP_FILTER_FLAG_NEW_LISTENER", -1, "'seccomp-listener'"},
    {"personality", "READ_IMPLIES_EXEC", -1, "'stack-exec' (or 'jit')"},
    {"syslog", "", -1, "'kernel-log'"},
};

// Of these the hooks ask for nothing: limits that are only read, and what ps shows.
bool harmless(std::string_view name, const Call& call) {
  constexpr std::string_view kShown[] = {"PR_SET_MM_ARG_START", "PR_SET_MM_ARG_END", "PR_SET_MM_ENV_START", "PR_SET_MM_ENV_END", "PR_SET_MM_AUXV"};
  if (name == "prlimit64") return call.arguments.size() > 2 && call.arguments[2] == "NULL";
  return name == "prctl" && call.arguments.size() > 1 && std::find(std::begin(kShown), std::end(kShown), call.arguments[1]) != std::end(kShown);
}

struct Signal {
  std::string_view call;
  int whom;
  size_t signal;  // argument; signal 0 only asks whether the process is there
};
constexpr Signal kSignals[] = {
    {"kill", 0, 1}, {"tkill", 0, 1}, {"tgkill", 0, 2}, {"rt_sigqueueinfo", 0, 1}, {"rt_tgsigqueueinfo", 0, 2}, {"pidfd_send_signal", -1, 1},
};

}  // namespace

bool Tracee::is_other(const Process& process, const Call& call, int whom) const {
  if (whom < 0) return true;
  const auto at = static_cast<size_t>(whom);
  const auto target = at < call.arguments.size() ? descriptor(call.arguments[at]) : std::nullopt;
  return !target || (target->number != 0 && process.threads->count(target->number) == 0);
}

// What is grave is a person's word, as in learning: it is named, not granted.
void Tracee::operations(Process& process, std::string_view name, const Call& call, Position position) {
  const std::string by = " by " + text::quoted(node(process).executable.text);
  for (const Grave& grave : kGrave) {
    if (grave.call != name) continue;
    const auto says = [&](size_t at) { return at < call.arguments.size() && has(call.arguments[at], grave.word); };
    if (!says(0) && !says(1) && !grave.word.empty()) continue;
    if (!harmless(name, call) && is_other(process, call, grave.whom))
      lost(std::string(name) + by, "add the operation " + std::string(grave.operation) + " if it is needed", position);
    break;
  }
  for (const Signal& signal : kSignals) {
    if (signal.call != name || call.arguments.size() <= signal.signal || call.arguments[signal.signal] == "0") continue;
    const bool group = name == "kill" && call.arguments[0] == "0";  // others may be in it
    if (group || is_other(process, call, signal.whom))
      lost((signal.whom < 0 ? "signals by descriptors of processes" : "signals to other processes") + by,
           "add the operation 'signal-descendant' or 'signal-workload' if they are needed", position);
  }
}

}  // namespace treeline::import_
