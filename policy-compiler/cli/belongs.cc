// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/belongs.h"

#include <algorithm>
#include <cerrno>

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
  if (bundle.name != loaded.policy.name || bundle.policy != lowered->policy || !same_nodes(bundle, loaded.policy, *lowered))
    return refused(bundle, bundle::kManifest);
  return {};
}

}  // namespace treeline::cli
