// SPDX-License-Identifier: Apache-2.0
//
// The reader of traces. Policy: every bad line is an error with its number; a trace that merely stops is incomplete;
// nothing that a container wrote into a name becomes a pattern.
#include <gmock/gmock.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/learn/observed.h"
#include "tests/unit/learn/recording.h"

namespace treeline::learn::test {
namespace {

const std::string kHead =
    R"({"schema":1,"type":"trace","host_kernel":"6.1","started":"2026-03-01T10:00:00Z","workload":"w","container":"c","late":false})"
    "\n";
const std::string kNode =
    R"({"type":"node","node":"0x0000000000000011","parent":"entry","exec":"/bin/a","count":1,"users":[0]})"
    "\n";
const std::string kEnd = R"({"type":"end","stopped":"2026-03-01T10:01:00Z","incomplete":false,"exit":0})"
                         "\n";

struct Outcome {
  std::optional<Trace> trace;
  std::vector<std::pair<uint32_t, std::string>> errors;  // line, message
  size_t warnings = 0;
};
Outcome read(const std::string& text) {
  Diagnostics diagnostics("x.jsonl");
  Outcome out;
  out.trace = read_trace(text, diagnostics);
  for (const Diagnostic& d : diagnostics.list()) {
    EXPECT_FALSE(d.remedy.empty()) << d.message;
    if (d.severity == Severity::kError)
      out.errors.emplace_back(d.position.line, d.message);
    else
      out.warnings++;
  }
  EXPECT_EQ(out.trace.has_value(), out.errors.empty());
  return out;
}

TEST(TraceReader, CountsOfANodeDeclaredTwiceStopAtTheMost) {
  std::string again = kNode;
  again.replace(again.find("\"count\":1"), 9, "\"count\":18446744073709551615");
  const Outcome out = read(kHead + kNode + again + kEnd);
  ASSERT_TRUE(out.trace);
  EXPECT_EQ(out.trace->nodes.at(0).count, UINT64_MAX);
}

TEST(Observed, CountsStopAtTheMost) {
  Use use, other;
  use.add(Episode{}, Seen{.count = UINT64_MAX - 1});
  use.add(Episode{}, Seen{.count = 5});
  EXPECT_EQ(use.count, UINT64_MAX);
  other.add(use);
  other.add(use);
  EXPECT_EQ(other.count, UINT64_MAX);
}

TEST(TraceReader, ReadsEachKindOfRecord) {
  const Outcome out = read(
      kHead + kNode +
      R"({"type":"node","node":"0x12","parent":"0x11","exec":"/x.sh","interpreter":"/bin/sh","count":2,"users":[0,101],"joined":false,"first":1,"last":2})"
      "\n"
      R"({"type":"file","node":"0x12","access":["read","map"],"path":"/proc/{own}/stat","count":3,"first":10,"last":20,"excl":true,"existing":true})"
      "\n"
      R"({"type":"file","node":"0x12","access":[],"path":"/bin/a","count":1})"
      "\n"
      R"({"type":"file","node":"entry","access":["read"],"path":"/the/runtimes","count":1})"
      "\n"
      R"({"type":"move","node":"0x12","from":"/a","to":"/b","count":1})"
      "\n"
      R"({"type":"net","node":"0x12","direction":"out","protocol":"udp","address":"::ffff:10.0.0.1","port":53})"
      "\n"
      R"({"type":"capability","node":"0x12","capability":"chown"})"
      "\n"
      R"({"type":"socket","node":"0x12","kind":"netlink","netlink":16})"
      "\n"
      R"({"type":"operation","node":"0x12","operation":"jit"})"
      "\n"
      R"({"type":"user","node":"0x12","uid":101})"
      "\n"
      R"({"type":"syscalls","node":"0x12","arch":"x86_64","names":["read","openat"]})"
      "\n" +
      kEnd);
  ASSERT_TRUE(out.trace);
  EXPECT_EQ(out.warnings, 0u);
  const Trace& t = *out.trace;
  ASSERT_EQ(t.nodes.size(), 2u);
  EXPECT_EQ(t.nodes[1].parent, 0u);
  EXPECT_EQ(t.nodes[1].interpreter, "/bin/sh");
  ASSERT_EQ(t.files.size(), 1u);  // neither the empty one nor the runtime's
  EXPECT_EQ(t.files[0].name, "/proc//own/stat");
  EXPECT_EQ(t.files[0].access, TL_READ | TL_MAP);
  EXPECT_TRUE(t.files[0].exclusive);
  EXPECT_TRUE(t.files[0].existing);
  ASSERT_EQ(t.nets.size(), 1u);
  EXPECT_FALSE(t.nets[0].address.v6);
  EXPECT_EQ(t.nets[0].address.address[0], 10);
  EXPECT_EQ(t.sockets[0].detail, 16u);
  EXPECT_FALSE(t.incomplete);
}

TEST(TraceReader, NamesEveryBadLine) {
  const std::vector<std::string> bad = {
      "not json",
      "[1]",
      R"({"type":"file"})",
      R"({"type":"nonsense"})",
      R"({"type":"file","type":"file"})",
      R"({"type":"file","node":"0x11","access":["read"],"path":"relative"})",
      R"({"type":"file","node":"0x11","access":["read"],"path":"/a/../b"})",
      R"({"type":"file","node":"0x11","access":["read"],"path":"/a//b"})",
      R"({"type":"file","node":"0x11","access":["read"],"path":"/a/**"})",
      R"({"type":"file","node":"0x11","access":["read"],"path":"/a/{digits}"})",
      R"({"type":"file","node":"0x11","access":["read"],"path":"/a/\\y"})",
      R"({"type":"file","node":"0x11","access":["read"],"path":"/a/\\x2f"})",
      R"({"type":"file","node":"0x11","access":["read"],"path":"{nothing}"})",
      R"({"type":"file","node":"0x11","access":["read"],"path":"/a/{tmpfile}/b"})",
      R"({"type":"file","node":"0x11","access":["fly"],"path":"/a"})",
      R"({"type":"file","node":"0x11","access":["read"],"path":"/a","count":-1})",
      R"({"type":"file","node":"0x11","access":["read"],"path":"/a","first":9,"last":1})",
      R"({"type":"file","node":"eleven","access":["read"],"path":"/a"})",
      R"({"type":"file","node":"0x99","access":["read"],"path":"/a"})",
      R"({"type":"net","node":"0x11","direction":"out","protocol":"tcp","address":"example.org","port":1})",
      R"({"type":"net","node":"0x11","direction":"out","protocol":"tcp","address":"1.2.3.4","port":65536})",
      R"({"type":"capability","node":"0x11","capability":"everything"})",
      R"({"type":"user","node":"0x11","uid":4294967295})",
      R"({"type":"syscalls","node":"0x11","arch":"x86_64","names":["a b"]})",
      R"({"type":"node","node":"0x11","parent":"entry","exec":"/bin/other","users":[]})",
      R"({"type":"node","node":"0x21","parent":"0x77","exec":"/bin/b","users":[]})",
      R"({"a":[[[[[[[[1]]]]]]]]})",
      std::string(70'000, ' '),
  };
  for (const std::string& line : bad) {
    const Outcome out = read(kHead + kNode + line + "\n" + kEnd);
    ASSERT_EQ(out.errors.size(), 1u) << line;
    EXPECT_EQ(out.errors[0].first, 3u) << line << ": " << out.errors[0].second;
  }
  std::string all = kHead + kNode;
  for (const std::string& line : bad) {
    if (line.find("0x99") == std::string::npos && line.find("0x77") == std::string::npos) all += line + "\n";
  }
  EXPECT_EQ(read(all + kEnd).errors.size(),
            bad.size() - 2);  // all of them at once; lineage is asked once the lines are good
}

TEST(TraceReader, AnotherKindOfFileIsRefusedAtItsFirstLine) {
  EXPECT_EQ(read("").errors.size(), 1u);
  EXPECT_EQ(read("treeline: 1\nname: x\nentry:\n").errors.size(), 1u);
  EXPECT_EQ(read(R"({"schema":2,"type":"trace"})"
                 "\n" +
                 kNode)
                .errors.size(),
            1u);
}

TEST(TraceReader, ALoopOfParentsIsAnError) {
  const Outcome out = read(kHead +
                           R"({"type":"node","node":"0x21","parent":"0x22","exec":"/a","users":[0]})"
                           "\n"
                           R"({"type":"node","node":"0x22","parent":"0x21","exec":"/b","users":[0]})"
                           "\n" +
                           kEnd);
  EXPECT_EQ(out.errors.size(), 2u);
}

TEST(TraceReader, ATraceThatStopsIsIncomplete) {
  const Outcome without_end = read(kHead + kNode);
  ASSERT_TRUE(without_end.trace);
  EXPECT_TRUE(without_end.trace->incomplete);
  EXPECT_EQ(without_end.warnings, 1u);
  const Outcome cut = read(kHead + kNode + R"({"type":"file","node":"0x11","acc)");
  ASSERT_TRUE(cut.trace);
  EXPECT_TRUE(cut.trace->incomplete);
  EXPECT_EQ(cut.trace->files.size(), 0u);
}

TEST(TraceReader, EveryPrefixOfATraceIsReadOrRefusedNeverHalfUnderstood) {
  Recording r("c", "2026-03-01T10:00:00Z");
  const auto a = r.node("entry", "/bin/a", {0});
  r.file(a, "read", "/etc/passwd");
  const std::string text = r.text();
  for (size_t length = 0; length < text.size(); length++) {
    Diagnostics diagnostics("x");
    const auto trace = read_trace(text.substr(0, length), diagnostics);
    EXPECT_TRUE(!trace || trace->incomplete) << length;
  }
}

TEST(TraceReader, ALossMakesATraceIncompleteAndForgivesMissingParents) {
  const Outcome out = read(kHead + kNode +
                           R"({"type":"node","node":"0x21","parent":"0x77","exec":"/bin/b","users":[]})"
                           "\n"
                           R"({"type":"file","node":"0x21","access":["read"],"path":"/a"})"
                           "\n"
                           R"({"type":"loss","what":"events","count":3})"
                           "\n" +
                           kEnd);
  ASSERT_TRUE(out.trace);
  EXPECT_TRUE(out.trace->incomplete);
  EXPECT_EQ(out.trace->nodes.size(), 1u);
  EXPECT_EQ(out.trace->files.size(), 0u);
}

TEST(TraceReader, DeepTreesAreCutWithAWarning) {
  std::string text = kHead;
  for (int i = 0; i < 1000; i++) {
    text += R"({"type":"node","node":"0x)" + text::hex64(static_cast<uint64_t>(0x1000 + i)).substr(2) +
            R"(","parent":")" + (i == 0 ? "entry" : text::hex64(static_cast<uint64_t>(0x1000 + i - 1))) +
            R"(","exec":"/bin/sh","users":[0]})"
            "\n";
  }
  const Outcome out = read(text + kEnd);
  ASSERT_TRUE(out.trace);
  EXPECT_EQ(out.trace->nodes.size(), kMaxTraceDepth);
  EXPECT_EQ(out.warnings, 1u);
}

TEST(ObjectName, TraceTextIsTheLiteralPattern) {
  std::string why;
  for (const char* text :
       {"/", "/etc/passwd", "/proc/{own}/fd/3", "/tmp/{tmpfile}", "{pipe}", "{anon:eventfd}", R"(/a\x2ab\x0a/\xff)",
        "{abstract}/x", "{abstract}//a/b", R"({abstract}/\x01)", "/\xc3\xa9", R"(/\x7bpipe\x7d)"}) {
    const auto walked = walked_from_trace(text, why);
    ASSERT_TRUE(walked) << text << " " << why;
    EXPECT_EQ(pattern_text(*walked), text);
    EXPECT_TRUE(!is_path(*walked) || join(split(*walked)) == *walked) << text;
  }
  EXPECT_EQ(*walked_from_trace("/proc/{own}/fd/3", why), "/proc//own/fd/3");
  EXPECT_EQ(*walked_from_trace(R"(/\x7bown\x7d)", why), "/{own}");  // a name, not the pseudo component
}

TEST(Days, OnlyThoseThatExist) {
  EXPECT_EQ(day_of("1970-01-01"), 0);
  EXPECT_EQ(day_of("20000301"), 11017);
  EXPECT_EQ(day_of("2024-02-29T23:59:59.123Z"), 19782);
  for (const char* text :
       {"", "2023-02-29", "20231301", "20230010", "2023-01-0x", "1969-12-31", "2023-01-01x", "202301011"})
    EXPECT_FALSE(day_of(text)) << text;
}

}  // namespace
}  // namespace treeline::learn::test
