// SPDX-License-Identifier: Apache-2.0
#include "enforcer/events/event.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "bpf/lsm/abi.h"
#include "enforcer/events/json_encoder.h"
#include "enforcer/events/line_encoder.h"
#include "enforcer/events/object_text.h"
#include "enforcer/events/words.h"

namespace treeline::events {
namespace {
using testing::HasSubstr;

tl_event denial() {
  tl_event raw{};
  raw.type = TL_EVENT_DENIAL;
  raw.hook = TL_HOOK_FILE_OPEN;
  raw.verdict = TL_VERDICT_DENY;
  raw.mode = TL_MODE_ENFORCE;
  raw.reason = TL_REASON_ACCESS;
  raw.kind = TL_KIND_FILE;
  raw.access = TL_READ | TL_WRITE;
  raw.object_type = TL_OBJECT_PATH;
  raw.node = 0xabc;
  raw.count = 4;
  raw.generation = 3;
  raw.tgid = 4711;
  raw.uid = 101;
  std::strcpy(raw.comm, "nginx");
  return raw;
}

std::vector<char> record(tl_event raw, const std::string& text, const std::string& second = "") {
  const size_t texts = second.empty() ? text.size() : TL_EVENT_TEXT / 2 + second.size();
  std::vector<char> bytes(sizeof raw + texts);
  raw.size = static_cast<uint32_t>(bytes.size());
  raw.text_length = static_cast<uint16_t>(text.size());
  raw.text2_length = static_cast<uint16_t>(second.size());
  std::memcpy(bytes.data(), &raw, sizeof raw);
  std::memcpy(bytes.data() + sizeof raw, text.data(), text.size());
  if (!second.empty()) std::memcpy(bytes.data() + sizeof raw + TL_EVENT_TEXT / 2, second.data(), second.size());
  return bytes;
}

TEST(Event, ADenialComesBackWhole) {
  std::vector<char> bytes = record(denial(), "/etc/shadow");
  Result<Event> event = decode(bytes.data(), bytes.size());
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->text, "/etc/shadow");
  EXPECT_EQ(event->comm, "nginx");
  EXPECT_EQ(act_text(*event), "read write");
  EXPECT_FALSE(event->in_doubt());
}

TEST(Event, BothNamesOfARename) {
  std::vector<char> bytes = record(denial(), "/a", "/b");
  Result<Event> event = decode(bytes.data(), bytes.size());
  ASSERT_TRUE(event);
  EXPECT_EQ(object_text(*event), "/a -> /b");
}

TEST(Event, CutAnywhereItIsAnErrorAndNothingIsReadBeyond) {
  std::vector<char> bytes = record(denial(), "/etc/shadow", "/tmp/x");
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::vector<char> part(bytes.begin(), bytes.begin() + static_cast<long>(size));  // its own allocation: the sanitizer sees an overrun
    EXPECT_FALSE(decode(part.data(), part.size())) << size;
  }
}

TEST(Event, LyingLengthsAndUnknownNumbersAreRefused) {
  auto with = [](auto change) {
    std::vector<char> bytes = record(denial(), "/etc/shadow");
    tl_event raw{};
    std::memcpy(&raw, bytes.data(), sizeof raw);
    change(raw);
    std::memcpy(bytes.data(), &raw, sizeof raw);
    return decode(bytes.data(), bytes.size()).has_value();
  };
  EXPECT_TRUE(with([](tl_event&) {}));
  EXPECT_FALSE(with([](tl_event& e) { e.text_length = 12; }));
  EXPECT_FALSE(with([](tl_event& e) { e.text_length = 0xffff; }));
  EXPECT_FALSE(with([](tl_event& e) { e.text2_length = 1; }));
  EXPECT_FALSE(with([](tl_event& e) { e.size = 0; }));
  EXPECT_FALSE(with([](tl_event& e) { e.size += 1; }));
  EXPECT_FALSE(with([](tl_event& e) { e.hook = TL_HOOKS; }));
  EXPECT_FALSE(with([](tl_event& e) { e.verdict = 9; }));
  EXPECT_FALSE(with([](tl_event& e) { e.type = 0; }));
}

TEST(Event, RandomBytesNeverCrashAnyEncoder) {
  std::mt19937 random(11);
  for (int round = 0; round < 4000; ++round) {
    tl_event raw;
    auto* bytes = reinterpret_cast<unsigned char*>(&raw);
    for (size_t i = 0; i < sizeof raw; ++i) bytes[i] = static_cast<unsigned char>(random());
    raw.type = static_cast<uint8_t>(1 + random() % 3);
    raw.hook = static_cast<uint8_t>(random() % TL_HOOKS);
    raw.reason = static_cast<uint8_t>(random() % TL_REASONS);
    raw.verdict = static_cast<uint8_t>(random() % 4);
    raw.mode = static_cast<uint8_t>(random() % 4);
    raw.object_type = static_cast<uint32_t>(random() % 5);
    std::string text;
    for (size_t n = random() % 30; n > 0; --n) text += static_cast<char>(random());
    std::vector<char> whole = record(raw, text);
    Result<Event> event = decode(whole.data(), whole.size());
    ASSERT_TRUE(event) << event.error().message;
    Json json = to_json(*event, Named{});
    std::string line = to_line(json);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    ASSERT_TRUE(parse_json(line));
    std::string shown = to_text(json, false, true);
    for (char c : shown) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << shown;
  }
}

