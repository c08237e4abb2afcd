// SPDX-License-Identifier: Apache-2.0
//
// YAML or JSON text as a tree of values, each with its place. A subset, chosen so that what a reviewer reads is what
// counts: no anchors, aliases, merges or tags (text in one place would change rights in another), no duplicate keys
// (which one counts?), one document, UTF-8 without control characters. Scalars stay text: whether `no` is a word, a
// number or a boolean is decided by who asks for it, never guessed.
//
//   std::optional<Value> root = parse_document(text, diagnostics);   // nullopt: nothing could be read
//
// Where the text stops being YAML, that is reported, and what stands before it is still returned, marked as not
// complete: its other mistakes belong in the same list.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/diagnostics.h"
#include "policy-compiler/support/position.h"

namespace treeline::frontend {

struct Entry;

struct Value {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMapping, kRefused };
  Kind kind = Kind::kNull;
  bool quoted = false;   // scalar: written in quotes or as a block
  bool complete = true;  // false: the text ended in a mistake before this list or mapping did; nothing is missing in it
  Position position;
  std::string text;            // scalar
  std::vector<Value> items;    // sequence
  std::vector<Entry> entries;  // mapping, in the order of the text; keys are unique

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_sequence() const { return kind == Kind::kSequence; }
  bool is_mapping() const { return kind == Kind::kMapping; }
  // Something that was reported already (an alias, a tagged value): who meets it says nothing more.
  bool is_refused() const { return kind == Kind::kRefused; }
};

struct Entry {
  std::string key;
  Position position;
  Value value;
};

// "a list", "a mapping", "text", "nothing": for messages.
std::string_view kind_name(const Value& value);

// `what`: the text is, "the profile", and how it begins: of an empty one.
struct Whole {
  std::string_view what = "the profile", begins = "a profile starts with 'treeline: 1', 'name: ...' and 'entry:'";
};
std::optional<Value> parse_document(std::string_view text, Diagnostics& diagnostics, const Whole& whole = {});

}  // namespace treeline::frontend
