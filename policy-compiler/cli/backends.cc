// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/backends.h"

#include <algorithm>
#include <map>

#include "policy-compiler/analysis/accept.h"
#include "policy-compiler/analysis/rule_table.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

namespace apparmor = backends::apparmor;
namespace bpf = backends::bpf;
namespace seccomp = backends::seccomp;

constexpr std::string_view kFilterCalls = "remove it; --backend bpf,seccomp makes a filter of it, one for the whole workload";
constexpr std::string_view kRemove = "remove the list";
constexpr std::string_view kEmit = "write it out for the cluster: treelinec emit PROFILE --as networkpolicy";
constexpr std::string_view kOperation = "remove it, or give it to every node";
constexpr std::string_view kDigest = "remove it: this version cannot enforce it";

// What stands at a place, as `accept` names it (analysis/accept.h).
class Names {
 public:
  explicit Names(const ir::Policy& policy) {
    for (const bundle::RuleEntry& rule : analysis::all_rules(policy))
      names_.emplace(rule.position, rule.kind == "net" ? rule.words + " " + rule.pattern : rule.kind == "syscall" ? "syscalls" : rule.pattern);
  }

  // `remedy`, and the line with which a person takes it as it is.
  std::string or_accept(ir::Position position, std::string_view remedy) const {
    const auto at = names_.find(position);
    if (at == names_.end()) return std::string(remedy);
    const bool plain = at->second.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos;
    return std::string(remedy) + "; or say in the node that this will do: accept: {residual: {" + (plain ? at->second : text::quoted(at->second, 4096)) + ": why}}";
  }

 private:
  std::map<ir::Position, std::string> names_;
};

// Rules that no chosen back end holds as they are written: a mistake each, unless the profile says that weaker will do.
class Weaker {
 public:
  Weaker(const ir::Policy& policy, const std::string& file) : policy_(policy), names_(policy), found_(file, SIZE_MAX) {}

  void add(ir::Position position, const std::string& message, std::string_view remedy) {
    found_.note(position, "residual", message, names_.or_accept(position, remedy));
  }

  void report(Diagnostics& diagnostics) {
    analysis::apply_accepted_residuals(policy_, found_);
    for (Diagnostic d : found_.list()) {
      if (d.accepted.empty()) d.severity = Severity::kError;
      diagnostics.add(std::move(d));
    }
  }

 private:
  const ir::Policy& policy_;
  Names names_;
  Diagnostics found_;
};

bundle::Artifact artifact(std::string_view name, std::string_view kind, std::string bytes) {
  return {std::string(name), std::string(kind), std::move(bytes), 0, ""};
}

// What the image cannot say, and who else says it.
void report_image(const std::vector<bpf::Residual>& residuals, bool calls_filtered, Weaker& weaker, Diagnostics& diagnostics) {
  for (const bpf::Residual& residual : residuals) {
    if (residual.rule == bpf::Residual::Rule::kDigest)
      diagnostics.error(residual.position, "residual", residual.message, std::string(kDigest));
    else if (residual.rule == bpf::Residual::Rule::kSelector)
      weaker.add(residual.position, residual.message, kEmit);
    else if (!calls_filtered)
      weaker.add(residual.position, residual.message, kFilterCalls);
  }
}

void add_calls(const ir::Policy& policy, const Chosen& chosen, bool strict, Weaker& weaker, Diagnostics& diagnostics, Beside& made) {
  if (!seccomp::lists_calls(policy)) {
    const ir::Position where = policy.nodes.empty() ? ir::Position() : policy.nodes[0].position;
    const std::string message = "no node lists system calls: there is no filter of calls", remedy = "list them, or leave seccomp out of --backend";
    strict ? diagnostics.error(where, "syscalls-missing", message, remedy) : diagnostics.warning(where, "syscalls-missing", message, remedy);
    return;
  }
  std::optional<seccomp::CallFilter> filter = seccomp::lower_calls(policy, {chosen.architectures}, diagnostics);
  if (!filter) return;
  for (const seccomp::CallResidual& residual : filter->residuals) {
    if (!residual.hooks_hold_it)
      weaker.add(residual.position, residual.message, kRemove);
    made.residuals.push_back({"seccomp", residual.message, residual.position.line, residual.position.column});
  }
  made.artifacts.push_back(artifact(seccomp::kCallsOci, seccomp::kCallsOciKind, std::move(filter->oci)));
  made.artifacts.push_back(artifact(seccomp::kCallsBpf, seccomp::kCallsBpfKind, std::move(filter->bpf)));
  made.artifacts.push_back(artifact(seccomp::kCallsPfc, seccomp::kCallsPfcKind, std::move(filter->pfc)));
}

