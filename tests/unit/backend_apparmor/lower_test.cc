// SPDX-License-Identifier: Apache-2.0
// policy -> the text of AppArmor profiles, its residuals, and that apparmor_parser takes it without a warning.
#include "policy-compiler/backends/apparmor/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/apparmor/glob.h"
#include "policy-compiler/ir/names.h"
#include "tests/unit/backend_apparmor/enforcer.h"
#include "tests/unit/backend_apparmor/parser.h"
#include "tests/unit/passes/policy_writer.h"

namespace treeline::backends::apparmor {
namespace {

using test::Writer;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Glob glob_of(const std::string& text) {
  std::vector<passes::PatternError> errors;
  const std::optional<passes::Pattern> pattern = passes::parse_pattern(text, errors);
  EXPECT_TRUE(pattern) << text;
  return pattern ? make_glob(*pattern) : Glob();
}

struct GlobCase {
  const char *pattern, *file, *directory;
  bool exact;
};

TEST(Glob, APatternIsSaidExactlyOrItsResidualSaysWhyNot) {
  const GlobCase cases[] = {
      {"/etc/passwd", R"("/etc/passwd")", R"("/etc/passwd/")", true},
      {"/a/*.log", R"("/a/*.log")", R"("/a/*.log/")", true},
      {"/a/*", R"("/a/?*")", R"("/a/?*/")", true},
      {"/a/**", R"("/a/**[^/]")", R"("/a/**[^/]/")", true},
      {"/a/**/b", R"("/a/{,**/}b")", R"("/a/{,**/}b/")", true},
      {"/**", R"("/**[^/]")", R"("/**[^/]/")", false},  // reaches /proc/N
      {"/a/{b,c}d", R"("/a/{b,c}d")", R"("/a/{b,c}d/")", true},
      {"/a/{hex:2}", R"("/a/[0-9a-f][0-9a-f]")", R"("/a/[0-9a-f][0-9a-f]/")", true},
      {"/a/{digits:3}x", R"("/a/[0-9][0-9][0-9]x")", R"("/a/[0-9][0-9][0-9]x/")", true},
      {"/a/[!b]", R"("/a/[^b/]")", R"("/a/[^b/]/")", true},
      {R"(/a/[\-x])", R"("/a/{-,x}")", R"("/a/{-,x}/")", true},
      {R"(/a/\*\{)", R"("/a/\*\{")", R"("/a/\*\{/")", true},
      {R"(/a/\x0a)", R"("/a/\012")", R"("/a/\012/")", true},
      {R"(/a/x\\)", R"("/a/x\134")", R"("/a/x\134/")", true},
      {R"(/a/[\\q]b)", R"("/a/{\134,q}b")", R"("/a/{\134,q}b/")", true},
      {"/w/[=]z", R"("/w/=z")", R"("/w/=z/")", true},
      {R"(/w/[\*]z)", R"("/w/\*z")", R"("/w/\*z/")", true},
      {"/a b#c", R"("/a b#c")", R"("/a b#c/")", true},
      {"/proc/{own}/fd", R"("/proc/[0-9]*/fd")", R"("/proc/[0-9]*/fd/")", false},
      {"/proc/*/fd", R"("/proc/?*/fd")", R"("/proc/?*/fd/")", false},
      {"/proc/{digits:5}/environ", R"("/proc/[0-9][0-9][0-9][0-9][0-9]/environ")", R"("/proc/[0-9][0-9][0-9][0-9][0-9]/environ/")", false},
      {"/proc/7/mem", R"("/proc/7/mem")", R"("/proc/7/mem/")", false},
      {"/proc/{a,{1,b}9}/mem", R"("/proc/{a,{1,b}9}/mem")", R"("/proc/{a,{1,b}9}/mem/")", false},
      {"/proc/{a,b}9/mem", R"("/proc/{a,b}9/mem")", R"("/proc/{a,b}9/mem/")", true},
      {"/proc/sys/**", R"("/proc/sys/**[^/]")", R"("/proc/sys/**[^/]/")", true},
      {"/tmp/{tmpfile}", R"("/tmp/#[0-9]*")", R"("/tmp/#[0-9]*/")", false},
      {"/t/**/{tmpfile}", R"("/t/{,**/}#[0-9]*")", R"("/t/{,**/}#[0-9]*/")", false},
      {"/a/**/**/b", R"("/a/{,**/}b")", R"("/a/{,**/}b/")", true},
      {"{pipe}", "", "", false},
      {"{abstract}/bus", "", "", false},
  };
  for (const GlobCase& c : cases) {
    const Glob glob = glob_of(c.pattern);
    EXPECT_EQ(glob.file, c.file) << c.pattern;
    EXPECT_EQ(glob.directory, c.directory) << c.pattern;
    EXPECT_EQ(glob.why.empty(), c.exact) << c.pattern << ": " << glob.why;
  }
}

// What the parser makes of a glob, by its automaton: the bytes of the one path that it takes.
TEST(Glob, ABackslashIsOneByteOfThePathForTheParser) {
  if (no_parser()) GTEST_SKIP() << "no apparmor_parser with abi/3.0 here: apt-get install apparmor";
  const std::string name = testing::TempDir() + "apparmor-backslash";
  for (const char* pattern : {R"(/a/x\\)", R"(/a/x\\5)"}) {
    std::ofstream(name) << "abi <abi/3.0>,\nprofile p {\n  " << glob_of(pattern).file << " r,\n}\n";
    FILE* pipe = popen((std::string(kParser) + " -Q -K -M " + kAbi + " -D dfa-states " + name + " 2>&1").c_str(), "r");
    std::string said;
    char buffer[512];
    while (pipe != nullptr && std::fgets(buffer, sizeof buffer, pipe) != nullptr) said += buffer;
    EXPECT_EQ(pipe == nullptr ? -1 : pclose(pipe), 0) << said;
    size_t backslashes = 0;
    for (size_t at = 0; (at = said.find("\\ 0x5c ->", at)) != std::string::npos; ++at) ++backslashes;
    EXPECT_EQ(backslashes, 1u) << pattern << ": " << said;
  }
  unlink(name.c_str());
}

TEST(AppArmor, ATreeHasAProfileForEachNodeAndNamedTransitions) {
  Writer w;
  const uint32_t a = w.root("/entrypoint.sh"), b = w.child(a, "/usr/sbin/web"), c = w.child(b, "/bin/log");
  w.policy.name = "shop";
  w.policy.nodes[a].interpreter = {"/bin/sh", {1, 1}};
  w.policy.nodes[a].id = "start";
  w.policy.nodes[b].id = "web";
  w.policy.nodes[c].id = "log";
  w.policy.nodes[c].back_edges.push_back({{"/usr/sbin/web", {9, 1}}, b});
  w.file(b, "/etc/web/**", TL_READ | TL_LIST);
  const Lowered lowered = lower(w.policy, {});
  EXPECT_TRUE(lowered.tree);
  EXPECT_EQ(lowered.entry, "treeline.shop.start");
  EXPECT_EQ(lowered.profiles, 3u);
  EXPECT_THAT(lowered.text, StartsWith("abi <abi/3.0>,\n\nprofile treeline.shop.start {\n"));
  EXPECT_THAT(lowered.text, HasSubstr("\"/usr/sbin/web\" px -> treeline.shop.web,\n"));
  EXPECT_THAT(lowered.text, HasSubstr("profile treeline.shop.log {\n  \"/bin/log\" rmk,\n  \"/usr/sbin/web\" px -> treeline.shop.web,\n"));
  EXPECT_THAT(lowered.text, HasSubstr("\"/etc/web/**\" rk,\n"));
  EXPECT_THAT(lowered.text, HasSubstr("\"/bin/sh\" rmk,\n"));
  EXPECT_THAT(lowered.text, Not(HasSubstr("include")));
}

TEST(AppArmor, ANodeWithoutAnIdIsNamedByItsProgramAndItsKey) {
  Writer w;
  w.policy.name = "p";
  w.root("/bin/a b");
  EXPECT_THAT(lower(w.policy, {}).entry, testing::MatchesRegex("treeline\\.p\\.a_b-[0-9a-f]{16}"));
}

TEST(AppArmor, ANodeOfOnePolicyIsNotNamedLikeAnotherPolicy) {
  Writer shop, other;
  shop.policy.name = "shop";
  shop.policy.nodes[shop.root("/bin/a")].id = "a";
  other.policy.name = "shop.a";
  other.root("/bin/a");
  EXPECT_EQ(lower(shop.policy, {}).entry, "treeline.shop.a");
  EXPECT_EQ(lower(other.policy, {.no_new_privs = true}).entry, "treeline.shop..a");
}

TEST(AppArmor, UnderNoNewPrivsThereIsOneProfileThatEveryExecStaysIn) {
  Writer w;
  w.policy.name = "p";
  w.file(w.child(w.child(w.root("/bin/a"), "/bin/b"), "/bin/c"), "/x", TL_READ);
  const Lowered lowered = lower(w.policy, {.no_new_privs = true});
  EXPECT_FALSE(lowered.tree);
  EXPECT_EQ(lowered.entry, "treeline.p");
  EXPECT_EQ(lowered.profiles, 1u);
  EXPECT_THAT(lowered.text, HasSubstr("\"/bin/b\" ix,\n"));
  EXPECT_THAT(lowered.text, Not(HasSubstr("px")));
  EXPECT_THAT(lowered.residuals, Contains(AllOf(Field(&Residual::position, Field(&Position::line, 0u)),
                                                Field(&Residual::message, HasSubstr("under no_new_privs")))))
      << "of every rule";
}

TEST(AppArmor, AccessWordsBecomeLettersAndWhatIsWiderIsAResidual) {
  struct Case {
    ir::AccessSet access;
    const char *file, *directory;
    bool exact;
  } const cases[] = {
      {TL_READ, "rk", "", true},          {TL_LIST, "", "rk", true},
      {TL_READ | TL_LIST, "rk", "rk", true}, {TL_APPEND, "wk", "", false},
      {TL_WRITE, "wk", "", false},        {TL_MAP, "rmk", "", false},
      {TL_READ | TL_MAP, "rmk", "", true}, {TL_MKDIR, "", "wk", false},
      {TL_DELETE, "wk", "wk", false},     {TL_CREATE | TL_APPEND, "wk", "", false},
      {TL_CONNECT, "rwk", "", false},     {TL_RENAME_IN | TL_DELETE, "rwk", "rwk", false},
  };
  for (const Case& c : cases) {
    Writer w;
    w.policy.name = "p";
    w.file(w.root("/bin/a"), "/x", c.access);
    const Lowered lowered = lower(w.policy, {});
    const auto line = [](const char* path, const std::string& letters) {
      return "  \"" + std::string(path) + "\" " + letters + ",\n";
    };
    EXPECT_THAT(lowered.text, *c.file ? HasSubstr(line("/x", c.file)) : testing::Matcher<std::string>(Not(HasSubstr("\"/x\" "))));
    EXPECT_THAT(lowered.text,
                *c.directory ? HasSubstr(line("/x/", c.directory)) : testing::Matcher<std::string>(Not(HasSubstr("\"/x/\" "))));
    const auto of_rule = testing::Matcher<const Residual&>(Field(&Residual::position, Field(&Position::line, 2u)));
    EXPECT_EQ(testing::Value(lowered.residuals, Contains(of_rule)), !c.exact) << c.access;
  }
}

TEST(AppArmor, SocketsCapabilitiesAndOperationsAreRules) {
  Writer w;
  w.policy.name = "p";
  ir::Node& node = w.policy.nodes[w.root("/bin/a")];
  node.sockets = {{TL_SOCK_INET_STREAM, {}}, {TL_SOCK_UNIX_DGRAM, {}}};
  node.capabilities = {{10, {}}};
  node.operations = {{TL_OP_SIGNAL_WORKLOAD, {}}, {TL_OP_PTRACE_DESCENDANT, {}}, {TL_OP_MOUNT, {}}};
  const std::string text = lower(w.policy, {}).text;
  for (const char* rule : {"network inet stream,", "network inet6 stream,", "network unix dgram,", "unix type=dgram,",
                           "capability net_bind_service,", "signal receive,", "signal send peer=treeline.p{,.[^.]**},",
                           "ptrace trace peer=treeline.p{,.[^.]**},", "mount,", "umount,", "pivot_root,"})
    EXPECT_THAT(text, HasSubstr("  " + std::string(rule) + "\n"));
  EXPECT_THAT(text, Not(HasSubstr("network inet raw")));
  EXPECT_THAT(text, Not(HasSubstr("change_profile")));
}

bool says(const Lowered& lowered, uint32_t line, const char* text) {
  return testing::Value(lowered.residuals, Contains(AllOf(Field(&Residual::position, Field(&Position::line, line)),
                                                          Field(&Residual::message, HasSubstr(text)))));
}

TEST(AppArmor, ComplainIsAFlagOfEveryProfile) {
  Writer w;
  w.policy.name = "p";
  w.child(w.root("/bin/a"), "/bin/b");
  const std::string text = lower(w.policy, {.complain = true}).text;
  size_t profiles = 0, flags = 0;
  for (size_t at = 0; (at = text.find("profile treeline", at)) != std::string::npos; ++at) ++profiles;
  for (size_t at = 0; (at = text.find("flags=(complain)", at)) != std::string::npos; ++at) ++flags;
  EXPECT_EQ(profiles, 2u);
  EXPECT_EQ(flags, 2u);
  EXPECT_TRUE(says(lower(w.policy, {.complain = true}), 0, "hold no rule")) << "it refuses nothing";
}

Writer with_children(unsigned count) {
  Writer w;
  w.policy.name = "wide";
  const uint32_t a = w.root("/bin/a");
  for (unsigned i = 0; i < count; ++i) w.child(w.child(a, "/bin/c" + std::to_string(i)), "/bin/below");
  return w;
}

TEST(AppArmor, TwelveChildrenAreSiblingsAndMoreAreLocal) {
  EXPECT_THAT(lower(with_children(12).policy, {}).text, Not(HasSubstr(" cx,")));
  for (const unsigned count : {13u, 200u}) {
    const Lowered lowered = lower(with_children(count).policy, {});
    EXPECT_TRUE(lowered.tree);
    EXPECT_EQ(lowered.profiles, 1 + 2 * count);
    EXPECT_THAT(lowered.text, HasSubstr("\"/bin/c12\" cx,"));
  }
}

TEST(AppArmor, AChildThatABackEdgeLeadsToKeepsItsName) {
  Writer w = with_children(13);
  const uint32_t child = w.policy.nodes[0].children[5];
  w.policy.nodes[w.policy.nodes[child].children[0]].back_edges.push_back({{"/bin/c5", {}}, child});
  const Lowered lowered = lower(w.policy, {});
  EXPECT_THAT(lowered.text, HasSubstr("\"/bin/c5\" px -> treeline.wide.c5-"));
  EXPECT_THAT(lowered.text, HasSubstr("\"/bin/c6\" cx,"));
}

TEST(AppArmor, WhereTooManyNeedNamesOneProfileHoldsThemAllAndSaysWhy) {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a");
  for (unsigned i = 0; i < 13; ++i) {
    const uint32_t child = w.child(a, "/bin/c" + std::to_string(i));
    w.policy.nodes[child].back_edges.push_back({{"/bin/c" + std::to_string(i), {}}, child});
  }
  const Lowered lowered = lower(w.policy, {});
  EXPECT_FALSE(lowered.tree);
  EXPECT_EQ(lowered.profiles, 1u);
  EXPECT_THAT(lowered.residuals, Contains(Field(&Residual::message, HasSubstr("12 named transitions"))));
}

TEST(AppArmor, SeveralRootsShareTheProfileThatARuntimeNames) {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a"), x = w.child(a, "/bin/x"), b = w.join("/bin/b");
  w.child(b, "/bin/y");
  w.policy.nodes[a].files = {{{"/of-a", {21, 1}}, TL_READ, false}};
  w.policy.nodes[b].capabilities = {{10, {22, 1}}};
  w.policy.nodes[x].files = {{{"/of-x", {23, 1}}, TL_READ, false}};
  const Lowered lowered = lower(w.policy, {});
  EXPECT_TRUE(lowered.tree);
  EXPECT_EQ(lowered.entry, "treeline.p.-roots");
  EXPECT_THAT(lowered.text, HasSubstr("\"/bin/x\" px -> "));
  EXPECT_THAT(lowered.text, HasSubstr("\"/bin/y\" px -> "));
  EXPECT_THAT(lowered.residuals, Contains(Field(&Residual::message, HasSubstr("cannot tell the 2 programs apart"))));
  EXPECT_TRUE(says(lowered, 21, "they share one profile"));
  EXPECT_TRUE(says(lowered, 22, "they share one profile"));
  EXPECT_FALSE(says(lowered, 23, ""));
  EXPECT_THAT(lowered.shared, testing::ElementsAre(testing::ElementsAre(a, b)));
  EXPECT_THAT(lowered.merges, testing::ElementsAre(Field(&Merge::message, HasSubstr("a runtime names one profile"))));
}

std::string profile_named(const Lowered& lowered, const std::string& name) {
  const size_t at = lowered.text.find("profile " + name + " {\n");
  return at == std::string::npos ? "" : lowered.text.substr(at, lowered.text.find("\n}\n", at) - at);
}

// Two programs that a runtime starts both start /bin/x, and mean another node by it: these two share a profile, and no other node does.
TEST(AppArmor, WhereOneProgramLeadsToTwoNodesTheseTwoShareAProfile) {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a"), ax = w.child(a, "/bin/x"), ay = w.child(a, "/bin/y"), below = w.child(ax, "/bin/below");
  const uint32_t b = w.join("/bin/b"), bx = w.child(b, "/bin/x");
  for (const auto& [node, id] : {std::pair{ax, "ax"}, {ay, "ay"}, {bx, "bx"}, {below, "below"}}) w.policy.nodes[node].id = id;
  w.policy.nodes[ax].files = {{{"/of-ax", {21, 1}}, TL_READ, false}};
  w.policy.nodes[bx].files = {{{"/of-bx", {22, 1}}, TL_READ, false}};
  w.policy.nodes[ay].files = {{{"/of-ay", {23, 1}}, TL_READ, false}};
  w.policy.nodes[below].files = {{{"/of-below", {24, 1}}, TL_READ, false}};
  const Lowered lowered = lower(w.policy, {});
  EXPECT_TRUE(lowered.tree);
  EXPECT_THAT(lowered.shared, testing::ElementsAre(testing::ElementsAre(a, b), testing::ElementsAre(ax, bx)));
  const size_t at = lowered.text.find("\"/bin/x\" px -> treeline.p.-shared-");
  ASSERT_NE(at, std::string::npos) << lowered.text;
  const std::string shared = lowered.text.substr(at + 15, std::string("treeline.p.-shared-0123456789abcdef").size());
  EXPECT_THAT(profile_named(lowered, shared), AllOf(HasSubstr("/of-ax"), HasSubstr("/of-bx"), Not(HasSubstr("/of-ay")), Not(HasSubstr("/of-below")),
                                                    HasSubstr("\"/bin/below\" px -> treeline.p.below,")));
  EXPECT_THAT(profile_named(lowered, "treeline.p.ay"), AllOf(HasSubstr("/of-ay"), Not(HasSubstr("/of-ax"))));
  EXPECT_TRUE(says(lowered, 21, "'ax' and 'bx'"));
  EXPECT_TRUE(says(lowered, 22, "'ax' and 'bx'"));
  EXPECT_FALSE(says(lowered, 23, ""));
  EXPECT_FALSE(says(lowered, 24, ""));
  ASSERT_EQ(lowered.merges.size(), 2u);
  EXPECT_THAT(lowered.merges[1].message, AllOf(HasSubstr("'ax' and 'bx'"), HasSubstr("since '/bin/x' leads to each of them")));
  if (!no_parser()) {
    EXPECT_EQ(parsed(lowered.text), "");
  }
}

// A pattern of the one meets a name of the other: the parser takes one transition for the name, so both lead to one profile.
TEST(AppArmor, WhereAPatternMeetsANameTheTwoShareAProfile) {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a"), any = w.child(a, "/opt/x*"), b = w.join("/bin/b"), one = w.child(b, "/opt/x1"), apart = w.child(b, "/opt/y1");
  const Lowered lowered = lower(w.policy, {});
  EXPECT_THAT(lowered.shared, testing::ElementsAre(testing::ElementsAre(a, b), testing::ElementsAre(any, one)));
  EXPECT_THAT(lowered.text, HasSubstr("\"/opt/y1\" px -> treeline.p.y1-"));
  EXPECT_NE(apart, one);
  if (!no_parser()) {
    EXPECT_EQ(parsed(lowered.text), "");
  }
}

// A back edge leads to one of two nodes that share a profile elsewhere: from there it has its own.
TEST(AppArmor, ANodeThatIsSharedInOnePlaceIsAloneInAnother) {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a"), x = w.child(a, "/bin/x"), below = w.child(x, "/bin/below"), b = w.join("/bin/b"), other = w.child(b, "/bin/x");
  w.policy.nodes[x].id = "x";
  w.policy.nodes[other].id = "other";
  w.policy.nodes[below].back_edges.push_back({{"/bin/x", {9, 1}}, x});
  const Lowered lowered = lower(w.policy, {});
  EXPECT_THAT(lowered.text, HasSubstr("\"/bin/x\" px -> treeline.p.-shared-"));
  EXPECT_THAT(lowered.text, HasSubstr("\"/bin/x\" px -> treeline.p.x,"));
  EXPECT_EQ(profile_named(lowered, "treeline.p.other"), "") << "nothing leads to it alone";
}

TEST(AppArmor, AStepThatCannotBeSaidMergesWhatIsBelowAndNoMore) {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a"), kept = w.child(a, "/bin/kept"), b = w.child(a, "/bin/b"), odd = w.child(b, "/**"), deep = w.child(odd, "/bin/deep");
  w.policy.nodes[kept].id = "kept";
  w.policy.nodes[kept].files = {{{"/of-kept", {23, 1}}, TL_READ, false}};
  const Lowered lowered = lower(w.policy, {});
  EXPECT_TRUE(lowered.tree);
  EXPECT_THAT(lowered.shared, testing::ElementsAre(testing::ElementsAre(b, odd, deep)));
  EXPECT_THAT(lowered.text, HasSubstr("\"/bin/deep\" ix,\n"));
  EXPECT_THAT(profile_named(lowered, "treeline.p.kept"), HasSubstr("/of-kept"));
  EXPECT_FALSE(says(lowered, 23, ""));
  EXPECT_THAT(lowered.merges, testing::ElementsAre(Field(&Merge::message, HasSubstr("cannot be said exactly"))));
  if (!no_parser()) {
    EXPECT_EQ(parsed(lowered.text), "");
  }
}

TEST(AppArmor, WhatOneRightStandsForBesideItselfIsAResidual) {
  Writer w;
  w.policy.name = "p";
  ir::Node& node = w.policy.nodes[w.root("/bin/a")];
  node.sockets = {{TL_SOCK_INET_STREAM, {5, 1}}, {TL_SOCK_INET_RAW, {6, 1}}};
  node.operations = {{TL_OP_SIGNAL_DESCENDANT, {7, 1}},
                     {TL_OP_PTRACE_DESCENDANT, {8, 1}},
                     {TL_OP_JIT, {11, 1}},
                     {TL_OP_MOUNT, {13, 1}}};
  node.sockets.push_back({TL_SOCK_INET_OTHER, {14, 1}});
  node.files = {{{"/moved", {15, 1}}, TL_DELETE, false}, {{"/here", {16, 1}}, TL_RENAME_IN | TL_READ | TL_LIST, false}};
  node.files.push_back({{"/all", {17, 1}}, static_cast<ir::AccessSet>(TL_READ | TL_WRITE | TL_APPEND | TL_CREATE | TL_DELETE | TL_LINK | TL_RENAME_IN | TL_SETATTR | TL_LIST | TL_MKDIR | TL_MKNOD), false});
  node.sockets.push_back({TL_SOCK_UNIX_STREAM, {18, 1}});
  node.position = {1, 1};
  const auto says = [&](uint32_t line, const char* text) { return apparmor::says(lower(w.policy, {}), line, text); };
  EXPECT_TRUE(says(5, "the type, not the protocol"));
  EXPECT_TRUE(says(5, "no address and no port")) << "there is no network rule to say it";
  EXPECT_FALSE(says(6, "the type, not the protocol"));
  EXPECT_TRUE(says(7, "cannot tell descendants"));
  EXPECT_TRUE(says(8, "cannot tell descendants"));
  EXPECT_TRUE(says(11, "does not judge the operation jit"));
  EXPECT_FALSE(says(13, ""));
  EXPECT_TRUE(says(14, "every type of inet passes"));
  EXPECT_TRUE(says(15, "which lists it"));
  EXPECT_FALSE(says(16, "which lists it"));
  EXPECT_TRUE(says(17, "may be one to any file"));
  EXPECT_TRUE(says(18, "any peer with an abstract name"));
  EXPECT_FALSE(says(0, "")) << "it would mark every rule";
  EXPECT_TRUE(says(1, "objects without a path"));
  w.policy.nodes[0].operations.push_back({TL_OP_SIGNAL_WORKLOAD, {9, 1}});
  ir::NetworkRule rule;
  rule.position = {10, 1};
  w.policy.nodes[0].network.push_back(rule);
  EXPECT_FALSE(says(7, "cannot tell descendants"));
  EXPECT_FALSE(says(5, "no address and no port"));
  EXPECT_TRUE(says(10, "no address and no port"));
}

// treeline.web..x.NODE is policy web.x's.
TEST(AppArmor, PeersAreTheNodesOfThisPolicyAlone) {
  Writer w;
  w.policy.name = "web";
  w.root("/opt/.hidden");
  const Lowered lowered = lower(w.policy, {});
  EXPECT_THAT(lowered.text, HasSubstr("ptrace read peer=treeline.web{,.[^.]**},"));
  EXPECT_THAT(lowered.entry, Not(HasSubstr("web..")));
}

TEST(AppArmor, ManyAlikeResidualsAreCounted) {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a");
  for (unsigned i = 0; i < 300; ++i) w.file(a, "/x" + std::to_string(i), TL_WRITE);
  const Lowered lowered = lower(w.policy, {});
  EXPECT_LT(lowered.residuals.size(), 110u);
  EXPECT_THAT(lowered.residuals, Contains(Field(&Residual::message, StartsWith("200 more rules: "))));
}

// Dozens of profiles that several nodes share, each with other names: one reason for all of them.
TEST(AppArmor, ResidualsOfSharedProfilesAreCountedToo) {
  Writer w;
  w.policy.name = "p";
  for (const uint32_t root : {w.root("/bin/a"), w.join("/bin/b")})
    for (unsigned i = 0; i < 12; ++i)
      for (uint32_t child = w.child(root, "/bin/" + std::to_string(i)), below = 0; below < 12; ++below)
        w.file(w.child(child, "/bin/x" + std::to_string(below)), "/x", TL_READ);
  const Lowered lowered = lower(w.policy, {});
  EXPECT_EQ(lowered.shared.size(), 1u + 12 + 144);
  EXPECT_LT(lowered.residuals.size(), 300u);
  EXPECT_THAT(lowered.residuals, Contains(Field(&Residual::message, HasSubstr(" more rules: each of them holds it, they share one profile"))));
  EXPECT_THAT(lowered.residuals, Contains(Field(&Residual::message, "56 more rules: they share one profile")));
  EXPECT_EQ(lowered.merges.size(), kMostAlike + 1);
  EXPECT_THAT(lowered.merges.back().message, HasSubstr("57 more groups of nodes"));
}

TEST(AppArmor, WhatARuntimeStartsIsNotJudgedAndSignalsWithinASharedProfileAreForAllOfIt) {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a");
  w.child(a, "/bin/c");
  EXPECT_TRUE(says(lower(w.policy, {}), 1, "AppArmor does not judge what a runtime starts"));
  EXPECT_FALSE(says(lower(w.policy, {}), 2, ""));
  EXPECT_TRUE(says(lower(w.policy, {}), 1, "signals within a node for"));
  w.join("/bin/b");
  EXPECT_TRUE(says(lower(w.policy, {.no_new_privs = true}), 3, "AppArmor does not judge what a runtime starts"));
  EXPECT_TRUE(says(lower(w.policy, {}), 1, "signals within a profile, of all nodes that share it, for"));
}

Writer with_every_rule() {
  Writer w;
  w.policy.name = "p";
  const uint32_t a = w.root("/bin/a");
  for (const char* path : {"/a/**", "/a/**/b", "/**/*.x", "/a/[!b]*", R"(/a/[\-x])", R"(/a/\*\{\,\[\]\^\")", R"(/a/\\b)", R"(/a/\x0a c#d@e|(f)$)",
                           "/proc/{own}/fd/{digits}", "/tmp/{tmpfile}", "/a/{uuid}/{date}", "/a/{x,y{1,2}}z", "{pipe}", "{abstract}/b", "/"})
    w.file(a, path, TL_READ | TL_WRITE | TL_LIST | TL_LINK | TL_MAP);
  for (uint32_t kind = 0; kind < TL_SOCK_KINDS; ++kind) w.policy.nodes[a].sockets.push_back({kind, {}});
  for (const ir::names::Entry& operation : ir::names::operations().entries()) w.policy.nodes[a].operations.push_back({operation.value, {}});
  for (uint32_t capability = 0; capability <= 40; ++capability) w.policy.nodes[a].capabilities.push_back({capability, {}});
  w.child(w.child(a, "/bin/b*"), "/bin/c");
  return w;
}

TEST(AppArmor, TheParserTakesEveryShapeWithoutAWarning) {
  if (no_parser()) GTEST_SKIP() << "no apparmor_parser with abi/3.0 here: apt-get install apparmor";
  const Writer w = with_every_rule();
  EXPECT_EQ(parsed(lower(w.policy, {}).text), "");
  EXPECT_EQ(parsed(lower(w.policy, {.complain = true}).text), "");
  EXPECT_EQ(parsed(lower(w.policy, {.no_new_privs = true}).text), "");
  EXPECT_EQ(parsed(lower(with_children(13).policy, {}).text), "");
  EXPECT_EQ(parsed(lower(with_children(200).policy, {}).text), "");
}

// It takes no line that is not written here (enforcer/confine/apparmor.cc).
TEST(AppArmor, TheEnforcerTakesEveryShape) {
  Writer every = with_every_rule();
  every.policy.name = "p.q-1_";
  EXPECT_EQ(not_taken(every.policy, {}), "");
  EXPECT_EQ(not_taken(every.policy, {.complain = true}), "");
  EXPECT_EQ(not_taken(every.policy, {.no_new_privs = true}), "");
  for (const unsigned children : {13u, 200u}) EXPECT_EQ(not_taken(with_children(children).policy, {}), "");
}

}  // namespace
}  // namespace treeline::backends::apparmor
