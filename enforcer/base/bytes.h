// SPDX-License-Identifier: Apache-2.0
//
// Text that comes from a kernel: names are bytes, not characters. Escaping keeps every byte, and the result is valid UTF-8
// without control characters, so that no file name can forge a log line, a JSON field or a pattern.
#pragma once

#include <string>
#include <string_view>

namespace treeline {

// Control characters, DEL, bytes that are not part of valid UTF-8, backslash, and every byte of `special` become \xHH.
// Reversible: unescape_bytes(escape_bytes(b, s)) == b.
std::string escape_bytes(std::string_view bytes, std::string_view special = "");

// \xHH back to bytes; anything else stays as it is.
std::string unescape_bytes(std::string_view text);

// A path as the hooks build it, pseudo components included (abi.h: "//own", "//tmpfile", "//abstract"), as people read it:
// /proc/{own}/status, /tmp/{tmpfile}, {abstract}/name. Literal braces in names are escaped, so the two never meet.
// `pattern_safe`: also the metacharacters of patterns, for traces, where a name must never turn into a pattern.
std::string readable_path(std::string_view raw, bool pattern_safe);

}  // namespace treeline
