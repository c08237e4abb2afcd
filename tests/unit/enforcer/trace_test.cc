// SPDX-License-Identifier: Apache-2.0
#include "enforcer/recorder/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "enforcer/base/json.h"
#include "policy-compiler/support/text.h"

namespace treeline::recorder {
namespace {
using testing::Contains;
using testing::HasSubstr;

constexpr uint32_t kContainer = 4;

class TraceTest : public testing::Test {
 protected:
  TraceTest() {
    SessionInfo info;
    info.workload = "web";
    info.container = "c1";
    info.index = kContainer;
    info.kernel = "6.12";
    info.started = "2024-01-01T00:00:00.000000000Z";
    session_ = std::make_unique<Session>(info);
  }
  // Counts an act as the kernel side does, and tells its text unless that was lost.
  void act(events::Event event, uint64_t count, bool told = true) {
    event.type = TL_EVENT_LEARNED;
    event.container = kContainer;
    tl_learned_key key{event.node, event.object, kContainer, event.access, event.kind, 0};
    learned_.emplace_back(key, tl_learned{count, ++clock_, clock_ + 10, told});
    if (told) session_->see(event);
  }
  void interpreter(uint64_t node, bool told) {
    events::Event event;
    event.kind = TL_KIND_INTERPRETER;
    event.node = node;
    event.object = 9;
    event.object_type = TL_OBJECT_PATH;
    event.text = "/bin/dash";
    act(event, 1, told);
  }
  uint64_t exec(uint64_t parent, const std::string& path, bool told = true, uint16_t flags = 0) {
    events::Event event;
    event.kind = TL_KIND_EXEC;
    event.node = parent;
    event.object = std::hash<std::string>()(path);
    event.object_type = TL_OBJECT_PATH;
    event.access = TL_EXECUTE;
    event.text = path;
    event.flags = flags;
    act(event, 1, told);
    return tl_child_key(parent, event.object);
  }
  void file(uint64_t node, const std::string& path, uint16_t access, bool told = true) {
    events::Event event;
    event.kind = TL_KIND_FILE;
    event.node = node;
    event.object = std::hash<std::string>()(path);
    event.object_type = TL_OBJECT_PATH;
    event.access = access;
    event.text = path;
    act(event, 3, told);
  }
  std::vector<std::string> write() {
    Counters counters;
    counters.learned = [&](const auto& use) {
      for (auto& [key, value] : learned_) use(key, value);
    };
    counters.syscalls = [&](const auto& use) {
      for (auto& [key, value] : syscalls_) use(key, value);
    };
    return write_trace(*session_, counters, end_);
  }
  std::unique_ptr<Session> session_;
  std::vector<std::pair<tl_learned_key, tl_learned>> learned_;
  std::vector<std::pair<tl_syscalls_key, tl_syscalls>> syscalls_;
  TraceEnd end_{"2024-01-01T00:01:00.000000000Z", 0, {}};
  uint64_t clock_ = 100;
};

// Two CPUs that count one act at once: one reads its clock first and writes last.
TEST_F(TraceTest, TimesAreInOrderWhateverTheKernelSideLeft) {
  const uint64_t node = exec(TL_KEY_ENTRY, "/usr/sbin/nginx");
  file(node, "/etc/passwd", TL_READ);
  learned_.back().second.first = 500;
  learned_.back().second.last = 400;
  EXPECT_THAT(write(), Contains(testing::AllOf(HasSubstr("/etc/passwd"), HasSubstr("\"first\":400"), HasSubstr("\"last\":500"))));
}

TEST_F(TraceTest, ASecondNameMakesAMove) {
  const uint64_t node = exec(TL_KEY_ENTRY, "/bin/mv");
  events::Event event;
  event.kind = TL_KIND_FILE;
  event.node = node;
  event.object = 77;
  event.object_type = TL_OBJECT_PATH;
  event.access = TL_RENAME_IN;
  event.text = "/srv/new";
  event.text2 = "/srv/old";
  act(event, 1);
  EXPECT_THAT(write(), Contains(testing::AllOf(HasSubstr("\"type\":\"move\""), HasSubstr("\"from\":\"/srv/old\""), HasSubstr("\"to\":\"/srv/new\""))));
}

TEST_F(TraceTest, AnOpenWithOCreatOfWhatIsThereMakesNothing) {
  const uint64_t node = exec(TL_KEY_ENTRY, "/usr/sbin/nginx");
  for (const uint8_t hook : {TL_HOOK_FILE_OPEN, TL_HOOK_PATH_MKNOD}) {
    events::Event event;
    event.hook = hook;
    event.kind = TL_KIND_FILE;
    event.node = node;
    event.object = hook;
    event.object_type = TL_OBJECT_PATH;
    event.access = hook == TL_HOOK_FILE_OPEN ? TL_APPEND | TL_CREATE : TL_CREATE;
    event.text = hook == TL_HOOK_FILE_OPEN ? "/var/log/there" : "/var/log/made";
    act(event, 1);
  }
  EXPECT_THAT(write(), Contains(testing::AllOf(HasSubstr("/var/log/there"), HasSubstr("\"existing\":true"))));
  EXPECT_THAT(write(), Contains(testing::AllOf(HasSubstr("/var/log/made"), testing::Not(HasSubstr("existing")))));
}

TEST_F(TraceTest, FirstAndLastLineAndANodeWithItsRules) {
  const uint64_t node = exec(TL_KEY_ENTRY, "/usr/sbin/nginx");
  file(node, "/etc/passwd", TL_READ);
  file(node, "/proc//own/status", TL_READ);
  std::vector<std::string> lines = write();
  ASSERT_EQ(lines.size(), 5u);
  Json head = *parse_json(lines.front());
  EXPECT_EQ(head["schema"], 1);
  EXPECT_EQ(head["type"], "trace");
  EXPECT_EQ(head["entry"]["exec"], "/usr/sbin/nginx");
  Json first = *parse_json(lines[1]);
  EXPECT_EQ(first["type"], "node");
  EXPECT_EQ(first["node"], text::hex64(node));
  EXPECT_EQ(first["parent"], "entry");
  EXPECT_EQ(first["joined"], false);
  Json rule = *parse_json(lines[2]);
  EXPECT_EQ(rule["path"], "/etc/passwd");
  EXPECT_EQ(rule["access"], Json::array({"read"}));
  EXPECT_EQ(rule["count"], 3);
  EXPECT_THAT(lines[3], HasSubstr("/proc/{own}/status"));
  Json last = *parse_json(lines.back());
  EXPECT_EQ(last["type"], "end");
  EXPECT_EQ(last["incomplete"], false);
  EXPECT_EQ(last["exit"], 0);
}

TEST_F(TraceTest, AScriptNamesItsInterpreter) {
  const uint64_t node = exec(TL_KEY_ENTRY, "/entrypoint.sh");
  interpreter(node, true);
  EXPECT_EQ((*parse_json(write()[1]))["interpreter"], "/bin/dash");
  EXPECT_EQ((*parse_json(write().back()))["incomplete"], false);
}

// Without it the profile would name a binary, and enforcement refuse the script.
TEST_F(TraceTest, AScriptWhoseInterpreterWasLostMakesTheTraceIncomplete) {
  interpreter(exec(TL_KEY_ENTRY, "/entrypoint.sh"), false);
  EXPECT_EQ((*parse_json(write().back()))["incomplete"], true);
}

TEST_F(TraceTest, NumbersNeedNoText) {
  const uint64_t node = exec(TL_KEY_ENTRY, "/x");
  auto number = [&](uint8_t kind, uint64_t object) {
    events::Event event;
    event.kind = kind;
    event.node = node;
    event.object = object;
    act(event, 2, false);
  };
  number(TL_KIND_CAPABILITY, 0);
  number(TL_KIND_OPERATION, TL_OP_JIT);
  number(TL_KIND_SOCKET, uint64_t{TL_SOCK_NETLINK} << 32 | 16);
  number(TL_KIND_SOCKET, uint64_t{TL_SOCK_UNIX_STREAM} << 32);
  number(TL_KIND_USER, 101);
  std::vector<std::string> lines = write();
  EXPECT_THAT(lines, Contains(HasSubstr("\"capability\":\"chown\"")));
  EXPECT_THAT(lines, Contains(HasSubstr("\"operation\":\"jit\"")));
  EXPECT_THAT(lines, Contains(HasSubstr("\"kind\":\"netlink\",\"netlink\":16")));
  EXPECT_THAT(lines, Contains(HasSubstr("\"kind\":\"unix-stream\",\"count\":2")));
  EXPECT_THAT(lines, Contains(HasSubstr("\"uid\":101")));
  EXPECT_THAT(lines, Contains(HasSubstr("\"users\":[101]")));
  EXPECT_EQ((*parse_json(lines.back()))["incomplete"], false);
}

TEST_F(TraceTest, ALostTextIsALossAndMakesItIncomplete) {
  const uint64_t node = exec(TL_KEY_ENTRY, "/x");
  file(node, "/etc/passwd", TL_READ, /*told=*/false);
  std::vector<std::string> lines = write();
  EXPECT_THAT(lines, Contains(HasSubstr("\"type\":\"loss\",\"what\":\"texts\",\"count\":1")));
  EXPECT_EQ((*parse_json(lines.back()))["incomplete"], true);
}

TEST_F(TraceTest, RulesOfANodeThatNoLineIntroducesAreLostNotWritten) {
  const uint64_t node = exec(TL_KEY_ENTRY, "/x", /*told=*/false);
  file(node, "/etc/passwd", TL_READ);
  std::vector<std::string> lines = write();
  for (const std::string& line : lines) EXPECT_THAT(line, testing::Not(HasSubstr("/etc/passwd")));
  EXPECT_EQ((*parse_json(lines.back()))["incomplete"], true);
}

TEST_F(TraceTest, TheKernelSidesLossesAreSaid) {
  exec(TL_KEY_ENTRY, "/x");
  end_.losses["learned"] = 12;
  end_.losses["events"] = 0;
  std::vector<std::string> lines = write();
  EXPECT_THAT(lines, Contains(HasSubstr("\"what\":\"learned\",\"count\":12")));
  for (const std::string& line : lines) EXPECT_THAT(line, testing::Not(HasSubstr("\"events\"")));
}

TEST_F(TraceTest, HostileNamesStayNames) {
  const uint64_t node = exec(TL_KEY_ENTRY, "/x");
  file(node, "/tmp/{own}/a*b\n\"\xff\\", TL_READ);
  std::vector<std::string> lines = write();
  EXPECT_THAT(lines, Contains(HasSubstr(R"(/tmp/\\x7bown\\x7d/a\\x2ab\\x0a\"\\xff\\x5c)")));
  for (const std::string& line : lines) EXPECT_TRUE(parse_json(line)) << line;
}

TEST_F(TraceTest, OtherContainersAndUnreadableTextsAreNotTaken) {
  const uint64_t node = exec(TL_KEY_ENTRY, "/x");
  events::Event event;
  event.type = TL_EVENT_LEARNED;
  event.kind = TL_KIND_FILE;
  event.node = node;
  event.container = kContainer + 1;
  session_->see(event);
  EXPECT_EQ(session_->seen().size(), 1u);
  event.container = kContainer;
  event.flags = TL_EVENT_TRUNCATED;
  session_->see(event);
  EXPECT_EQ(session_->seen().size(), 1u);
  EXPECT_EQ(session_->unreadable(), 1u);
  EXPECT_EQ((*parse_json(write().back()))["incomplete"], true);
}

TEST_F(TraceTest, SystemCallsByName) {
  const uint64_t node = exec(TL_KEY_ENTRY, "/x");
  tl_syscalls calls{};
  for (int number : {0, 1, 3, 511}) calls.seen[number] = 1;
  syscalls_.push_back({{node, kContainer, 0}, calls});
  syscalls_.push_back({{node, kContainer + 1, 0}, calls});
  std::vector<std::string> lines = write();
#if defined(__x86_64__)
  EXPECT_THAT(lines, Contains(HasSubstr(R"("arch":"x86_64","names":["close","read","syscall-511","write"])")));
#endif
  size_t count = 0;
  for (const std::string& line : lines) count += line.find("syscalls") != std::string::npos;
  EXPECT_EQ(count, 1u);
}

}  // namespace
}  // namespace treeline::recorder
