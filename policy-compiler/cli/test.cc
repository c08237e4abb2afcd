// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy-compiler/analysis/cases.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/question.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

// web.yaml -> web.cases.yaml; of a bundle or a name without an extension NAME.cases.yaml
std::string cases_beside(const std::string& profile) {
  const size_t dot = profile.rfind('.'), slash = profile.rfind('/');
  const bool extension = dot != std::string::npos && dot != 0 && (slash == std::string::npos || dot > slash + 1);
  return (extension ? profile.substr(0, dot) : profile) + ".cases.yaml";
}

std::string case_text(const analysis::Case& one) {
  return text::printable(one.node, 4096) + " " + text::printable(one.act, 200) + " " + text::printable(one.object, 4096);
}

std::string rules_text(const Answer& answer, const std::string& file) {
  std::string out;
  for (const passes::RuleReference& rule : answer.rules)
    out += (out.empty() ? "" : ", ") + text::printable(file, 4096) + ":" + std::to_string(rule.position.line) + " " +
           text::printable(rule.what, 200);
  return out;
}

// Which of the three words has no meaning.
Position unknown_word(const analysis::Case& one, const ir::Policy& policy) {
  if (!find_node(policy, one.node)) return one.node_position;
  if (!act_known(one.act)) return one.act_position;
  return one.object_position;
}

// A case that failed, as a finding at its place in the cases file; false: it did not.
bool failed(const analysis::Case& one, const Answer& answer, const Loaded& loaded, Diagnostics& findings) {
  if (answer.allowed != one.allow) {
    const std::string why = !answer.note.empty()     ? answer.note
                            : answer.allowed && answer.rules.empty() ? "no rule limits it"
                            : answer.allowed         ? "by " + rules_text(answer, loaded.diagnostics.file())
                            : answer.missing.empty() ? "no rule grants it"
                                                     : "no rule grants " + answer.missing;
    findings.error(one.position, "case-failed",
                   case_text(one) + ": " + (one.allow ? "must be allowed and is denied" : "must be denied and is allowed") + ", " + why,
                   one.allow ? "add the rule, or mend the case" : "narrow that rule, or mend the case");
    return true;
  }
  if (one.next.empty()) return false;
  const Result<uint32_t> row = find_node(loaded.policy, one.next);
  if (!row) {
    findings.error(one.next_position, "case-question", row.error().message);
    return true;
  }
  if (row_path(loaded.policy, *row) == answer.next) return false;
  findings.error(one.position, "case-failed",
                 case_text(one) + ": leads to " + text::quoted(answer.next, 4096) + ", not to " + text::quoted(one.next, 4096),
                 "mend the tree, or the case");
  return true;
}

}  // namespace

int test(const TestOptions& options) {
  Report report("test", options.output);
  Result<Loaded> loaded = load(options.profile);
  if (!loaded) return report.failed(loaded.error());
  if (!loaded->good()) {
    report.diagnostics(loaded->diagnostics, loaded->text);
    return report.finish(kNo);
  }
  const std::string file = options.cases.empty() ? cases_beside(options.profile) : options.cases;
  Result<std::string> text = frontend::load_text(file);
  if (!text) return report.failed(text.error());

  Diagnostics findings(file);
  const std::vector<analysis::Case> cases = analysis::read_cases(*text, findings);
  size_t passed = 0;
  std::vector<Case> good_ones;  // one that failed is a finding
  Json list = Json::array();
  passes::Evaluator evaluator(loaded->policy);
  for (const analysis::Case& one : cases) {
    const Result<Answer> answer = ask(loaded->policy, evaluator, one.node, one.act, one.object);
    bool right = false;
    if (!answer)
      findings.error(unknown_word(one, loaded->policy), "case-question", answer.error().message);
    else
      right = !failed(one, *answer, *loaded, findings);
    passed += right;
    if (right) good_ones.push_back({case_text(one), file, one.position, Case::Outcome::kPassed, ""});
    list.push_back({{"node", one.node},
                    {"act", one.act},
                    {"object", one.object},
                    {"expect", one.allow ? "allow" : "deny"},
                    {"passed", right},
                    {"line", one.position.line}});
  }
  findings.sort();
  report.diagnostics(findings, *text);
  for (Case& one : good_ones) report.judged(std::move(one));
  report.fields({{"name", loaded->policy.name}, {"cases_file", file}, {"cases", std::move(list)}, {"passed", passed}});
  const bool good = !findings.has_errors();
  if (good)
    report.print(report.strong(loaded->policy.name) + ": " + std::to_string(passed) + (passed == 1 ? " case" : " cases") + ", all as expected\n");
  return report.finish(good ? kYes : kNo);
}

}  // namespace treeline::cli
