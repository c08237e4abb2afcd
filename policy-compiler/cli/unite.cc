// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/unite.h"

#include <algorithm>
#include <set>

#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

constexpr size_t kMostLabel = 63;

std::string interpreter(const ir::Node& node) { return node.interpreter ? node.interpreter->text : ""; }

void add_numbers(std::vector<ir::NumberRule>& to, const std::vector<ir::NumberRule>& from) {
  std::set<uint32_t> held;
  for (const ir::NumberRule& rule : to) held.insert(rule.value);
  for (const ir::NumberRule& rule : from)
    if (held.insert(rule.value).second) to.push_back(rule);
}

void add_calls(std::vector<ir::SyscallRule>& to, const std::vector<ir::SyscallRule>& from) {
  std::set<std::string> held;
  for (const ir::SyscallRule& rule : to) held.insert(rule.name);
  for (const ir::SyscallRule& rule : from)
    if (held.insert(rule.name).second) to.push_back(rule);
}

// All that the rule says, as one text.
std::string meaning(const ir::NetworkRule& rule) {
  std::string out = std::to_string(static_cast<int>(rule.direction)) + " " +
                    std::to_string(static_cast<int>(rule.protocol)) + " " + ir::names::peer_text(rule.peer);
  for (const ir::PortRange& range : rule.ports) out += " " + ir::names::port_text(range);
  return out;
}

// Ids are unique; one that is only a name and taken is dropped, one that a back edge needs gets a number.
void settle_ids(ir::Policy& policy) {
  std::set<uint32_t> needed;
  for (const ir::Node& node : policy.nodes)
    for (const ir::Node::BackEdge& edge : node.back_edges) needed.insert(edge.target);
  std::set<std::string> taken;
  for (const ir::Node& node : policy.nodes) taken.insert(node.id);
  std::set<std::string> given;
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) {
    std::string& id = policy.nodes[n].id;
    if (id.empty() || given.insert(id).second) continue;
    const std::string wanted = id;
    id.clear();
    for (size_t number = 2; needed.count(n) != 0 && id.empty(); ++number) {
      const std::string end = "-" + std::to_string(number);
      const std::string other = wanted.substr(0, kMostLabel - end.size()) + end;
      if (taken.count(other) == 0 && given.insert(other).second) id = other;
    }
  }
}

}  // namespace

std::string Union::place(ir::Position position) const {
  std::string out = text::printable(file_, 4096);
  if (position.line != 0) out += ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
  return out;
}

void Union::add(const ir::Policy& policy, Diagnostics& diagnostics) {
  from_ = &policy;
  file_ = diagnostics.file();
  became_.assign(policy.nodes.size(), ir::kNoNode);
  if (added_++ == 0) {
    all_.name = policy.name;
    all_.on_violation = policy.on_violation;
    all_.violation_costs = policy.violation_costs;
    first_file_ = place({});
  } else if (const std::string theirs = ir::names::violation_text(policy, ir::kNoNode), ours = ir::names::violation_text(all_, ir::kNoNode);
             ours != theirs) {
    diagnostics.error({}, "merge-on-violation",
                      "a violation costs " + text::quoted(theirs) + " here and " + text::quoted(ours) + " in " + first_file_,
                      "write the same 'on_violation' into both");
  }
  add_list(policy.entry, ir::kNoNode, all_.entry, diagnostics);
  add_list(policy.join, ir::kNoNode, all_.join, diagnostics);
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) unite_back_edges(n, diagnostics);
}

void Union::add_list(const std::vector<uint32_t>& from, uint32_t parent, std::vector<uint32_t>& siblings,
                     Diagnostics& diagnostics) {
  for (const uint32_t index : from) {
    const ir::Node& node = from_->nodes[index];
    const size_t before = all_.nodes.size();
    const uint32_t into = node_for(node, parent, siblings, diagnostics);
    became_[index] = into;
    unite_node(node, into, all_.nodes.size() != before, diagnostics);
    // all_.nodes grows below: the list is taken out meanwhile.
    std::vector<uint32_t> children = std::move(all_.nodes[into].children);
    add_list(node.children, into, children, diagnostics);
    all_.nodes[into].children = std::move(children);
  }
}

