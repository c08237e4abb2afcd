// SPDX-License-Identifier: Apache-2.0
//
// Manifests of others, field by field: as frontend/fields.h, but lenient. A field that nobody asked for is a note, a
// value of the wrong shape is not carried; nothing here ends the import.
//
//   Object spec(*root.get("spec"), "spec", diagnostics);
//   for (const Value* path : spec.list("matchPaths")) ...
//   spec.finish();
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/frontend/document.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::import_ {

using frontend::Value;

class Object {
 public:
  // `what` names it in messages. No mapping: reported, and every question is answered by nothing.
  Object(const Value& value, std::string what, Diagnostics& diagnostics);

  const Value* get(std::string_view key);                // nullptr: absent or null
  std::string_view text(std::string_view key);           // "": absent or no text
  bool flag(std::string_view key);                       // only the word true is true
  std::vector<const Value*> list(std::string_view key);  // its items; one value stands for a list of one
  // Known, and without a meaning here: no note.
  void ignore(std::initializer_list<std::string_view> keys);
  // Known, and not carried over: a warning with `why` where it stands there.
  void refuse(std::string_view key, std::string_view why, std::string_view remedy);
  void finish();

  Position position() const { return value_.position; }

 private:
  const frontend::Entry* find(std::string_view key);

  const Value& value_;
  std::string what_;
  Diagnostics& diagnostics_;
  std::vector<std::string_view> asked_;
};

// The documents of a text ("---" between them), each with the lines of the whole. Errors are reported; what could be
// read is returned.
std::vector<Value> documents(std::string_view text, Diagnostics& diagnostics);

// The value of a key of a mapping, or nullptr.
const Value* member(const Value& value, std::string_view key);

}  // namespace treeline::import_
