// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/support/text.h"

#include <gmock/gmock.h>

#include "policy-compiler/support/sha256.h"

namespace treeline::text {
namespace {

TEST(Closest, ASlipIsFoundAndAStrangerIsNot) {
  constexpr std::string_view kWords[] = {"files", "network", "capabilities"};
  EXPECT_EQ(closest("filse", kWords), "files");
  EXPECT_EQ(closest("Capabilites", kWords), "capabilities");
  EXPECT_EQ(closest("netwrok", kWords), "network");
  EXPECT_EQ(closest("banana", kWords), "");
  EXPECT_EQ(closest("", kWords), "");
  EXPECT_EQ(closest(std::string(5000, 'a'), kWords), "");
}

TEST(Decimal, OnlyPlainDigitsWithinTheLimit) {
  EXPECT_EQ(decimal("0", 10), 0u);
  EXPECT_EQ(decimal("10", 10), 10u);
  EXPECT_EQ(decimal("18446744073709551615", UINT64_MAX), UINT64_MAX);
  for (const char* no : {"", "-1", "+1", "01", "0x1", "1e1", " 1", "11", "18446744073709551616"})
    EXPECT_EQ(decimal(no, 10), std::nullopt) << no;
  EXPECT_EQ(decimal("18446744073709551616", UINT64_MAX), std::nullopt);
  EXPECT_EQ(decimal("9", 5), std::nullopt);
}

TEST(Printable, NothingMovesTheCursor) {
  EXPECT_EQ(printable("a\x1b[31m\n\x7f"), "a\\x1b[31m\\x0a\\x7f");
  EXPECT_EQ(printable("\xff\xc3\xa4"), "\\xff\xc3\xa4");
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("\xc3\xa4\xc3\xa4", 3), "\xc3\xa4...");
}

TEST(Printable, NothingIsHidden) {
  for (const char* unseen : {"\xc2\xad", "\xcd\x8f", "\xd8\x9c", "\xe1\x85\x9f", "\xe1\xa0\x8e", "\xe2\x80\x8b",
                             "\xe3\x85\xa4", "\xef\xb8\x8f", "\xef\xbb\xbf", "\xef\xbf\xb9", "\xf3\xa0\x80\x81",
                             "\xf3\xa0\x87\xae", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x82", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe2\xa0\x80", "\xe3\x80\x80"})
    EXPECT_EQ(visible_length(unseen, 0), 0u) << printable(unseen);
  for (const char* seen : {"a", " ", "\xc2\xa1", "\xe2\xa0\x81", "\xe3\x80\x81", "\xc3\xa4", "\xe2\x82\xac", "\xef\xbf\xbd", "\xf0\x9f\x98\x80"})
    EXPECT_EQ(visible_length(seen, 0), std::string_view(seen).size()) << seen;
}

TEST(Utf8, OnlyTheFormsOfRfc3629) {
  for (const char* good : {"a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(utf8_length(good, 0), std::string_view(good).size());
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98"})
    EXPECT_EQ(utf8_length(bad, 0), 0u);
}

TEST(Hex, BackAndForth) {
  EXPECT_EQ(hex64(0xabcull), "0x0000000000000abc");
  EXPECT_EQ(parse_hex64("0x0000000000000abc"), 0xabcu);
  for (const char* no : {"0xabc", "0000000000000abc12", "0x0000000000000ABC", "0x000000000000000g", ""})
    EXPECT_EQ(parse_hex64(no), std::nullopt) << no;
}

TEST(Sha256, TheVectorsOfFips180) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace treeline::text
