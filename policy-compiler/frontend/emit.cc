// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <unordered_map>

#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/frontend/scalar.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

// What cannot stand in a profile is written as the bytes that it is, which a pattern reads back as the same.
std::string pattern(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = text::visible_length(text, at);
    if (length == 0) {
      const auto byte = static_cast<uint8_t>(text[at]);
      out += "\\x" + text::hex({&byte, 1});
      ++at;
      continue;
    }
    out += text.substr(at, length);
    at += length;
  }
  return scalar(out);
}

// A value stands once, as the language wants it: a policy that was made otherwise than from a text may hold it twice.
template <typename Rules, typename Text>
void list(std::string& out, const std::string& indent, std::string_view key, const Rules& rules, Text text) {
  if (rules.empty()) return;
  out += indent + std::string(key) + ": [";
  std::set<std::string> written;
  for (const auto& rule : rules) {
    const std::string value = text(rule);
    if (written.contains(value)) continue;
    if (!written.empty()) out += ", ";
    out += value;
    written.insert(value);
  }
  out += "]\n";
}

void files(std::string& out, const std::string& indent, const std::vector<ir::FileRule>& rules) {
  if (rules.empty()) return;
  // A key stands once: words of equal patterns are joined, at the first place.
  struct Line {
    const ir::FileRule* rule;
    ir::AccessSet access;
    bool exempt;
  };
  std::vector<Line> lines;
  std::unordered_map<std::string_view, size_t> index;
  for (const ir::FileRule& rule : rules) {
    const auto [at, fresh] = index.emplace(rule.path.text, lines.size());
    if (fresh) lines.push_back({&rule, 0, false});
    Line& line = lines[at->second];
    line.access = static_cast<ir::AccessSet>(line.access | rule.access);
    line.exempt |= rule.unsafe_write_and_execute;
  }
  out += indent + "files:\n";
  for (const Line& line : lines) {
    const std::string key = pattern(line.rule->path.text);
    const std::string words = ir::names::access_text(line.access);
    if (key.size() > kSimpleKey)
      out += indent + "  ? " + key + "\n" + indent + "  : ";
    else
      out += indent + "  " + key + ": ";
    out += line.exempt ? "{access: " + words + ", unsafe_write_and_execute: true}\n" : words + "\n";
  }
}

std::string addresses(const ir::Peer& peer) {
  if (peer.kind != ir::PeerKind::kBlocks)
    return std::string(ir::names::peer_kinds().name(static_cast<uint32_t>(peer.kind)));
  std::string out;
  for (const ir::Cidr& block : peer.blocks)
    out += (out.empty() ? "" : ", ") + scalar(ir::names::cidr_text(block), true);
  return peer.blocks.size() == 1 ? out : "[" + out + "]";
}

std::string ports(const std::vector<ir::PortRange>& ranges) {
  if (ranges.size() == 1 && ranges[0].first == 0 && ranges[0].last == 65535) return "any";
  std::string out;
  for (const ir::PortRange& range : ranges) out += (out.empty() ? "" : ", ") + ir::names::port_text(range);
  return ranges.size() == 1 ? out : "[" + out + "]";
}

std::string labels(const std::vector<ir::Label>& list) {
  std::string out;
  for (const ir::Label& label : list)
    out += (out.empty() ? "" : ", ") + scalar(label.key, true) + ": " + scalar(label.value, true);
  return "{" + out + "}";
}

std::string peer(const ir::Peer& peer) {
  if (!peer.selector) return addresses(peer);
  std::string out = "{pods: " + labels(peer.selector->pods);
  if (!peer.selector->name_space.empty()) out += ", namespace: " + labels(peer.selector->name_space);
  if (peer.kind != ir::PeerKind::kInternal) out += ", addresses: " + addresses(peer);
  if (!peer.selector->target_ports.empty()) out += ", target_port: " + ports(peer.selector->target_ports);
  return out + "}";
}

void network(std::string& out, const std::string& indent, const std::vector<ir::NetworkRule>& rules) {
  if (rules.empty()) return;
  out += indent + "network:\n";
  for (const ir::NetworkRule& rule : rules) {
    const auto direction = ir::names::directions().name(static_cast<uint32_t>(rule.direction));
    const auto protocol = ir::names::protocols().name(static_cast<uint32_t>(rule.protocol));
    out += indent + "  - {direction: " + std::string(direction) + ", protocol: " + std::string(protocol);
    if (rule.direction == ir::Direction::kOut || rule.peer.kind != ir::PeerKind::kAny || rule.peer.selector)
      out += ", peer: " + peer(rule.peer);
    if (rule.protocol == ir::Protocol::kTcp || rule.protocol == ir::Protocol::kUdp ||
        rule.protocol == ir::Protocol::kSctp)
      out += ", port: " + ports(rule.ports);
    out += "}\n";
  }
}

