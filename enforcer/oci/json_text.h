// SPDX-License-Identifier: Apache-2.0
//
// JSON as text that is looked into and changed in place. What a container engine wrote into config.json comes back byte
// for byte, whatever it means: fields that nobody here knows, numbers of any size and precision, order, white space.
// Only the named places differ.
//
//   Result<json::Value> config = json::parse(text);
//   const json::Value* args = config->at({"process", "args"});
//   Result<std::string> changed = json::set_member(text, {"linux", "seccomp"},
//   "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}");
//
// Input is hostile: kMaxDepth levels, kMaxValues values, strict RFC 8259 in valid UTF-8, and no name twice in one
// object, since two readers might take two different ones. Who hands the text in bounds its size. Nothing here throws
// or reads beyond the text.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/result.h"

namespace treeline::oci::json {

constexpr int kMaxDepth = 64;
constexpr size_t kMaxValues = 1 << 18;

enum class Kind { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

struct Member;

struct Value {
  Kind kind = Kind::kNull;
  size_t begin = 0, end = 0;    // where it stands in the text, [begin, end)
  std::string scalar;           // kString: decoded; kNumber: as it is written
  std::vector<Value> elements;  // kArray
  std::vector<Member> members;  // kObject, in the order of the text

  [[nodiscard]] const Value* find(std::string_view name) const;  // nullptr: no object, or no such member
  [[nodiscard]] const Value* at(std::initializer_list<std::string_view> path) const;
  [[nodiscard]] bool is(Kind k) const { return kind == k; }
};

struct Member {
  std::string name;
  Value value;
};

// The whole text is one value. An Error names the place: "line 3, column 7: a name stands twice in this object".
Result<Value> parse(std::string_view text);

// A member of `object` whose name a reader that ignores case takes for `name`, though it is another ("Seccomp"; Go's
// encoding/json folds U+017F to s and U+212A to k as well). nullptr: none.
const std::string* lookalike(const Value& object, std::string_view name);

// The text with the member at `path` replaced or added. Objects that are missing on the way, or null, are made;
// anything else that stands in the way is an Error. `value` is JSON text. The result has been parsed: it is within the
// limits above.
Result<std::string> set_member(const std::string& text, std::initializer_list<std::string_view> path,
                               std::string_view value);

// The same for an element of the array at `path`, as the first or the last one.
enum class Place { kFirst, kLast };
Result<std::string> add_element(const std::string& text, std::initializer_list<std::string_view> path,
                                std::string_view value, Place place);

// A string as JSON text.
std::string quote(std::string_view bytes);

}  // namespace treeline::oci::json
