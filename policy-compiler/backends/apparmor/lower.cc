// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/apparmor/lower.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "policy-compiler/backends/apparmor/names.h"
#include "policy-compiler/backends/apparmor/shape.h"
#include "policy-compiler/backends/apparmor/write.h"

namespace treeline::backends::apparmor {
namespace {

size_t count(const Profile& profile) {
  size_t profiles = 1;
  for (const Profile& local : profile.local) profiles += count(local);
  return profiles;
}

void collect(const Profile& profile, std::vector<Residual>& all) {
  all.insert(all.end(), profile.rights.residuals.begin(), profile.rights.residuals.end());
  for (const Profile& local : profile.local) collect(local, all);
}

// A group's rule stands once and counts for many nodes; a hundred thousand rules of one kind have one reason.
std::vector<Residual> bounded(std::vector<Residual> all) {
  std::stable_sort(all.begin(), all.end(), [](const Residual& a, const Residual& b) {
    return std::tie(a.position, a.message) < std::tie(b.position, b.message);
  });
  all.erase(std::unique(all.begin(), all.end(),
                        [](const Residual& a, const Residual& b) { return a.position == b.position && a.message == b.message; }),
            all.end());
  std::map<std::string, size_t> alike;
  std::vector<Residual> kept;
  for (const Residual& residual : all)
    if (++alike[residual.message.substr(residual.reason)] <= kMostAlike) kept.push_back(residual);
  for (const auto& [why, times] : alike)
    if (times > kMostAlike) kept.push_back({{}, std::to_string(times - kMostAlike) + " more rules: " + why});
  return kept;
}

}  // namespace

Lowered lower(const ir::Policy& policy, const Options& options) {
  const Shape shape = make_shape(policy, options.no_new_privs);
  Lowered lowered;
  lowered.text = write(shape, flat_name(policy), options.complain);
  lowered.tree = shape.tree && (shape.profiles.size() > 1 || !shape.profiles[0].local.empty());
  lowered.entry = shape.profiles[0].name;
  lowered.merges = shape.merges;
  lowered.shared = shape.shared;
  std::vector<Residual> all = shape.residuals;
  for (const Profile& profile : shape.profiles) {
    lowered.profiles += count(profile);
    collect(profile, all);
  }
  for (const auto* roots : {&policy.entry, &policy.join})
    for (const uint32_t root : *roots)
      all.push_back({policy.nodes[root].executable.position,
                     "AppArmor does not judge what a runtime starts: it names the profile for its next exec, whatever file that is (change_onexec)"});
  if (options.complain) all.push_back({{}, "the profiles only report what they would refuse: they hold no rule (--complain)"});
  // Of no rule that is written, so at the first program: a place that every rule shares would mark them all.
  const std::string within = shape.shared.empty() ? "a node" : "a profile, of all nodes that share it,";
  all.push_back({policy.nodes[0].position,
                 "AppArmor does not judge what no rule grants either: objects without a path, users, set-id programs, executable memory, namespaces and "
                 "keyrings; it takes signals within " + within + " for those to oneself, and lets each program read and map itself and its interpreter, "
                 "which the kernel maps under the new profile"});
  lowered.residuals = bounded(std::move(all));
  return lowered;
}

}  // namespace treeline::backends::apparmor
