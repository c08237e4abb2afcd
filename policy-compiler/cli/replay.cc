// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/replay.h"

#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/bpf/validate.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/analysis/rule_table.h"
#include "policy-compiler/learn/trace.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

using analysis::DeniedAct;
using analysis::Replay;
using analysis::UnusedRule;
namespace seccomp = backends::seccomp;

struct Compiled {
  std::string image;
  analysis::CallFilters calls;
  std::vector<bundle::RuleEntry> rules;
};

// From the bundle what the enforcer would load, from a profile what would be compiled. Mistakes go to the profile's diagnostics.
Result<std::optional<Compiled>> compiled(Loaded& loaded) {
  Compiled out;
  if (loaded.bundle) {
    const bundle::Artifact* image = loaded.bundle->find(bundle::kImage);
    const bundle::Artifact* rules = loaded.bundle->find(bundle::kRules);
    if (image == nullptr || rules == nullptr)
      return Error{"the bundle holds no " + std::string(image == nullptr ? bundle::kImage : bundle::kRules) +
                   "; compile the profile again"};
    if (Result<void> valid = backends::bpf::validate(image->bytes); !valid) return valid.error();
    Result<std::vector<bundle::RuleEntry>> decoded = bundle::decode_rules(rules->bytes);
    if (!decoded) return decoded.error();
    const auto bytes = [&](std::string_view name) {
      const bundle::Artifact* artifact = loaded.bundle->find(name);
      return artifact == nullptr ? std::string_view() : std::string_view(artifact->bytes);
    };
    Result<analysis::CallFilters> calls = analysis::CallFilters::read(bytes(seccomp::kArtifact), bytes(seccomp::kCallsOci));
    if (!calls) return calls.error();
    out.calls = std::move(*calls);
    out.image = image->bytes;
    out.rules = std::move(*decoded);
    return std::optional<Compiled>(std::move(out));
  }
  // A copy: the judge asks the paths too.
  std::optional<backends::bpf::Lowered> lowered =
      backends::bpf::lower(loaded.policy, *loaded.paths, loaded.diagnostics);
  if (!lowered) return std::optional<Compiled>();
  Result<analysis::CallFilters> calls = analysis::CallFilters::read(seccomp::lower(loaded.policy), "");
  if (!calls) return calls.error();
  out.calls = std::move(*calls);
  out.image = std::move(lowered->image);
  out.rules = analysis::all_rules(loaded.policy);
  return std::optional<Compiled>(std::move(out));
}

// What a trace cannot show: nothing denied in it is not "all allowed".
void say_what_is_missing(const learn::Trace& trace, Diagnostics& diagnostics) {
  if (trace.late)
    diagnostics.warning({}, "trace-late", "it was recorded from a container that ran already: its start is not judged", "record from the start too");
  if (trace.incomplete || trace.losses != 0)
    diagnostics.warning({}, "trace-incomplete",
                        "it is incomplete" + (trace.losses != 0 ? ": " + std::to_string(trace.losses) + " acts were lost" : std::string()) +
                            ", and what it lacks is not judged",
                        "record it again");
  if (trace.nodes.empty())
    diagnostics.warning({}, "trace-nothing", "it holds no program, so that nothing of it is judged", "record a run of the workload");
}

std::string undecided_text(const Replay& replay) {
  std::string names;
  for (const std::string& name : replay.undecided) names += (names.empty() ? "" : ", ") + text::printable(name, 200);
  return "a filter asks for their arguments, which a trace does not hold: " + names;
}

std::string peers_text(const Replay& replay) {
  std::string places;
  for (const auto& [node, port] : replay.unknown_peers)
    places += (places.empty() ? "" : ", ") + text::printable(port, 200) + " of " + text::quoted(node, 4096);
  return "the profile lets only some peers in, and who came in is not in a trace: " + places;
}

// nullopt: mistakes were reported.
Result<std::optional<std::vector<learn::Trace>>> read_traces(const std::vector<std::string>& paths, Report& report) {
  std::vector<learn::Trace> traces;
  bool good = true;
  for (const std::string& path : paths) {
    Diagnostics diagnostics(path);
    Result<std::optional<learn::Trace>> trace = learn::load_trace(diagnostics, learn::kMaxTraceNodes);
    if (!trace) return trace.error();
    if (*trace) say_what_is_missing(**trace, diagnostics);
    report.diagnostics(diagnostics, "");
    if (*trace && !diagnostics.has_errors())
      traces.push_back(std::move(**trace));
    else
      good = false;
  }
  return good ? std::optional(std::move(traces)) : std::nullopt;
}

// A trace says of a system call that it was made.
bool counted(const DeniedAct& act) { return act.act != "syscall"; }

std::string rule_text(const UnusedRule& unused) {
  const bundle::RuleEntry& rule = unused.rule;
  return rule.kind + " " + text::printable(rule.pattern, 4096) +
         (rule.kind == "net" && !rule.words.empty() ? "  " + rule.words : "") +
         (unused.words.empty() ? "" : "  " + unused.words);
}

