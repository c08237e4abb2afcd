// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/cases.h"

#include "policy-compiler/frontend/document.h"
#include "policy-compiler/frontend/fields.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/support/text.h"

namespace treeline::analysis {
namespace {

using frontend::Entry;
using frontend::Fields;
using frontend::Value;

constexpr std::string_view kVersionRemedy = "write 'treeline-cases: 1'";
constexpr std::string_view kCaseForm = "write {node: NODE, act: ACT, object: OBJECT, expect: allow} or deny";

std::string text_of(const Entry* entry, std::string_view what, Position& position, Diagnostics& diagnostics) {
  if (entry == nullptr) return "";
  position = entry->value.position;
  if (!frontend::expect_text(entry->value, what, kCaseForm, diagnostics)) return "";
  if (entry->value.text.empty())
    diagnostics.error(entry->value.position, "no-value", std::string(what) + " is empty", std::string(kCaseForm));
  return entry->value.text;
}

void read_case(const Value& value, std::vector<Case>& cases, Diagnostics& diagnostics) {
  const size_t before = diagnostics.errors();
  Fields fields(value, "a case", diagnostics);
  if (!fields.ok()) return;
  Case one;
  Position unused;
  one.position = value.position;
  one.node = text_of(fields.need("node", kCaseForm), "'node'", one.node_position, diagnostics);
  one.act = text_of(fields.need("act", kCaseForm), "'act'", one.act_position, diagnostics);
  one.object = text_of(fields.need("object", kCaseForm), "'object'", one.object_position, diagnostics);
  if (const Entry* expect = fields.need("expect", "write 'expect: allow' or 'expect: deny'")) {
    const std::string word = text_of(expect, "'expect'", unused, diagnostics);
    one.allow = word == "allow";
    if (!word.empty() && word != "allow" && word != "deny")
      diagnostics.error(expect->value.position, "unknown-name", text::quoted(word) + " is no outcome", "write 'allow' or 'deny'");
  }
  if (const Entry* next = fields.take("next")) {
    one.next = text_of(next, "'next'", one.next_position, diagnostics);
    if (!one.next.empty() && (one.act != "exec" || !one.allow))
      diagnostics.error(next->position, "unknown-key", "'next' says where an exec leads that is allowed",
                        "remove it, or make the case one of 'act: exec' and 'expect: allow'");
  }
  fields.finish();
  // Of a text that breaks off within a case nothing is said to be missing.
  if (diagnostics.errors() == before && !one.node.empty() && !one.act.empty() && !one.object.empty()) cases.push_back(std::move(one));
}

}  // namespace

std::vector<Case> read_cases(std::string_view text, Diagnostics& diagnostics) {
  std::vector<Case> cases;
  const std::optional<Value> root = frontend::parse_document(text, diagnostics, {"the file of cases", "it starts with 'treeline-cases: 1' and 'cases:'"});
  if (!root) return cases;
  Fields fields(*root, "a file of cases", diagnostics);
  if (!fields.ok()) return cases;
  if (const Entry* version = fields.need("treeline-cases", kVersionRemedy)) {
    if (frontend::expect_text(version->value, "'treeline-cases'", kVersionRemedy, diagnostics) &&
        version->value.text != std::to_string(kCasesVersion))
      diagnostics.error(version->value.position, "version",
                        "version " + text::quoted(version->value.text) + " of cases is not known here", std::string(kVersionRemedy));
  }
  if (const Entry* list = fields.need("cases", "write 'cases:' and '- {node: ...}' lines below")) {
    if (frontend::expect_list(list->value, "'cases'", kCaseForm, diagnostics)) {
      if (list->value.items.empty() && list->value.complete)
        diagnostics.error(list->value.position, "empty-list", "'cases' is an empty list", "write some, or remove the file");
      for (const Value& item : list->value.items) read_case(item, cases, diagnostics);
    }
  }
  fields.finish();
  return cases;
}

}  // namespace treeline::analysis
