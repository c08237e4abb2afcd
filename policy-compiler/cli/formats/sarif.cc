// SPDX-License-Identifier: Apache-2.0
//
// Sources of facts: the SARIF 2.1.0 standard (OASIS), and what GitHub's code scanning reads of it: security-severity as
// text, partialFingerprints.primaryLocationLineHash, help in Markdown.
#include <cstdlib>
#include <map>
#include <set>

#include "policy-compiler/cli/formats/catalogue.h"
#include "policy-compiler/cli/formats/document.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli::formats {
namespace {

using Ordered = nlohmann::ordered_json;

std::string_view level(Severity severity) { return severity_name(severity); }  // the words are the same

// RFC 3986, 3.3: all bytes of a path but unreserved ones and '/' are escaped. A relative reference whose first name
// holds ':' would read as a scheme; ':' is escaped too.
std::string uri(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<uint8_t>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain)
      out += c;
    else
      out += "%" + text::hex({&byte, 1});
  }
  return out;
}

// Relative to `root` where the file lies below it: a repository's viewer knows no other names.
std::string file_uri(std::string_view file, std::string_view root) {
  while (file.substr(0, 2) == "./") file.remove_prefix(2);
  if (file.empty() || file[0] != '/') return uri(file);
  if (!root.empty() && file.substr(0, root.size()) == root && file.size() > root.size() + 1 && file[root.size()] == '/')
    return uri(file.substr(root.size() + 1));
  return "file://" + uri(file);
}

Ordered location(std::string_view file, Position position, std::string_view root) {
  Ordered physical = {{"artifactLocation", {{"uri", file_uri(file, root)}}}};
  if (position.line != 0) {
    physical["region"] = {{"startLine", position.line}};
    if (position.column != 0) physical["region"]["startColumn"] = position.column;
  }
  return {{"physicalLocation", std::move(physical)}};
}

// GitHub's steps: low below 4.0, medium below 7.0, high below 9.0.
std::string_view grade_of(std::string_view severity) {
  const double number = severity.empty() ? 0 : std::strtod(std::string(severity).c_str(), nullptr);
  return number == 0 ? "" : number < 4 ? "low" : number < 7 ? "medium" : number < 9 ? "high" : "critical";
}
std::string severity_of(std::string_view grade) { return grade == "low" ? "2.0" : grade == "medium" ? "5.0" : grade == "high" ? "8.0" : "9.5"; }

// How grave it is is a property of a rule, not of a result: a finding that is graver or less grave than its code is elsewhere is of a rule of its own
// below it, "newly-allowed/critical" (SARIF 3.5.4, hierarchical strings).
std::string rule_id(const Diagnostic& d) {
  const Entry* entry = find_entry(d.code);
  const bool other = !d.risk.empty() && entry != nullptr && !entry->risk.empty() && grade_of(entry->risk) != d.risk;
  return other ? d.code + "/" + d.risk : d.code;
}

Ordered rule(const std::string& id) {
  const std::string code = id.substr(0, id.find('/'));
  const Entry* entry = find_entry(code);
  const std::string meaning(entry != nullptr ? entry->meaning : "A finding of treelinec.");
  Ordered out = {{"id", id},
                 {"shortDescription", {{"text", id}}},
                 {"fullDescription", {{"text", meaning}}},
                 {"help", {{"text", meaning}, {"markdown", meaning + " See DIAGNOSTICS.md of treelinec."}}},
                 {"helpUri", help_uri(code)},
                 {"defaultConfiguration", {{"level", level(entry != nullptr ? entry->severity : Severity::kError)}}}};
  if (entry != nullptr && !entry->risk.empty())
    out["properties"] = {{"tags", {"security"}}, {"security-severity", id == code ? std::string(entry->risk) : severity_of(id.substr(code.size() + 1))}};
  return out;
}

class Results {
 public:
  Results(const std::set<std::string>& rules, std::string_view root) : root_(root) {
    for (const std::string& id : rules) index_.emplace(id, index_.size());
  }

  void add(const Finding& finding) {
    const Diagnostic& d = finding.diagnostic;
    const std::string id = rule_id(d);
    Ordered result = {{"ruleId", id},
                      {"ruleIndex", index_.at(id)},
                      {"level", level(finding.fails ? Severity::kError : d.severity)},
                      {"message", {{"text", d.remedy.empty() ? d.message : d.message + "; " + d.remedy}}}};
    if (!d.file.empty()) result["locations"] = Ordered::array({location(d.file, d.position, root_)});
    const std::string first = fingerprint(finding, 0);
    const size_t before = seen_[d.file + '\0' + first]++;
    result["partialFingerprints"] = {{"primaryLocationLineHash", fingerprint(finding, before)}};
    if (!finding.diagnostic.accepted.empty())
      result["suppressions"] = Ordered::array({{{"kind", "inSource"}, {"justification", finding.diagnostic.accepted}}});
    if (!d.risk.empty()) result["properties"] = {{"risk", d.risk}};
    list.push_back(std::move(result));
  }

  Ordered list = Ordered::array();

 private:
  std::string_view root_;
  std::map<std::string, size_t> index_, seen_;
};

// A case that failed is a finding of the command.
Finding as_finding(const Case& one, const std::string& command) {
  Finding finding;
  finding.diagnostic.code = command + "-case";
  finding.diagnostic.message = one.name + ": " + one.message;
  finding.diagnostic.file = one.file;
  finding.diagnostic.position = one.position;
  return finding;
}

Ordered invocation(const Document& document, const Totals& all) {
  Ordered out = {{"executionSuccessful", !document.error.has_value()}, {"exitCode", document.exit}};
  Ordered notes = Ordered::array();
  if (document.error) notes.push_back({{"level", "error"}, {"message", {{"text", document.error->message}}}});
  if (all.dropped != 0)
    notes.push_back(
        {{"level", "warning"}, {"message", {{"text", std::to_string(all.dropped) + " more findings are not shown"}}}});
  if (!notes.empty()) out["toolExecutionNotifications"] = std::move(notes);
  return out;
}

}  // namespace

std::string to_sarif(const Document& document, std::string_view root) {
  std::vector<Finding> findings;
  for (const Subject& subject : document.subjects) {
    findings.insert(findings.end(), subject.findings.begin(), subject.findings.end());
    for (const Case& one : subject.cases)
      if (one.outcome == Case::Outcome::kFailed) findings.push_back(as_finding(one, document.command));
  }
  std::set<std::string> ids;
  for (const Finding& finding : findings) ids.insert(rule_id(finding.diagnostic));
  Ordered rules = Ordered::array();
  for (const std::string& id : ids) rules.push_back(rule(id));
  Results results(ids, root);
  for (const Finding& finding : findings) results.add(finding);

  const Ordered driver = {{"name", "treelinec"}, {"version", TREELINE_VERSION}, {"rules", std::move(rules)}};
  // Code scanning keeps the results of each id apart: those of `diff` do not replace those of `check`.
  const Ordered run = {{"tool", {{"driver", driver}}},
                       {"automationDetails", {{"id", "treelinec/" + document.command + "/"}}},
                       {"invocations", Ordered::array({invocation(document, totals(document))})},
                       {"columnKind", "unicodeCodePoints"},
                       {"results", std::move(results.list)}};
  const Ordered log = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                       {"version", "2.1.0"},
                       {"runs", Ordered::array({run})}};
  return log.dump(2, ' ', false, Ordered::error_handler_t::replace) + "\n";
}

}  // namespace treeline::cli::formats
