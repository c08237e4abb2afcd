// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/apparmor/shape.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "policy-compiler/backends/apparmor/glob.h"
#include "policy-compiler/backends/apparmor/names.h"
#include "policy-compiler/passes/match.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::backends::apparmor {
namespace {

struct Step {
  std::string glob, why;
  uint32_t target = 0;
  ir::Position position;
  std::optional<passes::Pattern> pattern = {};
  std::string path = {};  // the one that the pattern means; "": it has wildcards
};

// As the hooks see it; "" where the pattern means more than one.
std::string path_of(const passes::Pattern& pattern) {
  std::string path;
  if (pattern.reserved_class != 0) return path;
  for (const passes::Component& component : pattern.components) {
    path += "/" + std::string(passes::pseudo_text(component.kind));
    if (component.kind == passes::Component::Kind::kAnyDepth) return "";
    for (const passes::Element& element : component.name) {
      if (element.kind != passes::Element::Kind::kBytes) return "";
      path += element.bytes;
    }
  }
  return path;
}

Step make_step(const ir::Pattern& executable, uint32_t target) {
  std::vector<passes::PatternError> errors;
  std::optional<passes::Pattern> pattern = passes::parse_pattern(executable.text, errors);
  const Glob glob = pattern ? make_glob(*pattern) : Glob();
  Step step{glob.file, glob.file.empty() ? "it has no path" : glob.why, target, executable.position};
  if (pattern) step.path = path_of(*pattern);
  step.pattern = std::move(pattern);
  return step;
}

// May one file be meant by both? Of two with wildcards it is not asked further: yes.
bool may_meet(const Step& a, const Step& b) {
  if (a.glob == b.glob || !a.pattern || !b.pattern) return true;
  if (!a.path.empty() && !b.path.empty()) return false;
  if (a.path.empty() && b.path.empty()) return true;
  return a.path.empty() ? passes::matches(*a.pattern, b.path) : passes::matches(*b.pattern, a.path);
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

std::string all_in_one(const ir::Policy& policy, const std::string& why) {
  return "one profile holds the rights of all " + std::to_string(policy.nodes.size()) + " nodes, and every exec of the tree stays in it: " + why;
}

std::string listed(const ir::Policy& policy, const std::vector<uint32_t>& nodes) {
  constexpr size_t kMost = 4;
  std::string out;
  for (size_t i = 0; i < nodes.size() && i < kMost; ++i) {
    const ir::Node& node = policy.nodes[nodes[i]];
    const std::string name = node.id.empty() ? ir::canonical_path(policy, nodes[i]) : node.id;
    out += (i == 0 ? "" : i + 1 == nodes.size() ? " and " : ", ") + text::quoted(name, 256);
  }
  return nodes.size() > kMost ? out + " and " + std::to_string(nodes.size() - kMost) + " more" : out;
}

// Profiles as the states of an automaton over programs: a state is the set of nodes that a task may stand on, as far as AppArmor can tell. From a
// state one program leads to one state. So sets grow only where they must: of several roots, which a runtime starts under one name, and on from there
// where two of the nodes start one program.
class Tree {
 public:
  explicit Tree(const ir::Policy& policy) : policy_(policy), gatherer_(policy), names_(node_names(policy)) {
    for (const ir::Node& node : policy.nodes)
      for (const ir::Node::BackEdge& edge : node.back_edges) back_targets_.insert(edge.target);
  }

  // False: more states than nodes make believable; the reason is in `problem`.
  bool build(Shape& shape) {
    const State start = settled(State{as_set(roots_of(policy_)), "a runtime names one profile for all that it starts"});
    waiting_ = {start};
    while (!waiting_.empty()) {
      const State state = *waiting_.begin();
      waiting_.erase(waiting_.begin());
      if (done_.contains(state.nodes)) continue;
      done_.emplace(state.nodes, Done{state, make(state)});
      if (done_.size() > 2 * policy_.nodes.size() + 100) {
        problem = "the programs that several nodes start make more profiles than the policy has nodes";
        return false;
      }
    }
    shape.profiles.push_back(std::move(done_.at(start.nodes).profile));
    say(start, shape);
    for (auto& [nodes, done] : done_) {
      if (nodes == start.nodes) continue;
      shape.profiles.push_back(std::move(done.profile));
      say(done.state, shape);
    }
    shape.tree = !start.flat;
    return true;
  }

  std::string problem;

 private:
  using Nodes = std::vector<uint32_t>;  // sorted, each once

  struct State {
    Nodes nodes;
    std::string why = {};  // they are together
    bool flat = false;     // every step of theirs leads to one of them, and stays in the profile
    bool operator<(const State& other) const { return nodes < other.nodes; }
  };
  struct Way {
    std::vector<Step> steps;  // that one file may be meant by
    State target;
  };
  struct Done {
    State state;
    Profile profile;
  };

  static Nodes as_set(Nodes nodes) {
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    return nodes;
  }

  std::vector<Step> steps_of_all(const Nodes& nodes) const {
    std::vector<Step> steps;
    for (const uint32_t node : nodes) {
      std::vector<Step> own = steps_of(policy_, node);
      steps.insert(steps.end(), own.begin(), own.end());
    }
    return steps;
  }

  // Steps that one file may be meant by lead to one state. Those of one node never meet (check.h).
  std::vector<Way> ways_of(const Nodes& nodes) const {
    std::vector<Way> ways;
    for (Step& step : steps_of_all(nodes)) {
      Way way;
      way.steps.push_back(std::move(step));
      if (nodes.size() > 1) {
        const auto met = std::stable_partition(ways.begin(), ways.end(), [&](const Way& other) {
          return std::none_of(other.steps.begin(), other.steps.end(), [&](const Step& one) { return may_meet(one, way.steps[0]); });
        });
        for (auto at = met; at != ways.end(); ++at) std::move(at->steps.begin(), at->steps.end(), std::back_inserter(way.steps));
        ways.erase(met, ways.end());
      }
      ways.push_back(std::move(way));
    }
    for (Way& way : ways) {
      for (const Step& step : way.steps) way.target.nodes.push_back(step.target);
      way.target.nodes = as_set(std::move(way.target.nodes));
      if (way.target.nodes.size() > 1)
        way.target.why = way.steps[0].glob + " leads to each of them, from programs that share a profile themselves";
    }
    return ways;
  }

  // Where a step cannot be said, the nodes stay together with all that is reached from them.
  State settled(State state) const {
    const std::string why = unsayable(state.nodes);
    if (why.empty()) return state;
    std::set<uint32_t> all(state.nodes.begin(), state.nodes.end());
    for (Nodes open = state.nodes; !open.empty();) {
      const uint32_t node = open.back();
      open.pop_back();
      for (const Step& step : steps_of(policy_, node))
        if (all.insert(step.target).second) open.push_back(step.target);
    }
    return {Nodes(all.begin(), all.end()), why, true};
  }

  size_t distinct_targets(uint32_t node) const {
    std::set<uint32_t> targets;
    for (const Step& step : steps_of(policy_, node)) targets.insert(step.target);
    return targets.size();
  }

  std::string inexact(const Nodes& nodes) const {
    for (const Step& step : steps_of_all(nodes))
      if (!step.why.empty())
        return "the executable " + policy_.nodes[step.target].executable.text + " cannot be said exactly: " + step.why;
    return "";
  }

  // A local profile is found by its path and has no local ones of its own.
  bool may_be_local(uint32_t node) const {
    return !back_targets_.contains(node) && distinct_targets(node) <= kMostNamed && policy_.nodes[node].parent != ir::kNoNode && inexact({node}).empty();
  }

  bool may_be_local(const Way& way) const { return way.steps.size() == 1 && may_be_local(way.target.nodes[0]); }

  std::string unsayable(const Nodes& nodes) const {
    if (std::string why = inexact(nodes); !why.empty()) return why;
    std::set<Nodes> targets, named;
    for (const Way& way : ways_of(nodes)) {
      targets.insert(way.target.nodes);
      if (!may_be_local(way)) named.insert(way.target.nodes);
    }
    if (targets.size() <= kMostNamed || named.size() <= kMostNamed) return "";
    return "AppArmor's parser takes " + std::to_string(kMostNamed) + " named transitions in one profile, and " + std::to_string(named.size()) +
           " programs need one in " + name_of({nodes});
  }

  std::string name_of(const State& state) const {
    if (state.nodes.size() == policy_.nodes.size() && state.flat) return flat_name(policy_);
    if (state.nodes.size() == 1) return names_[state.nodes[0]];
    if (!state.flat && state.nodes == as_set(roots_of(policy_))) return roots_name(policy_);
    std::string paths = state.flat ? "flat" : "";
    for (const uint32_t node : state.nodes) paths += "\n" + ir::canonical_path(policy_, node);
    return shared_name(policy_, ir::node_key(paths));
  }

  Profile make(const State& state) {
    Profile profile;
    profile.name = name_of(state);
    for (const uint32_t node : state.nodes) gatherer_.add(node, profile.rights);
    if (state.flat) {
      stay(state.nodes, profile);
      return profile;
    }
    const std::vector<Way> ways = ways_of(state.nodes);
    std::set<Nodes> targets;
    for (const Way& way : ways) targets.insert(way.target.nodes);
    const bool many = targets.size() > kMostNamed;
    for (const Way& way : ways) {
      if (many && may_be_local(way))
        add_local(way.steps[0], profile);
      else
        add_named(way, profile);
    }
    return profile;
  }

  void add_named(const Way& way, Profile& profile) {
    const State target = settled(way.target);
    for (const Step& step : way.steps) profile.steps.emplace(step.glob, "px -> " + name_of(target));
    waiting_.insert(target);
  }

  void add_local(const Step& step, Profile& profile) {
    Profile child;
    child.name = names_[step.target].substr(flat_name(policy_).size() + 1);
    child.attachment = step.glob;
    gatherer_.add(step.target, child.rights);
    for (const Way& below : ways_of({step.target})) add_named(below, child);
    profile.steps.emplace(step.glob, "cx");
    profile.local.push_back(std::move(child));
  }

  void stay(const Nodes& nodes, Profile& profile) const {
    for (const Step& step : steps_of_all(nodes)) {
      if (step.glob.empty()) continue;
      profile.steps.emplace(step.glob, "ix");
      if (!step.why.empty()) profile.rights.residuals.push_back({step.position, step.why});
    }
  }

  void say(const State& state, Shape& shape) const {
    if (state.nodes.size() == 1) return;
    shape.shared.push_back(state.nodes);
    const Nodes& nodes = state.nodes;
    // Of no place: each rule of each node is held by all of them.
    if (nodes.size() == policy_.nodes.size() && state.flat) {
      shape.residuals.push_back({{}, all_in_one(policy_, state.why)});
      shape.merges.push_back({policy_.nodes[nodes[0]].position, shape.residuals.back().message});
      return;
    }
    const bool roots = !state.flat && nodes == as_set(roots_of(policy_));
    if (roots)
      shape.residuals.push_back({policy_.nodes[roots_of(policy_)[1]].position,
                                 "AppArmor cannot tell the " + std::to_string(nodes.size()) +
                                     " programs apart that a runtime may start: they share one profile"});
    else
      shape.residuals.push_back({policy_.nodes[nodes[1]].position, listed(policy_, nodes) + ": they share one profile" +
                                                                       (state.flat ? ", and every exec from one to another stays in it: " : ": ") + state.why});
    shape.merges.push_back({shape.residuals.back().position, roots ? listed(policy_, nodes) + " share one profile: " + state.why : shape.residuals.back().message});
    const std::string held = roots ? "every program that a runtime may start holds it: they share one profile"
                                   : "it is held by " + listed(policy_, nodes) + " alike: they share one profile";
    for (const uint32_t node : nodes)
      for (const ir::Position place : places_of(policy_, node)) shape.residuals.push_back({place, held});
  }

  const ir::Policy& policy_;
  const Gatherer gatherer_;
  const std::vector<std::string> names_;
  std::set<uint32_t> back_targets_;
  std::set<State> waiting_;
  std::map<Nodes, Done> done_;
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
  if (policy.nodes.size() == 1) return shape;
  shape.residuals.push_back({{}, all_in_one(policy, no_new_privs ? "under no_new_privs the kernel refuses every transition" : tree.problem)});
  if (!no_new_privs) shape.merges.push_back({policy.nodes[0].position, shape.residuals.back().message});
  shape.shared.emplace_back();
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) shape.shared.back().push_back(n);
  return shape;
}

}  // namespace treeline::backends::apparmor