uint32_t Union::node_for(const ir::Node& from, uint32_t parent, std::vector<uint32_t>& siblings,
                         Diagnostics& diagnostics) {
  for (const uint32_t sibling : siblings) {
    const ir::Node& other = all_.nodes[sibling];
    if (other.executable.text != from.executable.text) continue;
    if (interpreter(other) == interpreter(from)) return sibling;
    diagnostics.error(from.position, "merge-step",
                      text::quoted(from.executable.text) + " is " +
                          (from.interpreter ? "a script of " + text::quoted(from.interpreter->text) : "a program") +
                          " here and " +
                          (other.interpreter ? "a script of " + text::quoted(other.interpreter->text) : "a program") +
                          " at " + places_[sibling].node,
                      "say the same in both profiles");
  }
  const auto index = static_cast<uint32_t>(all_.nodes.size());
  all_.nodes.emplace_back();
  places_.emplace_back();
  siblings.push_back(index);
  ir::Node& node = all_.nodes.back();
  node.executable = from.executable;
  node.interpreter = from.interpreter;
  node.parent = parent;
  node.position = from.position;
  node.digest = from.digest;
  node.users = from.users;
  node.on_violation = from.on_violation;
  node.violation_costs = from.violation_costs;
  if (parent != ir::kNoNode) {
    for (size_t i = 0; i < all_.nodes[parent].back_edges.size(); ++i)
      if (all_.nodes[parent].back_edges[i].executable.text == from.executable.text)
        diagnostics.error(from.position, "merge-step",
                          text::quoted(from.executable.text) +
                              " is a node of its own here and leads back to an ancestor at " +
                              places_[parent].back_edges[i],
                          "decide for one of the two in both profiles");
  }
  return index;
}

void Union::unite_node(const ir::Node& from, uint32_t into, bool fresh, Diagnostics& diagnostics) {
  ir::Node& node = all_.nodes[into];
  Places& places = places_[into];
  const std::string what = text::quoted(from.executable.text);
  if (!fresh) {
    if (node.digest != from.digest)
      diagnostics.error(from.position, "merge-digest",
                        what + " has " + (from.digest.empty() ? "no digest" : "digest " + from.digest) + " here and " +
                            (node.digest.empty() ? "none" : node.digest) + " at " + places.node,
                        "write the digest of the executable that is meant into both profiles, or into none");
    // Where the profiles themselves differ, that was said.
    const std::string ours = ir::names::violation_text(all_, into);
    const std::string theirs = ir::names::violation_text(*from_, static_cast<uint32_t>(&from - from_->nodes.data()));
    if (ours != theirs && ir::names::violation_text(all_, ir::kNoNode) == ir::names::violation_text(*from_, ir::kNoNode))
      diagnostics.error(from.position, "merge-on-violation",
                        "a violation by " + what + " costs " + text::quoted(theirs) + " here and " + text::quoted(ours) + " at " +
                            places.node,
                        "write the same 'on_violation' into both");
    if (node.users.empty() != from.users.empty())
      diagnostics.warning(from.position, "merge-users",
                          what +
                              (from.users.empty() ? " may run as any user here, as listed ones at "
                                                  : " may run as the listed users here, as any at ") +
                              places.node + "; in the result as any",
                          "list the users in both profiles");
    if (node.users.empty() || from.users.empty())
      node.users.clear();
    else
      add_numbers(node.users, from.users);
  }
  if (node.id.empty()) node.id = from.id;
  places.node += (places.node.empty() ? "" : ", ") + place(from.position);
  unite_files(from, into, diagnostics);
  unite_network(from, into);
  add_numbers(node.sockets, from.sockets);
  add_numbers(node.netlink, from.netlink);
  add_numbers(node.capabilities, from.capabilities);
  add_numbers(node.operations, from.operations);
  add_calls(node.syscalls, from.syscalls);
}

