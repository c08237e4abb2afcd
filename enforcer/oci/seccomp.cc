// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/seccomp.h"

#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

using json::Kind;
using json::Value;

// What an encoder that leaves out empty members leaves out, and a decoder puts back.
bool same_as_missing(std::string_view name, const Value& value) {
  switch (value.kind) {
    case Kind::kNull:
      return true;
    case Kind::kArray:
      return value.elements.empty();
    case Kind::kObject:
      return value.members.empty();
    case Kind::kString:
      return value.scalar.empty();
    case Kind::kNumber:
      return name == "valueTwo" && value.scalar == "0";
    default:
      return false;
  }
}

std::string shown(const Value& value) {
  switch (value.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kFalse:
      return "false";
    case Kind::kTrue:
      return "true";
    case Kind::kNumber:
      return text::printable(value.scalar, 40);
    case Kind::kString:
      return text::quoted(value.scalar);
    case Kind::kArray:
      return "an array";
    case Kind::kObject:
      return "an object";
  }
  return "";
}

std::string difference(const Value& have, const Value& want, const std::string& where) {
  const std::string name = where.empty() ? "the filter" : where;
  if (have.kind != want.kind || have.scalar != want.scalar) return name + " is " + shown(have) + ", not " + shown(want);
  if (have.elements.size() != want.elements.size())
    return name + " has " + std::to_string(have.elements.size()) + " entries, not " +
           std::to_string(want.elements.size());
  for (size_t i = 0; i < want.elements.size(); ++i)
    if (std::string d = difference(have.elements[i], want.elements[i], where + "[" + std::to_string(i) + "]");
        !d.empty())
      return d;
  const std::string dot = where.empty() ? "" : where + ".";
  for (const auto& [key, value] : want.members) {
    const Value* other = have.find(key);
    if (other && !(same_as_missing(key, *other) && same_as_missing(key, value))) {
      if (std::string d = difference(*other, value, dot + key); !d.empty()) return d;
    } else if (!other && !same_as_missing(key, value)) {
      return dot + text::printable(key, 60) + " is missing";
    }
  }
  for (const auto& [key, value] : have.members)
    if (!want.find(key) && !same_as_missing(key, value)) return dot + text::printable(key, 60) + " is not in it";
  return "";
}

}  // namespace

std::string seccomp_difference(const Value& have, const Value& want) { return difference(have, want, ""); }

}  // namespace treeline::oci
