// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/rule_table.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/matrix.h"
#include "policy-compiler/cli/question.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

Json cost_json(const ir::Policy& policy, uint32_t node) {
  Json json = {{"default", ir::names::cost_text(ir::cost_of_any(policy, node))}};
  for (const ir::names::Entry& kind : ir::names::violation_kinds().entries())
    json[std::string(kind.name)] = ir::names::cost_text(ir::cost_of(policy, node, static_cast<ir::ViolationKind>(kind.value)));
  Json paths = Json::array();
  for (const ir::ViolationCosts* costs : {&policy.nodes[node].violation_costs, &policy.violation_costs})
    for (const ir::ViolationCosts::Path& path : costs->paths)
      paths.push_back({{"pattern", path.path.text}, {"cost", ir::names::cost_text(path.cost)}, {"line", path.path.position.line}});
  json["paths"] = std::move(paths);
  return json;
}

void show_tree(const Loaded& loaded, Report& report) {
  const ir::Policy& policy = loaded.policy;
  report.field("name") = policy.name;
  if (loaded.bundle) report.field("digest") = loaded.bundle->digest;
  report.print(report.strong(policy.name) + (loaded.bundle ? "  bundle sha256:" + loaded.bundle->digest : "") + "\n");
  Json nodes = Json::array();
  for (uint32_t i = 0; i < policy.nodes.size(); ++i) {
    const ir::Node& node = policy.nodes[i];
    const std::string path = ir::canonical_path(policy, i);
    const std::string key = text::hex64(ir::node_key(path));
    Json rules = Json::array();
    std::string body;
    for (const bundle::RuleEntry& line : analysis::rules_of(policy, i)) {
      rules.push_back({{"line", line.position.line},
                       {"column", line.position.column},
                       {"kind", line.kind},
                       {"words", line.words},
                       {"pattern", line.pattern}});
      std::string number = std::to_string(line.position.line);
      number.insert(0, number.size() < 6 ? 6 - number.size() : 0, ' ');
      std::string kind = line.kind;
      kind.resize(std::max<size_t>(kind.size(), 11), ' ');
      body += number + "  " + kind + text::printable(line.pattern, 4096) +
              (line.words.empty() ? "" : "  " + line.words) + "\n";
    }
    nodes.push_back({{"path", path},
                     {"key", key},
                     {"id", node.id},
                     {"line", node.position.line},
                     {"on_violation", ir::names::cost_text(ir::cost_of_any(policy, i))},
                     {"violation_costs", cost_json(policy, i)},
                     {"digest", node.digest},
                     {"any_user", node.users.empty()},
                     {"rules", std::move(rules)}});
    const std::string costs = text::printable(ir::names::violation_text(policy, i), 1u << 20);
    report.print("\n" + report.strong(text::printable(path, 1u << 20)) + (node.id.empty() ? "" : "  id " + node.id) +
                 "  " + key + "  line " + std::to_string(node.position.line) +
                 (costs == "deny" ? "" : "  on violation: " + costs) + (node.users.empty() ? "  any user" : "") + "\n" +
                 body);
  }
  report.field("nodes") = std::move(nodes);
}

Json answer_json(const Answer& answer) {
  Json rules = Json::array();
  for (const passes::RuleReference& rule : answer.rules)
    rules.push_back({{"what", rule.what}, {"line", rule.position.line}, {"column", rule.position.column}});
  Json json = {{"allowed", answer.allowed}, {"node", answer.node},       {"act", answer.act},
               {"object", answer.object},   {"missing", answer.missing}, {"rules", std::move(rules)}};
  if (!answer.next.empty()) json["next"] = answer.next;
  if (!answer.cost.empty()) json["costs"] = answer.cost;
  if (!answer.note.empty()) json["note"] = answer.note;
  return json;
}

// "may read /etc/hosts", "may connect to tcp:10.0.0.1:5432".
std::string act_text(const std::string& act) {
  static constexpr std::pair<std::string_view, std::string_view> kPhrases[] = {
      {"exec", "execute"},           {"interpret", "be interpreted by"},
      {"out", "connect or send to"}, {"in", "accept from"},
      {"listen", "listen on"},       {"capability", "use capability"},
      {"operation", "do operation"}, {"user", "run as user"},
      {"socket", "make socket"},     {"syscall", "make the system call"}};
  for (const auto& [word, phrase] : kPhrases)
    if (word == act) return std::string(phrase);
  std::string text;
  for (const char c : act) text += c == ',' ? std::string(" and ") : std::string(1, c);
  return text;
}

