// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/make_bundle.h"

#include <utility>

#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/rule_table.h"
#include "policy-compiler/backends/seccomp/program.h"

namespace treeline::cli {
namespace {

namespace bpf = backends::bpf;
namespace seccomp = backends::seccomp;

bundle::Options options_of(const Chosen& chosen) {
  bundle::Options options;
  if (chosen.apparmor) options.backends.emplace_back("apparmor");
  options.backends.emplace_back("bpf");
  options.no_new_privs = chosen.profiles.no_new_privs;
  options.complain = chosen.profiles.complain;
  if (!chosen.seccomp) return options;
  options.backends.emplace_back("seccomp");
  for (const seccomp::Architecture architecture : chosen.architectures) options.architectures.emplace_back(seccomp::architecture_word(architecture));
  options.libseccomp = seccomp::libseccomp_version();
  return options;
}

}  // namespace

Result<bundle::Bundle> make_bundle(const Loaded& loaded, const Chosen& chosen, bpf::Lowered lowered, Beside beside) {
  bundle::Bundle made;
  made.name = loaded.policy.name;
  made.compiler = TREELINE_VERSION;
  made.abi = TL_ABI_IMAGE;
  made.policy = lowered.policy;
  made.options = options_of(chosen);
  for (const bpf::RowInfo& row : lowered.rows)
    made.nodes.push_back({row.row, row.key, row.path, loaded.policy.nodes[row.node].position.line});
  made.residuals = std::move(beside.residuals);
  Result<std::string> rules = bundle::encode_rules(analysis::all_rules(loaded.policy));
  if (!rules) return rules.error();
  made.artifacts = std::move(beside.artifacts);
  made.artifacts.push_back({std::string(bundle::kImage), "bpf-image", std::move(lowered.image), 0, ""});
  made.artifacts.push_back({std::string(bundle::kRules), "rules", std::move(*rules), 0, ""});
  made.artifacts.push_back({std::string(bundle::kProfile), "profile", loaded.text, 0, ""});
  return made;
}

}  // namespace treeline::cli