// The image holds exactly what a profile holds wider: its residuals are told in the bundle, and are no warning. Which nodes share a profile is a note.
void add_profiles(const ir::Policy& policy, const apparmor::Options& options, Diagnostics& diagnostics, Beside& made) {
  apparmor::Lowered lowered = apparmor::lower(policy, options);
  for (const apparmor::Merge& merge : lowered.merges)
    diagnostics.note(merge.position, "apparmor-shared", merge.message, "nothing, where the hooks run: they tell the nodes apart");
  for (const apparmor::Residual& residual : lowered.residuals)
    made.residuals.push_back({"apparmor", residual.message, residual.position.line, residual.position.column});
  made.artifacts.push_back(artifact(apparmor::kArtifact, apparmor::kArtifactKind, std::move(lowered.text)));
}

}  // namespace

Result<Chosen> choose_backends(const CompileOptions& options) {
  Chosen chosen;
  const auto named = [&](std::string_view name) {
    return std::find(options.backends.begin(), options.backends.end(), name) != options.backends.end();
  };
  for (const std::string& name : options.backends)
    if (name != "bpf" && name != "seccomp" && name != "apparmor")
      return Error{"there is no back end " + text::quoted(name) + "; there are bpf, seccomp and apparmor"};
  if (!named("bpf"))
    return Error{"a bundle is the image first: name bpf too, e.g. --backend bpf,seccomp"};
  chosen.seccomp = named("seccomp");
  chosen.apparmor = named("apparmor");
  if (!chosen.apparmor && (options.no_new_privs || options.complain))
    return Error{"--no-new-privs and --complain are about AppArmor profiles: add --backend bpf,seccomp,apparmor"};
  chosen.profiles = {options.no_new_privs, options.complain};
  if (!chosen.seccomp && !options.architectures.empty())
    return Error{"--seccomp-arch is about the filter of listed system calls: add --backend bpf,seccomp"};
  if (options.architectures.empty()) chosen.architectures = seccomp::all_architectures();
  for (const std::string& word : options.architectures) {
    const std::optional<seccomp::Architecture> architecture = seccomp::find_architecture(word);
    if (!architecture)
      return Error{text::quoted(word) + " is no architecture of --seccomp-arch; there are x86_64, x86, x32 and aarch64"};
    chosen.architectures.push_back(*architecture);
  }
  std::sort(chosen.architectures.begin(), chosen.architectures.end());
  chosen.architectures.erase(std::unique(chosen.architectures.begin(), chosen.architectures.end()),
                             chosen.architectures.end());
  return chosen;
}

Beside lower_beside(const ir::Policy& policy, const Chosen& chosen, const std::vector<bpf::Residual>& of_image, bool strict,
                    Diagnostics& diagnostics) {
  Beside made;
  Weaker weaker(policy, diagnostics.file());
  report_image(of_image, chosen.seccomp, weaker, diagnostics);
  for (const bpf::Residual& residual : of_image)
    made.residuals.push_back({"bpf", residual.message, residual.position.line, residual.position.column});
  for (const seccomp::ClosingResidual& residual : seccomp::closing_residuals(policy)) {
    weaker.add(residual.position, residual.message, kOperation);
    made.residuals.push_back({"seccomp", residual.message, residual.position.line, residual.position.column});
  }
  made.artifacts.push_back(artifact(seccomp::kArtifact, seccomp::kArtifactKind, seccomp::lower(policy)));
  if (chosen.apparmor && !diagnostics.has_errors()) add_profiles(policy, chosen.profiles, diagnostics, made);
  if (chosen.seccomp) add_calls(policy, chosen, strict, weaker, diagnostics, made);
  weaker.report(diagnostics);
  return made;
}

void note_residuals(const ir::Policy& policy, const std::vector<bpf::Residual>& of_image, Diagnostics& diagnostics) {
  const Names names(policy);
  for (const seccomp::ClosingResidual& residual : seccomp::closing_residuals(policy))
    diagnostics.warning(residual.position, "residual", residual.message, names.or_accept(residual.position, kOperation));
  for (const bpf::Residual& residual : of_image) {
    if (residual.rule == bpf::Residual::Rule::kDigest)
      diagnostics.error(residual.position, "residual", residual.message, std::string(kDigest));
    else
      diagnostics.warning(residual.position, "residual", residual.message,
                          names.or_accept(residual.position, residual.rule == bpf::Residual::Rule::kSelector ? kEmit : kFilterCalls));
  }
}

}  // namespace treeline::cli
