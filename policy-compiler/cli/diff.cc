// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/diff.h"

#include <algorithm>

#include "policy-compiler/analysis/diff_fences.h"
#include "policy-compiler/backends/apparmor/lower.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

using analysis::Change;
using analysis::Diff;
using analysis::Effect;
using analysis::NodeDiff;

// Where --fail-on draws the line; nullopt: no such word.
struct Line {
  bool allowed = false, denied = false, changed = false;
  analysis::Risk least = analysis::Risk::kLow;  // of what is allowed
};
std::optional<Line> line_of(const std::string& word) {
  if (word.empty() || word == "allowed") return Line{.allowed = true};
  if (word == "none") return Line{};
  if (word == "denied") return Line{.denied = true};
  if (word == "any") return Line{.allowed = true, .denied = true, .changed = true};
  const auto risk = analysis::risk_of_name(word);
  if (!risk) return std::nullopt;
  return Line{.allowed = true, .least = *risk};
}

bool crosses(const Change& change, const Line& line) {
  if (change.effect == Effect::kAllowed) return line.allowed && change.risk >= line.least;
  return change.effect == Effect::kDenied ? line.denied : line.changed;
}

bool crosses(const Diff& diff, const Line& line) {
  for (const NodeDiff& node : diff.nodes)
    if (std::any_of(node.changes.begin(), node.changes.end(), [&](const Change& c) { return crosses(c, line); })) return true;
  return false;
}

std::string place(const std::string& file, Position position) {
  return text::printable(file, 4096) + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
}

std::string padded(std::string_view word, size_t width) {
  std::string out(word);
  out.resize(std::max(out.size(), width), ' ');
  return out;
}

// "may read /etc/**, for example /etc/shadow"
std::string change_text(const Change& c) {
  // Of the network as `accept` takes it: "out tcp 10.0.0.0/8 port 80".
  const bool net = c.kind == "net";
  std::string out = padded(c.kind, 11) + " " + (net ? c.words + " " : "") + text::printable(c.what, 4096);
  if (!net && !c.words.empty()) out += "  " + text::printable(c.words, 4096);
  if (!c.whole) out += "  (a part of it)";
  if (!c.example.empty()) out += "  for example " + text::printable(c.example, 4096);
  if (!c.why.empty()) out += "  [" + c.why + "]";
  return out;
}

std::string title(const NodeDiff& node, Report& report) {
  std::string out = report.strong(text::printable(node.node, 1u << 20));
  if (node.state == NodeDiff::State::kAdded) out += "  (new node)";
  if (node.state == NodeDiff::State::kRemoved) out += "  (node removed)";
  if (node.state == NodeDiff::State::kMoved)
    out += "  (moved" + (node.old_node.empty() ? "" : " from " + text::printable(node.old_node, 1u << 20)) + ")";
  if (node.state == NodeDiff::State::kKept && !node.old_node.empty())
    out += "  (was " + text::printable(node.old_node, 1u << 20) + ")";
  return out;
}

void print(const Diff& diff, const Loaded& before, const Loaded& after, Report& report) {
  for (const NodeDiff& node : diff.nodes) {
    report.print("\n" + title(node, report) + "\n");
    for (const Change& c : node.changes) {
      const std::string& file = (c.effect == Effect::kDenied ? before : after).diagnostics.file();
      const char* sign = c.effect == Effect::kAllowed ? "+" : c.effect == Effect::kDenied ? "-" : "~";
      report.print(std::string("  ") + sign + " " + padded(analysis::risk_name(c.risk), 8) + "  " + change_text(c) +
                   (c.position.line == 0 ? "" : "  " + place(file, c.position)) + "\n");
    }
  }
}

Json json_of(const Diff& diff) {
  Json nodes = Json::array();
  for (const NodeDiff& node : diff.nodes) {
    Json changes = Json::array();
    for (const Change& c : node.changes)
      changes.push_back({{"effect", analysis::effect_name(c.effect)},
                         {"risk", analysis::risk_name(c.risk)},
                         {"kind", c.kind},
                         {"words", c.words},
                         {"what", c.what},
                         {"example", c.example},
                         {"whole", c.whole},
                         {"why", c.why},
                         {"line", c.position.line},
                         {"column", c.position.column}});
    nodes.push_back({{"node", node.node},
                     {"old_node", node.old_node},
                     {"state", analysis::state_name(node.state)},
                     {"line", node.position.line},
                     {"changes", std::move(changes)}});
  }
  return nodes;
}

analysis::Fences fences(const Loaded& loaded) {
  const auto bytes = [&](std::string_view name) {
    const bundle::Artifact* artifact = loaded.bundle->find(name);
    return artifact == nullptr ? std::string_view() : std::string_view(artifact->bytes);
  };
  return {&loaded.policy, bytes(backends::seccomp::kCallsOci), bytes(backends::apparmor::kArtifact)};
}

