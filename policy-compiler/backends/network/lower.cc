// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/network/lower.h"

#include <algorithm>

#include "policy-compiler/backends/network/writers.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::backends::network {
namespace {

struct Known {
  Target target;
  std::string_view name;
  Json (*write)(const ir::Policy&, const Options&, const std::vector<Flow>&);
};
constexpr Known kTargets[] = {
    {Target::kKubernetes, "networkpolicy", kubernetes},
    {Target::kCilium, "cilium", cilium},
    {Target::kCalico, "calico", calico},
};

const Known& known(Target target) {
  return *std::find_if(std::begin(kTargets), std::end(kTargets),
                       [&](const Known& one) { return one.target == target; });
}

}  // namespace

std::string_view target_name(Target target) { return known(target).name; }

std::optional<Target> find_target(std::string_view name) {
  for (const Known& one : kTargets)
    if (one.name == name) return one.target;
  return std::nullopt;
}

std::string artifact_name(Target target) { return std::string(known(target).name) + ".yaml"; }

Options default_options() {
  Options options;
  ir::Cidr services;
  services.address[0] = 10;
  services.address[1] = 96;
  services.prefix = 12;
  options.service_blocks.push_back(services);
  return options;
}

Json metadata(const ir::Policy& policy, const Options& options) {
  Json out = {{"name", object_name(policy)}};
  if (!options.name_space.empty()) out["namespace"] = options.name_space;
  out["labels"] = {{"app.kubernetes.io/managed-by", "treeline"}};
  return out;
}

Json labels(const std::vector<ir::Label>& list) {
  Json out = Json::object();
  for (const ir::Label& label : list) out[label.key] = label.value;
  return out;
}

std::string upper(ir::Protocol protocol) {
  std::string out;
  for (const char c : ir::names::protocols().name(static_cast<uint32_t>(protocol)))
    out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

Lowered lower(Target target, const ir::Policy& policy, const Options& options) {
  Flows flows = gather(policy, options, target);
  Lowered out;
  out.text =
      "# Of the profile " + policy.name + ", by treelinec. What this policy does not hold, by lines of the profile:\n";
  for (const Residual& residual : flows.residuals)
    out.text += "#   " + (residual.position.line == 0 ? "" : std::to_string(residual.position.line) + ": ") +
                text::printable(residual.message, 1000) + (residual.remedy.empty() ? "" : "; ") + std::string(residual.remedy) + "\n";
  out.text += to_yaml(known(target).write(policy, options, flows.list));
  out.residuals = std::move(flows.residuals);
  out.not_held = std::move(flows.not_held);
  return out;
}

}  // namespace treeline::backends::network
