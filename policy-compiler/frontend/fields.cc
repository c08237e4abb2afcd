// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/fields.h"

#include <algorithm>

#include "policy-compiler/support/text.h"

namespace treeline::frontend {

Fields::Fields(const Value& value, std::string_view what, Diagnostics& diagnostics)
    : value_(value), what_(what), diagnostics_(diagnostics), ok_(value.is_mapping()) {
  if (ok_ || value.is_refused()) return;
  diagnostics.error(value.position, "kind", what_ + " is a mapping, not " + std::string(kind_name(value)),
                    "write it as 'key: value' lines");
}

const Entry* Fields::take(std::string_view key) {
  asked_.push_back(key);
  if (!ok_) return nullptr;
  for (const Entry& entry : value_.entries) {
    if (entry.key != key) continue;
    if (entry.value.is_refused()) return nullptr;
    if (!entry.value.is_null()) return &entry;
    diagnostics_.error(entry.position, "no-value", "'" + std::string(key) + "' has no value",
                       "give it one, or remove the key");
    return nullptr;
  }
  return nullptr;
}

const Entry* Fields::need(std::string_view key, std::string_view remedy) {
  const Entry* entry = take(key);
  if (entry == nullptr) missing(key, remedy);
  return entry;
}

bool Fields::missing(std::string_view key, std::string_view remedy, std::string_view why) {
  if (!ok_ || !value_.complete) return false;
  for (const Entry& entry : value_.entries) {
    if (entry.key == key) return false;
    if (std::find(asked_.begin(), asked_.end(), entry.key) == asked_.end() &&
        text::closest(entry.key, std::span(&key, 1)) == key)
      return false;
  }
  diagnostics_.error(value_.position, "missing-key", what_ + " needs '" + std::string(key) + "'" + std::string(why),
                     std::string(remedy));
  return true;
}

void Fields::finish() {
  if (!ok_) return;
  for (const Entry& entry : value_.entries) {
    if (std::find(asked_.begin(), asked_.end(), entry.key) != asked_.end()) continue;
    const std::string guess = text::did_you_mean(text::closest(entry.key, asked_));
    std::string known;
    for (const std::string_view key : asked_) known += (known.empty() ? "" : ", ") + std::string(key);
    diagnostics_.error(entry.position, "unknown-key", "unknown key " + text::quoted(entry.key) + " in " + what_,
                       guess.empty() ? "it may have: " + known : guess);
  }
}

bool expect_text(const Value& value, std::string_view what, std::string_view remedy, Diagnostics& diagnostics) {
  if (value.is_scalar()) return true;
  if (!value.is_refused())
    diagnostics.error(value.position, "kind", std::string(what) + " is text, not " + std::string(kind_name(value)),
                      std::string(remedy));
  return false;
}

bool expect_list(const Value& value, std::string_view what, std::string_view remedy, Diagnostics& diagnostics) {
  if (value.is_sequence()) return true;
  if (!value.is_refused())
    diagnostics.error(value.position, "kind", std::string(what) + " is a list, not " + std::string(kind_name(value)),
                      std::string(remedy));
  return false;
}

std::optional<uint32_t> read_name(const Value& value, std::string_view what, const ir::names::Table& table,
                                  Diagnostics& diagnostics) {
  if (!expect_text(value, what, "one of: " + table.list(), diagnostics)) return std::nullopt;
  const std::optional<uint32_t> number = table.find(value.text);
  if (number) return number;
  std::string guess = text::did_you_mean(table.closest(value.text));
  diagnostics.error(value.position, "unknown-name", std::string(what) + " cannot be " + text::quoted(value.text),
                    guess.empty() ? "one of: " + table.list() : guess);
  return std::nullopt;
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text[0] != '.' && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
         });
}

std::optional<std::string> read_label(const Value& value, std::string_view what, Diagnostics& diagnostics) {
  constexpr std::string_view kForm = "use 1 to 63 of a-z, 0-9, '_', and behind the first also '.' and '-'";
  if (!expect_text(value, what, kForm, diagnostics)) return std::nullopt;
  if (is_label(value.text)) return value.text;
  diagnostics.error(value.position, "label", std::string(what) + " cannot be " + text::quoted(value.text),
                    std::string(kForm));
  return std::nullopt;
}

std::optional<bool> read_bool(const Value& value, std::string_view what, Diagnostics& diagnostics) {
  if (!expect_text(value, what, "write true or false", diagnostics)) return std::nullopt;
  if (!value.quoted && value.text == "true") return true;
  if (!value.quoted && value.text == "false") return false;
  diagnostics.error(value.position, "boolean", std::string(what) + " cannot be " + text::quoted(value.text),
                    "write true or false, without quotes");
  return std::nullopt;
}

}  // namespace treeline::frontend
