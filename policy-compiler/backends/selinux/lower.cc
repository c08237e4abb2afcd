// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/selinux/lower.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/selinux/types.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/match.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::backends::selinux {
namespace {

// Permissions of `class` on what `target` labels.
using Allowed = std::map<std::pair<std::string, std::string>, std::set<std::string>>;

struct Grant {
  uint32_t access;
  const char* of;
  std::initializer_list<const char*> permissions;
};
// A change of a name is one of the directory as well.
const Grant kGrants[] = {
    {TL_READ, "file", {"getattr", "ioctl", "lock", "open", "read"}},
    {TL_READ, "lnk_file", {"getattr", "read"}},
    {TL_READ, "dir", {"getattr", "search"}},
    {TL_WRITE, "file", {"append", "getattr", "ioctl", "lock", "open", "write"}},
    {TL_WRITE, "dir", {"getattr", "search"}},
    {TL_APPEND, "file", {"append", "getattr", "ioctl", "lock", "open"}},
    {TL_APPEND, "dir", {"getattr", "search"}},
    {TL_CREATE, "file", {"create", "getattr", "open"}},
    {TL_CREATE, "dir", {"add_name", "getattr", "search", "write"}},
    {TL_DELETE, "file", {"getattr", "unlink"}},
    {TL_DELETE, "dir", {"getattr", "remove_name", "rmdir", "search", "write"}},
    {TL_LINK, "file", {"getattr", "link"}},
    {TL_LINK, "lnk_file", {"create", "getattr"}},
    {TL_LINK, "dir", {"add_name", "getattr", "search", "write"}},
    {TL_RENAME_IN, "file", {"getattr", "rename"}},
    {TL_RENAME_IN, "dir", {"add_name", "getattr", "search", "write"}},
    {TL_SETATTR, "file", {"getattr", "setattr"}},
    {TL_SETATTR, "dir", {"getattr", "search", "setattr"}},
    {TL_LIST, "dir", {"getattr", "ioctl", "lock", "open", "read", "search"}},
    {TL_MKDIR, "dir", {"add_name", "create", "getattr", "search", "write"}},
    {TL_MKNOD, "fifo_file", {"create", "getattr"}},
    {TL_MKNOD, "sock_file", {"create", "getattr"}},
    {TL_MKNOD, "dir", {"add_name", "getattr", "search", "write"}},
    {TL_MAP, "file", {"execute", "getattr", "map", "open", "read"}},
    {TL_CONNECT, "sock_file", {"getattr", "write"}},
    {TL_CONNECT, "dir", {"getattr", "search"}},
};

struct Operation {
  uint32_t operation;
  const char* of;
  std::initializer_list<const char*> permissions;
};
// What SELinux asks for within one domain; the relation (descendant, workload) is not known to it.
const Operation kOperations[] = {
    {TL_OP_JIT, "process", {"execmem"}},
    {TL_OP_STACK_EXEC, "process", {"execheap", "execstack"}},
    {TL_OP_PTRACE, "process", {"ptrace"}},
    {TL_OP_PTRACE_DESCENDANT, "process", {"ptrace"}},
    {TL_OP_PTRACE_WORKLOAD, "process", {"ptrace"}},
    {TL_OP_SIGNAL, "process", {"sigchld", "sigkill", "signal", "signull", "sigstop"}},
    {TL_OP_SIGNAL_DESCENDANT, "process", {"sigchld", "sigkill", "signal", "signull", "sigstop"}},
    {TL_OP_SIGNAL_WORKLOAD, "process", {"sigchld", "sigkill", "signal", "signull", "sigstop"}},
    {TL_OP_TUNE_WORKLOAD, "process", {"getsched", "setsched"}},
    {TL_OP_TUNE, "process", {"getsched", "setrlimit", "setsched"}},
    {TL_OP_BPF, "bpf", {"map_create", "map_read", "map_write", "prog_load", "prog_run"}},
};

// What mends a residual where loading the bundle does not.
constexpr std::string_view kFilter = "the seccomp back end holds them: compile with --backend bpf,seccomp";
constexpr std::string_view kWithPolicy = "the bpf back end holds the addresses, emit --as networkpolicy the pods: use both as well";
constexpr std::string_view kOwnModule = "grant it by a module of your own, where the workload needs it";
constexpr std::string_view kNameType = "name it: --mount PATH=TYPE";

std::string block_name(const ir::Policy& policy) {
  std::string out = "treeline_";
  for (const char c : policy.name) out += c == '-' || c == '.' ? '_' : c;
  // `web-x` is not to replace the module of `web_x`.
  if (out != "treeline_" + policy.name) out += "_" + text::hex64(ir::node_key(policy.name)).substr(2, 8);
  return out;
}

// Does the pattern match anything that lies at or below the directory?
bool reaches(const std::string& text, const std::string& directory) {
  std::vector<passes::PatternError> errors;
  const std::optional<passes::Pattern> pattern = passes::parse_pattern(text, errors);
  if (!pattern || directory == "/") return true;  // a malformed one was refused before
  passes::Pattern head = *pattern;
  head.components.clear();
  for (const passes::Component& component : pattern->components) {
    head.components.push_back(component);
    if (passes::matches(head, directory)) return true;
  }
  return false;
}

class Module {
 public:
  Module(const ir::Policy& policy, const Options& options) : policy_(policy), options_(options) {}

