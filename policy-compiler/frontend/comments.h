// SPDX-License-Identifier: Apache-2.0
//
// What a parser of YAML throws away and a person does not: comments, and where lists and mappings in brackets end. The
// values have been parsed already; their places say which '#' and which bracket is part of a text.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy-compiler/frontend/document.h"

namespace treeline::frontend {

struct Comment {
  size_t offset = 0;             // of the '#', in bytes from the start of the text
  std::string_view text;         // from the '#', without the white space at its end
  size_t column = 0;             // from 0
  bool beside = false;           // something else ended or began on its line
  bool blank_above = false;      // the line before it is empty
  std::optional<size_t> within;  // offset of the innermost bracket that is open here
};

// Places of values as offsets. The values have to come in the order of the text, else each costs the way to it.
class Offsets {
 public:
  explicit Offsets(std::string_view text);
  size_t of(Position position);
  size_t line(size_t offset) const;    // from 0
  size_t indent(size_t offset) const;  // white space at the start of the line that holds it
  bool blank_above(size_t offset) const;
  size_t line_start(size_t line) const { return starts_[line]; }

 private:
  std::string_view text_;
  std::vector<size_t> starts_;
  size_t line_ = 0, byte_ = 0, column_ = 0;
};

struct Scalar {
  size_t offset = 0;
  std::string_view text;  // what it means
};

struct Lexed {
  std::vector<Comment> comments;
  std::unordered_map<size_t, size_t> brackets;  // offset of an opening one -> of its closing one
};

// `scalars`: all of the text, keys too, in its order. nullopt: the two do not fit together, which is a mistake of ours,
// or of a form that no profile needs (a block scalar with an indentation indicator).
std::optional<Lexed> lex_comments(std::string_view text, const Offsets& offsets, const std::vector<Scalar>& scalars);

}  // namespace treeline::frontend
