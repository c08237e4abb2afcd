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
#include <map>
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
  // More than this is noise (and, from a hostile profile, memory): further ones are counted, not kept. What is kept is the
  // gravest: an error, or a finding of higher risk, takes the place of the least grave one.
  static constexpr size_t kMost = 1000;

  explicit Diagnostics(std::string file = "", size_t most = kMost) : file_(std::move(file)), most_(most) {}

  void error(Position position, std::string_view code, std::string message, std::string remedy = "");
  void warning(Position position, std::string_view code, std::string message, std::string remedy = "");
  void note(Position position, std::string_view code, std::string message, std::string remedy = "");

  // A warning or a note with its risk.
  void finding(Severity severity, Position position, std::string_view code, std::string message, std::string remedy,
               std::string_view risk);
  // As it stands: its own file, reason and risk.
  void add(Diagnostic diagnostic);
  // list()[index], no error, is signed for: it stays in the list and counts no more.
  void accept(size_t index, std::string reason);

  // One list poured into another, for whoever goes through list() of `other` by add(): what it counted and did not keep
  // goes along, so that no error is lost on the way.
  void add_unlisted(const Diagnostics& other);
  // Both at once: all that `other` has.
  void take(const Diagnostics& other);

  // All of these count what was found, whether list() has it or not: a profile is never accepted because it had too many
  // mistakes, and a verdict never hangs on what is listed.
  bool has_errors() const { return errors() != 0; }
  size_t errors() const { return found_.errors; }
  size_t warnings() const { return found_.warnings; }       // that nobody signed for
  size_t findings() const { return found_.open - errors(); }  // warnings and notes that nobody signed for
  size_t with_risk(std::string_view risk) const;             // of those, of this risk
  size_t dropped() const;                                    // not in list()
  // Of what is not in list(): "2 errors, 5 critical, 1000 medium", "" where all is.
  std::string dropped_text() const;

  const std::vector<Diagnostic>& list() const { return list_; }

  // By line and column; equal places keep the order in which they were reported.
  void sort();

  const std::string& file() const { return file_; }

 private:
  struct Counts {
    size_t all = 0, open = 0, errors = 0, warnings = 0;  // `open`: that nobody signed for
    std::map<std::string, size_t, std::less<>> risks;     // of the open ones
    void count(const Diagnostic& diagnostic, bool more);
  };

  std::string file_;
  size_t most_;
  std::vector<Diagnostic> list_;
  int floor_ = 0;  // nothing in a full list is less grave
  Counts found_, dropped_;
};

// "error", "warning", "note".
std::string_view severity_name(Severity severity);

}  // namespace treeline
