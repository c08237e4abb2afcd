// SPDX-License-Identifier: Apache-2.0
//
// Small questions about text, asked in more than one place.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace treeline::text {

// The candidate that `word` is most likely a slip of: at most a third of its letters differ (Damerau-Levenshtein:
// insert, remove, replace, swap neighbours), case and '_' against '-' not counted. "" when none is close. Equal
// distances: the first.
std::string_view closest(std::string_view word, std::span<const std::string_view> candidates);

// "did you mean 'x'?" or "" for an empty guess.
std::string did_you_mean(std::string_view guess);

// Text that goes to a terminal or a log: control characters, DEL and bytes that are not valid UTF-8 become \xHH, so
// that a hostile name cannot move the cursor; more than `most` bytes are cut and end in "...".
std::string printable(std::string_view text, size_t most = 200);

// 'printable' in single quotes.
std::string quoted(std::string_view text, size_t most = 80);

// An ASCII digit, whatever the locale.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The number, when all of `word` is decimal digits without a sign or a superfluous leading zero and it is at most
// `most`.
std::optional<uint64_t> decimal(std::string_view word, uint64_t most);

// At runs of spaces and tabs; no empty words. The views point into `text`.
std::vector<std::string_view> words(std::string_view text);

// Bytes of the character of UTF-8 that starts at text[at]; 0 when what stands there is none (RFC 3629: no overlong
// forms, no surrogates, at most U+10FFFF).
size_t utf8_length(std::string_view text, size_t at);

// The same, and 0 too for what a reviewer would not see or would see elsewhere: control characters (C0, DEL, C1), the
// zero-width, filling, directional and annotating ones, every space but U+0020 (kUnseen in text.cc), tags and variation selectors. A tab counts as such.
size_t visible_length(std::string_view text, size_t at);

// "0x" and 16 digits: how keys of nodes and policies are written.
std::string hex64(uint64_t value);
std::optional<uint64_t> parse_hex64(std::string_view text);

// Lower-case digits of the bytes.
std::string hex(std::span<const uint8_t> bytes);

}  // namespace treeline::text
