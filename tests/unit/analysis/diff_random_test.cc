// SPDX-License-Identifier: Apache-2.0
//
// Policy: two random versions whose patterns are made of a, b and '/'. Act: every path up to a length, asked of both by evaluate(). Outcome:
// the diff names exactly the (node, word) pairs in which one allows and the other denies.
#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/evaluate.h"
#include "policy-compiler/support/text.h"
#include "tests/unit/analysis/versions.h"

namespace treeline::analysis {
namespace {

uint32_t next(std::mt19937& random) { return static_cast<uint32_t>(random()); }

constexpr ir::AccessSet kWords[] = {TL_READ, TL_WRITE, TL_APPEND, TL_DELETE};

std::string random_pattern(std::mt19937& random) {
  static constexpr const char* kParts[] = {"a", "b", "*", "?", "[ab]", "{a,bb}", "a*", "*b"};
  std::string out;
  for (uint32_t depth = 1 + next(random) % 2; depth > 0; --depth)
    out += next(random) % 6 == 0 ? std::string("/**") : "/" + std::string(kParts[next(random) % std::size(kParts)]) + (next(random) % 2 == 0 ? "" : "a");
  return out;
}

// Two nodes, so that rules of one are not taken for those of the other.
ir::Policy random_policy(std::mt19937& random) {
  ir::Policy policy;
  policy.name = "random";
  policy.nodes.resize(2);
  policy.nodes[0].executable = {"/exec/first", {1, 1}};
  policy.nodes[1].executable = {"/exec/second", {2, 1}};
  policy.nodes[0].children = {1};
  policy.nodes[1].parent = 0;
  policy.entry = {0};
  uint32_t line = 3;
  for (ir::Node& node : policy.nodes) {
    node.users = {{7, {line, 1}}};
    for (uint32_t n = next(random) % 4; n > 0; --n) {
      ir::FileRule rule;
      rule.path = {random_pattern(random), {line++, 1}};
      rule.access = TL_READ;
      if (next(random) % 2 == 0) rule.access = static_cast<ir::AccessSet>(rule.access | kWords[next(random) % std::size(kWords)]);
      rule.unsafe_write_and_execute = true;  // a wildcard may meet the two executables
      if (std::none_of(node.files.begin(), node.files.end(), [&](const ir::FileRule& r) { return r.path.text == rule.path.text; }))
        node.files.push_back(rule);
    }
  }
  return policy;
}

std::vector<std::string> small_paths(size_t length) {
  std::vector<std::string> all;
  std::vector<std::string> names, next = {""};
  for (size_t n = 1; n <= length; ++n) {
    std::vector<std::string> longer;
    for (const std::string& name : next) {
      longer.push_back(name + "a");
      longer.push_back(name + "b");
    }
    names.insert(names.end(), longer.begin(), longer.end());
    next = std::move(longer);
  }
  for (const std::string& a : names) {
    all.push_back("/" + a);
    for (const std::string& b : names)
      if (a.size() + b.size() < length) all.push_back("/" + a + "/" + b);
    if (a.size() == 1)
      for (const char* b : {"/a/a", "/a/b", "/b/aa", "/b/b/a"}) all.push_back("/" + a + b);
  }
  return all;
}

using Facts = std::set<std::tuple<std::string, bool, ir::AccessSet>>;  // node, newly allowed, word

TEST(DiffRandom, TwoVersionsAgainstEnumeration) {
  const std::vector<std::string> paths = small_paths(4);
  std::mt19937 random(17);
  size_t differing = 0, equal = 0;
  for (int round = 0; round < 250; ++round) {
    const ir::Policy first = random_policy(random);
    ir::Policy second = random_policy(random);
    // Often a version that is close to the first.
    if (next(random) % 2 == 0) {
      second = first;
      if (next(random) % 3 != 0 && !second.nodes[0].files.empty()) second.nodes[0].files[0].path.text = random_pattern(random);
      if (next(random) % 3 == 0) std::reverse(second.nodes[1].files.begin(), second.nodes[1].files.end());
    }
    const test::Checked before = test::checked(first), after = test::checked(second);
    const Diff diff = test::compared(before, after);

    passes::Evaluator old_meaning(before.policy), new_meaning(after.policy);
    Facts enumerated;
    for (uint32_t n = 0; n < 2; ++n) {
      const std::string name = ir::canonical_path(first, n);
      for (const std::string& path : paths)
        for (const ir::AccessSet word : kWords) {
          const auto object = passes::Object::at(path);
          const bool was = old_meaning.access(passes::row_of_node(n), object, word).allowed;
          const bool is = new_meaning.access(passes::row_of_node(n), object, word).allowed;
          if (was != is) enumerated.emplace(name, is, word);
        }
    }
    Facts said;
    for (const NodeDiff& node : diff.nodes) {
      EXPECT_EQ(node.state, NodeDiff::State::kKept);
      for (const Change& change : node.changes) {
        EXPECT_EQ(change.kind, "file");
        const bool allowed = change.effect == Effect::kAllowed;
        ir::AccessSet words = 0;
        for (const std::string_view word : text::words(change.words))
          words = static_cast<ir::AccessSet>(words | *ir::names::access_words().find(word));
        for (const ir::AccessSet word : kWords)
          if ((words & word) != 0) said.emplace(node.node, allowed, word);
        // The example is one, by evaluate().
        const std::string example = change.example.empty() ? change.what : change.example;
        const uint32_t row = passes::row_of_node(node.node == ir::canonical_path(first, 0) ? 0 : 1);
        bool differs = false;
        for (const ir::AccessSet word : kWords) {
          if ((words & word) == 0) continue;
          const bool was = old_meaning.access(row, passes::Object::at(example), word).allowed;
          const bool is = new_meaning.access(row, passes::Object::at(example), word).allowed;
          differs = differs || (was != is && is == allowed);
        }
        EXPECT_TRUE(differs) << change.what << " at " << example;
      }
    }
    for (const auto& fact : enumerated) EXPECT_EQ(said.count(fact), 1u) << std::get<0>(fact) << " " << std::get<2>(fact);
    // What is said and not enumerated needs another byte or a longer path; its example was asked above.
    enumerated.empty() && said.empty() ? ++equal : ++differing;
  }
  EXPECT_GT(differing, 100u);
  EXPECT_GT(equal, 10u);
}

TEST(DiffRandom, NothingDiffersFromItself) {
  std::mt19937 random(4);
  for (int round = 0; round < 50; ++round) {
    const test::Checked one = test::checked(random_policy(random));
    EXPECT_TRUE(test::compared(one, one).empty());
  }
}

}  // namespace
}  // namespace treeline::analysis
