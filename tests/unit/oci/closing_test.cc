// SPDX-License-Identifier: Apache-2.0
//
// Filters as engines write them, merged with what the compiler wrote: what passes afterwards, and what the text is.
#include "enforcer/oci/closing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "bpf/lsm/abi.h"
#include "enforcer/base/json.h"
#include "enforcer/oci/confinement.h"
#include "policy-compiler/backends/seccomp/lower.h"

namespace treeline::oci {
namespace {

using confine::Closing;
using testing::HasSubstr;

constexpr uint64_t kNewUser = 0x10000000, kListener = 8, kReadImpliesExec = 0x400000, kQuery = 0xffffffff;

Closing all_closed() {
  Result<Closing> closing = confine::parse_closing(backends::seccomp::lower({}));
  EXPECT_TRUE(closing);
  return *closing;
}

std::string merged(const std::string& filter) {
  const Closing closing = all_closed();
  Result<std::string> once = merge_closing(filter, closing);
  if (!once) return "error: " + once.error().message;
  Result<std::string> twice = merge_closing(*once, closing);
  EXPECT_EQ(twice ? *twice : twice.error().message, *once) << "merging again changes nothing";
  return *once;
}

struct Call {
  std::string name;
  uint64_t args[6] = {};
};

// What a filter does with a call. Where entries that pass and entries that refuse both match, it is libseccomp's and
// the entries' order that decides: then it may pass.
struct Verdict {
  bool may_pass = false;
  uint64_t error = 0;  // of the one entry or the default that refuses by errno
};

bool passes(const std::string& action) {
  return action != "SCMP_ACT_ERRNO" && action != "SCMP_ACT_TRAP" && action.rfind("SCMP_ACT_KILL", 0) != 0;
}

bool holds(const Json& arg, const Call& call) {
  const uint64_t have = call.args[arg["index"].get<size_t>()], value = arg["value"].get<uint64_t>();
  if (arg["op"] == "SCMP_CMP_MASKED_EQ") return (have & value) == arg.value("valueTwo", uint64_t{0});
  if (arg["op"] == "SCMP_CMP_NE") return have != value;
  return have == value;
}

const Json& list(const Json& object, const char* name) {
  static const Json kEmpty = Json::array();
  const auto found = object.find(name);
  return found == object.end() ? kEmpty : *found;
}

bool matches(const Json& entry, const Call& call) {
  const Json& names = list(entry, "names");
  if (std::find(names.begin(), names.end(), call.name) == names.end()) return false;
  const Json& args = list(entry, "args");
  bool all = true, any = false, twice = false;
  for (size_t i = 0; i < args.size(); ++i) {
    const bool held = holds(args[i], call);
    all &= held;
    any |= held;
    for (size_t j = 0; j < i; ++j) twice |= args[i]["index"] == args[j]["index"];
  }
  return twice ? any : all;
}

Verdict verdict(const Json& filter, const Call& call) {
  Verdict out;
  bool matched = false;
  const auto take = [&](const std::string& action, const Json& error) {
    if (passes(action))
      out.may_pass = true;
    else if (action == "SCMP_ACT_ERRNO")
      out.error = error.is_null() ? 1 : error.get<uint64_t>();
  };
  for (const Json& entry : list(filter, "syscalls"))
    if (matches(entry, call)) matched = true, take(text_at(entry, "action"), entry.value("errnoRet", Json()));
  if (!matched) take(text_at(filter, "defaultAction"), filter.value("defaultErrnoRet", Json()));
  return out;
}

bool is_closed(const Call& call) {
  if (call.name == "clone" || call.name == "unshare") return (call.args[0] & kNewUser) != 0;
  if (call.name == "seccomp") return (call.args[1] & kListener) != 0;
  if (call.name == "personality") return (call.args[0] & kReadImpliesExec) != 0 && (call.args[0] & kQuery) != kQuery;
  for (const char* name :
       {"clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "modify_ldt"})
    if (call.name == name) return true;
  return false;
}

std::vector<Call> calls() {
  std::vector<Call> all;
  for (const char* name : {"read", "clone", "clone3", "unshare", "seccomp", "io_uring_setup", "io_uring_enter",
                           "io_uring_register", "userfaultfd", "modify_ldt", "personality"})
    for (uint64_t a :
         {uint64_t{0}, uint64_t{17}, kNewUser, kNewUser | 17, uint64_t{0x20000}, (uint64_t{1} << 32) | kNewUser, kReadImpliesExec, kQuery,
          kReadImpliesExec | 0x80000000, kQuery & ~uint64_t{8}, kQuery & ~kReadImpliesExec, uint64_t{1} << 32 | kQuery})
      for (uint64_t b : {uint64_t{0}, kListener, kListener | 2}) all.push_back({name, {a, b}});
  return all;
}

// The two promises: what closing refuses does not pass, and of everything else exactly what passed before.
void expect_closed(const std::string& before, const std::string& after) {
  static const std::vector<Call> kCalls = calls();
  const Json old = *parse_json(before), filter = *parse_json(after);
  for (const Call& call : kCalls) {
    const bool now = verdict(filter, call).may_pass;
    const bool expected = verdict(old, call).may_pass && !is_closed(call);
    EXPECT_EQ(now, expected) << call.name << "(" << call.args[0] << ", " << call.args[1] << ")\n"
                             << before << "\n"
                             << after;
  }
}

// As engines for containers write them: refuse by default, long lists, clone by its flags; with the rights of one that
// has CAP_SYS_ADMIN, where unshare and clone stand without conditions.
constexpr char kEngine[] =
    R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],"syscalls":[)"
    R"({"names":["read","io_uring_setup","io_uring_enter","io_uring_register","seccomp","write"],"action":"SCMP_ACT_ALLOW"},)"
    R"({"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":8,"op":"SCMP_CMP_EQ"}]},)"
    R"({"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]},)"
    R"({"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":38},)"
    R"({"names":["modify_ldt"],"action":"SCMP_ACT_ALLOW","args":[]}]})";

