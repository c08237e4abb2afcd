// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/matrix.h"

#include <algorithm>
#include <map>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/apparmor/lower.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/network/lower.h"
#include "policy-compiler/backends/seccomp/arguments.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "policy-compiler/backends/selinux/lower.h"
#include "policy-compiler/cli/question.h"
#include "policy-compiler/analysis/rule_table.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

using bundle::RuleEntry;

enum class Cell : uint8_t { kNone, kRefused, kPart, kWorkload, kExact };  // kRefused: listed, and not let pass
constexpr std::string_view kCells[] = {"-", "refused", "in part", "workload", "exact"};

// Where each rule stands; one of a group stands there for several nodes.
using Places = std::multimap<Position, const RuleEntry*>;

struct Mechanism {
  std::string name;
  bool emitted = false;          // by `emit`, for whoever applies it
  bool reports = false;          // what it would refuse, and holds nothing
  std::set<Position> not_held = {};
  // What its residuals name:
  bool every = false;  // rule that it holds
  std::set<uint32_t> lines;
  std::set<Position> rules;
  std::set<std::pair<uint32_t, std::string>> lists;  // of a node: row, kind
};

// A list whose items a back end holds alike is named by the first.
bool is_list(const std::string& kind) { return kind == "netlink" || kind == "user" || kind == "syscall"; }

void weaken(Mechanism& mechanism, Position residual, const Places& places) {
  if (residual.line == 0) {
    mechanism.every = true;
    return;
  }
  if (residual.column == 0) mechanism.lines.insert(residual.line);
  // What stands at no rule is of the node or of the whole policy, beside its rules.
  const auto [from, to] = places.equal_range(residual);
  for (auto at = from; at != to; ++at) {
    mechanism.rules.insert(residual);
    if (is_list(at->second->kind)) mechanism.lists.emplace(at->second->row, at->second->kind);
  }
}

template <typename Lowered>
Mechanism emitted(const std::string& name, Lowered lowered, const Places& places, std::vector<bundle::Residual>& residuals) {
  Mechanism mechanism;
  mechanism.name = name;
  mechanism.emitted = true;
  mechanism.not_held = std::move(lowered.not_held);
  for (const auto& residual : lowered.residuals) {
    weaken(mechanism, residual.position, places);
    residuals.push_back({name, residual.message, residual.position.line, residual.position.column});
  }
  return mechanism;
}

// Kinds of rules that a mechanism can hold at all; what it cannot say of one is a residual.
Cell of_kind(const std::string& mechanism, const RuleEntry& rule) {
  const std::string& kind = rule.kind;
  const bool filter_only = kind == "operation" && (rule.pattern == "ldt" || rule.pattern == "seccomp-listener");
  if (mechanism == "bpf") return kind == "syscall" || kind == "digest" || filter_only ? Cell::kNone : Cell::kExact;
  if (mechanism == "seccomp") {
    const bool closes = filter_only || (kind == "operation" && (rule.pattern == "userns" || rule.pattern == "io-uring" ||
                                                                rule.pattern == "userfaultfd"));
    return closes || kind == "syscall" ? Cell::kWorkload : Cell::kNone;
  }
  if (mechanism == "apparmor")
    return kind == "file" || (kind == "exec" && rule.row >= TL_ROW_FIRST) || kind == "net" || kind == "socket" || kind == "netlink" || kind == "capability" ||
                   (kind == "operation" && !filter_only)
               ? Cell::kExact
               : Cell::kNone;
  if (mechanism == "selinux")
    return kind == "file" || kind == "net" || kind == "capability" || kind == "socket" || (kind == "operation" && !filter_only) ? Cell::kWorkload : Cell::kNone;
  return kind == "net" ? Cell::kWorkload : Cell::kNone;  // network policies: pods, not processes
}

