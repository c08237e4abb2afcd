// SPDX-License-Identifier: Apache-2.0
//
// What a command says. For people: results on standard output, diagnostics on standard error in the form of compilers,
// with the line and a caret. With --json: one object on standard output and nothing else, whatever happens.
//
//   {"schema": 1, "type": "check", "exit": 1, "diagnostics": [{"severity", "code", "message", "remedy", "file", "line",
//    "column"}...], ...fields of the command}
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "policy-compiler/support/diagnostics.h"
#include "policy-compiler/support/result.h"

namespace treeline::cli {

using Json = nlohmann::json;

// The exit codes; --help documents them.
constexpr int kYes = 0;     // done; right; allowed
constexpr int kNo = 1;      // the profile has mistakes; denied
constexpr int kUsage = 2;   // the command line is wrong
constexpr int kFailed = 3;  // something could not be read, written or done

class Report {
 public:
  // `command`: the type of the JSON object.
  Report(std::string command, bool json);

  bool json() const { return json_; }
  // Fields of the command; ignored without --json.
  Json& field(const char* key) { return fields_[key]; }
  void fields(const Json& object) { fields_.update(object); }
  // For people; ignored with --json.
  void print(std::string_view text);
  // Bold on a terminal.
  std::string strong(std::string_view text) const;

  // `text`: of the file that the diagnostics are about, "" where there is none.
  void diagnostics(const Diagnostics& diagnostics, std::string_view text);

  // A question that cannot be asked so: message and kUsage.
  int usage(const Error& error);
  int failed(const Error& error);
  int finish(int exit);

 private:
  int error(const Error& error, int exit);

  std::string command_;
  bool json_, colour_out_, colour_err_;
  Json fields_ = Json::object();
  Json list_ = Json::array();
};

// One diagnostic with its source line; exposed for tests.
std::string render(const Diagnostic& diagnostic, std::string_view source_line, bool colour);

}  // namespace treeline::cli
