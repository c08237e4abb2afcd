// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/cli/unite.h"
#include "policy-compiler/frontend/document.h"
#include "policy-compiler/frontend/fields.h"
#include "policy-compiler/frontend/format.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

// The diagnostics of the united text, with the places that its lines came from.
Diagnostics with_origins(const Diagnostics& diagnostics, const std::map<Position, std::string>& origins) {
  Diagnostics out(diagnostics.file());
  for (const Diagnostic& d : diagnostics.list()) {
    const auto at = origins.find(d.position);
    const std::string from = at == origins.end() ? "" : "from " + at->second;
    Diagnostic said = d;
    if (!from.empty()) said.remedy += (said.remedy.empty() ? "" : "; ") + from;
    out.add(std::move(said));
  }
  out.add_unlisted(diagnostics);
  return out;
}

// Where the text has a key of the profile itself, else where the profile starts.
Position key_position(const std::string& text, std::string_view key) {
  Diagnostics unused;
  Position first{1, 1};
  const std::optional<frontend::Value> root = frontend::parse_document(text, unused);
  if (!root || root->entries.empty()) return first;
  for (const frontend::Entry& entry : root->entries)
    if (entry.key == key) return entry.position;
  return root->entries[0].position;
}

}  // namespace

int merge(const MergeOptions& options) {
  Report report("merge", options.output);
  if (options.merged == "-" && report.document())
    return report.usage(Error{"the profile and the document both go to standard output; name a file with -o"});
  if (!options.name.empty() && !frontend::is_label(options.name))
    return report.usage(Error{"a policy cannot be named " + text::quoted(options.name)});

  Union all;
  std::string name = options.name, first;
  bool good = true;
  size_t nodes = 0;
  for (const std::string& path : options.profiles) {
    Result<Loaded> loaded = load(path);
    if (!loaded) return report.failed(loaded.error());
    Diagnostics& diagnostics = loaded->diagnostics;
    if (loaded->good()) {
      if (name.empty()) {
        name = loaded->policy.name;
        first = diagnostics.file();
      } else if (options.name.empty() && name != loaded->policy.name) {
        diagnostics.error(key_position(loaded->text, "name"), "merge-name",
                          "this is policy " + text::quoted(loaded->policy.name) + ", " + text::printable(first, 4096) +
                              " is " + text::quoted(name),
                          "merge profiles of one workload, or name the result with --name");
      }
      all.add(loaded->policy, diagnostics, key_position(loaded->text, "on_violation"));
      nodes += loaded->policy.nodes.size();
    }
    diagnostics.sort();
    good = good && !diagnostics.has_errors();
    report.diagnostics(diagnostics, loaded->text);
  }
  if (!good) return report.finish(kNo);

  ir::Policy policy = all.finish();
  policy.name = name;
  const Loaded united = judge(frontend::laid_out(frontend::emit_profile(policy)), options.merged == "-" ? "the result" : options.merged);
  report.diagnostics(with_origins(united.diagnostics, all.origins(united.policy)), united.text);
  if (!united.good()) return report.finish(kNo);
  if (Result<void> written = files::write_file(options.merged, united.text); !written)
    return report.failed(written.error());
  report.fields(
      {{"name", name}, {"profile", options.merged}, {"nodes", united.policy.nodes.size()}, {"nodes_read", nodes}});
  if (options.merged != "-")
    report.print(report.strong(name) + ": " + std::to_string(united.policy.nodes.size()) + " nodes, from " +
                 std::to_string(nodes) + " of " + std::to_string(options.profiles.size()) + " profiles\n");
  return report.finish(kYes);
}

}  // namespace treeline::cli
