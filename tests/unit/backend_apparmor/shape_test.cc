// SPDX-License-Identifier: Apache-2.0
// policy -> which nodes share a profile, that each transition leads to one that exists, and what finding them costs.
#include "policy-compiler/backends/apparmor/shape.h"

#include <fnmatch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/apparmor/lower.h"
#include "policy-compiler/backends/apparmor/steps.h"
#include "tests/unit/backend_apparmor/enforcer.h"
#include "tests/unit/backend_apparmor/parser.h"
#include "tests/unit/passes/policy_writer.h"

namespace treeline::backends::apparmor {
namespace {

using test::Writer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

void back_to(Writer& w, uint32_t node, const std::string& exec, uint32_t target) { w.policy.nodes[node].back_edges.push_back({{exec, {++w.line, 1}}, target}); }

std::string unquoted(const std::string& glob) { return glob.substr(1, glob.size() - 2); }

// Under which profile an exec of `path` puts a task that is under `from`; nullptr: it is refused.
const Profile* exec(const Shape& shape, const Profile* from, const std::string& path) {
  std::set<std::string> taken;
  const Profile* next = nullptr;
  for (const auto& [glob, step] : from->steps) {
    if (fnmatch(unquoted(glob).c_str(), path.c_str(), FNM_PATHNAME) != 0) continue;
    taken.insert(step == "cx" ? step + glob : step);
    if (step == "ix") next = from;
    for (const Profile& local : from->local)
      if (step == "cx" && local.attachment == glob) next = &local;
    for (const Profile& profile : shape.profiles)
      if (step == "px -> " + profile.name) next = &profile;
  }
  return taken.size() == 1 ? next : nullptr;  // two different ones would be a conflict, which the parser refuses
}

// Names in transitions that no profile has, and names that two have.
std::vector<std::string> wrong_names(const Shape& shape) {
  std::set<std::string> names;
  std::vector<std::string> wrong;
  for (const Profile& profile : shape.profiles)
    if (!names.insert(profile.name).second) wrong.push_back("twice: " + profile.name);
  const auto look_at = [&](const Profile& profile) {
    for (const auto& [glob, step] : profile.steps)
      if (step.starts_with("px -> ") && !names.contains(step.substr(6))) wrong.push_back(profile.name + " " + glob + " " + step);
  };
  for (const Profile& profile : shape.profiles) {
    look_at(profile);
    for (const Profile& local : profile.local) look_at(local);
  }
  return wrong;
}

// A database's entry point starts two programs by wildcards; that something joins the container merges neither.
TEST(Shape, WildcardsThatNoFileMeetsStayApart) {
  Writer w;
  w.policy.name = "db";
  const uint32_t entry = w.root("/docker-entrypoint.sh");
  w.child(entry, "/usr/lib/postgresql/*/bin/postgres");
  w.child(entry, "/usr/lib/postgresql/*/bin/initdb");
  w.child(entry, "/opt/a/*");
  const uint32_t ready = w.join("/bin/pg_isready");
  w.child(ready, "/opt/b/*");
  w.child(ready, "/opt/a/x/*");
  const Shape shape = make_shape(w.policy, false);
  EXPECT_THAT(shape.shared, ElementsAre(ElementsAre(entry, ready)));
  EXPECT_EQ(shape.profiles.size(), 6u);
}

TEST(Shape, WildcardsThatOneFileMeetsShareAndSayByWhichSteps) {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a"), log = w.child(a, "/opt/*.log"), b = w.join("/bin/b"), x = w.child(b, "/opt/x*"), y = w.child(b, "/opt/y");
  w.policy.nodes[log].id = "log";
  w.policy.nodes[x].id = "x";
  const Shape shape = make_shape(w.policy, false);
  EXPECT_THAT(shape.shared, ElementsAre(ElementsAre(a, b), ElementsAre(log, x))) << "/opt/x.log is both; " << y << " is not among them";
  ASSERT_EQ(shape.merges.size(), 2u);
  EXPECT_THAT(shape.merges[1].message,
              HasSubstr("'log' and 'x', since programs that share a profile themselves start them by '/opt/*.log' and '/opt/x*', and one file"));
  if (!no_parser()) {
    EXPECT_EQ(parsed(lower(w.policy, {}).text), "");
  }
}

// Neither /opt/*.a nor /opt/b* conflicts with the other's profile for AppArmor only if all that overlaps leads to one.
TEST(Shape, StepsThatMeetThroughAThirdOneLeadToOneProfile) {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a"), left = w.child(a, "/opt/a*"), b = w.join("/bin/b"), middle = w.child(b, "/opt/*c"), right = w.child(a, "/opt/b*");
  const Shape shape = make_shape(w.policy, false);
  EXPECT_THAT(shape.shared, ElementsAre(ElementsAre(a, b), ElementsAre(left, middle, right)));
  if (!no_parser()) {
    EXPECT_EQ(parsed(lower(w.policy, {}).text), "");
  }
}

TEST(Shape, TwoStepsToOneNodeAreNoReasonToShare) {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a"), x = w.child(a, "/opt/*"), b = w.join("/bin/b");
  back_to(w, x, "/opt/*", x);
  back_to(w, x, "/opt/x", x);
  EXPECT_THAT(make_shape(w.policy, false).shared, ElementsAre(ElementsAre(a, b)));
}

// A set of nodes that programs lead to, and whose steps can be said, since they meet; and the same set as all that is reached from two nodes whose own steps
// cannot: too many of them need a name.
TEST(Shape, OneSetOfNodesMayBeTwoProfiles) {
  Writer w;
  w.policy.name = "p";
  const uint32_t p = w.root("/bin/p"), c = w.child(p, "/s/c"), d = w.child(w.join("/bin/q"), "/s/*");
  Nodes set = {p, c, d};
  back_to(w, p, "/s/self", p);
  back_to(w, c, "/s/w*", p);
  back_to(w, c, "/bin/t", p);
  back_to(w, d, "/bin/t", d);
  for (unsigned i = 0; i < 13; ++i) {
    const std::string exec = "/s/w" + std::to_string(i);
    set.push_back(w.child(p, exec));
    back_to(w, set.back(), exec, set.back());
  }
  const Shape shape = make_shape(w.policy, false);
  EXPECT_EQ(std::count(shape.shared.begin(), shape.shared.end(), as_set(set)), 2);
  EXPECT_THAT(wrong_names(shape), IsEmpty());
}

TEST(Shape, TooManyStepsThatNeedNamesInTheFirstProfileMakeOneOfAll) {
  Writer w;
  w.policy.name = "p";
  const uint32_t p = w.root("/bin/p");
  w.join("/bin/q");
  back_to(w, w.child(p, "/c0"), "/bin/p", p);
  for (unsigned i = 1; i <= 13; ++i) {
    const std::string exec = "/w" + std::to_string(i) + "/*";
    const uint32_t c = w.child(p, exec);
    back_to(w, c, exec, c);
    back_to(w, c, "/c*", p);
  }
  const Shape shape = make_shape(w.policy, false);
  EXPECT_FALSE(shape.tree);
  EXPECT_THAT(wrong_names(shape), IsEmpty());
}

// A node and what it may start, by slots: no file is meant by patterns of two slots, so the node's own steps are disjoint and those of two nodes may meet.
class RandomPolicy {
 public:
  explicit RandomPolicy(unsigned seed) : random_(seed) {
    writer.policy.name = "r";
    writer.root("/bin/entry");
    if (pick(3) != 0) writer.join("/bin/join");
    const size_t roots = writer.policy.nodes.size(), most = roots + 5 + pick(30), slots = 2 + pick(16);
    for (uint32_t n = 0; n < writer.policy.nodes.size(); ++n)
      for (size_t slot = 0; slot < slots; ++slot) step(n, slot, most);
    for (uint32_t n = 0; n < writer.policy.nodes.size(); ++n) writer.file(n, "/of/" + std::to_string(n), TL_READ);
  }

  Writer writer;

 private:
  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }

  void step(uint32_t node, size_t slot, size_t most) {
    const char* const forms[] = {"/x", "/x", "/x", "/y", "/*", "/?", "/x*", "/**"};
    // A number in /proc cannot be said exactly (glob.h).
    const std::string exec = (pick(60) == 0 ? "/proc/" : "/s") + std::to_string(slot) + forms[pick(std::size(forms))];
    const unsigned what = pick(6);
    if (what < 2 && writer.policy.nodes.size() < most) {
      writer.child(node, exec);
    } else if (what == 2) {
      uint32_t target = node;
      for (unsigned up = pick(4); up > 0 && writer.policy.nodes[target].parent != ir::kNoNode; --up) target = writer.policy.nodes[target].parent;
      back_to(writer, node, exec, target);
    }
  }

  std::mt19937 random_;
};

// Each node, by the programs that lead to it, runs under a profile that holds its rights.
void walk(const ir::Policy& policy, const Shape& shape, unsigned seed) {
  std::mt19937 random(seed);
  for (unsigned times = 0; times < 30; ++times) {
    const std::vector<uint32_t>& roots = policy.join.empty() || random() % 2 == 0 ? policy.entry : policy.join;
    uint32_t node = roots[0];
    const Profile* under = &shape.profiles[0];
    std::string path = policy.nodes[node].executable.text;
    for (unsigned depth = 0;; ++depth) {
      ASSERT_NE(under, nullptr) << "seed " << seed << ": " << path;
      ASSERT_TRUE(under->rights.files.contains("\"/of/" + std::to_string(node) + "\"")) << "seed " << seed << ": " << path;
      std::vector<std::pair<std::string, uint32_t>> next;
      for (const uint32_t child : policy.nodes[node].children) next.emplace_back(policy.nodes[child].executable.text, child);
      for (const ir::Node::BackEdge& edge : policy.nodes[node].back_edges) next.emplace_back(edge.executable.text, edge.target);
      if (next.empty() || depth == 12) break;
      auto [file, target] = next[random() % next.size()];
      for (size_t at; (at = file.find_first_of("*?")) != std::string::npos;) file.replace(at, file.substr(at, 2) == "**" ? 2 : 1, "x");
      under = exec(shape, under, file);
      node = target;
      path += " > " + file;
    }
  }
}

TEST(Shape, EachTransitionLeadsToAProfileThatExistsAndHoldsTheNodesRights) {
  unsigned trees = 0, flat_parts = 0;
  for (unsigned seed = 0; seed < 1000; ++seed) {
    const RandomPolicy random(seed);
    const ir::Policy& policy = random.writer.policy;
    const Shape shape = make_shape(policy, false);
    ASSERT_THAT(wrong_names(shape), IsEmpty()) << "seed " << seed;
    walk(policy, shape, seed);
    if (testing::Test::HasFatalFailure()) return;
    trees += shape.tree;
    for (const Merge& merge : shape.merges) flat_parts += shape.tree && merge.message.find("every exec") != std::string::npos;
    ASSERT_EQ(not_taken(policy, {}), "") << "seed " << seed;
    if (seed < 40 && !no_parser()) {
      ASSERT_EQ(parsed(lower(policy, {}).text), "") << "seed " << seed;
    }
  }
  EXPECT_GT(trees, 300u);
  EXPECT_GT(flat_parts, 30u);
}

// Thousands of programs that each start the shell again: its steps are looked at for the shell, not for each of them.
TEST(Shape, EachSetOfNodesIsLookedAtOnce) {
  Writer w;
  w.policy.name = "p";
  const uint32_t sh = w.root("/bin/sh");
  const unsigned children = 9'999;
  for (unsigned i = 0; i < children; ++i) back_to(w, w.child(sh, "/usr/bin/c" + std::to_string(i)), "/bin/sh", sh);
  const Shape shape = make_shape(w.policy, false);
  EXPECT_TRUE(shape.tree);
  EXPECT_EQ(shape.profiles[0].local.size(), children);
  EXPECT_LT(shape.effort, 10u * children);
}

// Chains that start one program make a state for each step of their common period, 9009, and each would hold all that the roots hold.
TEST(Shape, StatesThatHoldWhatTheRootsHoldAreGivenUpBeforeAnythingIsGathered) {
  Writer w;
  w.policy.name = "p";
  for (unsigned i = 0; i < 1'000; ++i) {
    const uint32_t root = w.root("/bin/r" + std::to_string(i));
    for (unsigned rule = 0; rule < 10; ++rule) w.file(root, "/of/" + std::to_string(i) + "/" + std::to_string(rule), TL_READ);
    back_to(w, w.child(root, "/bin/a"), "/bin/a", root);
  }
  for (const unsigned length : {7u, 9u, 11u, 13u}) {
    const uint32_t first = w.root("/bin/chain" + std::to_string(length));
    uint32_t last = first;
    for (unsigned i = 1; i < length; ++i) last = w.child(last, "/bin/a");
    back_to(w, last, "/bin/a", first);
  }
  const Shape shape = make_shape(w.policy, false);
  EXPECT_FALSE(shape.tree);
  EXPECT_EQ(shape.profiles.size(), 1u);
  EXPECT_LT(shape.effort, 100u * w.policy.nodes.size());
  ASSERT_EQ(shape.merges.size(), 1u);
  EXPECT_THAT(shape.merges[0].message, HasSubstr("more than four times the policy's rules"));
}

}  // namespace
}  // namespace treeline::backends::apparmor
