// SPDX-License-Identifier: Apache-2.0
//
// All that one run of a command has to say, as plain values, and the formats it can be said in. Each format is a pure
// function from the document to text: sorted or in the order in which things were reported, no times, no names of the
// machine, so that the same input gives the same bytes.
//
//   Document document;
//   document.command = "check";
//   document.subjects.push_back({"web.yaml", findings, 0, {}});
//   std::string text = to_sarif(document, "/home/me/profiles");
//
// Text of profiles is hostile: each format escapes what would mean something in it (control characters and markup in
// XML, tables, links and mentions in Markdown), and bytes that are not UTF-8.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/diagnostics.h"
#include "policy-compiler/support/result.h"

namespace treeline::cli::formats {

using Json = nlohmann::json;

enum class Format : uint8_t { kText, kJson, kSarif, kJunit, kMarkdown };

// "text", "json", "sarif", "junit", "markdown": the words of --format, in this order.
std::string_view format_name(Format format);
std::optional<Format> find_format(std::string_view name);

struct Finding {
  Diagnostic diagnostic;
  std::string line;  // of the source, as it stands there; "" where there is none
  bool fails = false;  // crosses the line of --fail-on: a mistake, whatever its severity
};

// Something that was judged beside what is wrong with a file: a case of `test`, an act of `replay`.
struct Case {
  enum class Outcome : uint8_t { kPassed, kFailed, kSkipped };
  std::string name;
  std::string file;
  Position position;
  Outcome outcome = Outcome::kPassed;
  std::string message;  // why it failed or was skipped
};

// A file (or another thing with a name) that was looked at. One without findings was found right.
struct Subject {
  std::string file;
  std::vector<Finding> findings;
  size_t dropped = 0;  // findings that were counted, not kept
  std::vector<Case> cases;
};

struct Document {
  std::string command;
  int exit = 0;
  bool strict = false;         // a warning counts as a mistake
  std::optional<Error> error;  // the operation failed
  std::vector<Subject> subjects;
  Json fields = Json::object();  // of the command: JSON
  std::string text;              // what it said to people: Markdown
};

// Errors and warnings that nobody has accepted, cases that failed.
struct Totals {
  size_t errors = 0, warnings = 0, notes = 0, accepted = 0, failed_cases = 0, cases = 0, dropped = 0;
};
Totals totals(const Document& document);

// One object: {"schema", "type", "exit", "diagnostics", ...fields}.
std::string to_json(const Document& document);
// SARIF 2.1.0 (OASIS), one run. `root`: the directory that file names become relative to, where they lie below it.
std::string to_sarif(const Document& document, std::string_view root);
// JUnit XML: a suite for each subject, a test case for each finding and case. No schema exists; the elements are those
// that Jenkins, GitLab and GitHub actions read.
std::string to_junit(const Document& document);
// GitHub flavoured Markdown for a job summary or a comment, at most kMostMarkdown bytes.
std::string to_markdown(const Document& document);

constexpr size_t kMostMarkdown = 60'000;  // a comment on GitHub holds 65,536 characters

// What stays equal while lines are added above: of the code, the text of the line without its indentation (of a finding
// without a line, the message), and how many like it came before in the same file.
std::string fingerprint(const Finding& finding, size_t before);

}  // namespace treeline::cli::formats
