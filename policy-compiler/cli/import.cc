// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/import.h"

#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/frontend/format.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/passes/check.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

constexpr size_t kMostInComment = 200;  // findings that stand on top of the draft itself

std::string line_of(const Diagnostic& finding) {
  std::string out = finding.position.line == 0 ? "" : std::to_string(finding.position.line) + ": ";
  out += finding.message + " [" + finding.code + "]";
  if (!finding.remedy.empty()) out += "; " + finding.remedy;
  return text::printable(out, 1000);
}

// What a person has to know who reads the draft without what the command printed.
std::string comment_block(std::string_view format, const Diagnostics& findings) {
  std::string out = "# Imported from a source of format " + std::string(format) +
                    ". What the draft does not hold, by lines of the source:\n";
  size_t shown = 0;
  for (const Diagnostic& finding : findings.list())
    if (shown < kMostInComment) {
      out += "#   " + line_of(finding) + "\n";
      ++shown;
    }
  const size_t more = findings.list().size() - shown + findings.dropped();
  if (shown == 0) out += "#   nothing\n";
  if (more != 0) out += "#   and " + std::to_string(more) + " more\n";
  return out;
}

std::string report_text(const Diagnostics& findings) {
  std::string out;
  for (const Diagnostic& finding : findings.list()) out += line_of(finding) + "\n";
  if (findings.dropped() != 0) out += "and " + std::to_string(findings.dropped()) + " more\n";
  return out;
}

}  // namespace

int import_source(const ImportOptions& options) {
  Report report("import", options.form);
  if (report.document() && options.output == "-")
    return report.usage(Error{"--json and the profile both go to standard output; name a file with -o"});
  import_::Options how;
  how.name = options.name;
  how.container = options.container;
  how.programs = options.programs;
  how.syscalls = options.syscalls;
  if (!options.from.empty()) {
    how.format = import_::find_format(options.from);
    if (!how.format)
      return report.usage(
          Error{"there is no format " + text::quoted(options.from) + "; --from is one of " + import_::format_list()});
  }
  for (const std::string& path : options.programs)
    if (path.empty() || path[0] != '/')
      return report.usage(Error{"--exec " + text::quoted(path) + ": write the program's whole path"});

  const Result<std::string> text = files::read_file(options.source, import_::kMaxBytes);
  if (!text) return report.failed(text.error());
  Diagnostics findings(options.source == "-" ? "standard input" : options.source);
  const std::optional<import_::Imported> imported = import_::import_text(*text, how, findings);
  findings.sort();
  report.diagnostics(findings, *text);
  if (!options.report.empty())
    if (Result<void> written = files::write_file(options.report, report_text(findings)); !written)
      return report.failed(written.error());
  if (!imported) return report.finish(kNo);

  const std::string_view format = import_::format_name(imported->format);
  const std::string profile = frontend::laid_out(comment_block(format, findings) + frontend::emit_profile(imported->policy));
  if (Result<void> written = files::write_file(options.output, profile); !written)
    return report.failed(written.error());

  // Judged as a person's profile is: what `check` would say is said now.
  Diagnostics draft(options.output == "-" ? "the draft" : options.output);
  const ir::Policy policy = frontend::read_profile(profile, draft);
  if (!draft.has_errors())
    if (const auto paths = passes::compile_paths(policy, draft)) (void)passes::check_paths(policy, *paths, draft);
  draft.sort();
  report.diagnostics(draft, profile);

  size_t lost = findings.dropped(), questions = 0;
  for (const Diagnostic& finding : findings.list()) {
    lost += finding.code == "not-carried";
    questions += finding.code == "import-question";
  }
  report.fields({{"format", format},
                 {"profile", options.output},
                 {"nodes", imported->policy.nodes.size()},
                 {"not_carried", lost},
                 {"questions", questions}});
  if (options.output != "-")
    report.print(report.strong(imported->policy.name) + " (" + std::string(format) +
                 "): " + std::to_string(imported->policy.nodes.size()) +
                 " nodes; not carried over: " + std::to_string(lost) + "; questions: " + std::to_string(questions) +
                 (draft.has_errors() ? "; the draft has mistakes" : "") + "\n");
  return report.finish(draft.has_errors() ? kNo : kYes);
}

}  // namespace treeline::cli
