// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/support/diagnostics.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace treeline {

void Diagnostics::add(Severity severity, Position position, std::string_view code, std::string message,
                      std::string remedy, std::string_view risk) {
  if (severity == Severity::kError) ++errors_;
  if (severity == Severity::kWarning) ++warnings_;
  if (list_.size() >= kMost) {
    ++dropped_;
    return;
  }
  list_.push_back({severity, std::string(code), std::move(message), std::move(remedy), file_, position, "", std::string(risk)});
}

void Diagnostics::error(Position position, std::string_view code, std::string message, std::string remedy) {
  add(Severity::kError, position, code, std::move(message), std::move(remedy));
}

void Diagnostics::warning(Position position, std::string_view code, std::string message, std::string remedy) {
  add(Severity::kWarning, position, code, std::move(message), std::move(remedy));
}

void Diagnostics::note(Position position, std::string_view code, std::string message, std::string remedy) {
  add(Severity::kNote, position, code, std::move(message), std::move(remedy));
}

void Diagnostics::finding(Severity severity, Position position, std::string_view code, std::string message,
                          std::string remedy, std::string_view risk) {
  add(severity, position, code, std::move(message), std::move(remedy), risk);
}

void Diagnostics::accept(size_t index, std::string reason) {
  Diagnostic& diagnostic = list_[index];
  assert(diagnostic.severity != Severity::kError);
  if (diagnostic.severity == Severity::kWarning && diagnostic.accepted.empty()) --warnings_;
  diagnostic.accepted = std::move(reason);
}

void Diagnostics::sort() {
  std::stable_sort(list_.begin(), list_.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.position < b.position; });
}

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "error";
}

}  // namespace treeline