void accepted(std::string& out, const std::string& indent, std::vector<ir::Accepted> list) {
  if (list.empty()) return;
  out += indent + "accept:\n";
  std::stable_sort(list.begin(), list.end(),
                   [](const ir::Accepted& a, const ir::Accepted& b) { return a.code < b.code; });
  // A code stands once: with one reason for all, else with one for each thing that it is about.
  for (size_t i = 0; i < list.size(); ++i) {
    const ir::Accepted& entry = list[i];
    if (entry.about.empty()) {
      out += indent + "  " + entry.code + ": " + scalar(entry.reason) + "\n";
      continue;
    }
    if (i == 0 || list[i - 1].code != entry.code) out += indent + "  " + entry.code + ":\n";
    out += indent + "    " + pattern(entry.about) + ": " + scalar(entry.reason) + "\n";
  }
}

void violation(std::string& out, const std::string& indent, const std::optional<ir::OnViolation>& otherwise,
               const ir::ViolationCosts& costs) {
  const auto word = [](ir::OnViolation cost) {
    return ": " + std::string(ir::names::violations().name(static_cast<uint32_t>(cost))) + "\n";
  };
  std::string body;
  for (const ir::names::Entry& kind : ir::names::violation_kinds().entries())
    if (costs.kinds[kind.value]) body += indent + "  " + std::string(kind.name) + word(*costs.kinds[kind.value]);
  if (!costs.paths.empty()) body += indent + "  paths:\n";
  for (const ir::ViolationCosts::Path& path : costs.paths) body += indent + "    " + pattern(path.path.text) + word(path.cost);
  if (body.empty()) {
    if (otherwise) out += indent + "on_violation" + word(*otherwise);
    return;
  }
  out += indent + "on_violation:\n" + (otherwise ? indent + "  default" + word(*otherwise) : "") + body;
}

void node(std::string& out, const ir::Policy& policy, uint32_t index, const std::string& indent) {
  const ir::Node& node = policy.nodes[index];
  const std::string inner = indent + "  ";
  out += indent + "- exec: " + pattern(node.executable.text) + "\n";
  if (node.interpreter) out += inner + "interpreter: " + pattern(node.interpreter->text) + "\n";
  if (!node.id.empty()) out += inner + "id: " + scalar(node.id) + "\n";
  if (!node.digest.empty()) out += inner + "digest: " + scalar(node.digest) + "\n";
  list(out, inner, "users", node.users, [](const ir::NumberRule& user) { return std::to_string(user.value); });
  violation(out, inner, node.on_violation, node.violation_costs);
  files(out, inner, node.files);
  network(out, inner, node.network);
  const auto named = [](const ir::names::Table& table) {
    return [&table](const ir::NumberRule& rule) { return std::string(table.name(rule.value)); };
  };
  list(out, inner, "sockets", node.sockets, named(ir::names::socket_kinds()));
  list(out, inner, "netlink", node.netlink,
       [](const ir::NumberRule& rule) { return ir::names::netlink_text(rule.value); });
  list(out, inner, "capabilities", node.capabilities, named(ir::names::capabilities()));
  list(out, inner, "operations", node.operations, named(ir::names::operations()));
  list(out, inner, "syscalls", node.syscalls, [](const ir::SyscallRule& call) { return call.name; });
  accepted(out, inner, node.accepted);
  if (node.children.empty() && node.back_edges.empty()) return;
  out += inner + "children:\n";
  for (const uint32_t child : node.children) treeline::frontend::node(out, policy, child, inner + "  ");
  for (const ir::Node::BackEdge& edge : node.back_edges) {
    out += inner + "  - exec: " + pattern(edge.executable.text) + "\n";
    out += inner + "    back_to: " + scalar(policy.nodes[edge.target].id) + "\n";
  }
}

void roots(std::string& out, const ir::Policy& policy, std::string_view key, const std::vector<uint32_t>& list) {
  if (list.empty()) return;
  out += "\n" + std::string(key) + ":\n";
  for (const uint32_t root : list) node(out, policy, root, "  ");
}

}  // namespace

std::string emit_profile(const ir::Policy& policy) {
  std::string out = "treeline: " + std::to_string(kLanguage) + "\nname: " + scalar(policy.name) + "\n";
  violation(out, "", policy.on_violation, policy.violation_costs);
  roots(out, policy, "entry", policy.entry);
  roots(out, policy, "join", policy.join);
  return out;
}

}  // namespace treeline::frontend
