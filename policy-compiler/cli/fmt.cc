// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <filesystem>

#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/frontend/format.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

bool is_json(std::string_view path) { return path.size() > 5 && path.substr(path.size() - 5) == ".json"; }

// Line of the first difference, from 1.
uint32_t first_difference(std::string_view a, std::string_view b) {
  uint32_t line = 1;
  for (size_t i = 0; i < a.size() && i < b.size() && a[i] == b[i]; ++i) line += a[i] == '\n';
  return line;
}

// One file: its part of the exit status. Error: it could not be read or written.
Result<int> format_one(const std::string& path, bool check, Report& report) {
  std::error_code none;
  const std::filesystem::file_status status = std::filesystem::status(path, none);
  // A new file takes the place of what is read: of a pipe or a device none can, and a pipe would be waited for.
  if (!check && path != "-" && std::filesystem::is_other(status))
    return Error{"cannot lay out " + text::quoted(path, 4096) + ": it is no regular file; name one, or '-' from standard input to standard output", EINVAL};
  Result<std::string> text = frontend::load_text(path);
  if (!text) return text.error();
  Diagnostics diagnostics(path == "-" ? "standard input" : path);
  Diagnostics all(diagnostics.file());
  const std::optional<std::string> formatted = frontend::format_profile(*text, all);
  for (const Diagnostic& d : all.list())
    if (d.severity == Severity::kError) diagnostics.add(d);
  if (all.errors() > diagnostics.errors()) diagnostics.add_unlisted(all);
  const bool differs = formatted && *formatted != *text;
  if (check && differs)
    diagnostics.error({first_difference(*text, *formatted), 1}, "not-formatted", "the layout differs from here on",
                      "run `treelinec fmt` on it");
  report.diagnostics(diagnostics, *text);
  if (!formatted) return kNo;
  if (check) return differs ? kNo : kYes;
  if (path != "-" && !differs) return kYes;
  // With the old one's mode, where that can be had.
  if (Result<void> written = files::write_file(path, *formatted); !written) return written.error();
  if (path != "-" && !none) std::filesystem::permissions(path, status.permissions(), none);
  if (path != "-") report.print(text::printable(path, 4096) + ": formatted\n");
  return kYes;
}

}  // namespace

int format(const FormatOptions& options) {
  Report report("fmt", options.output);
  int exit = kYes;
  for (const std::string& path : options.files) {
    if (is_json(path))
      return report.usage(Error{text::quoted(path, 4096) + " is JSON, and fmt writes YAML; a formatter of JSON does"});
    if (path == "-" && !options.check && report.document())
      return report.usage(Error{"the profile and the document both go to standard output; name a file"});
  }
  for (const std::string& path : options.files) {
    const Result<int> one = format_one(path, options.check, report);
    if (one) {
      if (exit == kYes) exit = *one;
      continue;
    }
    if (options.files.size() == 1) return report.failed(one.error());
    Diagnostics unreadable(path);
    unreadable.error({}, "unreadable", one.error().message);
    report.diagnostics(unreadable, "");
    exit = kFailed;
  }
  return report.finish(exit);
}

}  // namespace treeline::cli
