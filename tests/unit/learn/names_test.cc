// SPDX-License-Identifier: Apache-2.0
//
// Names to classes. Policy: the table of classes and its conditions. Act: names of one directory. Outcome: the class,
// or literal.
#include <gmock/gmock.h>

#include "policy-compiler/learn/fold_names.h"
#include "policy-compiler/learn/name_shape.h"
#include "policy-compiler/learn/trace.h"
#include "policy-compiler/passes/match.h"

namespace treeline::learn {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Setup {
  bool exclusive = false, removed = false, growing = false, one_episode = false, kernel = false;
};

FoldedNames fold(const std::vector<std::string>& names, Setup setup = {}) {
  std::vector<NameFacts> facts;
  for (size_t i = 0; i < names.size(); i++) {
    NameFacts f;
    f.name = names[i];
    f.episodes = {setup.one_episode ? 0u : static_cast<uint32_t>(i % 2)};
    f.exclusive = setup.exclusive;
    f.removed = setup.removed;
    f.kernel_number = setup.kernel;
    if (setup.growing) f.born = {{0, 1000 + i}};
    facts.push_back(f);
  }
  const int64_t day = *day_of("2026-03-01");
  return fold_names(facts, {{day, day}, {day + 1, day + 1}});
}
std::vector<std::string> patterns(const std::vector<std::string>& names, Setup setup = {}) {
  std::vector<std::string> out;
  for (const NameGroup& group : fold(names, setup).groups) out.push_back(group.pattern.text());
  return out;
}

TEST(Classes, EachOfTheTable) {
  EXPECT_THAT(patterns({"123e4567-e89b-42d3-a456-426614174000", "00000000-e89b-42d3-a456-426614174abc"}),
              ElementsAre("{uuid}"));
  EXPECT_THAT(patterns({"d41d8cd98f00b204e9800998ecf8427e", "0cc175b9c0f1b6a831c399e269772661"}),
              ElementsAre("{hex:32}"));
  EXPECT_THAT(patterns({"s-0011aa22", "s-deadbee1", "s-00000000"}), ElementsAre("s-{hex:8}"));
  EXPECT_THAT(patterns({"temp-7.rdb", "temp-23.rdb", "temp-131.rdb"}, {.removed = true}),
              ElementsAre("temp-{digits}.rdb"));
  EXPECT_THAT(patterns({"0000000001", "0000000002", "0000000010"}, {.growing = true}), ElementsAre("{digits:10}"));
  EXPECT_THAT(patterns({"1764000000123", "1764000000456", "1764000000789"}, {.removed = true}),
              ElementsAre("{digits:13}"));
  EXPECT_THAT(patterns({"1804289383", "1957747793", "424238335"}, {.removed = true}), ElementsAre("{digits}"));
  EXPECT_THAT(patterns({"tmp.aB3dE9", "tmp.Zk2Qq0", "tmp.00AAbb"}, {.exclusive = true}), ElementsAre("tmp.{rand:6}"));
  EXPECT_THAT(patterns({"tmpa_b3c4d5", "tmpqwer1y_p", "tmp9abcdefg"}, {.exclusive = true}), ElementsAre("tmp{rand:8}"));
  EXPECT_THAT(patterns({"xaaBB11.part", "xccDD22.part", "xeeFF33.part"}, {.exclusive = true}),
              ElementsAre("x{rand:6}.part"));
  EXPECT_THAT(patterns({"log-20260228", "log-20260301", "log-20260302"}), ElementsAre("log-{date}"));
  EXPECT_THAT(patterns({"a.2026-02-28.gz", "a.2026-03-01.gz", "a.2026-03-02.gz"}), ElementsAre("a.{date}.gz"));
  EXPECT_THAT(patterns({"3", "7"}, {.kernel = true}), ElementsAre("{digits}"));
}

TEST(Classes, PostgresLogSegmentsAreHexEvenBeforeALetterWasSeen) {
  const std::string any = [] {
    std::string s;
    for (int i = 0; i < 24; i++) s += "[0-9A-Fa-f]";
    return s;
  }();
  const std::string upper = [] {
    std::string s;
    for (int i = 0; i < 24; i++) s += "[0-9A-F]";
    return s;
  }();
  EXPECT_THAT(
      patterns({"000000010000000000000001", "000000010000000000000002", "000000010000000000000003"}, {.growing = true}),
      ElementsAre(any));
  EXPECT_THAT(
      patterns({"000000010000000000000009", "00000001000000000000000A", "0000000100000000000000FB"}, {.growing = true}),
      ElementsAre(upper));
}

TEST(Classes, SessionFilesAreRandomByTheirLookAlone) {
  const std::vector<std::string> sessions = {"sess_0jt8p5c1qk2v9d3m7b4n6r8s1t", "sess_v1u2b3g4k5l6m7n8o9p0q1r2s3", "sess_9a8b7c6d5e4f3g2h1i0j9k8l7m",
                                             "sess_k3j4h5g6f7d8s9a0q1w2e3r4t5", "sess_m0n9b8v7c6x5z4l3k2j1h0g9f8"};
  EXPECT_THAT(patterns(sessions), ElementsAre("sess_{rand:26}"));
  EXPECT_THAT(patterns({sessions.begin(), sessions.end() - 1}), IsEmpty());  // four
  EXPECT_THAT(patterns(sessions, {.one_episode = true}), IsEmpty());
  EXPECT_THAT(patterns({"configuration_2024a", "documentation_2024b", "administrator_2024c", "international_2024d",
                        "visualisation_2024e"}),
              IsEmpty());  // "_2024" is the same in all
}

// Recorded on 2026-03-01: the next day the name is another one.
TEST(Classes, TheDayOfTheRecordingIsADateThoughItIsTheSameInAll) {
  EXPECT_THAT(patterns({"up-20260301-00112233445566aa", "up-20260301-00112233445566bb", "up-20260301-00112233445566cc"}), ElementsAre("up-{date}-{hex:16}"));
  EXPECT_THAT(patterns({"Rack20260301-1-a1B2c3", "Rack20260301-1-q9W8e7", "Rack20260301-1-z5X6c7"}, {.exclusive = true}), ElementsAre("Rack{date}-1-{rand:6}"));
  EXPECT_THAT(patterns({"v-20200101-1.x", "v-20200101-2.x", "v-20200101-3.x"}, {.removed = true}), ElementsAre("v-20200101-{digits}.x")) << "no date of now";
  // Two UUIDs suffice, and what stands beside them does not ask for a third.
  EXPECT_THAT(patterns({"20260301-123e4567-e89b-42d3-a456-426614174000", "20260301-00000000-e89b-42d3-a456-426614174abc"}), ElementsAre("{date}-{uuid}"));
  EXPECT_THAT(patterns({"b.20260301103015", "b.20260301103016", "b.20260301113017"}, {.growing = true}), ElementsAre("b.{digits:14}"));
}

// Java's createTempDirectory: 18 to 20 digits.
TEST(Classes, LongRandomNumbersHaveNotOneLength) {
  EXPECT_THAT(patterns({"t.1234567890123456789", "t.9234567890123456780", "t.2234567890123456780"}, {.removed = true}),
              ElementsAre("t.{{digits:17},{digits:18},{digits:19},{digits:20}}"));
  EXPECT_THAT(patterns({"t.123456789012345678", "t.18234567890123456780", "t.2234567890123456780"}, {.removed = true}),
              ElementsAre("t.{{digits:16},{digits:17},{digits:18},{digits:19},{digits:20}}"));
  const NamePattern pattern({{Piece::Kind::kLongDigits, 20, "", 18}});
  for (const char* yes : {"123456789012345678", "12345678901234567890"}) EXPECT_TRUE(pattern.matches(yes));
  for (const char* no : {"12345678901234567", "123456789012345678901", "12345678901234567x"}) EXPECT_FALSE(pattern.matches(no));
}

TEST(Classes, NoNumberIsCutInTwo) {
  EXPECT_THAT(patterns({"dump-20260301T103015.rdb", "dump-20260301T093016.rdb", "dump-20260301T113017.rdb"}, {.exclusive = true}),
              testing::Each(testing::Not(testing::HasSubstr("{rand"))));
}

// ULIDs begin with the time: the digits that names of one day share are no literal.
TEST(Classes, AWordThatBeginsWithTheTimeIsTakenWhole) {
  EXPECT_THAT(patterns({"01KX4T9AZQ3M8W2R7C5N6P1B0D", "01KX5B7CWR4N9X3S8D6P7Q2C1E", "01KX7D8DXS5P0Y4T9E7Q8R3D2F", "01KX8F9EYT6Q1Z5V0F8R9S4E3G", "01KX9G0FZV7R2A6W1G9S0T5F4H"}),
              ElementsAre("{rand:26}"));
  EXPECT_THAT(patterns({"sess_0jt8p5c1qw2e3r4t", "sess_1ku9q6d2we3r4t5y", "sess_2lv0r7e3er4t5y6u", "sess_3mw1s8f4rt5y6u7i", "sess_4nx2t9g5ty6u7i8o"}),
              ElementsAre("sess_{rand:16}"));
}

// etcd's %016x-%016x.wal, before the second number's letters are in the first; and a counter that met no letter at all.
TEST(Classes, NumbersOfOneNameCountInOneBase) {
  EXPECT_THAT(patterns({"0000000000000001-0000000000000bb8.wal", "0000000000000002-0000000000001770.wal", "0000000000000003-0000000000002328.wal"}, {.growing = true}),
              testing::Contains(testing::StartsWith("[0-9A-Fa-f]")));
  const auto padded = patterns({"0000000000000007", "0000000000000008", "0000000000000009"}, {.growing = true});
  ASSERT_EQ(padded.size(), 1u);
  EXPECT_THAT(padded[0], testing::StartsWith("[0-9A-Fa-f]"));
}

TEST(Classes, ACounterThatStoppedAtNineIsInDoubt) {
  const auto in_doubt = [](std::vector<std::string> names) {
    const FoldedNames folded = fold(names, {.growing = true});
    return folded.groups.size() == 1 && folded.groups[0].one_digit;
  };
  EXPECT_TRUE(in_doubt({"_7.cfs", "_8.cfs", "_9.cfs"}));
  EXPECT_FALSE(in_doubt({"_6.cfs", "_7.cfs", "_8.cfs"}));
  EXPECT_FALSE(in_doubt({"_8.cfs", "_9.cfs", "_10.cfs"}));
}

TEST(Classes, TwoNumbersInAName) {
  EXPECT_THAT(patterns({"t1.0", "t2.0", "t3.0", "t4.1", "t5.1", "t6.1"}, {.removed = true}),
              ElementsAre("t{digits}.0", "t{digits}.1"));
  EXPECT_THAT(patterns({"t1.7", "t2.8", "t3.9"}, {.removed = true}), ElementsAre("t{digits}.{digits}"));
}

TEST(Conditions, WithoutThemNamesStayLiteral) {
  EXPECT_THAT(patterns({"temp-7.rdb", "temp-23.rdb"}, {.removed = true}), IsEmpty());  // two names
  EXPECT_THAT(patterns({"temp-7.rdb", "temp-23.rdb", "temp-31.rdb"}, {.removed = true, .one_episode = true}),
              IsEmpty());                                                          // one start
  EXPECT_THAT(patterns({"shard-9", "shard-2", "shard-5", "shard-1"}), IsEmpty());  // neither grow nor go
  EXPECT_THAT(patterns({"tmp.aB3dE9", "tmp.Zk2Qq0", "tmp.00AAbb"}), IsEmpty());    // no O_EXCL
  EXPECT_THAT(patterns({"report-budget", "report-income", "report-travel"}, {.exclusive = true}),
              IsEmpty());  // words, not mixed
  EXPECT_THAT(patterns({"libx.so.1", "libx.so.2", "libx.so.3"}, {.removed = true}), IsEmpty());
  EXPECT_THAT(patterns({"log-20200101", "log-20210101", "log-20220101"}), IsEmpty());  // no date of these starts
  EXPECT_THAT(patterns({"123456789012345678901", "1234567890123456789012", "12345678901234567890123"}, {.removed = true}),
              IsEmpty());  // unequal, and longer than 64 bits
  EXPECT_THAT(patterns({"a1", "b2", "c3"}, {.removed = true}), IsEmpty());
}

TEST(Conditions, ANearMissSaysWhatWasMissing) {
  const FoldedNames out = fold({"temp-7.rdb", "temp-23.rdb"}, {.removed = true});
  ASSERT_EQ(out.near_misses.size(), 1u);
  EXPECT_EQ(out.near_misses[0].shape, "temp-{digits}.rdb");
  EXPECT_EQ(out.near_misses[0].reason, "2 such names were seen, 3 are needed");
}

TEST(Classes, RandomNamesAreOneClassThoughSomeLookLikeHex) {
  std::vector<std::string> names = {"tmpa1b2c3d4", "tmp00ff00ff", "tmpdeadbe0f"};
  for (const char* other : {"tmpx_y3z4w5", "tmpqwer1yup", "tmp9zbcdefg", "tmplkjh2345"}) names.emplace_back(other);
  EXPECT_THAT(patterns(names, {.exclusive = true}), ElementsAre("tmp{rand:8}"));
}

// What the learner thinks a pattern matches is what the language says it matches.
TEST(NamePatterns, MeanWhatTheLanguageMeans) {
  const std::vector<NamePattern> all = {
      NamePattern({{Piece::Kind::kUuid, 0, ""}}),
      NamePattern({{Piece::Kind::kHex, 8, ""}}),
      NamePattern({{Piece::Kind::kUpperHex, 8, ""}}),
      NamePattern({{Piece::Kind::kAnyHex, 8, ""}}),
      NamePattern({{Piece::Kind::kLongDigits, 12, "", 11}}),
      NamePattern({{Piece::Kind::kSameDate, 0, ""}}),
      NamePattern({{Piece::Kind::kDigits, 0, ""}}),
      NamePattern({{Piece::Kind::kDigitsN, 8, ""}}),
      NamePattern({{Piece::Kind::kRand, 8, ""}}),
      NamePattern({{Piece::Kind::kDate, 0, ""}}),
      NamePattern(
          {{Piece::Kind::kLiteral, 0, "a*{"}, {Piece::Kind::kDigits, 0, ""}, {Piece::Kind::kLiteral, 0, "\xff]"}})};
  const std::vector<std::string> names = {"123e4567-e89b-42d3-a456-426614174000",
                                          "123E4567-e89b-42d3-a456-426614174000",
                                          "0011aaff",
                                          "0011AAFF",
                                          "0011aAfF",
                                          "1",
                                          "1234567890",
                                          "12345678901",
                                          "12345678",
                                          "a_Z09xyz",
                                          "20260301",
                                          "2026-03-01",
                                          "20261301",
                                          "a*{12\xff]",
                                          "a*{\xff]",
                                          "a.{12]",
                                          "0011aaff0",
                                          ""};
  for (const NamePattern& pattern : all) {
    std::vector<passes::PatternError> errors;
    const auto parsed = passes::parse_pattern("/" + pattern.text(), errors);
    ASSERT_TRUE(parsed) << pattern.text();
    for (const std::string& name : names) {
      if (name.empty()) continue;
      EXPECT_EQ(pattern.matches(name), passes::matches(*parsed, "/" + name)) << pattern.text() << " on " << name;
    }
  }
}

}  // namespace
}  // namespace treeline::learn
