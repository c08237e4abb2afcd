// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/apparmor/shape.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "policy-compiler/backends/apparmor/names.h"
#include "policy-compiler/backends/apparmor/sharing.h"
#include "policy-compiler/backends/apparmor/steps.h"

namespace treeline::backends::apparmor {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

Nodes roots_of(const ir::Policy& policy) {
  Nodes roots = policy.entry;
  roots.insert(roots.end(), policy.join.begin(), policy.join.end());
  return as_set(std::move(roots));
}

void stay(const std::vector<Step>& steps, Profile& profile) {
  for (const Step& step : steps) {
    if (step.glob.empty()) continue;
    profile.steps.emplace(step.glob, "ix");
    if (!step.why.empty()) profile.rights.residuals.push_back({step.executable->position, step.why});
  }
}

// Profiles as the states of an automaton over programs: a state is the set of nodes that a task may stand on, as far as AppArmor can tell. From a
// state one program leads to one state. So sets grow only where they must: of several roots, which a runtime starts under one name, and on from there
// where two of the nodes start one program. First all states are found, within bounds, then their profiles are made.
class Tree {
 public:
  Tree(const ir::Policy& policy, Steps& steps)
      : policy_(policy), steps_(steps), gatherer_(policy), names_(node_names(policy)), roots_(roots_of(policy)), may_be_local_(policy.nodes.size()) {
    std::vector<bool> back_target(policy.nodes.size(), false);
    for (const ir::Node& node : policy.nodes)
      for (const ir::Node::BackEdge& edge : node.back_edges) back_target[edge.target] = true;
    for (uint32_t n = 0; n < policy.nodes.size(); ++n) {
      Nodes targets;
      for (const Step& step : steps.of(n)) targets.push_back(step.target);
      // A local profile is found by its path and has no local ones of its own.
      may_be_local_[n] = !back_target[n] && policy.nodes[n].parent != ir::kNoNode && inexact({n}).empty() && as_set(std::move(targets)).size() <= kMostNamed;
      all_weight_ += weight(n);
    }
  }

  // False: more, or larger, profiles than the policy makes believable; problem() says which.
  bool build(Shape& shape) {
    settle(roots_, "");
    for (uint32_t at = 0; at < states_.size() && problem_.empty(); ++at) expand(at);
    if (!problem_.empty()) return false;
    std::vector<Sharing> sharings;
    const auto add = [&](uint32_t at) {
      shape.profiles.push_back(make(states_[at]));
      if (states_[at].nodes.size() > 1) sharings.push_back({states_[at].nodes, kind_of(states_[at]), states_[at].why});
    };
    add(0);
    for (const auto& [key, at] : numbers_)
      if (at != 0) add(at);
    say(policy_, steps_, sharings, shape);
    shape.tree = !states_[0].flat;
    shape.effort = effort();
    return true;
  }

  const std::string& problem() const { return problem_; }
  size_t effort() const { return effort_ + steps_.effort(); }

 private:
  struct State {
    Nodes nodes = {};
    bool flat = false;  // every step of theirs leads to one of them, and stays in the profile
    std::string why = {};  // they are together
    std::string name = {};
    std::vector<Way> ways = {};  // none where it is flat
    bool local = false;     // more ways than names: children that may be local are
  };

  size_t weight(uint32_t n) const {
    const ir::Node& node = policy_.nodes[n];
    return 1 + node.files.size() + node.network.size() + node.sockets.size() + node.netlink.size() + node.capabilities.size() +
           node.operations.size() + steps_.of(n).size();
  }

  std::string inexact(const Nodes& nodes) const {
    for (const uint32_t node : nodes)
      for (const Step& step : steps_.of(node))
        if (!step.why.empty()) return "the executable " + step.executable->text + " cannot be said exactly: " + step.why;
    return "";
  }

  bool may_be_local(const Way& way) const { return way.steps.size() == 1 && may_be_local_[way.targets[0]]; }

  // Why the nodes' steps cannot be said in a profile of their own; "" where they can: `state` has its ways then.
  std::string unsayable(State& state) {
    if (std::string why = inexact(state.nodes); !why.empty()) return why;
    state.ways = steps_.ways(state.nodes);
    std::set<Nodes> targets, named;
    for (const Way& way : state.ways) {
      targets.insert(way.targets);
      if (!may_be_local(way)) named.insert(way.targets);
    }
    state.local = targets.size() > kMostNamed;
    if (!state.local || named.size() <= kMostNamed) return "";
    return "AppArmor's parser takes " + std::to_string(kMostNamed) + " named transitions in one profile, and " + std::to_string(named.size()) +
           " programs need one in " + name_of(state);
  }

  // The state in which a task stands that one program led to these nodes. Where their steps cannot be said, the nodes stay together with all that is
  // reached from them. Each set is asked of once: thousands of steps lead to one shell.
  uint32_t settle(const Nodes& nodes, const std::string& why) {
    const auto [settled, first] = settled_.try_emplace(nodes, kNone);
    if (!first) return settled->second;
    State state{.nodes = nodes, .why = why};
    if (std::string problem = unsayable(state); !problem.empty()) state = {.nodes = reached_from(nodes), .flat = true, .why = std::move(problem)};
    const auto [at, fresh] = numbers_.try_emplace({state.nodes, state.flat}, static_cast<uint32_t>(states_.size()));
    settled->second = at->second;
    if (!fresh) return at->second;
    state.name = name_of(state);
    for (const uint32_t node : state.nodes) states_weight_ += weight(node);
    for (const Way& way : state.ways)
      if (state.local && may_be_local(way)) states_weight_ += weight(way.targets[0]);
    states_.push_back(std::move(state));
    return at->second;
  }

