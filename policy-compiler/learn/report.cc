// SPDX-License-Identifier: Apache-2.0
//
// What a draft says of itself on a terminal: summary_text and questions_text of learn.h.
#include <cmath>
#include <string>

#include "policy-compiler/learn/learn.h"
#include "policy-compiler/support/text.h"

namespace treeline::learn {
namespace {

std::string plural(uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string one_decimal(double value) {
  const auto tenths = static_cast<long long>(std::llround(value * 10));
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

}  // namespace

std::string summary_text(const Learned& learned) {
  const Permits& p = learned.permits;
  std::string out = "permitted (used):\n";
  out += "  nodes and exec edges  " + std::to_string(p.nodes) + ", " + std::to_string(p.exec_edges) + " (" +
         std::to_string(p.exec_edges_used) + ")\n";
  out += "  files                 " + std::to_string(p.literal_files) + " literal, " +
         plural(p.patterns.size(), "pattern", "patterns") +
         (p.implied_words != 0 ? ", " + plural(p.implied_words, "word", "words") + " for renames" : std::string()) +
         "\n";
  out +=
      "  capabilities          " + std::to_string(p.capabilities) + " (" + std::to_string(p.capabilities_used) + ")\n";
  out += "  peers and ports       " + std::to_string(p.endpoints) + " (" + std::to_string(p.endpoints_used) + "), " +
         plural(p.open_listeners, "listener", "listeners") + " for any peer\n";
  out += "  system calls          " + std::to_string(p.calls) + " (" + std::to_string(p.calls_used) + ")\n";
  if (!p.patterns.empty()) out += "patterns, names they permit as a power of 2 (names used):\n";
  for (const Permits::Pattern& pattern : p.patterns) {
    out += "  2^" + one_decimal(pattern.log2_names) + " (" + std::to_string(pattern.used) + ")  " +
           text::printable(pattern.pattern) + "  " + text::printable(pattern.node) + "\n";
  }
  for (const std::string& edge : learned.back_edges) out += "recursion: " + text::printable(edge, 400) + "\n";
  if (!learned.back_edges.empty()) {
    const TreeFold::Added& added = p.by_recursion;
    out += "  gives to nodes that did not use it: " + plural(added.exec_edges, "exec edge", "exec edges") + ", " +
           plural(added.file_rights, "right on a file", "rights on files") + ", " +
           plural(added.peers, "peer", "peers") + ", " + plural(added.users, "user", "users") + ", " +
           plural(added.calls, "system call", "system calls") + "\n";
  }
  return out;
}

std::string questions_text(const Learned& learned) {
  std::string out;
  for (const Question& question : learned.questions) {
    out += std::string(question_kind_name(question.kind)) + " [" + question.code + "] ";
    if (!question.node.empty()) out += text::printable(question.node, 400) + ": ";
    out += text::printable(question.text, 600) + "\n";
    for (const std::string& example : question.examples) out += "    " + text::printable(example) + "\n";
    if (!question.remedy.empty()) out += "    " + text::printable(question.remedy, 400) + "\n";
  }
  return out;
}

}  // namespace treeline::learn
