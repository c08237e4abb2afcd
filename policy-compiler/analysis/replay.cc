// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/replay.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "bpf/lsm/decide.h"
#include "policy-compiler/analysis/diff_parts.h"
#include "policy-compiler/analysis/image.h"
#include "policy-compiler/analysis/network_set.h"
#include "policy-compiler/analysis/used_rules.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/learn/directories.h"
#include "policy-compiler/learn/network_rules.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/support/saturate.h"
#include "policy-compiler/support/text.h"

namespace treeline::analysis {
namespace {

namespace names = ir::names;

bool has_port(ir::Protocol protocol) {
  return protocol == ir::Protocol::kTcp || protocol == ir::Protocol::kUdp || protocol == ir::Protocol::kSctp;
}

std::string endpoint(const learn::TracedNet& net, bool with_address) {
  std::string out(names::protocols().name(static_cast<uint32_t>(net.protocol)));
  if (with_address) {
    const std::string address = names::cidr_text(net.address);
    const std::string bare = address.substr(0, address.find('/'));
    out += net.address.v6 ? ":[" + bare + "]" : ":" + bare;
  }
  return has_port(net.protocol) ? out + ":" + std::to_string(net.port) : out;
}

// All who could come in where this was served: to an address of the loopback this machine alone, to one of IPv6 those of IPv4 too (a socket of both).
ir::NetworkRule whoever_came(const learn::TracedNet& net) {
  ir::NetworkRule rule;
  rule.direction = ir::Direction::kIn;
  rule.protocol = net.protocol;
  rule.ports = {{net.port, net.port}};
  rule.peer.kind = ir::PeerKind::kAny;
  if (learn::is_loopback(net.address.v6, net.address.address)) {
    ir::Cidr block = net.address;
    block.prefix = net.address.v6 ? 128 : 8;
    if (!block.v6) std::fill(block.address.begin() + 1, block.address.end(), uint8_t{0});
    rule.peer = {ir::PeerKind::kBlocks, {block}, {}};
  } else if (!net.address.v6) {
    rule.peer = {ir::PeerKind::kBlocks, {ir::Cidr{}}, {}};
  }
  return rule;
}

std::string number_text(const names::Table& table, uint32_t value) {
  const std::string_view name = table.name(value);
  return name.empty() ? std::to_string(value) : std::string(name);
}

class Judge {
 public:
  Judge(const Version& policy, std::string_view image, const CallFilters& calls)
      : policy_(policy), image_(image), calls_(calls), used_(policy) {}

  void judge(const learn::Trace& trace) {
    trace_ = &trace.file;
    out_.lost += trace.losses;
    if (trace.late || trace.incomplete || trace.losses != 0 || trace.nodes.empty()) out_.complete = false;
    follow_tree(trace);
    find_directories(trace);
    for (const learn::TracedFile& file : trace.files) about_file(file);
    for (const learn::TracedMove& move : trace.moves) {
      if (!reached(move.node)) continue;
      ++out_.acts;
      if (!image_.move(move.from, move.to, directories_.hold(move.from) || directories_.hold(move.to)))
        deny(rows_[move.node], "move", learn::pattern_text(move.from) + " to " + learn::pattern_text(move.to), 1);
    }
    for (const learn::TracedNet& net : trace.nets) about_net(net);
    about_numbers(trace.capabilities, "capability", names::capabilities(),
                  [&](uint32_t row, const learn::TracedNumber& n) { return image_.capability(row, n.value); });
    about_numbers(trace.operations, "operation", names::operations(), [&](uint32_t row, const learn::TracedNumber& n) {
      if (!image_.operation(row, n.value)) return false;
      used_.operation(row, n.value);
      return true;
    });
    for (const learn::TracedNumber& user : trace.users)
      if (reached(user.node)) about_user(rows_[user.node], user.value, user.seen.count);
    for (const learn::TracedNumber& socket : trace.sockets) about_socket(socket);
    for (const learn::TracedCalls& calls : trace.calls)
      if (rows_[calls.node] != TL_ROW_NONE) about_calls(rows_[calls.node], calls);
  }

  Replay finish(const std::vector<bundle::RuleEntry>& rules) {
    for (const auto& [key, act] : denied_) out_.denied.push_back(act);
    for (const bundle::RuleEntry& rule : rules) {
      const auto used = used_.used(rule);
      if (rule.kind != "file") {
        if (!used) out_.unused.push_back({rule, ""});
        continue;
      }
      std::string words;
      for (const std::string_view word : text::words(rule.words)) {
        const auto bit = names::access_words().find(word);
        if (!bit || (used.value_or(ir::AccessSet{0}) & *bit) != 0) continue;
        words += (words.empty() ? "" : " ") + std::string(word);
      }
      if (!words.empty()) out_.unused.push_back({rule, words});
    }
    return std::move(out_);
  }

 private:
  void find_directories(const learn::Trace& trace) {
    directories_ = {};
    if (trace.moves.empty()) return;
    for (const learn::TracedNode& node : trace.nodes) directories_.saw(node.executable, 0);
    for (const learn::TracedFile& file : trace.files) directories_.saw(file.name, file.access);
  }

