// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/violation.h"

#include "policy-compiler/frontend/fields.h"
#include "policy-compiler/frontend/rules.h"
#include "policy-compiler/ir/names.h"

namespace treeline::frontend {
namespace {

std::optional<ir::OnViolation> read_cost(const Value& value, std::string_view what, Diagnostics& diagnostics) {
  const auto number = read_name(value, what, ir::names::violations(), diagnostics);
  return number ? std::optional(static_cast<ir::OnViolation>(*number)) : std::nullopt;
}

void read_paths(const Value& value, std::vector<ir::ViolationCosts::Path>& paths, Diagnostics& diagnostics) {
  if (!value.is_mapping()) {
    if (!value.is_refused())
      diagnostics.error(value.position, "kind", "'paths' is a mapping, not " + std::string(kind_name(value)),
                        "write lines of the form PATTERN: " + ir::names::violations().list());
    return;
  }
  for (const Entry& entry : value.entries) {
    if (paths.size() >= kMaxViolationPaths) {
      diagnostics.error(entry.position, "too-large",
                        "more than " + std::to_string(kMaxViolationPaths) + " paths with a cost of their own",
                        "write patterns for directories instead of single files");
      return;
    }
    Value key;
    key.kind = Value::Kind::kScalar;
    key.text = entry.key;
    key.position = entry.position;
    auto pattern = read_pattern(key, "a path", diagnostics);
    const auto cost = read_cost(entry.value, "'" + entry.key + "'", diagnostics);
    if (pattern && cost) paths.push_back({std::move(*pattern), *cost});
  }
}

}  // namespace

Violation read_violation(const Value& value, Diagnostics& diagnostics) {
  Violation out;
  if (!value.is_mapping()) {
    out.otherwise = read_cost(value, "'on_violation'", diagnostics);
    return out;
  }
  Fields fields(value, "'on_violation'", diagnostics);
  if (const Entry* otherwise = fields.take("default")) out.otherwise = read_cost(otherwise->value, "'default'", diagnostics);
  for (const ir::names::Entry& kind : ir::names::violation_kinds().entries())
    if (const Entry* entry = fields.take(kind.name))
      out.costs.kinds[kind.value] = read_cost(entry->value, "'" + std::string(kind.name) + "'", diagnostics);
  if (const Entry* paths = fields.take("paths")) read_paths(paths->value, out.costs.paths, diagnostics);
  fields.finish();
  return out;
}

}  // namespace treeline::frontend
