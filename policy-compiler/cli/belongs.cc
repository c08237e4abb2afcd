// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/belongs.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "policy-compiler/analysis/rule_table.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

namespace bpf = backends::bpf;

Error refused(const bundle::Bundle& bundle, std::string_view what) {
  std::string compiler = bundle.compiler == TREELINE_VERSION ? "" : " (compiled by treelinec " + text::printable(bundle.compiler, 64) +
                                                                        ", this is " TREELINE_VERSION ")";
  return Error{"bundle " + text::quoted(bundle.name, 4096) + " is refused: its " + std::string(what) +
                   " is not what its profile.yaml compiles to" + compiler + ", so that neither says what the other does; compile the profile again",
               EBADMSG};
}

bool holds(const bundle::Bundle& bundle, std::string_view artifact, const std::string& bytes) {
  const bundle::Artifact* found = bundle.find(artifact);
  return found != nullptr && found->bytes == bytes;
}

bool same_nodes(const bundle::Bundle& bundle, const ir::Policy& policy, const bpf::Lowered& lowered) {
  return std::equal(bundle.nodes.begin(), bundle.nodes.end(), lowered.rows.begin(), lowered.rows.end(),
                    [&](const bundle::NodeEntry& node, const bpf::RowInfo& row) {
                      return node.row == row.row && node.key == row.key && node.path == row.path &&
                             node.line == policy.nodes[row.node].position.line;
                    });
}

using Said = std::vector<std::pair<Position, std::string>>;

Said said_of(const bundle::Bundle& bundle, std::string_view backend) {
  Said said;
  for (const bundle::Residual& residual : bundle.residuals)
    if (residual.backend == backend) said.emplace_back(Position{residual.line, residual.column}, residual.message);
  std::sort(said.begin(), said.end());
  return said;
}

// Without columns: of a bundle that was written before there were any.
template <typename Residuals>
Said should_say(const Residuals& residuals, bool columns) {
  Said said;
  for (const auto& residual : residuals)
    said.emplace_back(columns ? residual.position : Position{residual.position.line, 0}, residual.message);
  std::sort(said.begin(), said.end());
  return said;
}

// Does the manifest say what the image and the closing filter leave? The filter of listed calls has residuals of its own beside these.
bool same_residuals(const bundle::Bundle& bundle, const ir::Policy& policy, const bpf::Lowered& lowered) {
  const bool columns = std::any_of(bundle.residuals.begin(), bundle.residuals.end(), [](const bundle::Residual& r) { return r.column != 0; });
  const Said filters = said_of(bundle, "seccomp"), closing = should_say(backends::seccomp::closing_residuals(policy), columns);
  return said_of(bundle, "bpf") == should_say(lowered.residuals, columns) &&
         std::includes(filters.begin(), filters.end(), closing.begin(), closing.end());
}

}  // namespace

Result<void> belongs_together(const Loaded& loaded) {
  const bundle::Bundle& bundle = *loaded.bundle;
  Diagnostics unused(loaded.diagnostics.file());
  const std::optional<bpf::Lowered> lowered = bpf::lower(loaded.policy, *loaded.paths, unused);
  if (!lowered || !holds(bundle, bundle::kImage, lowered->image)) return refused(bundle, bundle::kImage);
  const Result<std::string> rules = bundle::encode_rules(analysis::all_rules(loaded.policy));
  if (!rules) return rules.error();
  if (!holds(bundle, bundle::kRules, *rules)) return refused(bundle, bundle::kRules);
  namespace seccomp = backends::seccomp;
  if (!holds(bundle, seccomp::kArtifact, seccomp::lower(loaded.policy))) return refused(bundle, seccomp::kArtifact);
  if (bundle.name != loaded.policy.name || bundle.policy != lowered->policy || !same_nodes(bundle, loaded.policy, *lowered) ||
      !same_residuals(bundle, loaded.policy, *lowered))
    return refused(bundle, bundle::kManifest);
  return {};
}

}  // namespace treeline::cli