// `compile --complain`. A profile's name holds no parenthesis (backends/apparmor/names.h), and flags stand beside it.
bool only_reports(const bundle::Artifact& artifact) {
  return artifact.kind == backends::apparmor::kArtifactKind && artifact.bytes.find(" flags=(complain") != std::string::npos;
}

std::string mechanism_of(const bundle::Artifact& artifact) {
  if (artifact.kind == "bpf-image") return "bpf";
  for (const char* known : {"seccomp", "apparmor", "selinux"})
    if (artifact.kind.rfind(known, 0) == 0) return known;
  return artifact.kind == "network-policy" ? artifact.name.substr(0, artifact.name.find('.')) : "";
}

// Ordered by name, the image first, `targets` last.
std::vector<Mechanism> mechanisms(Loaded& loaded, const std::vector<RuleEntry>& rules, const std::vector<std::string>& targets,
                                  std::vector<bundle::Residual>& residuals) {
  Places places;
  for (const RuleEntry& rule : rules) places.emplace(rule.position, &rule);
  std::map<std::string, Mechanism> found;
  if (loaded.bundle) {
    for (const bundle::Artifact& artifact : loaded.bundle->artifacts)
      if (const std::string name = mechanism_of(artifact); !name.empty()) found[name].reports |= only_reports(artifact);
    for (const bundle::Residual& residual : loaded.bundle->residuals)
      weaken(found[residual.backend], {residual.line, residual.column}, places);
  } else {
    Mechanism& filter = found["seccomp"];  // the closing filter
    for (const backends::seccomp::ClosingResidual& residual : backends::seccomp::closing_residuals(loaded.policy))
      weaken(filter, residual.position, places);
    Mechanism& image = found["bpf"];
    if (const auto lowered = backends::bpf::lower(loaded.policy, *loaded.paths, loaded.diagnostics))
      for (const backends::bpf::Residual& residual : lowered->residuals) weaken(image, residual.position, places);
  }
  std::vector<Mechanism> out;
  for (auto& [name, mechanism] : found) {
    mechanism.name = name;
    out.push_back(std::move(mechanism));
  }
  std::stable_partition(out.begin(), out.end(), [](const Mechanism& m) { return m.name == "bpf"; });
  for (const std::string& target : std::set<std::string>(targets.begin(), targets.end())) {
    if (found.contains(target)) continue;  // the bundle holds one
    if (const auto network = backends::network::find_target(target))
      out.push_back(emitted(target, backends::network::lower(*network, loaded.policy, backends::network::default_options()), places, residuals));
    else
      out.push_back(emitted(target, backends::selinux::lower(loaded.policy), places, residuals));
  }
  return out;
}

Cell cell(const Mechanism& mechanism, const RuleEntry& rule, bool whole_filter, const backends::seccomp::Held& held) {
  const Cell possible = of_kind(mechanism.name, rule);
  if (possible == Cell::kNone || mechanism.reports || mechanism.not_held.contains(rule.position)) return Cell::kNone;
  // The closing filter of every bundle is no list of calls. What the residuals of one say is of all its calls: that it is the workload's.
  if (mechanism.name == "seccomp" && rule.kind == "syscall")
    return !whole_filter ? Cell::kNone : backends::seccomp::may_pass(rule.pattern, held) ? possible : Cell::kRefused;
  const bool weaker = mechanism.every || mechanism.lines.contains(rule.position.line) || mechanism.rules.contains(rule.position) ||
                      mechanism.lists.contains({rule.row, rule.kind});
  return weaker ? std::min(possible, Cell::kPart) : possible;
}

std::string in_column(std::string_view word, size_t width) {
  std::string out(word);
  out.resize(std::max(out.size(), width), ' ');
  return out;
}

}  // namespace

bool is_emitted(std::string_view target) { return target == "selinux" || backends::network::find_target(target).has_value(); }

