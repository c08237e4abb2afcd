// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/diff_parts.h"
#include "policy-compiler/analysis/reach.h"

namespace treeline::analysis {
namespace {

struct Seen {
  const StepChange* step;
  const Sight* sight;
};

// The steps with each sight of their spots: by pair, then in the order of the sights.
std::vector<Seen> seen_steps(const Comparison& in) {
  std::vector<std::vector<const Sight*>> of_spot(in.spots.list().size());
  for (const Sight& sight : in.spots.sights()) of_spot[sight.spot].push_back(&sight);
  std::vector<Seen> seen;
  for (const StepChange& step : in.tree.steps)
    for (const Sight* sight : of_spot[step.spot]) seen.push_back({&step, sight});
  std::stable_sort(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) { return std::pair(a.step->pair, a.sight) < std::pair(b.step->pair, b.sight); });
  return seen;
}

}  // namespace

void compare_steps(const Comparison& in, Changes& changes) {
  struct Entry {
    const StepChange* step = nullptr;
    const Sight* example = nullptr;
    Grade grade;
  };
  const Reach reach = reach_from_network(*in.after.policy);
  // A node that the old version has elsewhere is compared with that one, so that its rights are no difference. To who newly gets there they are.
  std::vector<bool> known(TL_ROW_FIRST + in.after.policy->nodes.size(), false);
  for (const NodePair& pair : in.tree.pairs) known[pair.after] = known[pair.after] || pair.before != kNoRow;
  std::optional<std::vector<Grade>> held;
  const auto grade_step = [&](const StepChange& step, const Sight& sight, bool from_network) {
    Grade grade = sight.known ? grade_exec(either(sight.kinds), from_network) : not_graded();
    if (!known[step.use->next]) return grade;
    if (!held) held = gravest_held(in);
    const Grade& gives = (*held)[step.use->next];
    return graver(std::move(grade), {gives.risk, "gets what stood elsewhere" + (gives.why.empty() ? "" : ": " + gives.why)});
  };
  std::map<std::tuple<uint32_t, bool, const passes::Use*>, Entry> entries;
  std::vector<const Entry*> order;  // pointers into the map: the order of the trees, not of addresses
  for (const auto& [seen, sight] : seen_steps(in)) {
    const StepChange& step = *seen;
    const uint32_t row = in.tree.pairs[step.pair].after;
    const bool from_network = step.gained && row >= TL_ROW_FIRST && reach.reached(row - TL_ROW_FIRST);
    const Grade grade = step.gained ? grade_step(step, *sight, from_network) : Grade{Risk::kMedium, ""};
    const auto [at, fresh] = entries.try_emplace({step.pair, step.gained, step.use});
    Entry& entry = at->second;
    if (fresh) order.push_back(&entry);
    if (fresh || grade.risk > entry.grade.risk) entry.example = sight;
    entry.step = &step;
    entry.grade = fresh ? grade : graver(std::move(entry.grade), grade);
  }
  // A place where the other version has a step as well: then a part of the rule differs.
  std::map<const passes::Use*, size_t> spots_of;
  std::map<std::pair<uint32_t, const passes::Use*>, size_t> differing;
  for (const StepChange& step : in.tree.steps) ++differing[{step.pair, step.use}];
  for (const bool gained : {true, false}) {
    for (const Spot& spot : in.spots.list())
      for (const uint32_t number : gained ? *spot.after : *spot.before)
        for (const passes::Use& use : (gained ? in.after : in.before).paths->patterns[number].uses)
          if (use.kind == passes::UseKind::kStep) ++spots_of[&use];
  }
  for (const Entry* found : order) {
    const StepChange& step = *found->step;
    const Version& version = step.gained ? in.after : in.before;
    Change change;
    change.effect = step.gained ? Effect::kAllowed : Effect::kDenied;
    change.risk = found->grade.risk;
    change.why = found->grade.why;
    change.kind = "exec";
    change.words = "to " + row_name(*version.policy, step.use->next);
    change.what = version.paths->patterns[step.pattern].text;
    change.example = name_text(*found->example);
    if (change.example == change.what) change.example.clear();
    change.whole = differing[{step.pair, step.use}] == spots_of[step.use];
    change.position = step.use->position;
    changes[step.pair].push_back(std::move(change));
  }
}

}  // namespace treeline::analysis
