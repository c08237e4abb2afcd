// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/support/diagnostics.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace treeline {
namespace {

// What stays listed when not all can be: the higher number.
int gravity(const Diagnostic& d) {
  constexpr std::string_view kRisks[] = {"low", "medium", "high", "critical"};
  if (d.severity == Severity::kError) return 20;
  if (!d.accepted.empty()) return 0;
  const auto risk = std::find(std::begin(kRisks), std::end(kRisks), d.risk);
  const int of_risk = risk == std::end(kRisks) ? 0 : 2 * static_cast<int>(risk - std::begin(kRisks) + 1);
  return 1 + of_risk + (d.severity == Severity::kWarning ? 1 : 0);
}

}  // namespace

void Diagnostics::Counts::count(const Diagnostic& d, bool more) {
  const auto change = [more](size_t& n) { more ? ++n : --n; };
  change(all);
  if (!d.accepted.empty()) return;
  change(open);
  if (d.severity == Severity::kError) change(errors);
  if (d.severity == Severity::kWarning) change(warnings);
  if (!d.risk.empty()) change(risks[d.risk]);
}

void Diagnostics::add(Diagnostic diagnostic) {
  assert(diagnostic.severity != Severity::kError || diagnostic.accepted.empty());
  found_.count(diagnostic, true);
  if (list_.size() < most_) {
    list_.push_back(std::move(diagnostic));
    return;
  }
  // The last of the least grave ones goes, if this one is graver.
  auto least = list_.end();
  if (const int here = gravity(diagnostic); here > floor_) {
    least = std::min_element(list_.rbegin(), list_.rend(), [](const Diagnostic& a, const Diagnostic& b) {
              return gravity(a) < gravity(b);
            }).base() - 1;
    floor_ = gravity(*least);
    if (floor_ >= here) least = list_.end();
  }
  dropped_.count(least == list_.end() ? diagnostic : *least, true);
  if (least == list_.end()) return;
  list_.erase(least);
  list_.push_back(std::move(diagnostic));
}

void Diagnostics::error(Position position, std::string_view code, std::string message, std::string remedy) {
  add({Severity::kError, std::string(code), std::move(message), std::move(remedy), file_, position, "", ""});
}

void Diagnostics::warning(Position position, std::string_view code, std::string message, std::string remedy) {
  add({Severity::kWarning, std::string(code), std::move(message), std::move(remedy), file_, position, "", ""});
}

void Diagnostics::note(Position position, std::string_view code, std::string message, std::string remedy) {
  add({Severity::kNote, std::string(code), std::move(message), std::move(remedy), file_, position, "", ""});
}

void Diagnostics::finding(Severity severity, Position position, std::string_view code, std::string message,
                          std::string remedy, std::string_view risk) {
  add({severity, std::string(code), std::move(message), std::move(remedy), file_, position, "", std::string(risk)});
}

void Diagnostics::accept(size_t index, std::string reason) {
  Diagnostic& diagnostic = list_[index];
  assert(diagnostic.severity != Severity::kError && !reason.empty());
  found_.count(diagnostic, false);
  diagnostic.accepted = std::move(reason);
  floor_ = 0;
  found_.count(diagnostic, true);
}

void Diagnostics::add_unlisted(const Diagnostics& other) {
  for (Counts* counts : {&found_, &dropped_}) {
    counts->all += other.dropped_.all;
    counts->open += other.dropped_.open;
    counts->errors += other.dropped_.errors;
    counts->warnings += other.dropped_.warnings;
    for (const auto& [risk, n] : other.dropped_.risks) counts->risks[risk] += n;
  }
}

void Diagnostics::take(const Diagnostics& other) {
  for (const Diagnostic& diagnostic : other.list_) add(diagnostic);
  add_unlisted(other);
}

size_t Diagnostics::with_risk(std::string_view risk) const {
  const auto at = found_.risks.find(risk);
  return at == found_.risks.end() ? 0 : at->second;
}

size_t Diagnostics::dropped() const { return dropped_.all; }

std::string Diagnostics::dropped_text() const {
  std::string out;
  size_t named = 0;
  const auto say = [&](size_t n, std::string_view what) {
    if (n != 0) out += (out.empty() ? "" : ", ") + std::to_string(n) + " " + std::string(what);
    named += n;
  };
  say(dropped_.errors, dropped_.errors == 1 ? "error" : "errors");
  for (const std::string_view risk : {"critical", "high", "medium", "low"}) {
    const auto at = dropped_.risks.find(risk);
    if (at != dropped_.risks.end()) say(at->second, risk);
  }
  say(dropped_.all - named, "others");
  return out;
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