void print(const Replay& replay, const Loaded& loaded, const ReplayOptions& options, Report& report) {
  const auto many = [](uint64_t n, const char* one, const char* more) { return std::to_string(n) + " " + (n == 1 ? one : more); };
  report.print(report.strong(loaded.policy.name) + ": " + many(replay.acts, "act", "acts") + " of " +
               many(options.traces.size(), "trace", "traces") + " judged, " +
               (!replay.denied.empty() ? many(replay.denied.size(), "would be denied", "would be denied")
                : replay.complete      ? "all allowed"
                                       : "none denied; what the traces lack is unknown") +
               (replay.lost != 0 ? ", " + many(replay.lost, "act", "acts") + " lost" : "") + "\n");
  std::string node;
  for (const DeniedAct& act : replay.denied) {
    if (act.node != node) report.print("\n" + report.strong(text::printable(act.node, 1u << 20)) + "\n");
    node = act.node;
    report.print("  denied  " + act.act + " " + text::printable(act.object, 4096) + "  " +
                 (counted(act) ? many(act.count, "time", "times") + "  " : "") + text::printable(act.trace, 4096) + "\n");
  }
  if (replay.unreached != 0)
    report.print("\n" + many(replay.unreached, "act", "acts") + " of programs that would not have run\n");
  if (!replay.undecided.empty())
    report.print(many(replay.undecided.size(), "system call", "system calls") + " not judged: " + undecided_text(replay) + "\n");
  else if (replay.unjudged != 0)
    report.print(many(replay.unjudged, "system call", "system calls") + " not judged: there is no filter of listed calls\n");
  if (!replay.unknown_peers.empty())
    report.print("peers of " + many(replay.unknown_peers.size(), "served port", "served ports") + " not judged: " + peers_text(replay) + "\n");
  report.print(many(replay.unused.size(), "grant was", "grants were") + " not used" +
               (replay.unused.empty() || options.unused ? "" : "; --unused lists them") + "\n");
  if (!options.unused) return;
  for (const UnusedRule& unused : replay.unused)
    report.print("  " + text::printable(loaded.diagnostics.file(), 4096) + ":" + std::to_string(unused.rule.position.line) + ":" +
                 std::to_string(unused.rule.position.column) + ": " + rule_text(unused) + "\n");
}

void tell(const Replay& replay, const Loaded& loaded, const ReplayOptions& options, Report& report) {
  Json denied = Json::array(), unused = Json::array();
  Diagnostics findings(loaded.diagnostics.file());
  if (!replay.undecided.empty())
    findings.warning({}, "trace-arguments", undecided_text(replay), "try it: with the filter on, these calls work or they do not");
  if (!replay.unknown_peers.empty())
    findings.warning({}, "trace-peers", peers_text(replay), "ask for the peers that have to come in: treelinec explain PROFILE NODE in tcp:ADDRESS:PORT");
  Json peers = Json::array();
  for (const auto& [node, port] : replay.unknown_peers) peers.push_back({{"node", node}, {"port", port}});
  for (const DeniedAct& act : replay.denied) {
    denied.push_back({{"node", act.node},
                      {"act", act.act},
                      {"object", act.object},
                      {"count", act.count},
                      {"trace", act.trace},
                      {"line", act.position.line},
                      {"column", act.position.column}});
    findings.error(act.position, "would-be-denied",
                   text::quoted(act.node, 4096) + " may not " + act.act + " " + text::quoted(act.object, 4096) + ", as it did" +
                       (counted(act) ? " " + std::to_string(act.count) + " time(s)" : ""),
                   "add it to the profile, or find out why the workload did it");
  }
  for (const UnusedRule& entry : replay.unused) {
    const bundle::RuleEntry& rule = entry.rule;
    unused.push_back({{"row", rule.row},
                      {"kind", rule.kind},
                      {"words", rule.kind == "file" ? entry.words : rule.words},
                      {"pattern", rule.pattern},
                      {"line", rule.position.line},
                      {"column", rule.position.column}});
    if (options.unused)
      findings.note(rule.position, "unused-grant", "nothing in the traces needed " + rule_text(entry),
                    "remove it where the traces are known to be complete");
  }
  report.fields({{"name", loaded.policy.name},
                 {"acts", replay.acts},
                 {"unreached", replay.unreached},
                 {"unjudged", replay.unjudged},
                 {"undecided", replay.undecided},
                 {"unknown_peers", std::move(peers)},
                 {"complete", replay.complete},
                 {"lost", replay.lost},
                 {"denied", std::move(denied)},
                 {"unused", std::move(unused)}});
  if (report.document()) report.diagnostics(findings, loaded.text);  // in text they stand there already
}

}  // namespace

int replay(const ReplayOptions& options) {
  Report report("replay", options.output);
  Result<Loaded> loaded = load(options.source);
  if (!loaded) return report.failed(loaded.error());
  if (!loaded->good()) {
    report.diagnostics(loaded->diagnostics, loaded->text);
    return report.finish(kNo);
  }
  const Result<std::optional<Compiled>> image = compiled(*loaded);
  if (!image) return report.failed(image.error());
  if (!*image) {
    report.diagnostics(loaded->diagnostics, loaded->text);
    return report.finish(kNo);
  }
  const auto traces = read_traces(options.traces, report);
  if (!traces) return report.failed(traces.error());
  if (!*traces) return report.finish(kNo);

  const Replay replay =
      analysis::replay_traces({&loaded->policy, &*loaded->paths}, (*image)->image, (*image)->calls, (*image)->rules, **traces);
  tell(replay, *loaded, options, report);
  print(replay, *loaded, options, report);
  return report.finish(replay.denied.empty() && (replay.complete || !options.require_complete) ? kYes : kNo);
}

}  // namespace treeline::cli
