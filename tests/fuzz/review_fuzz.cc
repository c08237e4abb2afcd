// SPDX-License-Identifier: Apache-2.0
// links: treeline_cli
//
// `diff`, `merge` and `replay` over a bundle that somebody made up. Parts behind zero bytes: a profile, another one, a trace, then the bundle's policy.img,
// rules.json, closing.json and seccomp.json; an empty part is what the first profile compiles to. The commands' functions return; a bundle is taken only
// where it is what its profile compiles to; a version differs from itself in nothing, and of what is newly allowed the way back is newly denied; a union
// denies nothing that a part of it allows; a filter that was made up is read or refused.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "policy-compiler/analysis/diff.h"
#include "policy-compiler/analysis/grade.h"
#include "policy-compiler/analysis/replay.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/make_bundle.h"
#include "policy-compiler/cli/unite.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/learn/trace.h"
#include "policy-compiler/support/sha256.h"

using namespace treeline;

namespace {

struct Compiled {
  cli::Loaded loaded;
  bundle::Bundle bundle;
  const std::string& file(std::string_view name) const { return bundle.find(name)->bytes; }
  std::string calls() const { return bundle.find(backends::seccomp::kCallsOci) == nullptr ? "" : file(backends::seccomp::kCallsOci); }
};

std::optional<Compiled> compiled(const std::string& text) {
  Compiled out{cli::judge(text, "fuzz.yaml"), {}};
  if (!out.loaded.good()) return std::nullopt;
  cli::CompileOptions options;
  if (backends::seccomp::lists_calls(out.loaded.policy)) options.backends = {"bpf", "seccomp"};
  const Result<cli::Chosen> chosen = cli::choose_backends(options);
  Diagnostics diagnostics;
  auto lowered = backends::bpf::lower(out.loaded.policy, *out.loaded.paths, diagnostics);
  if (!chosen || !lowered) return std::nullopt;
  cli::Beside beside = cli::lower_beside(out.loaded.policy, *chosen, lowered->residuals, false, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  out.bundle = *cli::make_bundle(out.loaded, *chosen, std::move(*lowered), std::move(beside));
  return out;
}

void compare(const cli::Loaded& before, const cli::Loaded& after) {
  const analysis::Version one = {&before.policy, &*before.paths}, two = {&after.policy, &*after.paths};
  const Result<analysis::Diff> same = analysis::compare(one, one);
  if (same && same->worst_allowed()) std::abort();
  const Result<analysis::Diff> there = analysis::compare(one, two), back = analysis::compare(two, one);
  if (there && back && (there->count(analysis::Effect::kAllowed) == 0) != (back->count(analysis::Effect::kDenied) == 0)) std::abort();
}

void load(const Compiled& right, const std::vector<std::string>& parts) {
  bundle::Bundle bundle = right.bundle;
  bool same = true;
  size_t part = 3;
  for (const std::string_view name : {bundle::kImage, bundle::kRules, backends::seccomp::kArtifact, backends::seccomp::kCallsOci}) {
    for (bundle::Artifact& artifact : bundle.artifacts)
      if (artifact.name == name && part < parts.size() && !parts[part].empty()) {
        same = same && artifact.bytes == parts[part];
        artifact.bytes = parts[part];
      }
    ++part;
  }
  bundle::arrange(bundle);
  bundle.digest = sha256_hex(*bundle::encode_manifest(bundle));
  if (cli::load(std::move(bundle), "fuzz").has_value() != same) std::abort();
}

void merge(const cli::Loaded& one, const cli::Loaded& two) {
  cli::Union all;
  for (const cli::Loaded* part : {&one, &two}) {
    Diagnostics diagnostics;
    all.add(part->policy, diagnostics);
    if (diagnostics.has_errors()) return;
  }
  const cli::Loaded united = cli::judge(frontend::emit_profile(all.finish()), "united.yaml");
  if (!united.good()) return;  // what the one may write the other executes
  for (const cli::Loaded* part : {&one, &two}) {
    const Result<analysis::Diff> more = analysis::compare({&part->policy, &*part->paths}, {&united.policy, &*united.paths});
    if (more && more->count(analysis::Effect::kDenied) != 0) std::abort();
  }
}

void replay(const Compiled& right, const std::vector<std::string>& parts) {
  const auto rules = bundle::decode_rules(right.file(bundle::kRules));
  const auto part = [&](size_t n, const std::string& otherwise) { return n < parts.size() && !parts[n].empty() ? parts[n] : otherwise; };
  const auto calls = analysis::CallFilters::read(part(5, right.file(backends::seccomp::kArtifact)), part(6, right.calls()));
  Diagnostics diagnostics("fuzz.jsonl");
  if (const std::optional<learn::Trace> trace = learn::read_trace(parts[2], diagnostics); trace && rules && calls)
    (void)analysis::replay_traces({&right.loaded.policy, &*right.loaded.paths}, right.file(bundle::kImage), *calls, *rules, {*trace});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 6000) return 0;
  std::vector<std::string> parts(1);
  size_t stars = 0;
  for (size_t i = 0; i < size; ++i) {
    stars += data[i] == '*' || data[i] == '{';
    if (data[i] == 0)
      parts.emplace_back();
    else
      parts.back() += static_cast<char>(data[i]);
  }
  if (stars > 40) return 0;  // automata as large as their budget are pattern_fuzz's
  const std::optional<Compiled> right = compiled(parts[0]);
  if (!right) return 0;
  load(*right, parts);
  Diagnostics findings;
  analysis::grade(right->loaded.policy, *right->loaded.paths, findings);
  compare(right->loaded, right->loaded);
  if (parts.size() > 1)
    if (const std::optional<Compiled> other = compiled(parts[1])) {
      compare(right->loaded, other->loaded);
      merge(right->loaded, other->loaded);
    }
  if (parts.size() > 2) replay(*right, parts);
  return 0;
}
