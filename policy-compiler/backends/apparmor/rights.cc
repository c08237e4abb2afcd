// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/apparmor/rights.h"

#include <algorithm>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/apparmor/glob.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::backends::apparmor {
namespace {

constexpr ir::AccessSet kWriteFile =
    TL_WRITE | TL_APPEND | TL_CREATE | TL_DELETE | TL_LINK | TL_RENAME_IN | TL_SETATTR | TL_MKNOD;
constexpr ir::AccessSet kWriteDirectory = TL_DELETE | TL_RENAME_IN | TL_SETATTR | TL_MKDIR;

constexpr char kNoPeer[] = "AppArmor judges the family and type of a socket, no address and no port";

struct Letters {
  std::string file, directory;
};

Letters letters_of(ir::AccessSet access, bool renames) {
  Letters letters;
  const bool source = renames && (access & TL_DELETE) != 0;
  if ((access & (TL_READ | TL_MAP | TL_CONNECT)) != 0 || source) letters.file += 'r';
  if ((access & (kWriteFile | TL_CONNECT)) != 0) letters.file += 'w';
  if ((access & TL_MAP) != 0) letters.file += 'm';
  if ((access & TL_LIST) != 0 || source) letters.directory += 'r';
  if ((access & kWriteDirectory) != 0) letters.directory += 'w';
  return letters;
}

// What the letters let pass beside the words, or "".
std::string wider(ir::AccessSet access, const Letters& letters) {
  const bool write = letters.file.find('w') != std::string::npos || letters.directory.find('w') != std::string::npos;
  std::string out;
  if (write && (access & (kWriteFile | TL_MKDIR)) != (kWriteFile | TL_MKDIR))
    out = "AppArmor's w is write, append, create, delete, rename and setattr at once";
  if (letters.file.find('r') != std::string::npos && (access & TL_READ) == 0)
    out += std::string(out.empty() ? "" : "; ") + "AppArmor wants r as well";
  if (letters.directory.find('r') != std::string::npos && (access & TL_LIST) == 0)
    out += std::string(out.empty() ? "" : "; ") + "to rename a directory AppArmor wants r, which lists it";
  return out;
}

void add_letters(const std::string& glob, const std::string& letters, Rights& rights) {
  if (glob.empty() || letters.empty()) return;
  std::set<char>& have = rights.files[glob];
  have.insert(letters.begin(), letters.end());
  have.insert('k');
}

void add_glob(const Glob& glob, const Letters& letters, Rights& rights) {
  if (!glob.both.empty() && letters.file == letters.directory) return add_letters(glob.both, letters.file, rights);
  add_letters(glob.file, letters.file, rights);
  add_letters(glob.directory, letters.directory, rights);
}

Glob glob_of(const std::string& text) {
  std::vector<passes::PatternError> errors;
  const std::optional<passes::Pattern> pattern = passes::parse_pattern(text, errors);
  return pattern ? make_glob(*pattern) : Glob();  // a malformed one was refused before
}

void add_file(const ir::FileRule& rule, bool renames, Rights& rights) {
  const Glob glob = glob_of(rule.path.text);
  const Letters letters = letters_of(rule.access, renames);
  add_glob(glob, letters, rights);
  if ((rule.access & TL_LINK) != 0 && !glob.file.empty()) rights.links.insert(glob.file);
  rights.deleted |= glob.deleted;
  std::string why = glob.why;
  if (const std::string more = glob.file.empty() && glob.directory.empty() ? "" : wider(rule.access, letters); !more.empty())
    why += (why.empty() ? "" : "; ") + more;
  if ((rule.access & TL_CONNECT) != 0)
    why += std::string(why.empty() ? "" : "; ") + "AppArmor of most kernels does not judge connections to unix sockets";
  if ((rule.access & TL_LINK) != 0 && !glob.file.empty())
    why += std::string(why.empty() ? "" : "; ") + "a hard link of this name may be one to any file";
  const std::string about = text::quoted(rule.path.text) + ": ";
  if (!why.empty()) rights.residuals.push_back({rule.path.position, about + why, about.size()});
}

// The types of enum tl_socket_kind, by families of AppArmor; inexact where a type holds several kinds.
std::vector<std::string> socket_types(uint32_t kind) {
  const auto inet = [](std::initializer_list<const char*> types) {
    std::vector<std::string> out;
    for (const char* type : types)
      for (const char* family : {"inet ", "inet6 "}) out.push_back(std::string(family) + type);
    return out;
  };
  switch (kind) {
    case TL_SOCK_INET_STREAM:
    case TL_SOCK_INET_MPTCP:
      return inet({"stream"});
    case TL_SOCK_INET_DGRAM:
    case TL_SOCK_INET_PING:
      return inet({"dgram"});
    case TL_SOCK_INET_RAW:
      return inet({"raw"});
    case TL_SOCK_INET_SCTP:
      return inet({"stream", "seqpacket"});
    case TL_SOCK_INET_OTHER:
      return {"inet", "inet6"};
    case TL_SOCK_UNIX_STREAM:
      return {"unix stream"};
    case TL_SOCK_UNIX_DGRAM:
      return {"unix dgram"};
    case TL_SOCK_UNIX_SEQPACKET:
      return {"unix seqpacket"};
    case TL_SOCK_NETLINK:
      return {"netlink raw", "netlink dgram"};
    case TL_SOCK_PACKET:
      return {"packet raw", "packet dgram", "packet packet"};
    case TL_SOCK_VSOCK:
      return {"vsock"};
    case TL_SOCK_ALG:
      return {"alg seqpacket"};
    case TL_SOCK_XDP:
      return {"xdp raw"};
    default:
      break;
  }
  std::vector<std::string> out;  // the families of abi 3.0 without a kind of their own
  for (const char* family :
       {"ax25",    "ipx",       "appletalk", "netrom", "bridge", "atmpvc", "x25",        "rose",       "netbeui", "security", "key",
        "ash",     "econet",    "atmsvc",    "rds",    "sna",    "irda",   "pppox",      "wanpipe",    "llc",     "ib",       "mpls",
        "can",     "tipc",      "bluetooth", "iucv",   "rxrpc",  "isdn",   "phonet",     "ieee802154", "caif",    "nfc",      "kcm",
        "qipcrtr", "smc"})
    out.emplace_back(family);
  return out;
}

// Where a family's type stands for several kinds.
bool by_type(uint32_t kind) {
  return kind == TL_SOCK_INET_STREAM || kind == TL_SOCK_INET_DGRAM || kind == TL_SOCK_INET_PING || kind == TL_SOCK_INET_SCTP ||
         kind == TL_SOCK_INET_MPTCP || kind == TL_SOCK_INET_OTHER;
}

bool holds(const ir::Node& node, uint32_t operation) {
  return std::any_of(node.operations.begin(), node.operations.end(), [&](const ir::NumberRule& rule) { return rule.value == operation; });
}

// Operations for which a profile says anything.
bool judged(uint32_t operation) {
  constexpr uint32_t kJudged[] = {TL_OP_SIGNAL,          TL_OP_SIGNAL_WORKLOAD,   TL_OP_SIGNAL_DESCENDANT, TL_OP_PTRACE,
                                  TL_OP_PTRACE_WORKLOAD, TL_OP_PTRACE_DESCENDANT, TL_OP_MOUNT};
  return std::find(std::begin(kJudged), std::end(kJudged), operation) != std::end(kJudged);
}

bool holds_class(const ir::Node& node, const char* pattern) {
  return std::any_of(node.files.begin(), node.files.end(), [&](const ir::FileRule& rule) { return rule.path.text == pattern; });
}

}  // namespace

