// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/passes/process_name.h"

#include <algorithm>

namespace treeline::passes {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool only_digits(const ByteSet& set) {
  for (unsigned byte = 1; byte < 256; ++byte)
    if (set.contains(static_cast<uint8_t>(byte)) && !is_digit(static_cast<char>(byte))) return false;
  return true;
}

bool is_link(std::string_view name) { return name == "self" || name == "thread-self"; }

bool begins_with_digit(const Sequence& sequence) {
  if (sequence.empty()) return false;
  const Element& first = sequence[0];
  switch (first.kind) {
    case Element::Kind::kBytes:
      return !first.bytes.empty() && is_digit(first.bytes[0]);
    case Element::Kind::kSet:
      return first.min > 0 && only_digits(first.set);
    case Element::Kind::kAlternatives:
      return std::all_of(first.branches.begin(), first.branches.end(), begins_with_digit);
  }
  return false;
}

bool only_processes(const Sequence& sequence) {
  if (begins_with_digit(sequence)) return true;
  if (sequence.size() != 1) return false;
  const Element& only = sequence[0];
  if (only.kind == Element::Kind::kBytes) return is_link(only.bytes);
  return only.kind == Element::Kind::kAlternatives && std::all_of(only.branches.begin(), only.branches.end(), only_processes);
}

}  // namespace

bool names_process(std::string_view name) { return is_link(name) || (!name.empty() && std::all_of(name.begin(), name.end(), is_digit)); }

bool names_processes_only(const Pattern& pattern) {
  if (pattern.components.size() < 2) return false;
  const Component &top = pattern.components[0], &process = pattern.components[1];
  const bool of_proc = top.kind == Component::Kind::kName && top.name.size() == 1 && top.name[0].kind == Element::Kind::kBytes && top.name[0].bytes == "proc";
  return of_proc && process.kind == Component::Kind::kName && only_processes(process.name);
}

}  // namespace treeline::passes
