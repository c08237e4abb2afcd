// SPDX-License-Identifier: Apache-2.0
// The automaton over many patterns: held against the matcher on random patterns and paths, minimal, stable, and
// bounded.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "policy-compiler/passes/dfa.h"
#include "policy-compiler/passes/match.h"

namespace treeline::passes {
namespace {

Pattern read(const std::string& text) {
  std::vector<PatternError> errors;
  std::optional<Pattern> pattern = parse_pattern(text, errors);
  EXPECT_TRUE(pattern.has_value()) << text;
  return pattern.value_or(Pattern());
}

DeterminiseResult build(const std::vector<std::string>& patterns, const Budget& budget = {}) {
  Nfa nfa;
  for (uint32_t i = 0; i < patterns.size(); ++i) EXPECT_TRUE(nfa.add(read(patterns[i]), i));
  EXPECT_TRUE(nfa.finish());
  return determinise(nfa, budget);
}

std::vector<uint32_t> every_set_its_class(const Dfa& dfa) {
  std::vector<uint32_t> classes(dfa.sets.size());
  for (uint32_t i = 0; i < classes.size(); ++i) classes[i] = i;
  return classes;
}

// Small alphabets, so that random patterns and paths meet.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }
  bool one_in(uint32_t n) { return below(n) == 0; }

