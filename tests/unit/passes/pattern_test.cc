// SPDX-License-Identifier: Apache-2.0
// Patterns: what each construct matches and does not, and what is refused with which words.
#include "policy-compiler/passes/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/passes/dfa.h"
#include "policy-compiler/passes/match.h"
#include "policy-compiler/passes/nfa.h"
#include "policy-compiler/passes/process_name.h"

namespace treeline::passes {
namespace {

using ::testing::HasSubstr;

Pattern read(std::string_view text) {
  std::vector<PatternError> errors;
  std::optional<Pattern> pattern = parse_pattern(text, errors);
  EXPECT_TRUE(pattern.has_value()) << text << ": " << (errors.empty() ? "" : errors[0].message);
  return pattern.value_or(Pattern());
}

bool automaton_matches(const Pattern& pattern, std::string_view path) {
  Nfa nfa;
  EXPECT_TRUE(nfa.add(pattern, 0));
  EXPECT_TRUE(nfa.finish());
  DeterminiseResult made = determinise(nfa, {});
  EXPECT_TRUE(made.dfa.has_value());
  minimise(*made.dfa, {0, 1});
  return made.dfa->states[made.dfa->run(path)].label == 1;
}

struct Case {
  const char* pattern;
  std::vector<std::string> match;
  std::vector<std::string> refuse;
};

std::string repeated(const std::string& text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

const Case kCases[] = {
    {"/", {"/"}, {"", "//", "/a", "a", "//own"}},
    {"/etc/passwd", {"/etc/passwd"}, {"/etc/passwd/", "/etc/passw", "/etc/passwdx", "/etc//passwd", "etc/passwd"}},
    {"/a/*",
     {"/a/b", "/a/.b", "/a/\xff\xfe", "/a/" + std::string(255, 'n')},
     {"/a", "/a/", "/a/b/c", "/a//own", "/a//tmpfile"}},
    {"/*", {"/a"}, {"/", "//own", "//abstract/x", "/a/b"}},
    {"/a/b*c", {"/a/bc", "/a/bxc", "/a/bcc"}, {"/a/b/c", "/a/b", "/a/bcd"}},
    {"/a/*.log", {"/a/x.log", "/a/.log"}, {"/a/xlog", "/a/b/x.log"}},
    {"/a/?", {"/a/b"}, {"/a/", "/a/bc", "/a"}},
    {"/a/**", {"/a/b", "/a/b/c/d"}, {"/a", "/a/", "/ab", "/a//own", "/a/b//tmpfile", "/a//own/b"}},
    {"/**", {"/a", "/a/b"}, {"/", "//own", "//abstract/a", "/a//own/b"}},
    {"/a/**/b", {"/a/b", "/a/x/b", "/a/x/y/b", "/a/b/b"}, {"/a", "/a/xb", "/a//own/b", "/b"}},
    {"/**/b", {"/b", "/x/b", "/x/y/b"}, {"/xb", "/b/x"}},
    {"/a/**/**", {"/a/b", "/a/b/c"}, {"/a", "/a/"}},
    {"/a/[a-c]x", {"/a/ax", "/a/cx"}, {"/a/dx", "/a/x", "/a//x"}},
    {"/a/[!a-c]x", {"/a/dx", "/a/\xffx"}, {"/a/ax", "/a/x", "/a//x"}},
    {"/a/[\\]\\-x]", {"/a/]", "/a/-", "/a/x"}, {"/a/\\"}},
    {"/a/{b,c}d", {"/a/bd", "/a/cd"}, {"/a/d", "/a/bcd"}},
    {"/a/{b,}d", {"/a/bd", "/a/d"}, {"/a/cd"}},
    {"/a/{,b}", {"/a/b"}, {"/a/", "/a"}},
    {"/a/{,b*}{c,}*", {"/a/b", "/a/c", "/a/bc", "/a/x"}, {"/a/", "/a", "/a/b/c"}},
    {"/a/{b{1,2},{c,d{e,f}}}g", {"/a/b1g", "/a/b2g", "/a/cg", "/a/deg", "/a/dfg"}, {"/a/bg", "/a/dg"}},
    {"/a/{x*,y}z", {"/a/xz", "/a/xzz", "/a/yz"}, {"/a/yzz"}},
    {"/t/{uuid}",
     {"/t/01234567-89ab-cdef-0123-456789abcdef"},
     {"/t/01234567-89AB-cdef-0123-456789abcdef", "/t/0123456789abcdef0123456789abcdef"}},
    {"/t/{hex:4}.x", {"/t/0aef.x"}, {"/t/0ae.x", "/t/0aeff.x", "/t/0aeg.x"}},
    {"/t/{digits}", {"/t/1", "/t/1234567890"}, {"/t/", "/t/12345678901", "/t/1a"}},
    {"/t/a{digits}0", {"/t/a10", "/t/a100", "/t/a00"}, {"/t/a0"}},
    {"/t/{digits:3}", {"/t/123"}, {"/t/12", "/t/1234"}},
    {"/t/x.{rand:6}", {"/t/x.aZ0_9b"}, {"/t/x.aZ0-9b", "/t/x.aZ0_9"}},
    {"/t/{date}",
     {"/t/2024-02-29", "/t/19991231"},
     {"/t/2024-13-01", "/t/20240132", "/t/2024-0101", "/t/1899-01-01", "/t/2024-00-10", "/t/2024-10-00"}},
    {"/t/{{uuid},none}", {"/t/none", "/t/01234567-89ab-cdef-0123-456789abcdef"}, {"/t/uuid"}},
    {"/proc/{own}/status", {"/proc//own/status"}, {"/proc/own/status", "/proc/1/status", "/proc//workload/status"}},
    {"/proc/{own}", {"/proc//own"}, {"/proc//own/status"}},
    {"/proc/{other}/**", {"/proc//other/a", "/proc//other/a/b"}, {"/proc//other", "/proc//own/a"}},
    {"/**/{own}/maps", {"//own/maps", "/p//own/maps", "/p/q//own/maps"}, {"/p//own/x", "/p/own/maps"}},
    {"/{workload}/a", {"//workload/a"}, {"/workload/a"}},
    {"/proc/{descendant}/fd/{digits}", {"/proc//descendant/fd/12"}, {"/proc//descendant/fd/x"}},
    {"/tmp/{tmpfile}", {"/tmp//tmpfile"}, {"/tmp/tmpfile", "/tmp/x"}},
    {"/tmp/**/{tmpfile}", {"/tmp//tmpfile", "/tmp/a/b//tmpfile"}, {"//tmpfile", "/tmp/a"}},
    {"{abstract}/name", {"//abstract/name"}, {"/abstract/name", "//abstract/name/x", "//abstract"}},
    {"{abstract}//tmp/.X11-unix/X{digits}", {"//abstract//tmp/.X11-unix/X0"}, {"//abstract/tmp/.X11-unix/X0"}},
    {"{abstract}/", {"//abstract/"}, {"//abstract", "//abstract/x"}},
    {"{abstract}/*", {"//abstract/x"}, {"//abstract/", "//abstract/x/y"}},
    {"{abstract}/**", {"//abstract/x", "//abstract/x/y"}, {"//abstract/", "//abstract//x"}},
    {"/a\\*b\\x2a\\x0a\\{\\,", {"/a*b*\n{,"}, {"/axb*\n{,"}},
    {"/a,b!c-d", {"/a,b!c-d"}, {}},
    {"/\xc3\xa9/*", {"/\xc3\xa9/x"}, {"/\xc3/x"}},
};

TEST(ProcessName, OfObjectsAndOfPatterns) {
  for (const char* name : {"1", "4194304", "self", "thread-self"}) EXPECT_TRUE(names_process(name)) << name;
  for (const char* name : {"", "1a", "sel", "selfx", "sys", "//own"}) EXPECT_FALSE(names_process(name)) << name;
  const auto only = [](const char* text) {
    std::vector<PatternError> errors;
    return names_processes_only(*parse_pattern(text, errors));
  };
  for (const char* text : {"/proc/7", "/proc/self/**", "/proc/[0-9]*/stat", "/proc/{digits:3}/x", "/proc/{self,{1,2}?,thread-self}/x", "/proc/7*"}) EXPECT_TRUE(only(text)) << text;
  for (const char* text : {"/proc", "/proc/*", "/proc/**", "/proc/{own}/stat", "/proc/[0-9s]*", "/proc/{self,sys}/x", "/proc/self*", "/x/self", "/p*/7", "{pipe}", "/"})
    EXPECT_FALSE(only(text)) << text;
}

TEST(Pattern, MatchesWhatItSaysInTheMatcherAndInTheAutomaton) {
  for (const Case& c : kCases) {
    const Pattern pattern = read(c.pattern);
    for (const std::string& path : c.match) {
      EXPECT_TRUE(matches(pattern, path)) << c.pattern << " on " << path;
      EXPECT_TRUE(automaton_matches(pattern, path)) << c.pattern << " on " << path << " (automaton)";
    }
    for (const std::string& path : c.refuse) {
      EXPECT_FALSE(matches(pattern, path)) << c.pattern << " on " << path;
      EXPECT_FALSE(automaton_matches(pattern, path)) << c.pattern << " on " << path << " (automaton)";
    }
  }
}

TEST(Pattern, LongNamesMatchUpTo255Bytes) {
  const std::string name(255, 'x');
  EXPECT_TRUE(matches(read("/" + name), "/" + name));
  EXPECT_TRUE(matches(read("/{hex:255}"), "/" + repeated("a", 255)));
  EXPECT_FALSE(matches(read("/{hex:255}"), "/" + repeated("a", 254)));
}

TEST(Pattern, ObjectsWithoutAPathAreTheirReservedClass) {
  EXPECT_EQ(read("{pipe}").reserved_class, uint32_t{TL_CLASS_PIPE});
  EXPECT_EQ(read("{anon:eventfd}").reserved_class, uint32_t{TL_CLASS_ANON_EVENTFD});
  EXPECT_EQ(read("{sysv-shm}").reserved_class, uint32_t{TL_CLASS_SYSV_SHM});
  EXPECT_FALSE(matches(read("{pipe}"), "/pipe"));
}

TEST(Pattern, LiteralIsToldFromWildcard) {
  EXPECT_TRUE(read("/a/b").literal);
  EXPECT_TRUE(read("/proc/{own}/status").literal);
  EXPECT_FALSE(read("/a/{b,c}").literal);
  EXPECT_FALSE(read("/a/**").literal);
}

struct Mistake {
  std::string pattern;
  size_t offset;
  const char* message;
  const char* remedy;
};

const Mistake kMistakes[] = {
    {"", 0, "empty", "absolute"},
    {"etc", 0, "not an absolute path", "start it with"},
    {"/a/", 2, "trailing", "remove"},
    {"/a//b", 3, "empty name", "remove"},
    {"/a/../b", 3, "\"..\"", "path it leads to"},
    {"/./b", 1, "\".\"", "path it leads to"},
    {"/a**", 2, "\"**\" inside", "\"*\""},
    {"/a/**b", 3, "\"**\" inside", "\"*\""},
    {"/a/[", 3, "without \"]\"", "\\["},
    {"/a/[b/c]", 3, "without \"]\"", "\\["},
    {"/a/[]", 3, "empty class", ""},
    {"/a/[^a]", 4, "inverted", "[!"},
    {"/a/[z-a]", 4, "backwards", "smaller"},
    {"/a/[\xc3\xa9]", 4, "several bytes", "alternatives"},
    {"/a/[[]", 4, "inside a class", "\\["},
    {"/a/]", 3, "without its opening", "\\]"},
    {"/a/}", 3, "without its opening", "\\}"},
    {"/a/{b", 3, "without \"}\"", "\\{"},
    {"/a/{b,c", 3, "without \"}\"", "\\{"},
    {"/a/{b,c/d}", 7, "inside braces", "two rules"},
    {"/a/{b*}", 3, "single alternative", "comma"},
    {"/a/{nope}", 3, "not a named class", "{uuid}"},
    {"/a/{hex}", 3, "needs a length", "{hex:64}"},
    {"/a/{hex:0}", 3, "length that cannot be", "1 to 255"},
    {"/a/{hex:256}", 3, "length that cannot be", "1 to 255"},
    {"/a/{hex:1x}", 3, "length that cannot be", "1 to 255"},
    {"/a/{uuid:3}", 3, "length that cannot be", "{uuid}"},
    {"/a/{rand}", 3, "needs a length", "{rand:6}"},
    {"/a/x{own}", 4, "not a whole component", "alone"},
    {"/a/{pipe}", 3, "has no path", "alone"},
    {"/a/{pipe}x", 3, "has no path", "alone"},
    {"{detached}", 0, "never be granted", "remove"},
    {"{unreadable}", 0, "never be granted", "remove"},
    {"{nothing}", 0, "neither a path nor", "{pipe}"},
    {"/{abstract}/x", 1, "only at the start", "{abstract}/NAME"},
    {"{abstract}", 10, "needs the socket's name", "{abstract}/NAME"},
    {"{abstract}x", 10, "needs the socket's name", "{abstract}/NAME"},
    {"{abstract}/{own}", 11, "no such component", "\\{"},
    {"/{own}/{other}", 7, "second process directory", "keep one"},
    {"/{tmpfile}/a", 0, "not the last", "remove what follows"},
    {"/a\\", 2, "escapes nothing", "\\\\"},
    {"/a\\q", 2, "escapes nothing", "\\xHH"},
    {"/a\\x0", 2, "two hex digits", "\\x0a"},
    {"/a\\x2f", 2, "no name holds", "plain"},
    {"/a\\x00", 2, "no name holds", "plain"},
    {"/a\nb", 2, "control byte", "\\xHH"},
    {"/{,}", 1, "only be empty", "alternatives"},
    {"/" + std::string(256, 'x'), 1, "longer than 255", "shorten"},
    {repeated("/" + std::string(200, 'x'), 21), 0, "longer than 4095", "shorten"},
    {"/" + std::string(20000, 'x'), 0, "longer than any path", "4095"},
    {"/" + repeated("{a,", 40), 1, "", ""},
};

TEST(Pattern, MistakesAreRefusedWithPlaceAndRemedy) {
  for (const Mistake& m : kMistakes) {
    std::vector<PatternError> errors;
    EXPECT_FALSE(parse_pattern(m.pattern, errors).has_value()) << m.pattern;
    ASSERT_FALSE(errors.empty()) << m.pattern;
    if (m.message[0] != 0) {
      EXPECT_EQ(errors[0].offset, m.offset) << m.pattern;
    }
    EXPECT_THAT(errors[0].message, HasSubstr(m.message)) << m.pattern;
    EXPECT_THAT(errors[0].remedy, HasSubstr(m.remedy)) << m.pattern;
  }
}

TEST(Pattern, SeveralMistakesOfOnePatternAreAllTold) {
  std::vector<PatternError> errors;
  EXPECT_FALSE(parse_pattern("/a**/{nope}/[z-a]q/../x", errors).has_value());
  EXPECT_EQ(errors.size(), 4u);
}

TEST(Pattern, AnyPathIsWrittenAsAPatternThatMatchesExactlyIt) {
  const std::string paths[] = {
      "/a b/c", "/a*b?[c]{d}\\e", std::string("/\x01\x7f\xff\xc3", 5), "/\xc3\xa9", "/\xe2\x80\x8b", "/a,b", "/"};
  for (const std::string& path : paths) {
    const Pattern pattern = read(literal_pattern(path));
    EXPECT_TRUE(pattern.literal) << path;
    EXPECT_TRUE(matches(pattern, path)) << literal_pattern(path);
    EXPECT_FALSE(matches(pattern, path + "x")) << path;
  }
  EXPECT_EQ(literal_pattern("/a*\n"), "/a\\x2a\\x0a");
}

}  // namespace
}  // namespace treeline::passes
