// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <map>

#include "policy-compiler/analysis/accept.h"
#include "policy-compiler/analysis/grade.h"
#include "policy-compiler/analysis/kernel_limits.h"
#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/cli/backends.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/progress.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

struct Bounds {
  std::optional<analysis::Risk> fail_on;
  std::optional<analysis::Kernel> kernel;
};

bool crosses(std::string_view risk, const Bounds& bounds) {
  const auto known = analysis::risk_of_name(risk);
  return bounds.fail_on && known && *known >= *bounds.fail_on;
}

bool grave(const Diagnostics& diagnostics, const Bounds& bounds) {
  for (const analysis::Risk risk : {analysis::Risk::kLow, analysis::Risk::kMedium, analysis::Risk::kHigh, analysis::Risk::kCritical})
    if (crosses(analysis::risk_name(risk), bounds) && diagnostics.with_risk(analysis::risk_name(risk)) != 0) return true;
  return false;
}

// What has no mistake is looked at more closely, and laid out as `compile` would: what does not fit is a mistake too. All findings are kept
// until it is known which of them a person signed for; then the gravest.
void look_closely(Loaded& loaded, const Bounds& bounds) {
  Diagnostics all(loaded.diagnostics.file(), SIZE_MAX);
  all.take(loaded.diagnostics);
  analysis::grade(loaded.policy, *loaded.paths, all);
  analysis::note_kernel_limits(loaded.policy, bounds.kernel, all);
  backends::seccomp::report_unknown_calls(loaded.policy, all);
  if (const auto lowered = backends::bpf::lower(loaded.policy, std::move(*loaded.paths), all))
    note_residuals(loaded.policy, lowered->residuals, all);
  analysis::apply_accepted(loaded.policy, all);
  loaded.diagnostics = Diagnostics(all.file());
  loaded.diagnostics.take(all);
}

// A machine holds one policy of a name. A bundle beside its profile is another form of it, and two tools' drafts may be one policy: so a note.
void note_name(Loaded& loaded, const std::string& path, std::map<std::string, std::string>& taken) {
  if (loaded.bundle) return;
  const auto [other, fresh] = taken.emplace(loaded.policy.name, path);
  if (!fresh)
    loaded.diagnostics.note({}, "name-twice", text::quoted(other->second, 4096) + " is the policy " + text::quoted(loaded.policy.name) + " as well",
                            "give one another `name:` if both are for one machine, which holds one policy of a name");
}

std::string summary(const Loaded& loaded) {
  const size_t findings = loaded.diagnostics.findings();
  const auto accepted = static_cast<size_t>(
      std::count_if(loaded.diagnostics.list().begin(), loaded.diagnostics.list().end(), [](const Diagnostic& d) { return !d.accepted.empty(); }));
  std::string out = std::to_string(loaded.policy.nodes.size()) + " nodes, no mistakes";
  if (findings != 0) out += ", " + std::to_string(findings) + (findings == 1 ? " finding" : " findings");
  if (accepted != 0) out += ", " + std::to_string(accepted) + " accepted";
  return out;
}

}  // namespace

int check(const CheckOptions& options) {
  Report report("check", options.output);
  if (options.strict) report.strict();
  Bounds bounds;
  if (!options.fail_on.empty() && !(bounds.fail_on = analysis::risk_of_name(options.fail_on)))
    return report.usage(Error{"--fail-on " + text::quoted(options.fail_on) + " is none of: low, medium, high, critical"});
  if (!options.kernel.empty() && !(bounds.kernel = analysis::kernel_of(options.kernel)))
    return report.usage(Error{"--kernel " + text::quoted(options.kernel) + " is no version; write it as 5.10"});
  report.fails_where([&](const Diagnostic& d) { return d.accepted.empty() && crosses(d.risk, bounds); });
  Progress progress(options.profiles.size(), !report.document(), false);
  int exit = kYes;
  std::map<std::string, std::string> names;
  for (const std::string& path : options.profiles) {
    Result<Loaded> loaded = load(path);
    if (!loaded) {
      // One file that cannot be read must not hide what is wrong with the next.
      if (options.profiles.size() == 1) return report.failed(loaded.error());
      Diagnostics unreadable(path);
      unreadable.error({}, "unreadable", loaded.error().message);
      report.diagnostics(unreadable, "");
      exit = kFailed;
      progress.done(true);
      continue;
    }
    const bool readable = loaded->good();
    if (readable) {
      look_closely(*loaded, bounds);
      note_name(*loaded, path, names);
    }
    loaded->diagnostics.sort();
    report.diagnostics(loaded->diagnostics, loaded->text);
    const bool right = readable && !loaded->diagnostics.has_errors();
    const bool bad = !right || grave(loaded->diagnostics, bounds) || (options.strict && loaded->diagnostics.warnings() != 0);
    if (bad && exit == kYes) exit = kNo;
    progress.done(bad);
    if (right) report.print(text::printable(path, 4096) + ": " + summary(*loaded) + "\n");
  }
  return report.finish(exit);
}

}  // namespace treeline::cli