  std::string item(unsigned depth) {
    switch (below(depth < 2 ? 10 : 8)) {
      case 0:
        return "*";
      case 1:
        return "?";
      case 2:
        return "[ab]";
      case 3:
        return "[!a]";
      case 4:
        return one_in(2) ? "{hex:2}" : "{digits}";
      case 8:
        return "{" + items(depth + 1) + "," + items(depth + 1) + "}";
      case 9:
        return "{," + items(depth + 1) + "}";
      default:
        return std::string(1, "abc01"[below(5)]);
    }
  }
  std::string items(unsigned depth) {
    std::string out;
    for (uint32_t n = 1 + below(3); n > 0; --n) {
      const std::string next = item(depth);
      if (next == "*" && out.ends_with('*')) continue;
      out += next;
    }
    return out;
  }
  std::string pattern() {
    if (one_in(40)) return "/";
    std::string out = one_in(12) ? "{abstract}" : "";
    const bool abstract = !out.empty();
    bool procfs = abstract;
    for (uint32_t n = 1 + below(4); n > 0; --n) {
      if (one_in(5))
        out += "/**";
      else if (!procfs && one_in(10))
        out += "/{own}", procfs = true;
      else if (n == 1 && !abstract && one_in(10))
        out += "/{tmpfile}";
      else
        out += "/" + items(0);
    }
    return out;
  }
  std::string path() {
    if (one_in(40)) return "/";
    std::string out = one_in(12) ? "//abstract" : "";
    for (uint32_t n = 1 + below(4); n > 0; --n) {
      if (one_in(10))
        out += "//own";
      else if (n == 1 && one_in(10))
        out += "//tmpfile";
      else {
        out += "/";
        for (uint32_t m = below(12) == 0 ? 0 : 1 + below(4); m > 0; --m) out += "abc01\xff"[below(6)];
      }
    }
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

TEST(Automaton, AgreesWithTheMatcherOnRandomPatternsAndPaths) {
  const uint64_t seed = 20240607;
  Random random(seed);
  size_t hits = 0, pairs = 0;
  int too_large = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> texts;
    std::vector<Pattern> patterns;
    for (uint32_t n = 1 + random.below(12); n > 0; --n) {
      texts.push_back(random.pattern());
      std::vector<PatternError> errors;
      std::optional<Pattern> pattern = parse_pattern(texts.back(), errors);
      if (!pattern)
        texts.pop_back();  // such as a name that can only be empty
      else
        patterns.push_back(*pattern);
    }
    DeterminiseResult made = build(texts, {.states = 20'000});
    if (!made.dfa) {
      ++too_large;
      continue;
    }
    Dfa merged = *made.dfa;
    merged.sets = made.dfa->sets;
    minimise(merged, every_set_its_class(*made.dfa));
    for (int i = 0; i < 200; ++i) {
      const std::string path = random.path();
      std::vector<uint32_t> expected;
      for (uint32_t p = 0; p < patterns.size(); ++p) {
        if (matches(patterns[p], path)) expected.push_back(p);
      }
      hits += !expected.empty();
      ++pairs;
      EXPECT_EQ(made.dfa->sets[made.dfa->states[made.dfa->run(path)].label], expected)
          << path << " seed " << seed << " round " << round;
      EXPECT_EQ(made.dfa->sets[merged.states[merged.run(path)].label], expected)
          << path << " minimised, round " << round;
      if (HasFailure()) {
        for (const std::string& text : texts) std::cerr << "  " << text << "\n";
        return;
      }
    }
  }
  EXPECT_LT(too_large, 60) << "most random policies have to fit";
  EXPECT_GT(hits * 100, pairs * 15) << "the random paths hardly meet the patterns";
}

// Moore's algorithm, as slow as it is plain: number of classes of equivalent states that can be reached.
size_t smallest(const Dfa& dfa, const std::vector<uint32_t>& class_of_set) {
  std::vector<uint32_t> block(dfa.states.size());
  for (size_t s = 0; s < block.size(); ++s) block[s] = class_of_set[dfa.states[s].label];
  size_t count = std::set<uint32_t>(block.begin(), block.end()).size();
  while (true) {
    std::map<std::vector<uint32_t>, uint32_t> number;
    std::vector<uint32_t> next(block.size());
    for (uint32_t s = 0; s < block.size(); ++s) {
      std::vector<uint32_t> row = {block[s]};
      for (unsigned byte = 1; byte < 256; ++byte) row.push_back(block[dfa.next(s, static_cast<uint8_t>(byte))]);
      next[s] = number.try_emplace(row, static_cast<uint32_t>(number.size())).first->second;
    }
    block = next;
    if (number.size() == count) return count;
    count = number.size();
  }
}

TEST(Automaton, MinimiseGivesTheSmallestAutomatonWithTheSameClasses) {
  Random random(7);
  int compared = 0;
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> texts;
    for (uint32_t n = 1 + random.below(4); n > 0; --n) {
      std::vector<PatternError> errors;
      const std::string text = random.pattern();
      if (parse_pattern(text, errors)) texts.push_back(text);
    }
    if (texts.empty()) continue;
    DeterminiseResult made = build(texts, {.states = 300});
    if (!made.dfa) continue;
    ++compared;
    Dfa dfa = *made.dfa;
    std::vector<uint32_t> classes(dfa.sets.size(), 0);
    for (uint32_t i = 1; i < classes.size(); ++i) classes[i] = 1 + random.below(3);
    const size_t expected = smallest(dfa, classes);
    minimise(dfa, classes);
    EXPECT_EQ(dfa.states.size(), expected) << "round " << round;
  }
  EXPECT_GT(compared, 15);
}

TEST(Automaton, EqualLanguagesGiveEqualAutomata) {
  const auto made = [](const std::vector<std::string>& patterns) {
    Dfa dfa = *build(patterns).dfa;
    std::vector<uint32_t> classes(dfa.sets.size(), 1);
    classes[0] = 0;
    minimise(dfa, classes);
    return dfa;
  };
  const Dfa a = made({"/a/{b,c}", "/x/**", "/y/[a-c]*"});
  const Dfa b = made({"/y/a*", "/y/c*", "/x/*/**", "/a/c", "/x/*", "/y/b*", "/a/b"});
  ASSERT_EQ(a.states.size(), b.states.size());
  EXPECT_EQ(a.bytes, b.bytes);
  EXPECT_EQ(a.nexts, b.nexts);
  for (size_t i = 0; i < a.states.size(); ++i) {
    EXPECT_EQ(a.states[i].otherwise, b.states[i].otherwise);
    EXPECT_EQ(a.states[i].label, b.states[i].label);
  }
}

TEST(Automaton, NoPatternsGiveAnAutomatonThatMatchesNothing) {
  DeterminiseResult made = build({});
  ASSERT_TRUE(made.dfa.has_value());
  EXPECT_EQ(made.dfa->states[made.dfa->run("/a")].label, 0u);
}

TEST(Automaton, WitnessIsAShortestPathAndIsMatched) {
  DeterminiseResult made = build({"/a/**/x*", "/a/[xy]z", "/proc/{own}/maps"});
  const std::vector<std::string> found = witnesses(*made.dfa, std::vector<bool>(made.dfa->sets.size(), true));
  for (uint32_t set = 1; set < found.size(); ++set) {
    ASSERT_FALSE(found[set].empty());
    EXPECT_EQ(made.dfa->states[made.dfa->run(found[set])].label, set) << found[set];
  }
}

TEST(Automaton, WildcardsThatMultiplyHitTheBudgetAndAreNamed) {
  std::vector<std::string> patterns;
  for (char c = 'a'; c <= 'x'; ++c)
    patterns.push_back(std::string("/**/*") + c + "*" + static_cast<char>(c + 1) + "*q" + c + "*");
  patterns.push_back("/etc/passwd");
  const DeterminiseResult made = build(patterns, {.states = 20'000});
  ASSERT_FALSE(made.dfa.has_value());
  EXPECT_FALSE(made.excess.empty());
  EXPECT_GT(made.cost.at(0), 0u);
  EXPECT_TRUE(made.cost.size() <= 24 || made.cost[24] == 0) << "a literal path costs nothing";
}

// All of their wildcards are shared: what is fixed behind them is what multiplies.
TEST(Automaton, PatternsThatBeginWithTheSameWildcardsAreNamedToo) {
  std::vector<std::string> patterns;
  for (char c = 'a'; c <= 'l'; ++c) patterns.push_back(std::string("/**/*") + c + "?" + static_cast<char>(c + 1) + "????" + c + "??????");
  const DeterminiseResult made = build(patterns, {.states = 5'000});
  ASSERT_FALSE(made.dfa.has_value());
  EXPECT_TRUE(std::any_of(made.cost.begin(), made.cost.end(), [](uint32_t cost) { return cost > 0; }));
}

}  // namespace
}  // namespace treeline::passes
