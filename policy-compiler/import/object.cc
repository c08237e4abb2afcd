// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/object.h"

#include <algorithm>

#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

constexpr size_t kMaxDocuments = 100;

// JSON is YAML but for tabs: between its values they are blanks, and within its strings they may not stand.
std::string without_tabs(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), '\t', ' ');
  return out;
}

bool is_separator(std::string_view line) {
  return line.substr(0, 3) == "---" && (line.size() == 3 || line[3] == ' ' || line[3] == '\r' || line[3] == '#');
}

bool is_empty(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const size_t first = text.substr(0, end).find_first_not_of(" \t\r");
    if (first != std::string_view::npos && text[first] != '#') return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

}  // namespace

Object::Object(const Value& value, std::string what, Diagnostics& diagnostics)
    : value_(value), what_(std::move(what)), diagnostics_(diagnostics) {
  if (!value.is_mapping() && !value.is_null() && !value.is_refused())
    diagnostics.warning(value.position, "not-carried",
                        what_ + " is " + std::string(frontend::kind_name(value)) + ", not a mapping",
                        "compare it with the format's documentation");
}

const frontend::Entry* Object::find(std::string_view key) {
  asked_.push_back(key);
  if (!value_.is_mapping()) return nullptr;
  for (const frontend::Entry& entry : value_.entries)
    if (entry.key == key) return entry.value.is_null() ? nullptr : &entry;
  return nullptr;
}

const Value* Object::get(std::string_view key) {
  const frontend::Entry* entry = find(key);
  return entry == nullptr ? nullptr : &entry->value;
}

std::string_view Object::text(std::string_view key) {
  const Value* value = get(key);
  if (value == nullptr) return {};
  if (value->is_scalar()) return value->text;
  diagnostics_.warning(value->position, "not-carried",
                       text::quoted(key) + " is " + std::string(frontend::kind_name(*value)) + ", not text",
                       "compare it with the format's documentation");
  return {};
}

bool Object::flag(std::string_view key) { return text(key) == "true"; }

std::vector<const Value*> Object::list(std::string_view key) {
  std::vector<const Value*> out;
  const Value* value = get(key);
  if (value == nullptr) return out;
  if (!value->is_sequence()) return {value};
  for (const Value& item : value->items) out.push_back(&item);
  return out;
}

void Object::ignore(std::initializer_list<std::string_view> keys) { asked_.insert(asked_.end(), keys); }

void Object::refuse(std::string_view key, std::string_view why, std::string_view remedy) {
  const frontend::Entry* entry = find(key);
  if (entry == nullptr) return;
  if (entry->value.is_sequence() && entry->value.items.empty()) return;
  diagnostics_.warning(entry->position, "not-carried", text::quoted(key) + " of " + what_ + ": " + std::string(why),
                       std::string(remedy));
}

void Object::finish() {
  if (!value_.is_mapping()) return;
  for (const frontend::Entry& entry : value_.entries)
    if (std::find(asked_.begin(), asked_.end(), entry.key) == asked_.end())
      diagnostics_.note(entry.position, "unknown-field", text::quoted(entry.key) + " of " + what_ + " is ignored",
                        "write by hand what it grants");
}

std::vector<Value> documents(std::string_view text, Diagnostics& diagnostics) {
  std::vector<Value> out;
  const size_t first = text.find_first_not_of(" \t\r\n");
  std::string json;
  if (first != std::string_view::npos && text[first] == '{') {
    json = without_tabs(text);
    text = json;
  }
  size_t line = 0, start = 0, start_line = 0;
  const auto one = [&](size_t end) {
    const std::string_view document = text.substr(start, end - start);
    if (is_empty(document)) return true;
    if (out.size() >= kMaxDocuments || start_line > 1'000'000) {
      diagnostics.warning({static_cast<uint32_t>(start_line + 1), 1}, "not-carried",
                          "what follows stands behind too many documents or lines", "split the file");
      return false;
    }
    // The lines before it are kept as empty ones, so that places are those of the file.
    if (auto value = frontend::parse_document(std::string(start_line, '\n') + std::string(document), diagnostics))
      out.push_back(std::move(*value));
    return true;
  };
  for (size_t at = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (is_separator(text.substr(at, end - at))) {
      if (!one(at)) return out;
      start = end < text.size() ? end + 1 : end;
      start_line = line + 1;
    }
    at = end + 1;
  }
  one(text.size());
  return out;
}

const Value* member(const Value& value, std::string_view key) {
  if (!value.is_mapping()) return nullptr;
  for (const frontend::Entry& entry : value.entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

}  // namespace treeline::import_
