// SPDX-License-Identifier: Apache-2.0
//
// Policy: single patterns. Act: what each meets of the sensitive names. Outcome: the kinds that the product with it finds, each with a name of
// that kind, also where another pattern was asked before that goes on alike; over the bound what was found, and that it is not all.
#include "policy-compiler/analysis/pattern_kinds.h"

#include <gmock/gmock.h>

#include <set>

#include "policy-compiler/passes/inclusion.h"
#include "policy-compiler/passes/match.h"

namespace treeline::analysis {
namespace {

std::set<SensitiveSet> by_product(const passes::Pattern& pattern) {
  passes::Nfa nfa;
  EXPECT_TRUE(nfa.add(pattern, 0) && nfa.finish());
  const passes::Dfa dfa = *passes::determinise(nfa, {}).dfa;
  const passes::Dfa* automata[] = {&dfa, &sensitive_places(), &sensitive_names()};
  std::set<SensitiveSet> kinds;
  for (const passes::Meeting& m : passes::meetings(automata, 1).list) kinds.insert(kinds_of(m.labels[1], m.labels[2]));
  return kinds;
}

TEST(PatternKinds, AreThoseOfTheProduct) {
  PatternKinds kinds(1'000'000, 100'000'000);
  for (const char* text :
       {"/**", "/etc/**", "/srv/a/**", "/srv/b/**", "/home/u/.ssh/**", "/run/**", "/*", "/etc/*", "/srv/*.key", "/opt/*.key", "/srv/x-*-y", "/bin/{sh,true}",
        "/srv/{uuid}/sh", "/etc/shadow", "/srv/plain", "/srv/\\x61", "/proc/{own}/mem", "/proc/{other}/**", "/srv/.ssh/*", "{abstract}//containerd-shim/*", "/a/*/.netrc"}) {
    std::vector<passes::PatternError> errors;
    const auto pattern = passes::parse_pattern(text, errors);
    ASSERT_TRUE(pattern) << text;
    const PatternKinds::Found found = kinds.of(text);
    EXPECT_TRUE(found.complete) << text;
    std::set<SensitiveSet> met;
    for (const PatternKinds::Met& m : found.list) {
      EXPECT_TRUE(met.insert(m.kinds).second) << text;
      const passes::Dfa &places = sensitive_places(), &names = sensitive_names();
      EXPECT_EQ(kinds_of(places.states[places.run(m.text)].label, names.states[names.run(m.text)].label), m.kinds) << text << " at " << m.text;
      EXPECT_TRUE(passes::matches(*pattern, m.text)) << text << " at " << m.text;
    }
    EXPECT_EQ(met, by_product(*pattern)) << text;
  }
}

TEST(PatternKinds, WhatGoesOnAlikeIsLookedAtOnce) {
  uint32_t most = 0;
  {
    const passes::Dfa* automata[] = {&sensitive_places(), &sensitive_names()};
    most = 2 * passes::meetings(automata, 2).combinations;
  }
  PatternKinds kinds(most, most);
  for (int i = 0; i < 5'000; ++i) ASSERT_TRUE(kinds.of("/srv/d" + std::to_string(i) + "/**").complete) << i;
  EXPECT_FALSE(kinds.spent());
}

TEST(PatternKinds, LiteralsCostNothing) {
  PatternKinds kinds(100, 100);
  EXPECT_FALSE(kinds.of("/**").complete);
  EXPECT_TRUE(kinds.spent());
  EXPECT_FALSE(kinds.of("/srv/*").complete);
  const PatternKinds::Found found = kinds.of("/etc/shadow");
  ASSERT_TRUE(found.complete);
  EXPECT_TRUE(holds(either(found.list.at(0).kinds), Sensitive::kSecret));
}

}  // namespace
}  // namespace treeline::analysis
