// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/formats/document.h"

#include <iterator>

#include "policy-compiler/support/sha256.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli::formats {
namespace {

constexpr std::string_view kNames[] = {"text", "json", "sarif", "junit", "markdown"};

}  // namespace

std::string_view format_name(Format format) { return kNames[static_cast<size_t>(format)]; }

std::optional<Format> find_format(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (kNames[i] == name) return static_cast<Format>(i);
  return std::nullopt;
}

Totals totals(const Document& document) {
  Totals all;
  for (const Subject& subject : document.subjects) {
    all.dropped += subject.dropped;
    for (const Finding& finding : subject.findings) {
      const Diagnostic& d = finding.diagnostic;
      ++(!finding.diagnostic.accepted.empty()          ? all.accepted
         : d.severity == Severity::kError   ? all.errors
         : d.severity == Severity::kWarning ? all.warnings
                                            : all.notes);
    }
    for (const Case& one : subject.cases) {
      ++all.cases;
      all.failed_cases += one.outcome == Case::Outcome::kFailed;
    }
  }
  return all;
}

std::string to_json(const Document& document) {
  Json object = document.fields;
  Json list = Json::array();
  size_t dropped = 0;
  for (const Subject& subject : document.subjects) {
    dropped += subject.dropped;
    for (const Finding& finding : subject.findings) {
      const Diagnostic& d = finding.diagnostic;
      list.push_back({{"severity", severity_name(d.severity)},
                      {"code", d.code},
                      {"message", d.message},
                      {"remedy", d.remedy},
                      {"file", text::printable(d.file, 4096)},
                      {"line", d.position.line},
                      {"column", d.position.column}});
      if (!finding.diagnostic.accepted.empty()) list.back()["accepted"] = finding.diagnostic.accepted;
      if (!finding.diagnostic.risk.empty()) list.back()["risk"] = finding.diagnostic.risk;
    }
  }
  object["schema"] = 1;
  object["type"] = document.command;
  object["exit"] = document.exit;
  object["diagnostics"] = std::move(list);
  if (dropped != 0) object["diagnostics_not_shown"] = dropped;
  if (document.error) {
    object["error"] = document.error->message;
    object["errno"] = document.error->code;
  }
  // Names of files may be any bytes; everything else is UTF-8 already.
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string fingerprint(const Finding& finding, size_t before) {
  const Diagnostic& d = finding.diagnostic;
  std::string subject;
  for (const std::string_view word : text::words(finding.line)) subject += " " + std::string(word);
  if (subject.empty()) subject = " " + d.message;
  return sha256_hex(d.code + subject).substr(0, 16) + ":" + std::to_string(before + 1);
}

}  // namespace treeline::cli::formats