  Nodes reached_from(const Nodes& nodes) {
    std::set<uint32_t> all(nodes.begin(), nodes.end());
    for (Nodes open = nodes; !open.empty();) {
      const uint32_t node = open.back();
      open.pop_back();
      effort_ += 1 + steps_.of(node).size();
      for (const Step& step : steps_.of(node))
        if (all.insert(step.target).second) open.push_back(step.target);
    }
    return {all.begin(), all.end()};
  }

  // The states that its steps lead to.
  void expand(uint32_t at) {
    for (const Way& way : states_[at].ways) {
      if (!states_[at].local || !may_be_local(way)) {
        settle(way.targets, meeting(way));
      } else {
        for (const Way& below : steps_.ways(way.targets)) settle(below.targets, meeting(below));
      }
      if (!within_bounds()) return;
    }
  }

  // Before anything is gathered: chains of 7, 9, 11 and 13 programs that start one another make a state for each step of their common period, each with
  // whatever the roots hold.
  bool within_bounds() {
    if (states_.size() > 2 * policy_.nodes.size() + 100)
      problem_ = "the programs that several nodes start make more profiles than the policy has nodes";
    else if (states_weight_ > 4 * all_weight_ + 100'000)
      problem_ = "the programs that several nodes start make profiles that hold more than four times the policy's rules";
    else if (effort() > 64 * all_weight_ + 20'000'000)
      problem_ = "the programs that several nodes start lead to more sets of nodes than can be looked at";
    return problem_.empty();
  }

  static std::string meeting(const Way& way) {
    if (way.targets.size() == 1) return "";
    std::set<std::string> texts;
    for (const Step* step : way.steps) texts.insert(step->executable->text);
    const std::string list = listed({texts.begin(), texts.end()});
    return texts.size() == 1 ? list + " leads to each of them, from programs that share a profile themselves"
                             : "programs that share a profile themselves start them by " + list + ", and one file may be meant by several of these";
  }

  std::string name_of(const State& state) const {
    if (state.nodes.size() == policy_.nodes.size() && state.flat) return flat_name(policy_);
    if (state.nodes.size() == 1) return names_[state.nodes[0]];
    if (!state.flat && state.nodes == roots_) return roots_name(policy_);
    std::string paths = state.flat ? "flat" : "";
    for (const uint32_t node : state.nodes) paths += "\n" + ir::canonical_path(policy_, node);
    return shared_name(policy_, ir::node_key(paths));
  }

  Sharing::Kind kind_of(const State& state) const {
    if (!state.flat) return state.nodes == roots_ ? Sharing::Kind::kRoots : Sharing::Kind::kStarted;
    return state.nodes.size() == policy_.nodes.size() ? Sharing::Kind::kAll : Sharing::Kind::kReached;
  }

  Profile make(const State& state) const {
    Profile profile;
    profile.name = state.name;
    for (const uint32_t node : state.nodes) gatherer_.add(node, profile.rights);
    if (state.flat)
      for (const uint32_t node : state.nodes) stay(steps_.of(node), profile);
    for (const Way& way : state.ways) {
      if (state.local && may_be_local(way))
        add_local(*way.steps[0], profile);
      else
        add_named(way, profile);
    }
    return profile;
  }

  void add_named(const Way& way, Profile& profile) const {
    const State& target = states_[settled_.at(way.targets)];
    for (const Step* step : way.steps) profile.steps.emplace(step->glob, "px -> " + target.name);
  }

  void add_local(const Step& step, Profile& profile) const {
    Profile child;
    child.name = names_[step.target].substr(flat_name(policy_).size() + 1);
    child.attachment = step.glob;
    gatherer_.add(step.target, child.rights);
    for (const Way& below : steps_.ways({step.target})) add_named(below, child);
    profile.steps.emplace(step.glob, "cx");
    profile.local.push_back(std::move(child));
  }

  const ir::Policy& policy_;
  Steps& steps_;
  const Gatherer gatherer_;
  const std::vector<std::string> names_;
  const Nodes roots_;
  std::vector<bool> may_be_local_;  // by node
  size_t all_weight_ = 0, states_weight_ = 0, effort_ = 0;
  std::string problem_;
  std::deque<State> states_;                            // grows while one is looked at; the first one is what a runtime starts
  std::map<std::pair<Nodes, bool>, uint32_t> numbers_;  // states by nodes and flat, which their names are made of
  std::map<Nodes, uint32_t> settled_;                   // by the nodes that a program leads to
};

Profile flat_profile(const ir::Policy& policy, const Steps& steps) {
  const Gatherer gatherer(policy);
  Profile profile;
  profile.name = flat_name(policy);
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) {
    gatherer.add(n, profile.rights);
    stay(steps.of(n), profile);
  }
  return profile;
}

}  // namespace

Shape make_shape(const ir::Policy& policy, bool no_new_privs) {
  Shape shape;
  Steps steps(policy);
  std::string problem = "under no_new_privs the kernel refuses every transition";
  if (!no_new_privs) {
    Tree tree(policy, steps);
    if (tree.build(shape)) return shape;
    problem = tree.problem();
    shape.effort = tree.effort();
  }
  shape.profiles.push_back(flat_profile(policy, steps));
  if (policy.nodes.size() == 1) return shape;
  shape.residuals.push_back({{}, all_in_one(policy, problem)});
  if (!no_new_privs) shape.merges.push_back({policy.nodes[0].position, shape.residuals.back().message});
  shape.shared.emplace_back();
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) shape.shared.back().push_back(n);
  return shape;
}

}  // namespace treeline::backends::apparmor
