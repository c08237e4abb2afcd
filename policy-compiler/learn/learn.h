// SPDX-License-Identifier: Apache-2.0
//
// Traces -> the draft of a profile. What was seen, and no more than what the names born at run time demand.
//
//   Diagnostics diagnostics;
//   std::vector<Trace> traces;                                      // of trace.h; which are starts: observed.h
//   std::optional<Learned> learned = learn(std::move(traces), {.name = "nginx"}, diagnostics);
//   if (!learned) ...                                               // diagnostics say why
//   frontend::emit_profile(learned->policy)                         // profile.yaml
//   learned->evidence                                               // profile.evidence.json
//   summary_text(*learned), questions_text(*learned)                // for the terminal
//
// The order of the traces does not matter, nor does one given twice: same traces, same bytes. The draft never holds
// `**`, `*` or `unsafe_...`, and it holds `users` for every node. What learning does not decide is a question; each
// names what happens to it.
//
// Not protected against: an attack that ran while the traces were recorded is in them. Whoever takes the draft reads
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/learn/fold_tree.h"
#include "policy-compiler/learn/guards.h"
#include "policy-compiler/learn/question.h"
#include "policy-compiler/learn/trace.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::learn {

struct Options {
  std::string name;  // of the profile; "": the workload that the traces name
  bool join =
      false;  // processes that joined the container (runc exec, probes) become join nodes; else they are left out
  ImageHolds image;  // image_directory(); absent: only what the traces show being made is born at run time
};

// What the draft permits, beside what was used.
struct Permits {
  struct Pattern {
    std::string node, pattern;
    double log2_names = 0;  // of all names that it matches
    uint64_t used = 0;
  };
  std::vector<Pattern> patterns;  // in the order of the profile
  uint64_t literal_files = 0;
  uint64_t implied_words = 0;  // moves.h
  uint64_t nodes = 0, exec_edges = 0, exec_edges_used = 0;
  uint64_t capabilities = 0, capabilities_used = 0;  // (node, capability) pairs
  uint64_t endpoints = 0, endpoints_used = 0;  // (node, direction, peer, port): a rule for any peer, localhost: one
  uint64_t open_listeners = 0;                 // rules that any peer may reach
  uint64_t calls = 0, calls_used = 0;          // (node, system call) pairs
  TreeFold::Added by_recursion;
};

struct Learned {
  ir::Policy policy;
  std::vector<Question> questions;  // sorted
  Permits permits;
  std::vector<std::string> back_edges;  // what was folded as recursion
  std::string evidence;                 // JSON text
};

// nullopt: an error is in `diagnostics`. Needs one trace with an entry at least; warns of incomplete ones, of ones bound late.
std::optional<Learned> learn(std::vector<Trace> traces, const Options& options, Diagnostics& diagnostics);

std::string summary_text(const Learned& learned);
std::string questions_text(const Learned& learned);

}  // namespace treeline::learn
