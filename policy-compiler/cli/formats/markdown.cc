// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/formats/document.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli::formats {
namespace {

constexpr size_t kMostText = 20'000;  // bytes of what the command itself said

// Text as text: nothing in it becomes markup, a link, a mention (an empty comment keeps '@name' from being one) or
// another column.
std::string as_text(std::string_view raw) {
  const std::string text = text::printable(raw, 2000);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    constexpr std::string_view kMeaning = "\\`*_{}[]()#+-!|~$";
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '@')
      out += "@<!-- -->";
    else if (c == ':' && text.compare(i, 3, "://") == 0)
      out += ":<!-- -->";
    else if (c == '.' && i >= 3 && (text.compare(i - 3, 3, "www") == 0 || text.compare(i - 3, 3, "WWW") == 0))
      out += "<!-- -->.";
    else if (kMeaning.find(c) != std::string_view::npos)
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

// Code in a table: a bar would end the cell, a backtick the code.
std::string code(std::string_view raw) {
  const std::string text = text::printable(raw, 4096);
  std::string out;
  for (const char c : text) {
    if (c == '|')
      out += "\\|";
    else
      out += c == '`' ? '\'' : c;
  }
  return "`" + out + "`";
}

std::string fenced(std::string_view text) {
  size_t longest = 2, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  std::string body(text.substr(0, kMostText));
  if (body.size() < text.size()) body = body.substr(0, body.rfind('\n') + 1) + "...\n";
  return fence + "text\n" + body + (body.empty() || body.back() == '\n' ? "" : "\n") + fence + "\n";
}

std::string many(size_t n, const char* what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); }

std::string headline(const Document& document, const Totals& all) {
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
  if (document.error) add("failed");
  if (all.errors != 0) add(many(all.errors, "error"));
  if (all.warnings != 0) add(many(all.warnings, "warning"));
  if (all.failed_cases != 0) add(std::to_string(all.failed_cases) + " of " + many(all.cases, "case") + " failed");
  if (all.accepted != 0) add(std::to_string(all.accepted) + " accepted");
  if (out.empty()) add(document.exit == 0 ? "nothing wrong" : "status " + std::to_string(document.exit));
  return out;
}

std::string row(const Finding& finding) {
  const Diagnostic& d = finding.diagnostic;
  std::string place = d.file;
  if (d.position.line != 0) place += ":" + std::to_string(d.position.line) + ":" + std::to_string(d.position.column);
  const std::string severity(severity_name(d.severity));
  std::string out =
      "| " + (finding.diagnostic.accepted.empty() && d.severity != Severity::kNote ? "**" + severity + "**" : severity);
  out += " | " + (place.empty() ? "" : code(place)) + " | " + as_text(d.message) + " " + code(d.code);
  if (!d.remedy.empty()) out += "<br>" + as_text(d.remedy);
  if (!finding.diagnostic.accepted.empty()) out += "<br>accepted: " + as_text(finding.diagnostic.accepted);
  return out + " |\n";
}

constexpr std::string_view kHead = "| | place | finding |\n|---|---|---|\n";

}  // namespace

std::string to_markdown(const Document& document) {
  const Totals all = totals(document);
  std::string out = "### treelinec " + as_text(document.command) + ": " + headline(document, all) + "\n\n";
  if (document.error) out += as_text(document.error->message) + "\n\n";
  if (!document.text.empty()) out += fenced(document.text) + "\n";

  std::vector<std::string> open, folded;
  for (const Subject& subject : document.subjects) {
    for (const Finding& finding : subject.findings) {
      const bool looked_at = finding.diagnostic.severity == Severity::kNote || !finding.diagnostic.accepted.empty();
      (looked_at ? folded : open).push_back(row(finding));
    }
    for (const Case& one : subject.cases) {
      if (one.outcome != Case::Outcome::kFailed) continue;
      std::string place = one.file;
      if (one.position.line != 0) place += ":" + std::to_string(one.position.line);
      open.push_back("| **failed** | " + code(place) + " | " + as_text(one.name) + "<br>" + as_text(one.message) +
                     " |\n");
    }
  }
  size_t left_out = all.dropped;
  const auto table = [&](const std::vector<std::string>& rows) {
    out += kHead;
    for (const std::string& one : rows) {
      if (out.size() + one.size() > kMostMarkdown - 500)
        ++left_out;
      else
        out += one;
    }
  };
  if (!open.empty()) {
    table(open);
    out += "\n";
  }
  if (!folded.empty()) {
    out += "<details><summary>" + many(folded.size(), "note") + " and accepted findings</summary>\n\n";
    table(folded);
    out += "\n</details>\n";
  }
  if (left_out != 0) out += "\n" + std::to_string(left_out) + " more are not shown.\n";
  return out;
}

}  // namespace treeline::cli::formats
