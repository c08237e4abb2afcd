// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/network/yaml.h"

#include <algorithm>

namespace treeline::backends::network {
namespace {

bool plain(const std::string& text) {
  constexpr const char* kWords[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  if (text.empty() || text.size() > 200) return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (!letter(text[0])) return false;
  std::string lower;
  for (const char c : text) {
    if (!letter(c) && !(c >= '0' && c <= '9') && c != '/' && c != '.' && c != '-' && c != '_') return false;
    lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return std::none_of(std::begin(kWords), std::end(kWords), [&](const char* word) { return lower == word; });
}

// A string of JSON is one of YAML.
std::string scalar(const Json& value) {
  if (value.is_string() && plain(value.get_ref<const std::string&>())) return value.get<std::string>();
  return value.dump(-1, ' ', true);
}

std::string key(const std::string& text) { return plain(text) ? text : Json(text).dump(-1, ' ', true); }

void write(std::string& out, const Json& value, size_t indent) {
  const std::string margin(indent, ' ');
  if (value.is_object()) {
    for (const auto& [name, item] : value.items()) {
      out += margin + key(name) + ":";
      if (item.is_structured() && !item.empty()) {
        out += "\n";
        write(out, item, indent + 2);
      } else {
        out += " " + scalar(item) + "\n";
      }
    }
    return;
  }
  for (const Json& item : value) {
    if (!item.is_structured() || item.empty()) {
      out += margin + "- " + scalar(item) + "\n";
      continue;
    }
    std::string inner;
    write(inner, item, indent + 2);
    inner.replace(indent, 2, "- ");
    out += inner;
  }
}

}  // namespace

std::string to_yaml(const Json& value) {
  std::string out;
  write(out, value, 0);
  return out;
}

}  // namespace treeline::backends::network