TEST(EventJson, SaysModeVerdictAndThatItWasStopped) {
  std::vector<char> bytes = record(denial(), "/etc/shadow");
  Named named;
  named.policy = "nginx";
  named.container = "web-1";
  named.node_path = "entry > /usr/sbin/nginx";
  named.node_line = 12;
  Json json = to_json(*decode(bytes.data(), bytes.size()), named);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["mode"], "enforce");
  EXPECT_EQ(json["verdict"], "deny");
  EXPECT_EQ(json["stopped"], true);
  EXPECT_FALSE(json.contains("would_have_been"));
  EXPECT_EQ(json["node"]["line"], 12);
  EXPECT_EQ(json["object"]["path"], "/etc/shadow");
  EXPECT_EQ(json["act"], "read write");
  EXPECT_EQ(json["hook"], "file_open");
  EXPECT_EQ(json["reason"], "access");
  EXPECT_THAT(json["time"].get<std::string>(), testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{9}Z"));
  std::string line = to_text(json, false, false);
  EXPECT_THAT(line, HasSubstr("DENY  nginx: nginx"));
  EXPECT_THAT(line, HasSubstr("/etc/shadow"));
  EXPECT_THAT(line, HasSubstr("no rule of this node allows it (profile line 12)"));
  EXPECT_THAT(line, HasSubstr("x4"));
}

TEST(EventJson, MonitorSaysWouldHaveBeenDenied) {
  tl_event raw = denial();
  raw.mode = TL_MODE_MONITOR;
  raw.verdict = TL_VERDICT_WOULD_DENY;
  raw.kind = TL_KIND_NET;
  raw.hook = TL_HOOK_SOCKET_CONNECT;
  raw.object_type = TL_OBJECT_NET;
  raw.family = AF_INET6;
  raw.port = 4444;
  inet_pton(AF_INET6, "fd00::1", raw.address);
  std::vector<char> bytes = record(raw, "");
  Json json = to_json(*decode(bytes.data(), bytes.size()), Named{});
  EXPECT_EQ(json["stopped"], false);
  EXPECT_EQ(json["would_have_been"], "denied");
  EXPECT_EQ(json["object"]["address"], "fd00::1");
  EXPECT_THAT(to_text(json, false, false), HasSubstr("[fd00::1]:4444/tcp"));
  EXPECT_THAT(to_text(json, true, false), HasSubstr("\033[33mWOULD\033[0m"));
}

TEST(EventJson, WhatIsNotShownSaysWhose) {
  const Json json = not_shown_to_json("web", "web-\x01", 49700);
  EXPECT_EQ(json["type"], "loss");
  EXPECT_EQ(json["what"], "refusals");
  EXPECT_EQ(json["count"], 49700);
  EXPECT_EQ(json["container"], "web-\\x01");
  EXPECT_THAT(to_text(json, false, false), HasSubstr("MORE  web                      49700 more refusals not shown, of container web-\\x01; counted exactly: treeline denials web"));
  EXPECT_THAT(to_text(loss_to_json("events", 3), false, false), HasSubstr("LOST  -                        events   3 not shown; the counters are exact"));
  EXPECT_THAT(to_text(loss_to_json("syscalls", 3), false, false), HasSubstr("3 not recorded"));
}

TEST(EventJson, EqualBehaviourHasAnEqualIdWhateverItsCount) {
  std::vector<char> one = record(denial(), "/etc/shadow");
  tl_event later = denial();
  later.count = 8;
  later.time = 99;
  later.tgid = 1;
  std::vector<char> two = record(later, "/etc/shadow");
  later.node = 1;
  std::vector<char> three = record(later, "/etc/shadow");
  EXPECT_EQ(decode(one.data(), one.size())->id(), decode(two.data(), two.size())->id());
  EXPECT_NE(decode(one.data(), one.size())->id(), decode(three.data(), three.size())->id());
}

TEST(EventLine, NodesAreShownByTheirLastTwoSteps) {
  EXPECT_EQ(short_node("entry > /entrypoint.sh (/bin/sh) > /usr/sbin/nginx"), "entrypoint.sh > nginx");
  EXPECT_EQ(short_node("entry > /usr/sbin/nginx"), "nginx");
  EXPECT_EQ(short_node("outside"), "outside");
  EXPECT_EQ(short_node(""), "");
}

TEST(EventLine, GarbageIsShownAsSomething) {
  EXPECT_NO_FATAL_FAILURE(to_text(Json::object(), true, true));
  EXPECT_NO_FATAL_FAILURE(to_text({{"type", 3}, {"object", "x"}, {"node", 1}}, true, true));
}

TEST(Words, HooksReadBothWays) {
  for (uint32_t hook = 1; hook <= TL_HOOK_LAST; ++hook) EXPECT_EQ(hook_of_word(hook_word(hook)), hook);
  EXPECT_EQ(hook_word(TL_HOOKS - 1), "hook-95");
  EXPECT_EQ(reason_word(63), "doubt-63");
  EXPECT_EQ(mode_of_word("enforce"), TL_MODE_ENFORCE);
  EXPECT_EQ(mode_of_word("Enforce"), -1);
}

}  // namespace
}  // namespace treeline::events
