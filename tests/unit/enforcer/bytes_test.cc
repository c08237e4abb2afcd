// SPDX-License-Identifier: Apache-2.0
#include "enforcer/base/bytes.h"

#include <gtest/gtest.h>

#include <random>

#include "policy-compiler/support/text.h"

namespace treeline {
namespace {

TEST(Bytes, AnyBytesComeBackAndTheTextIsPrintable) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (size_t n = random() % 40; n > 0; --n) bytes += static_cast<char>(random() % (round % 2 ? 256 : 128));
    std::string text = escape_bytes(bytes, "{}*?[]");
    EXPECT_EQ(unescape_bytes(text), bytes);
    EXPECT_EQ(text.find_first_of("{}*?[]\n\r\t"), std::string::npos);
    for (size_t at = 0; at < text.size();) {
      size_t length = text::utf8_length(text, at);
      ASSERT_GT(length, 0u) << "not UTF-8: " << text;
      at += length;
    }
  }
}

TEST(Bytes, ANameCannotForgeALineOrMoveACursor) {
  EXPECT_EQ(escape_bytes("a\nb\x1b[31m"), "a\\x0ab\\x1b[31m");
  EXPECT_EQ(escape_bytes("\xc2\x85\xe2\x80\xa8"), "\\xc2\\x85\\xe2\\x80\\xa8");  // NEL, LINE SEPARATOR
  EXPECT_EQ(escape_bytes("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

TEST(Bytes, PseudoComponentsReadAsTheLanguageWritesThem) {
  EXPECT_EQ(readable_path("/proc//own/status", true), "/proc/{own}/status");
  EXPECT_EQ(readable_path("/tmp//tmpfile", true), "/tmp/{tmpfile}");
  EXPECT_EQ(readable_path("//abstract/x", true), "{abstract}/x");
  EXPECT_EQ(readable_path("//abstract/a//own", true), "{abstract}/a/{own}");  // only the hooks write "//"
}

TEST(Bytes, ALiteralNameNeverBecomesAPseudoComponentOrAPattern) {
  EXPECT_EQ(readable_path("/proc/{own}/status", true), "/proc/\\x7bown\\x7d/status");
  EXPECT_EQ(readable_path("/tmp/a*b?[c]\\", true), "/tmp/a\\x2ab\\x3f\\x5bc\\x5d\\x5c");
  EXPECT_EQ(readable_path("/tmp/a*b", false), "/tmp/a*b");
}

}  // namespace
}  // namespace treeline
