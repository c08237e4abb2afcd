// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_set>

#include "policy-compiler/frontend/accept.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/frontend/rules.h"
#include "policy-compiler/frontend/tree.h"
#include "policy-compiler/frontend/violation.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

constexpr size_t kMostGuesses = 10;  // each looks at all groups

template <typename T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// Numbers are a set: what a node and its groups both name is there once, at the first place.
void append_new(std::vector<ir::NumberRule>& to, const std::vector<ir::NumberRule>& from) {
  for (const ir::NumberRule& rule : from)
    if (std::none_of(to.begin(), to.end(), [&](const ir::NumberRule& r) { return r.value == rule.value; }))
      to.push_back(rule);
}

void append_rules(ir::Node& to, const ir::Node& from) {
  append(to.files, from.files);
  append(to.network, from.network);
  append_new(to.sockets, from.sockets);
  append_new(to.netlink, from.netlink);
  append_new(to.capabilities, from.capabilities);
  append_new(to.operations, from.operations);
  std::unordered_set<std::string> calls;
  for (const ir::SyscallRule& call : to.syscalls) calls.insert(call.name);
  for (const ir::SyscallRule& call : from.syscalls)
    if (calls.insert(call.name).second) to.syscalls.push_back(call);
  append(to.accepted, from.accepted);
}

bool count_rules(Tree& tree, const ir::Node& rules, Position position, Diagnostics& diagnostics) {
  const size_t more = rules.files.size() + rules.network.size() + rules.syscalls.size() + rules.sockets.size() +
                      rules.netlink.size() + rules.capabilities.size() + rules.operations.size() + rules.accepted.size();
  if (tree.rules > kMaxRules) return false;  // reported
  tree.rules += more;
  if (tree.rules <= kMaxRules) return true;
  diagnostics.error(position, "too-large", "more than " + std::to_string(kMaxRules) + " rules with those of groups",
                    "use a group only where it is needed, or split the profile by workload");
  return false;
}

void use_groups(const Value& value, Tree& tree, ir::Node& node, Diagnostics& diagnostics) {
  if (!expect_list(value, "'use'", "write [group, ...]", diagnostics)) return;
  std::unordered_set<std::string_view> seen;
  for (const Value& item : value.items) {
    if (!expect_text(item, "a group", "write the name of a group", diagnostics)) continue;
    if (!seen.insert(item.text).second) {
      diagnostics.error(item.position, "listed-twice", "group " + text::quoted(item.text) + " is used twice",
                        "remove one");
      continue;
    }
    const auto group = tree.groups.find(item.text);
    if (group == tree.groups.end()) {
      if (!tree.complete) continue;  // it may stand below the mistake
      std::string guess;
      if (tree.guesses++ < kMostGuesses) {
        std::vector<std::string_view> names;
        for (const auto& [name, unused] : tree.groups) names.push_back(name);
        guess = text::did_you_mean(text::closest(item.text, names));
      }
      diagnostics.error(item.position, "unknown-group", "there is no group " + text::quoted(item.text),
                        guess.empty() ? "define it under 'groups'" : guess);
      continue;
    }
    group->second.used = true;
    if (!count_rules(tree, group->second.rules, item.position, diagnostics)) return;
    append_rules(node, group->second.rules);
  }
}

void read_digest(const Value& value, ir::Node& node, Diagnostics& diagnostics) {
  constexpr std::string_view kForm = "write fsverity:sha256: or ima:sha256: and 64 lower-case hex digits";
  if (!expect_text(value, "'digest'", kForm, diagnostics)) return;
  const std::string_view digest = value.text;
  for (const std::string_view prefix : {"fsverity:sha256:", "ima:sha256:"}) {
    if (digest.substr(0, prefix.size()) != prefix) continue;
    const std::string_view hex = digest.substr(prefix.size());
    if (hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == std::string_view::npos) {
      node.digest = digest;
      return;
    }
  }
  diagnostics.error(value.position, "digest", text::quoted(digest) + " is no digest", std::string(kForm));
}

void read_node(const Value& value, Tree& tree, uint32_t parent, std::vector<uint32_t>& siblings,
               Diagnostics& diagnostics);

// A child with `back_to`: no node, an edge.
void read_back_edge(Fields& fields, const Entry* exec, const Entry& back_to, const Value& value, Tree& tree,
                    uint32_t parent, Diagnostics& diagnostics) {
  for (const Entry& entry : value.entries) {
    if (entry.key == "exec" || entry.key == "back_to") continue;
    fields.take(entry.key);  // one message for it, below
    diagnostics.error(entry.position, "back-edge-rules",
                      "a child with 'back_to' has no " + text::quoted(entry.key) + " of its own",
                      "remove it: the process takes the place and the rights of the node it goes back to");
  }
  fields.finish();
  if (parent == ir::kNoNode) {
    diagnostics.error(back_to.position, "back-edge-root", "a root cannot have 'back_to': nothing is above it",
                      "give it rules of its own");
    return;
  }
  const auto label = read_label(back_to.value, "'back_to'", diagnostics);
  if (exec == nullptr) return;
  auto executable = read_pattern(exec->value, "'exec'", diagnostics);
  if (label && executable) tree.back_edges.push_back({parent, std::move(*executable), *label, back_to.value.position});
}

