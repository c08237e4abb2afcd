// SPDX-License-Identifier: Apache-2.0
// links: treeline_passes
//
// Patterns, one a line, then an empty line, then paths, one a line. Whatever parses must mean the same to the matcher
// and to the automaton, minimised or not; what does not parse must say why, inside the text.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policy-compiler/passes/dfa.h"
#include "policy-compiler/passes/match.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace treeline::passes;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto line = [&] {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return text;
  };
  std::vector<Pattern> patterns;
  Nfa nfa;
  while (!rest.empty() && patterns.size() < 8) {
    const std::string_view text = line();
    if (text.empty()) break;
    std::vector<PatternError> errors;
    std::optional<Pattern> pattern = parse_pattern(text, errors);
    if (pattern.has_value() != errors.empty()) std::abort();
    for (const PatternError& error : errors) {
      if (error.offset > text.size() || error.message.empty()) std::abort();
    }
    if (!pattern || pattern->reserved_class != 0) continue;
    if (!nfa.add(*pattern, static_cast<uint32_t>(patterns.size()))) return 0;
    patterns.push_back(std::move(*pattern));
  }
  if (!nfa.finish()) return 0;
  DeterminiseResult made =
      determinise(nfa, {.states = 800, .transitions = 100'000, .members = 100'000, .effort = 600'000});
  if (!made.dfa) return 0;
  const std::vector<std::vector<uint32_t>> sets = made.dfa->sets;
  Dfa smallest = *made.dfa;
  std::vector<uint32_t> classes(sets.size());
  for (uint32_t i = 0; i < classes.size(); ++i) classes[i] = i;
  minimise(smallest, classes);
  if (smallest.states.size() > made.dfa->states.size()) std::abort();
  for (int paths = 0; paths < 16 && !rest.empty(); ++paths) {
    const std::string_view path = line();
    if (path.size() > 600 || path.find('\0') != std::string_view::npos) continue;
    std::vector<uint32_t> expected;
    for (uint32_t i = 0; i < patterns.size(); ++i) {
      if (matches(patterns[i], path)) expected.push_back(i);
    }
    if (sets[made.dfa->states[made.dfa->run(path)].label] != expected) std::abort();
    if (sets[smallest.states[smallest.run(path)].label] != expected) std::abort();
  }
  return 0;
}