Gatherer::Gatherer(const ir::Policy& policy) : policy_(policy) {
  any_socket_ = {"unix stream", "unix dgram"};  // what a runtime gives a program as its standard output
  for (const ir::Node& node : policy.nodes)
    for (const ir::NumberRule& rule : node.sockets)
      for (const std::string& type : socket_types(rule.value)) any_socket_.insert(type);
}

void Gatherer::add(uint32_t index, Rights& rights) const {
  const ir::Node& node = policy_.nodes[index];
  const bool renames = std::any_of(node.files.begin(), node.files.end(),
                                   [](const ir::FileRule& rule) { return (rule.access & TL_RENAME_IN) != 0; });
  for (const ir::FileRule& rule : node.files) add_file(rule, renames, rights);
  add_letters(glob_of(node.executable.text).file, "rm", rights);
  if (node.interpreter) add_letters(glob_of(node.interpreter->text).file, "rm", rights);

  for (const ir::NumberRule& rule : node.sockets) {
    const std::vector<std::string> types = socket_types(rule.value);
    rights.sockets.insert(types.begin(), types.end());
    if (rule.value == TL_SOCK_UNIX_STREAM || rule.value == TL_SOCK_UNIX_DGRAM || rule.value == TL_SOCK_UNIX_SEQPACKET)
      rights.residuals.push_back({rule.position, "a unix socket's type is all that the profile names: any peer with an abstract name passes"});
    if (!by_type(rule.value)) continue;
    rights.residuals.push_back({rule.position, rule.value == TL_SOCK_INET_OTHER
                                                   ? "AppArmor has no word for other protocols: every type of inet passes, raw ones too"
                                                   : "of a socket AppArmor judges the type, not the protocol"});
    if (node.network.empty()) rights.residuals.push_back({rule.position, kNoPeer});
  }
  if (holds_class(node, "{socket}")) {
    rights.sockets.insert(any_socket_.begin(), any_socket_.end());
    rights.residuals.push_back({node.position, "a socket that is inherited is judged like one that is made: the types of all nodes pass"});
  }
  for (const ir::NetworkRule& rule : node.network)
    rights.residuals.push_back({rule.position, kNoPeer});
  if (!node.netlink.empty())
    rights.residuals.push_back({node.netlink[0].position, "AppArmor does not judge netlink protocols"});
  if (!node.users.empty())
    rights.residuals.push_back({node.users[0].position, "AppArmor does not judge by user"});
  if (!node.syscalls.empty())
    rights.residuals.push_back({node.syscalls[0].position, "AppArmor does not judge system calls"});
  for (const ir::NumberRule& rule : node.capabilities)
    rights.capabilities.insert(std::string(ir::names::capabilities().name(rule.value)));
  for (const ir::NumberRule& rule : node.operations) {
    rights.operations |= 1ull << rule.value;
    if ((rule.value == TL_OP_SIGNAL_DESCENDANT && !holds(node, TL_OP_SIGNAL_WORKLOAD) && !holds(node, TL_OP_SIGNAL)) ||
        (rule.value == TL_OP_PTRACE_DESCENDANT && !holds(node, TL_OP_PTRACE_WORKLOAD) && !holds(node, TL_OP_PTRACE)))
      rights.residuals.push_back({rule.position, "AppArmor cannot tell descendants from the workload's other processes"});
    if (!judged(rule.value))
      rights.residuals.push_back({rule.position, "AppArmor does not judge the operation " + std::string(ir::names::operations().name(rule.value))});
  }
}

}  // namespace treeline::backends::apparmor