TEST(MergeClosing, WithoutAFilterItIsTheWhole) {
  const Closing closing = all_closed();
  EXPECT_EQ(merged(""), closing.text);
  EXPECT_EQ(merged("null"), closing.text);
  EXPECT_EQ(merged(closing.text), closing.text);
  expect_closed(R"({"defaultAction":"SCMP_ACT_ALLOW"})", closing.text);
}

TEST(MergeClosing, WithEveryDoorOpenNothingIsTouched) {
  for (const char* filter : {"", "null", kEngine, "nonsense"}) EXPECT_EQ(*merge_closing(filter, Closing()), filter);
}

TEST(MergeClosing, AnEnginesFilterLosesWhatIsClosedAndKeepsTheRestByteForByte) {
  const std::string after = merged(kEngine);
  EXPECT_EQ(
      after,
      R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],"syscalls":[)"
      R"({"names":["read","write"],"action":"SCMP_ACT_ALLOW"},)"
      R"({"names":["seccomp"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":8,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]},)"
      R"({"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":8,"op":"SCMP_CMP_EQ"}]},)"
      R"({"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]},)"
      R"({"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":38}]})");
  expect_closed(kEngine, after);
}

TEST(MergeClosing, UnconditionalRightsOfAPrivilegedContainerAreNarrowed) {
  const std::string before =
      R"({"defaultAction":"SCMP_ACT_ERRNO","flags":["SECCOMP_FILTER_FLAG_LOG"],"listenerPath":"/run/l","syscalls":[)"
      R"({"names":["clone","clone3","read","unshare"],"action":"SCMP_ACT_ALLOW","comment":"admin"}]})";
  const std::string after = merged(before);
  EXPECT_THAT(after, HasSubstr(R"("flags":["SECCOMP_FILTER_FLAG_LOG"],"listenerPath":"/run/l","syscalls":[)"));
  EXPECT_THAT(after, HasSubstr(R"({"names":["read"],"action":"SCMP_ACT_ALLOW","comment":"admin"})"));
  EXPECT_THAT(
      after,
      HasSubstr(
          R"({"names":["unshare"],"action":"SCMP_ACT_ALLOW","comment":"admin","args":[{"index":0,"value":268435456,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]})"));
  expect_closed(before, after);
  EXPECT_EQ(verdict(*parse_json(after), {"clone3"}).error, 38u) << "a libc calls clone after ENOSYS only";
}

TEST(MergeClosing, APersonalityWithoutAnExecutableHeapPassesAndSoDoesTheQuestionForIt) {
  const std::string engine =
      R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":4294967295,"op":"SCMP_CMP_EQ"}]},)"
      R"({"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":131080,"op":"SCMP_CMP_EQ"}]}]})";
  EXPECT_EQ(merged(engine), engine);
  for (const char* action : {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}) {
    const std::string before = R"({"defaultAction":")" + std::string(action) + R"(","syscalls":[{"names":["personality"],"action":"SCMP_ACT_ALLOW"}]})";
    expect_closed(before, merged(before));
  }
}