void Union::unite_files(const ir::Node& from, uint32_t into, Diagnostics& diagnostics) {
  ir::Node& node = all_.nodes[into];
  Places& places = places_[into];
  for (const ir::FileRule& rule : from.files) {
    const auto [at, fresh] = places.file_index.emplace(rule.path.text, node.files.size());
    if (fresh) {
      node.files.push_back(rule);
      places.files.push_back(place(rule.path.position));
      continue;
    }
    ir::FileRule& held = node.files[at->second];
    if (held.unsafe_write_and_execute != rule.unsafe_write_and_execute) {
      // A signature holds for the words beside it: it may take in what the other profile says of them, and no more.
      const bool here = rule.unsafe_write_and_execute;
      const auto beyond = static_cast<ir::AccessSet>(here ? held.access & ~rule.access : rule.access & ~held.access);
      if (beyond != 0)
        diagnostics.error(rule.path.position, "merge-exemption",
                          text::quoted(rule.path.text) + (here ? " has" : " has no") +
                              " 'unsafe_write_and_execute' here, unlike at " + places.files[at->second] +
                              ", and nobody signed for " + text::quoted(ir::names::access_text(beyond)),
                          "write all the words into the line with the exemption: it must not spread to words that nobody "
                          "signed for");
      held.unsafe_write_and_execute = true;
    }
    held.access = static_cast<ir::AccessSet>(held.access | rule.access);
    places.files[at->second] += ", " + place(rule.path.position);
  }
}

void Union::unite_network(const ir::Node& from, uint32_t into) {
  Places& places = places_[into];
  for (const ir::NetworkRule& rule : from.network) {
    const auto [at, fresh] = places.network_index.emplace(meaning(rule), all_.nodes[into].network.size());
    if (fresh) {
      all_.nodes[into].network.push_back(rule);
      places.network.push_back(place(rule.position));
    } else {
      places.network[at->second] += ", " + place(rule.position);
    }
  }
}

void Union::unite_back_edges(uint32_t from, Diagnostics& diagnostics) {
  ir::Node& node = all_.nodes[became_[from]];
  Places& places = places_[became_[from]];
  for (const ir::Node::BackEdge& edge : from_->nodes[from].back_edges) {
    const uint32_t target = became_[edge.target];
    const std::string what = text::quoted(edge.executable.text);
    const auto child = std::find_if(node.children.begin(), node.children.end(),
                                    [&](uint32_t c) { return all_.nodes[c].executable.text == edge.executable.text; });
    if (child != node.children.end()) {
      diagnostics.error(edge.executable.position, "merge-step",
                        what + " leads back to an ancestor here and is a node of its own at " + places_[*child].node,
                        "decide for one of the two in both profiles");
      continue;
    }
    const auto same = std::find_if(node.back_edges.begin(), node.back_edges.end(), [&](const ir::Node::BackEdge& e) {
      return e.executable.text == edge.executable.text;
    });
    if (same == node.back_edges.end()) {
      node.back_edges.push_back({edge.executable, target});
      places.back_edges.push_back(place(edge.executable.position));
    } else if (same->target != target) {
      diagnostics.error(edge.executable.position, "merge-step",
                        what + " leads back to another ancestor than at " +
                            places.back_edges[static_cast<size_t>(same - node.back_edges.begin())],
                        "decide for one of the two in both profiles");
    }
  }
}

ir::Policy Union::finish() {
  settle_ids(all_);
  return all_;
}

std::map<ir::Position, std::string> Union::origins(const ir::Policy& reread) const {
  std::map<ir::Position, std::string> out;
  walk(reread, reread.entry, all_.entry, out);
  walk(reread, reread.join, all_.join, out);
  return out;
}

// The text was written in the order of the lists, so that they are parallel.
void Union::walk(const ir::Policy& reread, const std::vector<uint32_t>& theirs, const std::vector<uint32_t>& ours,
                 std::map<ir::Position, std::string>& out) const {
  for (size_t i = 0; i < std::min(theirs.size(), ours.size()); ++i) {
    const ir::Node& node = reread.nodes[theirs[i]];
    const Places& places = places_[ours[i]];
    out[node.position] = out[node.executable.position] = places.node;
    for (size_t f = 0; f < std::min(node.files.size(), places.files.size()); ++f)
      out[node.files[f].path.position] = places.files[f];
    for (size_t n = 0; n < std::min(node.network.size(), places.network.size()); ++n)
      out[node.network[n].position] = places.network[n];
    walk(reread, node.children, all_.nodes[ours[i]].children, out);
  }
}

}  // namespace treeline::cli