void show_matrix(Loaded& loaded, const std::vector<std::string>& targets, Report& report) {
  const bool whole_filter = loaded.bundle && std::any_of(loaded.bundle->artifacts.begin(), loaded.bundle->artifacts.end(),
                                                         [](const bundle::Artifact& artifact) {
                                                           return artifact.kind.rfind("seccomp", 0) == 0 && artifact.name != "closing.json";
                                                         });
  std::vector<RuleEntry> rules = analysis::all_rules(loaded.policy);
  std::vector<bundle::Residual> listed;
  if (loaded.bundle) listed = loaded.bundle->residuals;
  const std::vector<Mechanism> columns = mechanisms(loaded, rules, targets, listed);
  for (uint32_t n = 0; n < loaded.policy.nodes.size(); ++n) {
    const ir::Node& node = loaded.policy.nodes[n];
    if (!node.digest.empty()) rules.push_back({passes::row_of_node(n), 0, "digest", "", node.digest, node.position});
  }
  std::stable_sort(rules.begin(), rules.end(), [](const RuleEntry& a, const RuleEntry& b) { return a.row < b.row; });

  const backends::seccomp::Held filtered = backends::seccomp::held_by_any(loaded.policy);
  Json names = Json::array(), of_emit = Json::array(), rows = Json::array();
  std::string header = in_column("line", 6) + "  ";
  for (const Mechanism& mechanism : columns) {
    names.push_back(mechanism.name);
    if (mechanism.emitted) of_emit.push_back(mechanism.name);
    header += in_column(mechanism.name, 13) + " ";
  }
  report.print(report.strong(header + "rule") + "\n");
  uint32_t row = 0;
  size_t weak = 0;
  for (const RuleEntry& rule : rules) {
    if (rule.row != row) report.print("\n" + report.strong(text::printable(row_path(loaded.policy, rule.row), 1u << 20)) + "\n");
    row = rule.row;
    Json cells = Json::object();
    Cell best = Cell::kNone;
    std::string line = in_column(std::to_string(rule.position.line), 6) + "  ";
    for (const Mechanism& mechanism : columns) {
      const Cell held = cell(mechanism, rule, whole_filter, filtered);
      if (!mechanism.emitted) best = std::max(best, held);
      cells[mechanism.name] = kCells[static_cast<size_t>(held)];
      line += in_column(kCells[static_cast<size_t>(held)], 13) + " ";
    }
    weak += best != Cell::kExact;
    report.print(line + rule.kind + " " + text::printable(rule.pattern, 4096) + (rule.words.empty() ? "" : "  " + rule.words) +
                 (best == Cell::kExact     ? ""
                  : best == Cell::kNone    ? "  (not enforced)"
                  : best == Cell::kRefused ? "  (listed, and refused)"
                                           : "  (weaker than written)") + "\n");
    rows.push_back({{"node", row_path(loaded.policy, rule.row)},
                    {"kind", rule.kind},
                    {"words", rule.words},
                    {"pattern", rule.pattern},
                    {"line", rule.position.line},
                    {"column", rule.position.column},
                    {"mechanisms", std::move(cells)},
                    {"exact", best == Cell::kExact}});
  }
  Json residuals = Json::array();
  if (!listed.empty()) report.print("\n" + report.strong("residuals") + "\n");
  for (const bundle::Residual& residual : listed) {
    residuals.push_back({{"backend", residual.backend}, {"message", residual.message}, {"line", residual.line}, {"column", residual.column}});
    report.print(in_column(std::to_string(residual.line), 6) + "  " + residual.backend + ": " + text::printable(residual.message, 4096) + "\n");
  }
  report.print("\n" + std::to_string(rules.size()) + " rules, " + std::to_string(weak) + " not enforced exactly\n");
  report.fields({{"name", loaded.policy.name},
                 {"mechanisms", std::move(names)},
                 {"emitted", std::move(of_emit)},
                 {"rules", std::move(rows)},
                 {"residuals", std::move(residuals)},
                 {"weak", weak}});
}

}  // namespace treeline::cli