TEST(MergeClosing, WhatWasRefusedStaysRefusedTheWayItWas) {
  const char* kill =
      R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["userfaultfd","clone3"],"action":"SCMP_ACT_KILL_PROCESS"},{"names":["unshare"],"action":"SCMP_ACT_ERRNO","errnoRet":13}]})";
  const std::string after = merged(kill);
  expect_closed(kill, after);
  EXPECT_THAT(after, HasSubstr(R"({"names":["userfaultfd","clone3"],"action":"SCMP_ACT_KILL_PROCESS"})"));
  EXPECT_EQ(after.find("userfaultfd"), after.rfind("userfaultfd"));
  EXPECT_EQ(after.find("\"unshare\""), after.rfind("\"unshare\""));
  const char* nothing =
      R"({"defaultAction":"SCMP_ACT_KILL_PROCESS","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]})";
  EXPECT_EQ(merged(nothing), nothing);
  EXPECT_EQ(merged(R"({"defaultAction":"SCMP_ACT_ERRNO"})"), R"({"defaultAction":"SCMP_ACT_ERRNO"})");
}

TEST(MergeClosing, WhoTracesListensOrLogsLetsPass) {
  for (const char* action : {"SCMP_ACT_TRACE", "SCMP_ACT_NOTIFY", "SCMP_ACT_LOG", "SCMP_ACT_OF_TOMORROW"}) {
    const std::string before = R"({"defaultAction":")" + std::string(action) +
                               R"(","syscalls":[{"names":["unshare","userfaultfd"],"action":")" + action + "\"}]}";
    expect_closed(before, merged(before));
  }
}

TEST(MergeClosing, ConditionsThatDoNotExcludeTheFlagAreARefusalThatNamesTheEntry) {
  const auto with = [](const std::string& name, const std::string& args) {
    return R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"},{"names":[")" +
           name + R"("],"action":"SCMP_ACT_ALLOW","args":[)" + args + "]}]}";
  };
  for (
      const auto& [name, args] : std::vector<std::pair<const char*, const char*>>{
          {"clone", R"({"index":0,"value":131072,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"})"},  // another bit
          {"clone",
           R"({"index":0,"value":268435456,"valueTwo":268435456,"op":"SCMP_CMP_MASKED_EQ"})"},   // the flag itself
          {"clone", R"({"index":1,"value":268435456,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"})"},  // another argument
          {"unshare", R"({"index":0,"value":17,"op":"SCMP_CMP_NE"})"},
          {"unshare", R"({"index":0,"value":268435456,"op":"SCMP_CMP_EQ"})"},
          {"seccomp", R"({"index":0,"value":1,"op":"SCMP_CMP_EQ"})"},
          // Two conditions on one argument are two rules: the second one alone lets the flag pass.
          {"clone",
           R"({"index":0,"value":268435456,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"},{"index":0,"value":1,"op":"SCMP_CMP_NE"})"}})
    EXPECT_THAT(merged(with(name, args)),
                HasSubstr("error: linux.seccomp: syscalls[1] lets '" + std::string(name) + "' pass on conditions"))
        << args;
  for (const auto& [name, args] : std::vector<std::pair<const char*, const char*>>{
           {"clone", R"({"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"})"},
           {"unshare", R"({"index":0,"value":131072,"op":"SCMP_CMP_EQ"})"},
           {"seccomp",
            R"({"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":1,"value":8,"op":"SCMP_CMP_MASKED_EQ"})"}}) {
    EXPECT_EQ(merged(with(name, args)), with(name, args));
    expect_closed(with(name, args), with(name, args));
  }
}

TEST(MergeClosing, WhatTwoReadersWouldReadDifferentlyIsRefused) {
  for (
      const auto& [filter, says] : std::vector<std::pair<const char*, const char*>>{
          {"[]", "is not an object"},
          {"{", "the text ends"},
          {R"({"syscalls":[]})", "has no defaultAction"},
          {R"({"defaultAction":"SCMP_ACT_ERRNO","Syscalls":[]})",
           "'Syscalls', which a runtime that ignores case takes for 'syscalls'"},
          {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":{}})", "syscalls is not a list"},
          {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[7]})", "syscalls[0] is not an object"},
          {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["a"],"NAMES":["userfaultfd"],"action":"SCMP_ACT_ALLOW"}]})",
           "'NAMES'"},
          {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":"userfaultfd","action":"SCMP_ACT_ALLOW"}]})",
           "names is not a list"},
          {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":[1],"action":"SCMP_ACT_ALLOW"}]})", "no text"},
          {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["a"]}]})", "syscalls[0] has no action"},
          {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1e3,"op":"SCMP_CMP_EQ"}]}]})",
           "value is no number"},
          {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"Value":1,"op":"SCMP_CMP_EQ"}]}]})",
           "'Value'"}})
    EXPECT_THAT(merged(filter), HasSubstr(says)) << filter;
}