  Lowered run() {
    standing();
    for (const ir::Node& node : policy_.nodes) {
      for (const ir::NumberRule& rule : node.capabilities) {
        begin(rule.position);
        allow("process", capability_class(rule.value), {std::string(ir::names::capabilities().name(rule.value))});
      }
      for (const ir::NumberRule& rule : node.operations) operation(rule);
      for (const ir::NumberRule& rule : node.sockets) socket(node, rule);
      for (const ir::NetworkRule& rule : node.network) network(rule);
      for (const ir::FileRule& rule : node.files) file(rule);
      program(node.executable);
      if (node.interpreter) program(*node.interpreter);
      for (const ir::Node::BackEdge& edge : node.back_edges) program(edge.executable);
      if (!node.syscalls.empty())
        residual(node.syscalls[0].position, "system calls are not judged by SELinux", kFilter);
    }
    Lowered out;
    out.label = block_name(policy_) + ".process";
    std::stable_sort(residuals_.begin(), residuals_.end(),
                     [](const Residual& a, const Residual& b) { return a.position < b.position; });
    out.text = "; Of the profile " + policy_.name +
               ", by treelinec. What this module does not hold, by lines of the profile:\n";
    for (const Residual& residual : residuals_)
      out.text += ";   " + (residual.position.line == 0 ? "" : std::to_string(residual.position.line) + ": ") +
                  text::printable(residual.message, 1000) + (residual.remedy.empty() ? "" : "; ") + std::string(residual.remedy) + "\n";
    out.text += "(block " + block_name(policy_) + "\n    (blockinherit container)\n";
    for (const auto& [key, permissions] : allowed_) {
      std::string list;
      for (const std::string& permission : permissions) list += (list.empty() ? "" : " ") + permission;
      out.text += "    (allow process " + key.first + " (" + key.second + " (" + list + ")))\n";
    }
    out.text += ")\n";
    out.residuals = std::move(residuals_);
    for (const ir::Position held : held_) not_held_.erase(held);
    out.not_held = std::move(not_held_);
    return out;
  }

 private:
  void residual(ir::Position position, std::string message, std::string_view remedy = {}) {
    residuals_.push_back({position, std::move(message), remedy});
  }

  void allow(std::string_view target, std::string_view of, const std::set<std::string>& permissions) {
    held_.insert(rule_);
    allowed_[{std::string(target), std::string(of)}].insert(permissions.begin(), permissions.end());
  }

  void begin(ir::Position rule) {
    rule_ = rule;
    not_held_.insert(rule);
  }

  void standing() {
    residual({}, "process: one domain for all " + std::to_string(policy_.nodes.size()) +
                     " nodes; who may start what, as which user, is not held");
    residual({},
             "container: the block 'container' that is inherited grants more than the profile, all of it to the "
             "container's own files and processes");
    residual({},
             "files: all files of a container have one label; rules are held for mounts from the host only (--mount)");
  }

  void operation(const ir::NumberRule& rule) {
    begin(rule.position);
    bool known = false;
    for (const Operation& one : kOperations) {
      if (one.operation != rule.value) continue;
      known = true;
      allow("process", one.of, {one.permissions.begin(), one.permissions.end()});
    }
    const std::string name(ir::names::operations().name(rule.value));
    if (known)
      residual(rule.position, "operation " + name + ": within the domain, whatever the relation of the processes");
    else
      residual(rule.position, "narrower: operation " + name + " is not granted by this module", kOwnModule);
  }

  void socket(const ir::Node& node, const ir::NumberRule& rule) {
    begin(rule.position);
    const std::set<std::string> permissions = {"append", "bind", "connect", "create", "getattr",  "getopt", "ioctl",
                                               "lock",   "read", "setattr", "setopt", "shutdown", "write"};
    if (rule.value == TL_SOCK_NETLINK) {
      for (const ir::NumberRule& protocol : node.netlink) allow("process", netlink_class(protocol.value), permissions);
      return;
    }
    const std::string_view of = socket_class(rule.value);
    if (of.empty())
      return residual(rule.position, "narrower: sockets " + std::string(ir::names::socket_kinds().name(rule.value)) +
                                         " have no class of their own and are not granted by this module",
                      kOwnModule);
    allow("process", of, permissions);
    if (of == "tcp_socket" || of == "sctp_socket" || of == "unix_stream_socket")
      allow("process", of, {"accept", "listen"});
  }