void read_children(const Entry& children, Tree& tree, uint32_t parent, Diagnostics& diagnostics) {
  if (!expect_list(children.value, "'" + children.key + "'", "write '- exec: /path' lines", diagnostics)) return;
  std::vector<uint32_t> indices;
  for (const Value& child : children.value.items) read_node(child, tree, parent, indices, diagnostics);
  tree.policy.nodes[parent].children = std::move(indices);
}

void read_node(const Value& value, Tree& tree, uint32_t parent, std::vector<uint32_t>& siblings,
               Diagnostics& diagnostics) {
  Fields fields(value, "a node", diagnostics);
  if (!fields.ok()) return;
  const Entry* exec = fields.need("exec", "write 'exec: /path' of the program");
  if (const Entry* back_to = fields.take("back_to")) {
    read_back_edge(fields, exec, *back_to, value, tree, parent, diagnostics);
    return;
  }

  // A node whose executable is wrong stays in the tree, so that the mistakes below it are found in the same run.
  const auto index = static_cast<uint32_t>(tree.policy.nodes.size());
  tree.policy.nodes.emplace_back();
  siblings.push_back(index);
  ir::Node node;
  node.parent = parent;
  node.position = value.position;
  if (exec != nullptr)
    if (auto pattern = read_pattern(exec->value, "'exec'", diagnostics)) node.executable = std::move(*pattern);
  if (const Entry* interpreter = fields.take("interpreter"))
    node.interpreter = read_pattern(interpreter->value, "'interpreter'", diagnostics);
  if (const Entry* id = fields.take("id")) {
    if (auto label = read_label(id->value, "'id'", diagnostics)) {
      node.id = std::move(*label);
      tree.labels.push_back({index, id->value.position});
    }
  }
  if (const Entry* digest = fields.take("digest")) read_digest(digest->value, node, diagnostics);
  if (const Entry* users = fields.take("users")) read_users(users->value, node.users, diagnostics);
  if (const Entry* on_violation = fields.take("on_violation")) {
    Violation violation = read_violation(on_violation->value, diagnostics);
    node.on_violation = violation.otherwise;
    node.violation_costs = std::move(violation.costs);
  }
  ir::Node own;
  read_rules(fields, own, diagnostics);
  if (const Entry* accept = fields.take("accept")) read_accept(accept->value, own.accepted, diagnostics);
  if (const Entry* use = fields.take("use")) use_groups(use->value, tree, node, diagnostics);
  if (count_rules(tree, own, value.position, diagnostics)) append_rules(node, own);
  const Entry* children = fields.take("children");
  fields.finish();
  tree.policy.nodes[index] = std::move(node);
  if (children != nullptr) read_children(*children, tree, index, diagnostics);
}

}  // namespace

void read_groups(const Value& value, Tree& tree, Diagnostics& diagnostics) {
  if (!value.is_mapping()) {
    if (!value.is_refused())
      diagnostics.error(value.position, "kind", "'groups' is a mapping, not " + std::string(kind_name(value)),
                        "write lines of the form NAME: and the rules below");
    return;
  }
  for (const Entry& entry : value.entries) {
    if (!is_label(entry.key))
      diagnostics.error(entry.position, "label", "a group cannot be named " + text::quoted(entry.key),
                        "use 1 to 63 of a-z, 0-9, '_', and behind the first also '.' and '-'");
    Group& group = tree.groups[entry.key];
    group.position = entry.position;
    group.used = !is_label(entry.key);  // one mistake, one message
    if (entry.value.is_null()) {
      diagnostics.error(entry.position, "no-value", "group " + text::quoted(entry.key) + " has no rules",
                        "give it some, or remove it");
      continue;
    }
    Fields fields(entry.value, "a group", diagnostics);
    read_rules(fields, group.rules, diagnostics);
    if (const Entry* accept = fields.take("accept")) read_accept(accept->value, group.rules.accepted, diagnostics);
    fields.finish();
  }
}

void read_roots(const Entry& entry, Tree& tree, std::vector<uint32_t>& roots, Diagnostics& diagnostics) {
  if (!expect_list(entry.value, "'" + entry.key + "'", "write '- exec: /path' lines", diagnostics)) return;
  if (entry.value.items.empty() && entry.value.complete)
    diagnostics.error(entry.value.position, "empty-list", "'" + entry.key + "' is an empty list",
                      entry.key == "entry" ? "name the program that the container starts with '- exec: /path'"
                                           : "remove the key: then nothing may join");
  for (const Value& item : entry.value.items) read_node(item, tree, ir::kNoNode, roots, diagnostics);
}

}  // namespace treeline::frontend