// Any filter of these parts: merged, it keeps both promises, or it is refused.
TEST(MergeClosing, RandomFiltersKeepBothPromises) {
  std::mt19937 random(7);
  const auto one_of = [&](const std::vector<std::string>& words) { return words[random() % words.size()]; };
  int kept = 0;
  for (int round = 0; round < 200 && !HasFailure(); ++round) {
    const std::vector<std::string> actions = {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_LOG",
                                              "SCMP_ACT_ALLOW"};
    std::string entries;
    for (auto n = random() % 5; n > 0; --n) {
      std::string names, args;
      for (auto m = random() % 4; m > 0; --m)
        names +=
            (names.empty() ? "\"" : ",\"") +
            one_of({"read", "clone", "clone3", "unshare", "seccomp", "userfaultfd", "io_uring_enter", "personality"}) +
            "\"";
      for (auto m = random() % 5 < 3 ? 0 : 1 + random() % 2; m > 0; --m)
        args += std::string(args.empty() ? "" : ",") + "{\"index\":" + one_of({"0", "1"}) +
                ",\"value\":" + one_of({"268435456", "8", "17", "268435464", "0"}) +
                ",\"valueTwo\":" + one_of({"0", "0", "8", "268435456"}) + ",\"op\":\"" +
                one_of({"SCMP_CMP_MASKED_EQ", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_EQ", "SCMP_CMP_NE"}) + "\"}";
      entries += std::string(entries.empty() ? "" : ",") + "{\"names\":[" + names + "],\"action\":\"" +
                 one_of(actions) + "\"" + (args.empty() ? "" : ",\"args\":[" + args + "]") + "}";
    }
    const std::string before = "{\"defaultAction\":\"" + one_of(actions) + "\",\"syscalls\":[" + entries + "]}";
    const std::string after = merged(before);
    if (after.rfind("error: ", 0) == 0) continue;
    ++kept;
    expect_closed(before, after);
  }
  EXPECT_GT(kept, 60);
}

Confinement wanted(const char* seccomp) {
  Confinement made;
  made.policy = "web";
  made.closing = all_closed();
  if (seccomp) made.seccomp = seccomp;
  return made;
}
Config config(const std::string& text) {
  Result<Config> made = Config::of_text(text, "c");
  EXPECT_TRUE(made);
  return *made;
}

TEST(ClosingConfinement, ABundlesOwnFilterIsWrittenThenMerged) {
  constexpr char kOwn[] =
      R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","userfaultfd"],"action":"SCMP_ACT_ALLOW"}]})";
  Config made = config("{}");
  ASSERT_TRUE(apply(wanted(kOwn), made));
  EXPECT_EQ(
      made.text(),
      R"({"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}}})");
  EXPECT_TRUE(verify(wanted(kOwn), made, ClosingFilter::kRequired));
  const Config engines = config(R"({"linux":{"seccomp":)" + std::string(kOwn) + "}}");
  EXPECT_TRUE(verify(wanted(kOwn), engines, ClosingFilter::kOptional)) << "hooks refuse what it lets pass";
  EXPECT_THAT(verify(wanted(kOwn), engines, ClosingFilter::kRequired).error().message,
              HasSubstr("syscalls[0].names has 2 entries, not 1"));
}

TEST(ClosingConfinement, OneWithoutClosingIsNotEnforced) {
  Confinement old = wanted(nullptr);
  old.closing.reset();
  Config made = config("{}");
  EXPECT_THAT(apply(old, made).error().message, HasSubstr("has no closing.json: compile its profile again"));
  EXPECT_THAT(verify(old, made, ClosingFilter::kOptional).error().message, HasSubstr("has no closing.json"));
}

TEST(ClosingConfinement, AFilterThatCannotBeMergedIsSaid) {
  Config made = config(
      R"({"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":17,"op":"SCMP_CMP_NE"}]}]}}})");
  EXPECT_THAT(apply(wanted(nullptr), made).error().message, HasSubstr("linux.seccomp: syscalls[0] lets 'clone' pass"));
  EXPECT_THAT(verify(wanted(nullptr), made, ClosingFilter::kRequired).error().message,
              HasSubstr("a seccomp filter that lets it pass: linux.seccomp: syscalls[0] lets 'clone' pass"));
  EXPECT_TRUE(verify(wanted(nullptr), made, ClosingFilter::kOptional));
}

}  // namespace
}  // namespace treeline::oci
