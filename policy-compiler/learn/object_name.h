// SPDX-License-Identifier: Apache-2.0
//
// Names of objects, as three parties write them:
//   walked    what the hooks match: raw bytes, pseudo components behind an empty one ("/proc//own/stat",
//   "/tmp//tmpfile",
//             "//abstract/x"), an object without a path as "{pipe}"; the form used in here, as key and for comparing
//   trace     what the recorder writes: ASCII or UTF-8, "/proc/{own}/stat", other bytes and metacharacters as \xHH
//   pattern   what the profile holds: the same, so that text from a trace is already the literal pattern
//
//   std::optional<std::string> walked = walked_from_trace("/proc/{own}/stat", why);   // "/proc//own/stat"
//   split(*walked)                                                                    // {"proc", "/own", "stat"}
//
// A pseudo component is told from a name by the '/' it begins with: no name holds one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace treeline::learn {

// nullopt, and `why` says what is wrong: not absolute, "." or "..", an empty component, a metacharacter or control byte
// that is not escaped, an unknown object, more than TL_PATH_MAX bytes.
std::optional<std::string> walked_from_trace(std::string_view text, std::string& why);

// Begins at the root of the file system: not an object without a path, not an abstract socket.
bool is_path(std::string_view walked);

// Components of a path; "/" has none. And back.
std::vector<std::string> split(std::string_view path);
std::string join(const std::vector<std::string>& components);

bool is_pseudo(std::string_view component);                 // "/own"
std::string pattern_component(std::string_view component);  // "{own}", "a\x2ab"
std::string pattern_text(std::string_view walked);          // the literal pattern of the whole name

}  // namespace treeline::learn
