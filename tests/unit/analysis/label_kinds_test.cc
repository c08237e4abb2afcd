// SPDX-License-Identifier: Apache-2.0
//
// Policy: patterns that meet each other. Act: what each accept set of their automaton meets of the sensitive names. Outcome: the kinds that the product
// with the whole automaton finds, each with a name that ends there; over the bound that nothing is known.
#include "policy-compiler/analysis/label_kinds.h"

#include <gmock/gmock.h>

#include <set>

#include "policy-compiler/passes/inclusion.h"

namespace treeline::analysis {
namespace {

passes::Dfa automaton(const std::vector<std::string>& texts) {
  passes::Nfa nfa;
  std::vector<passes::PatternError> errors;
  for (uint32_t n = 0; n < texts.size(); ++n) EXPECT_TRUE(nfa.add(*passes::parse_pattern(texts[n], errors), n));
  EXPECT_TRUE(nfa.finish());
  return *passes::determinise(nfa, {}).dfa;
}

TEST(LabelKinds, AreThoseOfTheProduct) {
  const passes::Dfa dfa = automaton({"/srv/a/**", "/srv/b/**", "/srv/b/x*", "/etc/**", "/etc/shadow", "/**/b", "/home/u/.ssh/**", "/home/*/.ssh/id*", "/bin/sh", "/opt/plain", "/*"});
  const passes::Dfa* automata[] = {&dfa, &sensitive_places(), &sensitive_names()};
  std::map<uint32_t, std::set<SensitiveSet>> by_product;
  for (const passes::Meeting& m : passes::meetings(automata, 1).list) by_product[m.labels[0]].insert(kinds_of(m.labels[1], m.labels[2]));
  LabelKinds kinds(dfa, 1'000'000, 100'000'000);
  for (const auto& [label, wanted] : by_product) {
    const PatternKinds::Found found = kinds.of(label);
    EXPECT_TRUE(found.complete);
    std::set<SensitiveSet> met;
    for (const PatternKinds::Met& m : found.list) {
      EXPECT_TRUE(met.insert(m.kinds).second);
      EXPECT_EQ(dfa.states[dfa.run(m.text)].label, label) << m.text;
      const passes::Dfa &places = sensitive_places(), &names = sensitive_names();
      EXPECT_EQ(kinds_of(places.states[places.run(m.text)].label, names.states[names.run(m.text)].label), m.kinds) << m.text;
    }
    EXPECT_EQ(met, wanted);
  }
}

TEST(LabelKinds, WhatGoesOnAlikeIsLookedAtOnce) {
  std::vector<std::string> texts;
  for (int i = 0; i < 2'000; ++i) texts.push_back("/srv/d" + std::to_string(i) + "/**");
  const passes::Dfa dfa = automaton(texts);
  LabelKinds kinds(dfa, 1'000'000, 2'000'000);
  for (uint32_t label = 1; label < dfa.sets.size(); ++label) ASSERT_TRUE(kinds.of(label).complete) << label;
}

TEST(LabelKinds, OverTheBoundNothingIsKnown) {
  const passes::Dfa dfa = automaton({"/**"});
  EXPECT_FALSE(LabelKinds(dfa, 100, 100).of(1).complete);
}

}  // namespace
}  // namespace treeline::analysis
