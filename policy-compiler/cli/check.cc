// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {

int check(const CheckOptions& options) {
  Report report("check", options.output);
  if (options.strict) report.strict();
  int exit = kYes;
  for (const std::string& path : options.profiles) {
    Result<Loaded> loaded = load(path);
    if (!loaded) {
      // One file that cannot be read must not hide what is wrong with the next.
      if (options.profiles.size() == 1) return report.failed(loaded.error());
      Diagnostics unreadable(path);
      unreadable.error({}, "unreadable", loaded.error().message);
      report.diagnostics(unreadable, "");
      exit = kFailed;
      continue;
    }
    if (!loaded->diagnostics.has_errors()) grade(loaded->policy, loaded->diagnostics);
    loaded->diagnostics.sort();
    report.diagnostics(loaded->diagnostics, loaded->text);
    const bool bad = !loaded->good() || (options.strict && loaded->diagnostics.warnings() != 0);
    if (bad && exit == kYes) exit = kNo;
    if (!bad)
      report.print(text::printable(path, 4096) + ": " + std::to_string(loaded->policy.nodes.size()) +
                   " nodes, no mistakes\n");
  }
  return report.finish(exit);
}

}  // namespace treeline::cli
