// SPDX-License-Identifier: Apache-2.0
//
// Policy: two sets of random patterns over {a, b, /}. Act: the two joined for some of their ends. Outcome: a third automaton meets the one as it
// meets the two, with the same texts in the same order, and what leads elsewhere is dead.
#include "policy-compiler/passes/joined.h"

#include <gmock/gmock.h>

#include <random>

#include "policy-compiler/passes/inclusion.h"

namespace treeline::passes {
namespace {

uint32_t next(std::mt19937& random) { return static_cast<uint32_t>(random()); }

Dfa automaton(const std::vector<std::string>& patterns) {
  Nfa nfa;
  std::vector<PatternError> errors;
  for (uint32_t n = 0; n < patterns.size(); ++n) {
    const auto pattern = parse_pattern(patterns[n], errors);
    EXPECT_TRUE(pattern && nfa.add(*pattern, n)) << patterns[n];
  }
  EXPECT_TRUE(nfa.finish());
  return *determinise(nfa, {}).dfa;
}

Dfa random_automaton(std::mt19937& random) {
  static constexpr const char* kParts[] = {"/a", "/b", "/*", "/?a", "/[!a]", "/{a,bb}", "/a*", "/*b", "/**"};
  std::vector<std::string> patterns;
  for (uint32_t n = 1 + next(random) % 4; n > 0; --n) {
    std::string text;
    for (uint32_t depth = 1 + next(random) % 3; depth > 0; --depth) text += kParts[next(random) % std::size(kParts)];
    patterns.push_back(std::move(text));
  }
  return automaton(patterns);
}

TEST(Joined, IsMetAsTheTwoAre) {
  std::mt19937 random(7);
  size_t met = 0;
  for (int round = 0; round < 200; ++round) {
    const Dfa first = random_automaton(random), second = random_automaton(random), third = random_automaton(random);
    const Dfa* two[] = {&first, &second};
    Ends ends;
    for (const Meeting& m : meetings(two, 2).list)
      if (next(random) % 2 == 0) ends.emplace(std::pair(m.labels[0], m.labels[1]), static_cast<uint32_t>(ends.size()) + 1);
    std::vector<std::pair<std::array<uint32_t, 2>, std::string>> by_two, by_one;
    const Dfa* three[] = {&first, &second, &third};
    for (const Meeting& m : meetings(three, 2).list)
      if (const auto end = ends.find({m.labels[0], m.labels[1]}); end != ends.end()) by_two.push_back({{end->second, m.labels[2]}, m.text});
    const std::optional<Dfa> both = joined(first, second, ends, 100'000);
    ASSERT_TRUE(both);
    const Dfa* one[] = {&*both, &third};
    for (const Meeting& m : meetings(one, 1).list) by_one.push_back({{m.labels[0], m.labels[1]}, m.text});
    EXPECT_EQ(by_one, by_two);
    met += by_one.size();
  }
  EXPECT_GT(met, 500u);
}

TEST(Joined, WhatLeadsToNoEndIsDead) {
  const Dfa first = automaton({"/same/**", "/old"}), second = automaton({"/same/**", "/new"});
  const Dfa* two[] = {&first, &second};
  Ends ends;
  for (const Meeting& m : meetings(two, 2).list)
    if (m.text == "/old" || m.text == "/new") ends[{m.labels[0], m.labels[1]}] = m.text == "/old" ? 1 : 2;
  ASSERT_EQ(ends.size(), 2u);
  const std::optional<Dfa> both = joined(first, second, ends, 1'000);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->states.size(), 9u) << "dead, the start, '/', 'o' 'l' 'd', 'n' 'e' 'w'";
  EXPECT_EQ(both->states[both->run("/old")].label, 1u);
  EXPECT_EQ(both->run("/same/x"), Dfa::kDead);
  EXPECT_FALSE(joined(first, second, ends, 10)) << "more are reached";
  EXPECT_EQ(joined(first, second, {}, 1'000)->states.size(), 2u);
}

}  // namespace
}  // namespace treeline::passes