std::string answer_text(const Answer& answer, const std::string& file, Report& report) {
  std::string out = report.strong(answer.allowed ? "yes" : "no") + ": " + text::printable(answer.node, 1u << 20) +
                    (answer.allowed ? " may " : " may not ") + act_text(answer.act) + " " +
                    text::printable(answer.object, 4096);
  if (!answer.next.empty()) out += ", which leads to " + text::printable(answer.next, 1u << 20);
  if (!answer.missing.empty()) out += "; no rule grants " + answer.missing;
  if (!answer.cost.empty() && answer.cost != "deny") out += "; trying costs " + answer.cost;
  if (!answer.note.empty()) out += "; " + answer.note;
  out += "\n";
  for (const passes::RuleReference& rule : answer.rules)
    out += "  " + text::printable(file, 4096) + ":" + std::to_string(rule.position.line) + ":" +
           std::to_string(rule.position.column) + ": " + text::printable(rule.what, 4096) + "\n";
  return out;
}

// Loads what can be asked: a profile with mistakes has no meaning. `exit` is set where it returns nullopt.
std::optional<Loaded> load_right(const std::string& source, Report& report, int& exit) {
  Result<Loaded> loaded = load(source);
  if (!loaded) {
    exit = report.failed(loaded.error());
    return std::nullopt;
  }
  if (!loaded->good()) {
    report.diagnostics(loaded->diagnostics, loaded->text);
    exit = report.finish(kNo);
    return std::nullopt;
  }
  return std::move(*loaded);
}

}  // namespace

int explain(const ExplainOptions& options) {
  Report report("explain", options.json);
  if (!options.question.empty() && options.question.size() != 3)
    return report.usage(Error{"a question is NODE ACT OBJECT; quote a NODE that holds spaces"});
  int exit = kYes;
  std::optional<Loaded> loaded = load_right(options.source, report, exit);
  if (!loaded) return exit;
  if (!options.matrix && !options.targets.empty()) return report.usage(Error{"--as is a column of --matrix; add that, or write the policy out with treelinec emit"});
  if (options.matrix) {
    for (const std::string& target : options.targets)
      if (!is_emitted(target))
        return report.usage(Error{"there is no " + text::quoted(target) + "; --as is one of networkpolicy, cilium, calico, selinux"});
    if (!options.question.empty()) return report.usage(Error{"--matrix is of all rules; ask without it, or leave the question out"});
    show_matrix(*loaded, options.targets, report);
    return report.finish(kYes);
  }
  if (options.question.empty()) {
    show_tree(*loaded, report);
    return report.finish(kYes);
  }
  Result<Answer> answer = ask(loaded->policy, options.question[0], options.question[1], options.question[2]);
  if (!answer) return report.usage(answer.error());
  if (answer->act == "syscall" && loaded->bundle && backends::seccomp::lists_calls(loaded->policy) &&
      loaded->bundle->find(backends::seccomp::kCallsOci) == nullptr && backends::seccomp::closing_errno(loaded->policy, answer->object) == 0)
    answer->note = "yet nothing holds it: the bundle was compiled without the filter of listed calls (--backend bpf,seccomp)";
  report.fields(answer_json(*answer));
  report.print(answer_text(*answer, loaded->diagnostics.file(), report));
  return report.finish(answer->allowed ? kYes : kNo);
}

int evaluate(const ExplainOptions& options) {
  Report report("evaluate", options.json);
  int exit = kYes;
  const std::optional<Loaded> loaded = load_right(options.source, report, exit);
  if (!loaded) return exit;
  const Result<Answer> answer = ask(loaded->policy, options.question[0], options.question[1], options.question[2]);
  if (!answer) return report.usage(answer.error());
  report.fields(answer_json(*answer));
  report.print(answer->allowed ? "allow\n" : "deny\n");
  return report.finish(answer->allowed ? kYes : kNo);
}

}  // namespace treeline::cli