  void follow_tree(const learn::Trace& trace) {
    rows_.assign(trace.nodes.size(), TL_ROW_NONE);
    for (size_t i = 0; i < trace.nodes.size(); ++i) {
      const learn::TracedNode& node = trace.nodes[i];
      const uint32_t from = node.parent != ir::kNoNode ? rows_[node.parent] 
                                                       : uint32_t{node.joined ? TL_ROW_JOIN : TL_ROW_ENTRY};
      if (from == TL_ROW_NONE) {
        ++out_.unreached;
        continue;
      }
      ++out_.acts;
      const uint32_t row = image_.step(from, node.executable);
      if (row == TL_ROW_NONE) {
        deny(from, "exec", learn::pattern_text(node.executable), node.count);
        continue;
      }
      used_.step(from, node.executable);
      rows_[i] = row;
      if (node.interpreter) {
        ++out_.acts;
        if (!image_.interprets(row, *node.interpreter)) {
          deny(row, "interpret", learn::pattern_text(*node.interpreter), node.count);
          rows_[i] = TL_ROW_NONE;
          continue;
        }
      }
      for (const uint32_t user : node.users) about_user(row, user, 1);
    }
  }

  bool reached(uint32_t node) {
    if (rows_[node] != TL_ROW_NONE) return true;
    ++out_.unreached;
    return false;
  }

  void deny(uint32_t row, const std::string& act, std::string object, uint64_t count) {
    const std::string node = row_name(*policy_.policy, row);
    DeniedAct& denied = denied_[{node, act, object}];
    if (denied.count == 0) {
      const ir::Node* of = node_at(*policy_.policy, row);
      denied = {node, act, std::move(object), 0, *trace_, of == nullptr ? Position() : of->position};
    }
    denied.count = saturating_add(denied.count, count);
  }

  void about_file(const learn::TracedFile& file) {
    if (!reached(file.node)) return;
    ++out_.acts;
    const uint32_t row = rows_[file.node];
    const ir::AccessSet missing = image_.missing(row, file.name, file.access);
    if ((missing & TL_EXECUTE) != 0) deny(row, "execute", learn::pattern_text(file.name), file.seen.count);
    for (const names::Entry& entry : names::access_words().entries())
      if ((missing & entry.value) != 0)
        deny(row, std::string(entry.name), learn::pattern_text(file.name), file.seen.count);
    used_.file(row, file.name, static_cast<ir::AccessSet>(file.access & ~missing));
  }

  void about_net(const learn::TracedNet& net) {
    if (!reached(net.node)) return;
    ++out_.acts;
    const uint32_t row = rows_[net.node];
    // The address of what comes in is the own one, or that of a peer whom a UDP server answered (bpf/lsm/net.bpf.c): nothing tells them apart.
    const bool in = net.direction == ir::Direction::kIn;
    if (!image_.network(row, net.direction, net.protocol, net.address, net.port, in))
      return deny(row, in ? "listen" : "out", endpoint(net, !in), net.seen.count);
    used_.network(row, net.direction, net.protocol, net.address, net.port);
    if (in && has_port(net.protocol)) about_peers(row, net);
  }

  void about_peers(uint32_t row, const learn::TracedNet& net) {
    const ir::Node* node = node_at(*policy_.policy, row);
    if (node == nullptr || network_left(whoever_came(net), node->network).empty()) return;
    out_.unknown_peers.emplace(row_name(*policy_.policy, row), endpoint(net, false));
    out_.complete = false;
  }

  template <typename Allowed>
  void about_numbers(const std::vector<learn::TracedNumber>& list, const char* kind, const names::Table& table, Allowed allowed) {
    for (const learn::TracedNumber& number : list) {
      if (!reached(number.node)) continue;
      ++out_.acts;
      const uint32_t row = rows_[number.node];
      const std::string name = number_text(table, number.value);
      if (allowed(row, number))
        used_.word(row, kind, name);
      else
        deny(row, kind, name, number.seen.count);
    }
  }

  void about_user(uint32_t row, uint32_t uid, uint64_t count) {
    ++out_.acts;
    if (image_.user(row, uid))
      used_.word(row, "user", std::to_string(uid));
    else
      deny(row, "user", std::to_string(uid), count);
  }

  void about_socket(const learn::TracedNumber& socket) {
    if (!reached(socket.node)) return;
    ++out_.acts;
    const uint32_t row = rows_[socket.node];
    const bool netlink = socket.value == TL_SOCK_NETLINK;
    const std::string kind = number_text(names::socket_kinds(), socket.value);
    const std::string protocol = netlink ? names::netlink_text(socket.detail) : "";
    if (!image_.socket(row, socket.value, socket.detail))
      return deny(row, "socket", netlink ? kind + ":" + protocol : kind, socket.seen.count);
    used_.word(row, "socket", kind);
    if (netlink) used_.word(row, "netlink", protocol);
  }

  void about_calls(uint32_t row, const learn::TracedCalls& calls) {
    for (const std::string& name : calls.names) {
      used_.word(row, "syscall", name);
      const CallAnswer answer = calls_.ask(calls.architecture, name);
      if (answer == CallAnswer::kByArguments) {
        out_.undecided.insert(name);
        out_.complete = false;
      }
      const bool judged = answer == CallAnswer::kRefused || (answer == CallAnswer::kPasses && calls_.list());
      ++(judged ? out_.acts : out_.unjudged);
      if (answer == CallAnswer::kRefused) deny(row, "syscall", name, 1);
    }
  }

  const Version& policy_;
  Image image_;
  const CallFilters& calls_;
  UsedRules used_;
  const std::string* trace_ = nullptr;
  std::vector<uint32_t> rows_;  // by node of the trace
  learn::Directories directories_;
  std::map<std::tuple<std::string, std::string, std::string>, DeniedAct> denied_;
  Replay out_;
};

}  // namespace

Replay replay_traces(const Version& policy, std::string_view image, const CallFilters& calls,
                     const std::vector<bundle::RuleEntry>& rules, const std::vector<learn::Trace>& traces) {
  Judge judge(policy, image, calls);
  for (const learn::Trace& trace : traces) judge.judge(trace);
  return judge.finish(rules);
}

}  // namespace treeline::analysis
