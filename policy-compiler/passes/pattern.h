// SPDX-License-Identifier: Apache-2.0
//
// Path patterns: what a rule's path means, read from its text into a tree.
//
//   std::vector<PatternError> errors;
//   std::optional<Pattern> pattern = parse_pattern("/var/log/nginx/*.log", errors);
//
// Grammar (bytes; `name` never holds '/' or NUL):
//   pattern   = object | "/" | { "/" component } | "{abstract}" { "/" component }
//   object    = "{pipe}" "{socket}" "{memfd}" ...: an object without a path, names of enum tl_class
//   (reserved_class_name) component = "**"          any number of whole components (as the last one: at least one)
//             | "{own}" "{descendant}" "{workload}" "{other}"   directly below a procfs mount: whose process directory
//             | "{tmpfile}"   last: an unnamed temporary file in that directory
//             | item { item } one name, never empty
//   item      = byte | "*" | "?" | "[" ["!"] byte ["-" byte] ... "]" | "{" items "," items ... "}" | named class
//   class     = "{uuid}" "{hex:N}" "{digits}" "{digits:N}" "{rand:N}" "{date}"
//   byte      = any but the metacharacters  \ * ? [ ] { }  | "\" punctuation | "\x" two hex digits
//
// `*`, `?` and `[!a]` match any byte of a name, a leading dot too, and never '/'. Neither they nor `**` match or cross
// a pseudo component ({own}, {tmpfile}, {abstract}): those are written, or not meant. Names of abstract sockets may
// hold '/': what follows {abstract}/ is cut into components as a path is, and such a component may be empty.
//
// What is not protected against here: a pattern that is meant too widely. passes/check.h proves what must not meet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/passes/byte_set.h"

namespace treeline::passes {

struct Element;
using Sequence = std::vector<Element>;

constexpr uint32_t kUnlimited = UINT32_MAX;

// A part of one name.
struct Element {
  enum class Kind : uint8_t { kBytes, kSet, kAlternatives };
  Kind kind = Kind::kBytes;
  std::string bytes;  // kBytes: exactly these
  ByteSet set;        // kSet: `min` to `max` bytes of this set; `*` is name() from 0 to kUnlimited
  uint32_t min = 1;
  uint32_t max = 1;
  std::vector<Sequence> branches;  // kAlternatives: one of them
};

struct Component {
  enum class Kind : uint8_t { kName, kAnyDepth, kOwn, kDescendant, kWorkload, kOther, kTmpfile, kAbstract };
  Kind kind = Kind::kName;
  Sequence name;  // kName
};

// Either an object without a path (`reserved_class` is its enum tl_class, no components) or a path (0, components;
// none: "/").
struct Pattern {
  uint32_t reserved_class = 0;
  std::vector<Component> components;
  bool literal = true;  // matches exactly one text
};

// `offset`: bytes from the start of the pattern's text.
struct PatternError {
  size_t offset = 0;
  std::string message;
  std::string remedy;
};

// All mistakes of one pattern are appended to `errors`; nullopt if there was one. Never throws, whatever the text; work
// and memory are linear in its length (repeats are kept as counts).
std::optional<Pattern> parse_pattern(std::string_view text, std::vector<PatternError>& errors);

// The pattern that matches exactly this text (a path as the hooks see it, without pseudo components): metacharacters,
// control bytes and bytes that are not UTF-8 are written \xHH, so that it can stand in a profile.
std::string literal_pattern(std::string_view path);

// "{pipe}" for TL_CLASS_PIPE; "" for what no rule can name (none, detached, unreadable) and beyond.
std::string reserved_class_name(uint32_t class_id);

// The text with which a pseudo component enters the automaton, behind the '/' that precedes every component: "/own".
// "" for kName and kAnyDepth.
std::string_view pseudo_text(Component::Kind kind);

}  // namespace treeline::passes