// What a profile would have beside the image hangs on options of `compile`: only of two bundles is it known.
Result<Diff> compare(const Loaded& before, const Loaded& after) {
  Result<Diff> diff = analysis::compare({&before.policy, &*before.paths}, {&after.policy, &*after.paths});
  if (!diff || !before.bundle || !after.bundle) return diff;
  Result<std::vector<Change>> changes = analysis::compare_fences(fences(before), fences(after));
  if (!changes) return changes.error();
  analysis::add_fences(std::move(*changes), *diff);
  return diff;
}

// The same as findings with a place, for formats that know nothing else.
void tell(const Diff& diff, const Loaded& before, const Loaded& after, Report& report) {
  Diagnostics of_before(before.diagnostics.file()), of_after(after.diagnostics.file());
  for (const NodeDiff& node : diff.nodes) {
    for (const Change& c : node.changes) {
      const bool grave = c.effect == Effect::kAllowed && c.risk >= analysis::Risk::kHigh;
      const std::string code = c.effect == Effect::kAllowed  ? "newly-allowed"
                               : c.effect == Effect::kDenied ? "newly-denied"
                                                             : "response-changed";
      const std::string message = std::string(analysis::risk_name(c.risk)) + ": " + text::quoted(node.node, 4096) + ": " + change_text(c);
      Diagnostics& into = c.effect == Effect::kDenied ? of_before : of_after;
      into.finding(grave ? Severity::kWarning : Severity::kNote, c.position, code, message,
                   grave ? "review it as a right that is given away" : "", analysis::risk_name(c.risk));
    }
  }
  report.diagnostics(of_before, before.text);
  report.diagnostics(of_after, after.text);
}

}  // namespace

int diff(const DiffOptions& options) {
  Report report("diff", options.output);
  const std::optional<Line> line = line_of(options.fail_on);
  if (!line)
    return report.usage(Error{"--fail-on " + text::quoted(options.fail_on) +
                              " is none of: none, allowed, denied, any, low, medium, high, critical"});
  std::vector<Loaded> versions;
  bool good = true;
  for (const std::string& path : {options.before, options.after}) {
    Result<Loaded> loaded = load(path);
    if (!loaded) return report.failed(loaded.error());
    if (!loaded->good()) {
      report.diagnostics(loaded->diagnostics, loaded->text);
      good = false;
    }
    versions.push_back(std::move(*loaded));
  }
  if (!good) return report.finish(kNo);
  const Loaded &before = versions[0], &after = versions[1];
  report.fails_where([&](const Diagnostic& d) {
    const auto risk = analysis::risk_of_name(d.risk);
    Change change;
    change.effect = d.code == "newly-allowed" ? Effect::kAllowed : d.code == "newly-denied" ? Effect::kDenied : Effect::kChanged;
    change.risk = risk.value_or(analysis::Risk::kLow);
    return crosses(change, *line);
  });
  const Result<Diff> diff = compare(before, after);
  if (!diff) {
    Diagnostics nothing(after.diagnostics.file());
    nothing.error({}, "not-compared", diff.error().message);
    if (report.document()) report.diagnostics(nothing, after.text);
    return report.failed(diff.error());
  }

  const size_t allowed = diff->count(Effect::kAllowed), denied = diff->count(Effect::kDenied),
               changed = diff->count(Effect::kChanged);
  const auto worst = diff->worst_allowed();
  const int exit = crosses(*diff, *line) ? kNo : kYes;
  report.fields({{"name", after.policy.name},
                 {"old_name", before.policy.name},
                 {"old", options.before},
                 {"new", options.after},
                 {"same", diff->empty()},
                 {"allowed", allowed},
                 {"denied", denied},
                 {"changed", changed},
                 {"worst", worst ? analysis::risk_name(*worst) : ""},
                 {"nodes", json_of(*diff)}});
  Diagnostics of_both(after.diagnostics.file());
  if (before.policy.name != after.policy.name)
    of_both.note({}, "name-changed", "the policy was named " + text::quoted(before.policy.name) + " and is named " + text::quoted(after.policy.name) + " now",
                 "give it the old name, or take the old policy out of force: the new one does not replace it");
  for (const analysis::Doubt& doubt : diff->doubts)
    of_both.warning(doubt.position, "not-compared", doubt.what + ": what is written otherwise there counts as newly allowed, and as newly denied",
                    "compare versions that are closer to each other, or with fewer wildcards");
  for (const Diagnostic& d : of_both.list()) report.print((d.severity == Severity::kNote ? "note: " : "warning: ") + d.message + "\n");
  if (report.document() && !of_both.list().empty()) report.diagnostics(of_both, after.text);
  if (diff->empty()) {
    report.print(report.strong(after.policy.name) + ": no difference in what is allowed\n");
    return report.finish(exit);
  }
  report.print(report.strong(after.policy.name) + ": " + std::to_string(allowed) + " newly allowed" +
               (worst ? " (worst: " + std::string(analysis::risk_name(*worst)) + ")" : "") + ", " +
               std::to_string(denied) + " newly denied" +
               (changed != 0 ? ", " + std::to_string(changed) + " changed" : "") + "\n");
  print(*diff, before, after, report);
  if (report.document()) tell(*diff, before, after, report);  // in text they stand above already
  return report.finish(exit);
}

}  // namespace treeline::cli
