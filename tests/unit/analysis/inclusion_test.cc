// SPDX-License-Identifier: Apache-2.0
//
// Policy: two sets of random patterns over {a, b, /}. Act: every path up to a length. Outcome: the product names exactly the combinations that
// the enumeration finds, with texts that are in them.
#include "policy-compiler/passes/inclusion.h"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>

#include "policy-compiler/passes/match.h"

namespace treeline::passes {
namespace {

uint32_t next(std::mt19937& random) { return static_cast<uint32_t>(random()); }

std::string random_pattern(std::mt19937& random) {
  static constexpr const char* kParts[] = {"a", "b", "*", "?", "[ab]", "[!a]", "{a,bb}", "ab", "a*", "*b", "{,a}b", "{a,b*}"};
  std::string out;
  const uint32_t depth = 1 + next(random) % 3;
  for (uint32_t i = 0; i < depth; ++i) {
    if (next(random) % 5 == 0) {
      out += "/**";
      continue;
    }
    out += "/";
    for (uint32_t n = 1 + next(random) % 2; n > 0; --n) out += kParts[next(random) % std::size(kParts)];
  }
  return out;
}

struct Side {
  std::vector<Pattern> patterns;
  Dfa dfa;
};

Side side(std::mt19937& random) {
  Side side;
  Nfa nfa;
  for (uint32_t n = 1 + next(random) % 4; n > 0; --n) {
    std::vector<PatternError> errors;
    std::optional<Pattern> pattern = parse_pattern(random_pattern(random), errors);
    if (!pattern) continue;
    EXPECT_TRUE(nfa.add(*pattern, static_cast<uint32_t>(side.patterns.size())));
    side.patterns.push_back(std::move(*pattern));
  }
  EXPECT_TRUE(nfa.finish());
  DeterminiseResult made = determinise(nfa, {});
  EXPECT_TRUE(made.dfa);
  side.dfa = std::move(*made.dfa);
  return side;
}

std::vector<uint32_t> matching(const Side& side, const std::string& path) {
  std::vector<uint32_t> numbers;
  for (uint32_t i = 0; i < side.patterns.size(); ++i)
    if (matches(side.patterns[i], path)) numbers.push_back(i);
  return numbers;
}

// All paths of up to `length` bytes over {a, b, /} that a walk can produce.
std::vector<std::string> paths_up_to(size_t length) {
  std::vector<std::string> all = {"/"}, last = {"/a", "/b"};
  for (size_t n = 2; n <= length; ++n) {
    all.insert(all.end(), last.begin(), last.end());
    std::vector<std::string> next;
    for (const std::string& path : last) {
      next.push_back(path + "a");
      next.push_back(path + "b");
      if (n + 2 <= length) {
        next.push_back(path + "/a");  // two bytes: counted by the filter below
        next.push_back(path + "/b");
      }
    }
    last = std::move(next);
  }
  return all;
}

using Sets = std::pair<std::vector<uint32_t>, std::vector<uint32_t>>;

TEST(Inclusion, RandomPatternsAgainstEnumerationEqualCombinations) {
  const std::vector<std::string> paths = paths_up_to(6);
  std::mt19937 random(5);
  size_t combinations = 0;
  for (int round = 0; round < 80; ++round) {
    const Side a = side(random), b = side(random);
    const Dfa* two[] = {&a.dfa, &b.dfa};
    const Meetings found = meetings(two, 2);
    ASSERT_TRUE(found.complete);
    std::set<Sets> by_product;
    for (const Meeting& m : found.list) {
      const Sets sets = {a.dfa.sets[m.labels[0]], b.dfa.sets[m.labels[1]]};
      EXPECT_TRUE(by_product.insert(sets).second) << "listed twice";
      // The witness is one, by the slow matcher.
      EXPECT_EQ(matching(a, m.text), sets.first) << m.text;
      EXPECT_EQ(matching(b, m.text), sets.second) << m.text;
    }
    std::set<Sets> by_enumeration;
    for (const std::string& path : paths) {
      Sets sets = {matching(a, path), matching(b, path)};
      if (!sets.first.empty() || !sets.second.empty()) by_enumeration.insert(std::move(sets));
    }
    // What needs another byte than a and b, or a longer path, is only in the product.
    EXPECT_TRUE(std::includes(by_product.begin(), by_product.end(), by_enumeration.begin(), by_enumeration.end()));
    for (const Meeting& m : found.list) {
      const bool small = m.text.size() <= 6 && m.text.find_first_not_of("ab/") == std::string::npos;
      const Sets sets = {a.dfa.sets[m.labels[0]], b.dfa.sets[m.labels[1]]};
      if (small) {
        EXPECT_EQ(by_enumeration.count(sets), 1u) << m.text;
      }
    }
    combinations += found.list.size();
  }
  EXPECT_GT(combinations, 200u);
}

TEST(Inclusion, WitnessesAreShortest) {
  std::vector<PatternError> errors;
  Nfa a, b;
  ASSERT_TRUE(a.add(*parse_pattern("/etc/*", errors), 0) && a.finish());
  ASSERT_TRUE(b.add(*parse_pattern("/etc/x?", errors), 0) && b.finish());
  const Dfa first = *determinise(a, {}).dfa, second = *determinise(b, {}).dfa;
  const Dfa* two[] = {&first, &second};
  std::map<std::pair<bool, bool>, std::string> texts;
  for (const Meeting& m : meetings(two, 2).list) texts[{m.labels[0] != 0, m.labels[1] != 0}] = m.text;
  EXPECT_EQ(texts.size(), 2u);  // none that is in the second alone: it is included
  EXPECT_EQ((texts[{true, false}].size()), 6u);
  EXPECT_EQ((texts[{true, true}].size()), 7u);
  EXPECT_TRUE(errors.empty());
}

TEST(Inclusion, OnlyTheDecisiveAutomataAreFollowed) {
  std::vector<PatternError> errors;
  Nfa a, b;
  ASSERT_TRUE(a.add(*parse_pattern("/a", errors), 0) && a.finish());
  ASSERT_TRUE(b.add(*parse_pattern("/**", errors), 0) && b.finish());
  const Dfa first = *determinise(a, {}).dfa, second = *determinise(b, {}).dfa;
  const Dfa* two[] = {&first, &second};
  EXPECT_EQ(meetings(two, 1).list.size(), 1u);
  EXPECT_EQ(meetings(two, 2).list.size(), 2u);
}

TEST(Inclusion, OverTheBoundNothingIsConcluded) {
  std::vector<PatternError> errors;
  Nfa a;
  ASSERT_TRUE(a.add(*parse_pattern("/{rand:32}", errors), 0) && a.finish());
  const Dfa dfa = *determinise(a, {}).dfa;
  const Dfa* one[] = {&dfa};
  EXPECT_FALSE(meetings(one, 1, 10).complete);
  EXPECT_TRUE(meetings(one, 1, 100).complete);
}

}  // namespace
}  // namespace treeline::passes
