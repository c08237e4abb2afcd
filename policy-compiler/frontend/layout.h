// SPDX-License-Identifier: Apache-2.0
//
// A document with its comments at what they stand at: what `treelinec fmt` writes out again.
//
// Where a comment belongs: beside something, to what began last on that line (behind a closed bracket: to what owns the
// bracket). On a line of its own, to what comes next; but one that is indented further than the next thing belongs to
// the end of the list or mapping above that it lines up with (a rule that was commented out). Before everything, to the
// document.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/frontend/document.h"

namespace treeline::frontend {

using Lines = std::vector<std::string>;  // comments, from their '#'; "": an empty line

struct Item;

struct Block {  // a value
  Value::Kind kind = Value::Kind::kScalar;
  std::string text;  // scalar
  bool quoted = false;
  std::vector<Item> items;  // of a list or mapping
  Lines below;              // after the last of them
  // Where it was; for attaching comments only.
  bool flow = false;                     // in brackets
  size_t offset = 0, end = 0;            // of the brackets
  size_t column = 0;                     // that its items line up at
  size_t first_slot = 0, last_slot = 0;  // [first, last) of all items in the order of the text
};

struct Item {  // an entry of a mapping, or an item of a list (no key)
  std::string key;
  Lines above, beside;
  Block value;
};

struct Layout {
  Lines head;  // before everything
  Block root;
};

// `text`: what `root` was parsed from, without a byte order mark. nullopt: see lex_comments().
std::optional<Layout> lay_out(std::string_view text, const Value& root);

}  // namespace treeline::frontend
