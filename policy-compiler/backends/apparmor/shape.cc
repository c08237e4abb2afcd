// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/apparmor/shape.h"

#include <algorithm>
#include <set>

#include "policy-compiler/backends/apparmor/glob.h"
#include "policy-compiler/backends/apparmor/names.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::backends::apparmor {
namespace {

struct Step {
  std::string glob, why;
  uint32_t target = 0;
  ir::Position position;
};

Step make_step(const ir::Pattern& executable, uint32_t target) {
  std::vector<passes::PatternError> errors;
  const std::optional<passes::Pattern> pattern = passes::parse_pattern(executable.text, errors);
  const Glob glob = pattern ? make_glob(*pattern) : Glob();
  return {glob.file, glob.file.empty() ? "it has no path" : glob.why, target, executable.position};
}

std::vector<Step> steps_of(const ir::Policy& policy, uint32_t index) {
  std::vector<Step> steps;
  const ir::Node& node = policy.nodes[index];
  for (const uint32_t child : node.children) steps.push_back(make_step(policy.nodes[child].executable, child));
  for (const ir::Node::BackEdge& edge : node.back_edges) steps.push_back(make_step(edge.executable, edge.target));
  return steps;
}

std::vector<uint32_t> roots_of(const ir::Policy& policy) {
  std::vector<uint32_t> roots = policy.entry;
  roots.insert(roots.end(), policy.join.begin(), policy.join.end());
  return roots;
}

// Where the node's rules stand: how it is started, and its steps, among them.
std::vector<ir::Position> places_of(const ir::Policy& policy, uint32_t index) {
  const ir::Node& node = policy.nodes[index];
  std::vector<ir::Position> places = {node.executable.position};
  for (const ir::FileRule& rule : node.files) places.push_back(rule.path.position);
  for (const ir::NetworkRule& rule : node.network) places.push_back(rule.position);
  for (const auto* list : {&node.sockets, &node.netlink, &node.capabilities, &node.operations})
    for (const ir::NumberRule& rule : *list) places.push_back(rule.position);
  for (const Step& step : steps_of(policy, index)) places.push_back(step.position);
  return places;
}

class Tree {
 public:
  explicit Tree(const ir::Policy& policy) : policy_(policy), gatherer_(policy), names_(node_names(policy)) {
    for (const ir::Node& node : policy.nodes)
      for (const ir::Node::BackEdge& edge : node.back_edges) back_targets_.insert(edge.target);
  }

  // False: the reason is in `problem`.
  bool build(Shape& shape) {
    const std::vector<uint32_t> roots = roots_of(policy_);
    if (roots.size() > 1) {
      if (!add(roots, roots_name(policy_), shape)) return false;
      shape.residuals.push_back({policy_.nodes[roots[1]].position,
                                 "AppArmor cannot tell the " + std::to_string(roots.size()) +
                                     " programs apart that a runtime may start: they share one profile"});
      for (const uint32_t root : roots)
        for (const ir::Position place : places_of(policy_, root))
          shape.residuals.push_back({place, "every program that a runtime may start holds it: they share one profile"});
    }
    for (uint32_t n = 0; n < policy_.nodes.size(); ++n) {
      const bool merged = roots.size() > 1 && policy_.nodes[n].parent == ir::kNoNode;
      if ((merged && !back_targets_.contains(n)) || local_.contains(n)) continue;
      if (!add({n}, names_[n], shape)) return false;
    }
    shape.tree = true;
    return true;
  }

  std::string problem;

 private:
  bool fail(std::string why) {
    problem = std::move(why);
    return false;
  }

  size_t distinct_targets(uint32_t node) const {
    std::set<uint32_t> targets;
    for (const Step& step : steps_of(policy_, node)) targets.insert(step.target);
    return targets.size();
  }

  bool add(const std::vector<uint32_t>& nodes, const std::string& name, Shape& shape) {
    Profile profile;
    profile.name = name;
    std::vector<Step> steps;
    for (const uint32_t node : nodes) {
      gatherer_.add(node, profile.rights);
      std::vector<Step> own = steps_of(policy_, node);
      steps.insert(steps.end(), own.begin(), own.end());
    }
    std::set<uint32_t> targets, named;
    for (const Step& step : steps) targets.insert(step.target);
    const bool many = targets.size() > kMostNamed;
    for (const uint32_t target : targets)
      if (!many || back_targets_.contains(target) || distinct_targets(target) > kMostNamed ||
          policy_.nodes[target].parent == ir::kNoNode)
        named.insert(target);
    if (named.size() > kMostNamed)
      return fail("AppArmor's parser takes " + std::to_string(kMostNamed) + " named transitions in one profile, and " +
                      std::to_string(named.size()) + " programs need one in " + name);
    for (const Step& step : steps)
      if (!add_step(step, !named.contains(step.target), profile)) return false;
    shape.profiles.push_back(std::move(profile));
    return true;
  }

  bool add_step(const Step& step, bool local, Profile& profile) {
    if (!step.why.empty())
      return fail("the executable " + policy_.nodes[step.target].executable.text + " cannot be said exactly: " + step.why);
    const std::string how = local ? "cx" : "px -> " + names_[step.target];
    const auto [at, fresh] = profile.steps.try_emplace(step.glob, how);
    if (!fresh && (at->second != how || local))
      return fail(step.glob + " leads to two nodes that a runtime's programs share a profile for");
    if (!local) return true;
    Profile child;
    child.name = names_[step.target].substr(flat_name(policy_).size() + 1);
    child.attachment = step.glob;
    gatherer_.add(step.target, child.rights);
    for (const Step& below : steps_of(policy_, step.target))
      if (!add_step(below, false, child)) return false;
    local_.insert(step.target);
    profile.local.push_back(std::move(child));
    return true;
  }

  const ir::Policy& policy_;
  const Gatherer gatherer_;
  const std::vector<std::string> names_;
  std::set<uint32_t> back_targets_, local_;
};

Profile flat_profile(const ir::Policy& policy) {
  const Gatherer gatherer(policy);
  Profile profile;
  profile.name = flat_name(policy);
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) {
    gatherer.add(n, profile.rights);
    for (const Step& step : steps_of(policy, n)) {
      if (step.glob.empty()) continue;
      profile.steps.emplace(step.glob, "ix");
      if (!step.why.empty()) profile.rights.residuals.push_back({step.position, step.why});
    }
  }
  return profile;
}

}  // namespace

Shape make_shape(const ir::Policy& policy, bool no_new_privs) {
  Shape shape;
  Tree tree(policy);
  if (!no_new_privs && tree.build(shape)) return shape;
  shape = Shape();
  shape.profiles.push_back(flat_profile(policy));
  // Of no place: each rule of each node is held by all of them.
  const std::string why =
      no_new_privs ? "under no_new_privs the kernel refuses every transition" : tree.problem;
  if (policy.nodes.size() > 1)
    shape.residuals.push_back({{}, "one profile holds the rights of all " + std::to_string(policy.nodes.size()) +
                                               " nodes, and every exec of the tree stays in it: " + why});
  return shape;
}

}  // namespace treeline::backends::apparmor
