// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdio>
#include <span>

#include "enforcer/oci/json_text.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci::json {
namespace {

using Path = std::span<const std::string_view>;

std::string name_of(Path path) {
  std::string name;
  for (std::string_view part : path) name += (name.empty() ? "" : ".") + std::string(part);
  return name;
}

// {"a":{"b":VALUE}} for the path a, b; VALUE for an empty one.
std::string nested(Path path, std::string_view value) {
  std::string text(value);
  for (size_t i = path.size(); i-- > 0;) text = "{" + quote(path[i]) + ":" + text + "}";
  return text;
}

Result<std::string> checked(std::string text) {
  if (Result<Value> again = parse(text); !again) return Error{"after the change: " + again.error().message, EINVAL};
  return text;
}

std::string replaced(const std::string& text, size_t begin, size_t end, const std::string& by) {
  return text.substr(0, begin) + by + text.substr(end);
}

// The deepest value of `path` that is there and not null, and how many names led to it.
struct Reached {
  const Value* value = nullptr;
  const Value* null = nullptr;  // the next name is there, as null
  size_t names = 0;
};

Result<Reached> reach(const Value& root, Path path) {
  Reached reached{&root};
  while (reached.names < path.size()) {
    if (!reached.value->is(Kind::kObject))
      return Error{
          (reached.names ? name_of(path.first(reached.names)) : std::string("the whole")) + " is not an object",
          EINVAL};
    const Value* next = reached.value->find(path[reached.names]);
    if (!next) break;
    if (next->is(Kind::kNull)) {
      reached.null = next;
      break;
    }
    reached.value = next;
    ++reached.names;
  }
  return reached;
}

Result<std::string> put(const std::string& text, const Reached& reached, Path path, std::string_view value) {
  if (reached.names == path.size())
    return checked(replaced(text, reached.value->begin, reached.value->end, std::string(value)));
  const Path below = path.subspan(reached.names + 1);
  if (reached.null) return checked(replaced(text, reached.null->begin, reached.null->end, nested(below, value)));
  const size_t brace = reached.value->begin + 1;
  return checked(
      replaced(text, brace, brace,
               quote(path[reached.names]) + ":" + nested(below, value) + (reached.value->members.empty() ? "" : ",")));
}

}  // namespace

std::string quote(std::string_view bytes) {
  std::string text = "\"";
  for (char c : bytes) {
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      text += escape;
    } else {
      text += c;
    }
  }
  return text + "\"";
}

Result<std::string> set_member(const std::string& text, std::initializer_list<std::string_view> names,
                               std::string_view value) {
  const Path path(names.begin(), names.size());
  Result<Value> root = parse(text);
  if (!root) return root.error();
  Result<Reached> reached = reach(*root, path);
  if (!reached) return reached.error();
  return put(text, *reached, path, value);
}

Result<std::string> add_element(const std::string& text, std::initializer_list<std::string_view> names,
                                std::string_view value, Place where) {
  const Path path(names.begin(), names.size());
  Result<Value> root = parse(text);
  if (!root) return root.error();
  Result<Reached> reached = reach(*root, path);
  if (!reached) return reached.error();
  if (reached->names < path.size()) return put(text, *reached, path, "[" + std::string(value) + "]");
  const Value& array = *reached->value;
  if (!array.is(Kind::kArray)) return Error{name_of(path) + " is not an array", EINVAL};
  const size_t at = where == Place::kFirst ? array.begin + 1 : array.end - 1;
  const std::string element = array.elements.empty()   ? std::string(value)
                              : where == Place::kFirst ? std::string(value) + ","
                                                       : "," + std::string(value);
  return checked(replaced(text, at, at, element));
}

}  // namespace treeline::oci::json
