// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/profile.h"

#include "policy-compiler/frontend/fields.h"
#include "policy-compiler/frontend/tree.h"
#include "policy-compiler/frontend/violation.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

void read_version(const Value& value, Diagnostics& diagnostics) {
  const std::string remedy = "write 'treeline: " + std::to_string(kLanguage) + "'";
  if (!expect_text(value, "'treeline'", remedy, diagnostics)) return;
  const auto version = text::decimal(value.text, UINT32_MAX);
  if (version == kLanguage) return;
  if (version && *version > kLanguage)
    diagnostics.error(value.position, "version",
                      "the profile is written in language version " + std::to_string(*version) +
                          ", this compiler reads " + std::to_string(kLanguage),
                      "use a newer treelinec");
  else
    diagnostics.error(value.position, "version", text::quoted(value.text) + " is no language version", remedy);
}

}  // namespace

ir::Policy read_profile(std::string_view text, Diagnostics& diagnostics) {
  ir::Policy policy;
  policy.file = diagnostics.file();
  const std::optional<Value> root = parse_document(text, diagnostics);
  if (!root) return policy;
  Fields fields(*root, "a profile", diagnostics);
  if (!fields.ok()) return policy;

  if (const Entry* version = fields.need("treeline", "write 'treeline: 1', the version of the language"))
    read_version(version->value, diagnostics);
  if (const Entry* name = fields.need("name", "write 'name: WORKLOAD'"))
    policy.name = read_label(name->value, "'name'", diagnostics).value_or("");
  if (const Entry* on_violation = fields.take("on_violation")) {
    Violation violation = read_violation(on_violation->value, diagnostics);
    policy.on_violation = violation.otherwise.value_or(ir::OnViolation::kDeny);
    policy.violation_costs = std::move(violation.costs);
  }
  Tree tree{policy, {}, root->complete, 0, {}, {}, 0};
  if (const Entry* groups = fields.take("groups")) read_groups(groups->value, tree, diagnostics);
  if (const Entry* entry = fields.need("entry", "name the program that the container starts: '- exec: /path'"))
    read_roots(*entry, tree, policy.entry, diagnostics);
  if (const Entry* join = fields.take("join")) read_roots(*join, tree, policy.join, diagnostics);
  fields.finish();
  if (tree.complete) check_structure(tree, diagnostics);
  diagnostics.sort();
  return policy;
}

Result<std::string> load_text(const std::string& path) { return files::read_file(path, kMaxBytes); }

}  // namespace treeline::frontend
