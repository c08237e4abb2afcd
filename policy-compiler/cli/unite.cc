// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/unite.h"

#include <algorithm>
#include <set>

#include "policy-compiler/backends/seccomp/calls.h"
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

bool same_numbers(const std::vector<ir::NumberRule>& a, const std::vector<ir::NumberRule>& b) {
  std::set<uint32_t> of_a, of_b;
  for (const ir::NumberRule& rule : a) of_a.insert(rule.value);
  for (const ir::NumberRule& rule : b) of_b.insert(rule.value);
  return of_a == of_b;
}

void add_calls(std::vector<ir::SyscallRule>& to, const std::vector<ir::SyscallRule>& from) {
  std::set<std::string> held;
  for (const ir::SyscallRule& rule : to) held.insert(rule.name);
  for (const ir::SyscallRule& rule : from)
    if (held.insert(rule.name).second) to.push_back(rule);
}

// Where system calls are listed first, else where they could be.
ir::Position first_list(const ir::Policy& policy) {
  for (const ir::Node& node : policy.nodes)
    if (!node.syscalls.empty()) return node.syscalls[0].position;
  return policy.nodes.empty() ? ir::Position() : policy.nodes[0].position;
}

}  // namespace

std::string Union::place(ir::Position position) const {
  std::string out = text::printable(file_, 4096);
  if (position.line != 0) out += ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
  return out;
}

void Union::add(const ir::Policy& policy, Diagnostics& diagnostics, ir::Position costs) {
  from_ = &policy;
  file_ = diagnostics.file();
  became_.assign(policy.nodes.size(), ir::kNoNode);
  if (added_++ == 0) {
    all_.name = policy.name;
    all_.on_violation = policy.on_violation;
    all_.violation_costs = policy.violation_costs;
    first_file_ = place(costs);
  } else if (const std::string theirs = ir::names::violation_text(policy, ir::kNoNode), ours = ir::names::violation_text(all_, ir::kNoNode);
             ours != theirs) {
    diagnostics.error(costs, "merge-on-violation",
                      "a violation costs " + text::quoted(theirs) + " here and " + text::quoted(ours) + " in " + first_file_,
                      "write the same 'on_violation' into both");
  }
  unite_lists_of_calls(policy, diagnostics);
  ids_here_.clear();
  targets_here_.clear();
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) {
    ids_here_.insert(policy.nodes[n].id);
    for (const ir::Node::BackEdge& edge : policy.nodes[n].back_edges) targets_here_.insert(edge.target);
  }
  roots_ = ir::kNoNode;
  add_list(policy.entry, ir::kNoNode, all_.entry, diagnostics);
  roots_ = ir::kNoNode - 1;
  add_list(policy.join, ir::kNoNode, all_.join, diagnostics);
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) unite_back_edges(n, diagnostics);
}

// A list is for the workload, and none lets any call pass: beside that a list allows nothing more.
void Union::unite_lists_of_calls(const ir::Policy& policy, Diagnostics& diagnostics) {
  const bool here = backends::seccomp::lists_calls(policy), before = backends::seccomp::lists_calls(all_);
  if (here ? any_call_ : before)
    diagnostics.warning(first_list(policy), "merge-syscalls",
                        std::string(here ? "system calls are listed here and not in another of the profiles"
                                         : "no system calls are listed here, unlike in what is merged before it") +
                            "; in the result any call passes, and the list is dropped",
                        "list the system calls in all profiles, or in none");
  if (here || any_call_) return;
  any_call_ = true;
  for (ir::Node& node : all_.nodes) node.syscalls.clear();
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
  std::vector<uint32_t>& same = steps_[{parent == ir::kNoNode ? roots_ : parent, from.executable.text}];
  for (const uint32_t sibling : same) {
    const ir::Node& other = all_.nodes[sibling];
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
  same.push_back(index);
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
    const auto back = places_[parent].back_edge_index.find(from.executable.text);
    if (back != places_[parent].back_edge_index.end())
      diagnostics.error(from.position, "merge-step",
                        text::quoted(from.executable.text) + " is a node of its own here and leads back to an ancestor at " +
                            places_[parent].back_edges[back->second],
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
    else if (!same_numbers(node.users, from.users))
      diagnostics.warning(from.position, "merge-users",
                          what + " may run as other users here than at " + places.node +
                              "; in the result each of them has the rights of both",
                          "list the same users in both profiles, if that is not meant");
    if (node.users.empty() || from.users.empty())
      node.users.clear();
    else
      add_numbers(node.users, from.users);
  }
  unite_id(from, into, diagnostics);
  unite_accepted(from, into, fresh, diagnostics);
  places.node += (places.node.empty() ? "" : ", ") + place(from.position);
  unite_files(from, into, diagnostics);
  unite_network(from, into);
  add_numbers(node.sockets, from.sockets);
  add_numbers(node.netlink, from.netlink);
  add_numbers(node.capabilities, from.capabilities);
  add_numbers(node.operations, from.operations);
  if (!any_call_) add_calls(node.syscalls, from.syscalls);
}

// Ids are unique. Of one that another node has, what is left is a number behind it where a back edge leads here.
void Union::unite_id(const ir::Node& from, uint32_t into, Diagnostics& diagnostics) {
  ir::Node& node = all_.nodes[into];
  if (from.id.empty() || from.id == node.id) return;
  const std::string here = "the id " + text::quoted(from.id) + " of " + text::quoted(from.executable.text) + " is ";
  if (!node.id.empty()) {
    diagnostics.note(
        from.position, "merge-id",
        here + text::quoted(node.id) + " at " + places_[into].node + "; in the result " + text::quoted(node.id),
        "write the same id into both profiles");
    return;
  }
  const auto [holder, fresh] = ids_.emplace(from.id, into);
  if (fresh) {
    node.id = from.id;
    return;
  }
  const bool needed = targets_here_.count(static_cast<uint32_t>(&from - from_->nodes.data())) != 0;
  for (size_t number = 2; needed && node.id.empty(); ++number) {
    const std::string end = "-" + std::to_string(number);
    const std::string other = from.id.substr(0, kMostLabel - end.size()) + end;
    if (ids_here_.count(other) == 0 && ids_.emplace(other, into).second) node.id = other;
  }
  diagnostics.note(from.position, "merge-id",
                   here + "that of " + text::quoted(all_.nodes[holder->second].executable.text) + " at " +
                       places_[holder->second].node + "; in the result it is " +
                       (needed ? text::quoted(node.id) : std::string("dropped")),
                   "give one of the two another id");
}

// A filter that is not there leaves nothing of its own to accept.
ir::Policy Union::finish() {
  if (any_call_)
    for (ir::Node& node : all_.nodes)
      std::erase_if(node.accepted,
                    [](const ir::Accepted& one) { return one.code == "residual" && one.about == "syscalls"; });
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
