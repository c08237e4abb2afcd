// SPDX-License-Identifier: Apache-2.0
//
// JSON as all of the enforcer speaks it: one object a line, keys in the order they were put in, never an exception.
//
//   std::optional<Json> request = parse_json(line);      // nothing: not JSON, or not an object
//   std::string name = text_at(*request, "name");        // "": absent, or not a string
//   std::string line = to_line(reply);                   // no newline inside, none at the end
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace treeline {

using Json = nlohmann::ordered_json;

// Objects only; nesting deeper than 64 is refused, since everything that walks a value recurses.
inline std::optional<Json> parse_json(std::string_view text) {
  int depth = 0;
  bool in_string = false, escaped = false;
  for (char c : text) {
    if (in_string) {
      if (escaped) escaped = false;
      else if (c == '\\') escaped = true;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > 64) return std::nullopt;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded() || !value.is_object()) return std::nullopt;
  return value;
}

inline std::string to_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);  // replace: text that is not UTF-8 must not throw
}

inline std::string text_at(const Json& object, const char* key, std::string_view otherwise = "") {
  auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string(otherwise);
}

inline bool flag_at(const Json& object, const char* key, bool otherwise = false) {
  auto it = object.find(key);
  return it != object.end() && it->is_boolean() ? it->get<bool>() : otherwise;
}

inline int64_t number_at(const Json& object, const char* key, int64_t otherwise = 0) {
  auto it = object.find(key);
  if (it == object.end() || !it->is_number_integer()) return otherwise;
  if (it->is_number_unsigned() && it->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) return otherwise;
  return it->get<int64_t>();
}

}  // namespace treeline
