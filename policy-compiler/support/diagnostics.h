// SPDX-License-Identifier: Apache-2.0
//
// Diagnostics: what is wrong with the user's profile, all of it at once. One of three channels that are never mixed:
// Result says that an operation failed, an assert that we made a mistake, this that the text does.
//
//   void check_ports(const ir::Policy& policy, Diagnostics& diagnostics) {
//     ...
//     diagnostics.error(rule.position, "port-range", "port 80000 does not exist", "use a number from 0 to 65535");
//   }
//
// A pass reports and goes on with the next rule; who called it asks has_errors() before using what it made. Tests look
// at code and position, people read message and remedy.
//
// `code` is stable, lower case with dashes, and listed in policy-compiler/LANGUAGE.md; scripts and suppressions name
// it. `message` says what is wrong, with the offending word in quotes; no capital, no full stop. `remedy` says what to
// write instead; may be empty only when nothing can be advised.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/position.h"

namespace treeline {

enum class Severity { kError, kWarning, kNote };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string code;
  std::string message;
  std::string remedy;
  std::string file;  // as named by the user; "" where there is none
  Position position;
  std::string accepted;  // why a person signed for it; "" where nobody did
  std::string risk;      // of a grant that deserves a look: "low" "medium" "high" "critical"; else ""
};

class Diagnostics {
 public:
  // More than this is noise (and, from a hostile profile, memory): further ones are counted, not kept.
  static constexpr size_t kMost = 1000;

  explicit Diagnostics(std::string file = "") : file_(std::move(file)) {}

  void error(Position position, std::string_view code, std::string message, std::string remedy = "");
  void warning(Position position, std::string_view code, std::string message, std::string remedy = "");
  void note(Position position, std::string_view code, std::string message, std::string remedy = "");

  // A warning or a note with its risk.
  void finding(Severity severity, Position position, std::string_view code, std::string message, std::string remedy,
               std::string_view risk);
  // list()[index], no error, is signed for: it stays in the list and counts no more.
  void accept(size_t index, std::string reason);

  // Errors include those that were not kept: a profile is never accepted because it had too many mistakes.
  bool has_errors() const { return errors_ != 0; }
  size_t errors() const { return errors_; }
  size_t warnings() const { return warnings_; }  // that nobody signed for
  size_t dropped() const { return dropped_; }

  const std::vector<Diagnostic>& list() const { return list_; }

  // By line and column; equal places keep the order in which they were reported.
  void sort();

  const std::string& file() const { return file_; }

 private:
  void add(Severity severity, Position position, std::string_view code, std::string message, std::string remedy,
           std::string_view risk = "");

  std::string file_;
  std::vector<Diagnostic> list_;
  size_t errors_ = 0;
  size_t warnings_ = 0;
  size_t dropped_ = 0;
};

// "error", "warning", "note".
std::string_view severity_name(Severity severity);

}  // namespace treeline
