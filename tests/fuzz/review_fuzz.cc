// SPDX-License-Identifier: Apache-2.0
// links: treeline_cli
//
// `diff` and `replay` over a bundle that somebody made up. Parts behind zero bytes: a profile, another one, a trace, then the bundle's policy.img,
// rules.json and closing.json; an empty part is what the first profile compiles to. The commands' functions return; a bundle is taken only where
// it is what its profile compiles to; a version differs from itself in nothing, and of what is newly allowed the way back is newly denied.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "policy-compiler/analysis/diff.h"
#include "policy-compiler/analysis/grade.h"
#include "policy-compiler/analysis/replay.h"
#include "policy-compiler/analysis/rule_table.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/learn/trace.h"

using namespace treeline;

namespace {

struct Compiled {
  cli::Loaded loaded;
  std::string image, rules, closing;
  bundle::Bundle bundle;
};

std::optional<Compiled> compiled(const std::string& text) {
  Compiled out{cli::judge(text, "fuzz.yaml"), "", "", "", {}};
  if (!out.loaded.good()) return std::nullopt;
  Diagnostics diagnostics;
  const auto lowered = backends::bpf::lower(out.loaded.policy, *out.loaded.paths, diagnostics);
  if (!lowered || diagnostics.has_errors()) return std::nullopt;
  out.image = lowered->image;
  out.rules = *bundle::encode_rules(analysis::all_rules(out.loaded.policy));
  out.closing = backends::seccomp::lower(out.loaded.policy);
  out.bundle.name = out.loaded.policy.name;
  out.bundle.policy = lowered->policy;
  for (const backends::bpf::RowInfo& row : lowered->rows)
    out.bundle.nodes.push_back({row.row, row.key, row.path, out.loaded.policy.nodes[row.node].position.line});
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
  const auto part = [&](size_t n, const std::string& otherwise) { return parts.size() > n && !parts[n].empty() ? parts[n] : otherwise; };
  bundle::Bundle bundle = right.bundle;
  bundle.artifacts.push_back({std::string(bundle::kProfile), "profile", right.loaded.text, 0, ""});
  bundle.artifacts.push_back({std::string(bundle::kImage), "bpf-image", part(3, right.image), 0, ""});
  bundle.artifacts.push_back({std::string(bundle::kRules), "rules", part(4, right.rules), 0, ""});
  bundle.artifacts.push_back({"closing.json", "seccomp", part(5, right.closing), 0, ""});
  const bool same = part(3, right.image) == right.image && part(4, right.rules) == right.rules && part(5, right.closing) == right.closing;
  if (cli::load(std::move(bundle), "fuzz").has_value() != same) std::abort();
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
    if (const std::optional<Compiled> other = compiled(parts[1])) compare(right->loaded, other->loaded);
  if (parts.size() > 2) {
    Diagnostics of_trace("fuzz.jsonl");
    const auto rules = bundle::decode_rules(right->rules);
    const auto calls = analysis::CallFilters::read(right->closing, "");
    if (const std::optional<learn::Trace> trace = learn::read_trace(parts[2], of_trace); trace && rules && calls)
      (void)analysis::replay_traces({&right->loaded.policy, &*right->loaded.paths}, right->image, *calls, *rules, {*trace});
  }
  return 0;
}
