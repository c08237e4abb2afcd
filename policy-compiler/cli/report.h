// SPDX-License-Identifier: Apache-2.0
//
// What a command says. For people: results on standard output, diagnostics on standard error in the form of compilers,
// with the line and a caret. In another format (formats/document.h): one document on standard output and nothing else
// there, whatever happens. With --json standard error stays empty; with the formats that a pipeline stores (SARIF,
// JUnit, Markdown) the diagnostics go there as text as well, so that the log of the job can be read.
//
//   {"schema": 1, "type": "check", "exit": 1, "diagnostics": [{"severity", "code", "message", "remedy", "file", "line",
//    "column"}...], ...fields of the command}
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "policy-compiler/cli/formats/document.h"
#include "policy-compiler/support/diagnostics.h"
#include "policy-compiler/support/result.h"

namespace treeline::cli {

using Json = nlohmann::json;

// The exit codes; --help documents them.
constexpr int kYes = 0;     // done; right; allowed
constexpr int kNo = 1;      // the profile has mistakes; denied
constexpr int kUsage = 2;   // the command line is wrong
constexpr int kFailed = 3;  // something could not be read, written or done

using formats::Case;
using formats::Format;

// How a command says what it has to say; of options. A bool is the older form: --json or not.
struct Output {
  Format format = Format::kText;
  Output() = default;
  Output(bool json) : format(json ? Format::kJson : Format::kText) {}
  Output(Format chosen) : format(chosen) {}
};

class Report {
 public:
  // `command`: the type of the document.
  Report(std::string command, Output output);

  // A document goes to standard output, not text: findings have to be among the diagnostics to be in it.
  bool document() const { return output_.format != Format::kText; }
  bool json() const { return output_.format == Format::kJson; }
  // Fields of the command; shown with --json.
  Json& field(const char* key) { return document_.fields[key]; }
  void fields(const Json& object) { document_.fields.update(object); }
  // For people: as it is, or within the Markdown.
  void print(std::string_view text);
  // Bold on a terminal.
  std::string strong(std::string_view text) const;

  // `text`: of the file that the diagnostics are about, "" where there is none. Once for each file that was looked at,
  // also where nothing was found: the documents say that it was.
  void diagnostics(const Diagnostics& diagnostics, std::string_view text);

  // Something that was judged beside the mistakes of a file: a case of `test`, an act of `replay`. Not printed.
  void judged(Case one);
  // Which findings cross the line of --fail-on: in the documents they are mistakes.
  void fails_where(std::function<bool(const Diagnostic&)> fails) { fails_ = std::move(fails); }
  // Warnings count as mistakes.
  void strict() { document_.strict = true; }

  // A question that cannot be asked so: message and kUsage.
  int usage(const Error& error);
  int failed(const Error& error);
  int finish(int exit);

 private:
  int error(const Error& error, int exit);
  bool quiet() const { return output_.format == Format::kJson; }  // standard error stays empty

  Output output_;
  formats::Document document_;
  std::function<bool(const Diagnostic&)> fails_;
  bool colour_out_, colour_err_;
};

// `exit`, where all that went to standard output has been written; else kFailed, and it is said.
int written(int exit);

// One diagnostic with its source line; exposed for tests.
std::string render(const Diagnostic& diagnostic, std::string_view source_line, bool colour);

}  // namespace treeline::cli