  void network(const ir::NetworkRule& rule) {
    begin(rule.position);
    const bool in = rule.direction == ir::Direction::kIn;
    const std::string of = rule.protocol == ir::Protocol::kTcp    ? "tcp_socket"
                           : rule.protocol == ir::Protocol::kUdp  ? "udp_socket"
                           : rule.protocol == ir::Protocol::kSctp ? "sctp_socket"
                                                                  : "";
    if (of.empty()) {
      residual(rule.position, "icmp and raw packets: by the class of the socket only");
      return;
    }
    if (rule.peer.kind != ir::PeerKind::kAny || rule.peer.selector)
      residual(rule.position,
               "peer " + text::quoted(ir::names::peer_text(rule.peer), 200) + ": addresses and pods are not judged",
               rule.peer.selector ? kWithPolicy : std::string_view());
    // A datagram names its peer without connecting: only tcp and sctp have name_connect.
    if (!in && of == "udp_socket") {
      residual(rule.position, "ports of outgoing datagrams are not judged");
      return;
    }
    const std::string permission = in ? "name_bind" : "name_connect";
    if (in) allow("node_t", of, {"node_bind"});
    for (const ir::PortRange& range : rule.ports) {
      if (range.first <= 1 && range.last == 65535) {
        allow("port_type", of, {permission});
        continue;
      }
      for (const PortType& type : port_types(rule.protocol, range)) {
        allow(type.type, of, {permission});
        if (!type.others.empty())
          residual(rule.position, "port " + ir::names::port_text(range) + ": " + std::string(type.type) + " holds " +
                                      type.others + " as well");
      }
    }
  }

  void file(const ir::FileRule& rule) {
    begin(rule.path.position);
    for (const Mount& mount : options_.mounts) {
      if (!reaches(rule.path.text, mount.path)) continue;
      const std::string type(mount.type.empty() ? path_type(mount.path) : std::string_view(mount.type));
      if (type.empty()) {
        residual(rule.path.position, "narrower: " + text::quoted(rule.path.text) + ": what lies at " +
                                         text::quoted(mount.path) + " has no usual type",
                 kNameType);
        continue;
      }
      for (const Grant& grant : kGrants)
        if (rule.access & grant.access) allow(type, grant.of, {grant.permissions.begin(), grant.permissions.end()});
      other_kinds(rule);
      residual(rule.path.position, text::quoted(rule.path.text) + ": held for all that has the type " + type);
    }
  }

  // What of the rule is for other kinds of files than the classes of kGrants.
  void other_kinds(const ir::FileRule& rule) {
    std::string acts;
    const auto act = [&](uint32_t words, const char* name) {
      if (rule.access & words) acts += (acts.empty() ? "" : ", ") + std::string(name);
    };
    act(TL_READ | TL_WRITE | TL_APPEND, "opened");
    act(TL_LINK, "linked");
    act(TL_DELETE, "removed");
    act(TL_RENAME_IN, "renamed");
    act(TL_SETATTR, "changed");
    const std::string lead = "narrower: " + text::quoted(rule.path.text) + ": ";
    if (!acts.empty()) residual(rule.path.position, lead + "fifos, sockets and devices there are not " + acts, kOwnModule);
    if (rule.access & (TL_DELETE | TL_RENAME_IN | TL_SETATTR))
      residual(rule.path.position, lead + "symbolic links there are not removed, renamed or changed", kOwnModule);
    if (rule.access & TL_MKNOD) residual(rule.path.position, lead + "devices there are not made", kOwnModule);
  }

  void program(const ir::Pattern& executable) {
    for (const Mount& mount : options_.mounts)
      if (reaches(executable.text, mount.path))
        residual(executable.position, "narrower: " + text::quoted(executable.text) + ": programs that lie at " + text::quoted(mount.path) +
                                          " are not started by this module",
                 kOwnModule);
  }

  const ir::Policy& policy_;
  const Options& options_;
  Allowed allowed_;
  std::vector<Residual> residuals_;
  ir::Position rule_;                       // that is being written
  std::set<ir::Position> held_, not_held_;  // a group's rule stands once and is asked of in each of its nodes
};

}  // namespace

Lowered lower(const ir::Policy& policy, const Options& options) { return Module(policy, options).run(); }

}  // namespace treeline::backends::selinux
