// SPDX-License-Identifier: Apache-2.0
//
// The commands of treelinec, each from its options to an exit code (report.h).
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::cli {

struct CompileOptions {
  std::string profile, bundle;
  bool json = false, strict = false;  // strict: what no back end enforces is a mistake
};
int compile(const CompileOptions& options);

struct CheckOptions {
  std::vector<std::string> profiles;
  bool json = false, strict = false;
};
int check(const CheckOptions& options);

struct ExplainOptions {
  std::string source;                 // profile or bundle
  std::vector<std::string> question;  // empty, or node, act, object
  bool json = false;
};
int explain(const ExplainOptions& options);
// The same question, answered by one word.
int evaluate(const ExplainOptions& options);

struct LearnOptions {
  std::vector<std::string> traces;
  std::string output, name, image, evidence;
  bool join = false, json = false;
};
int learn(const LearnOptions& options);

struct ImportOptions {
  std::string source, output, from, name, container, report;
  std::vector<std::string> programs;
  bool syscalls = false, json = false;
};
int import_source(const ImportOptions& options);

struct EmitOptions {
  std::string profile, as, output = "-";
  std::string name_space;
  std::vector<std::string> pods;           // KEY=VALUE
  std::vector<std::string> service_cidrs;  // blocks, or "none"
  std::vector<std::string> services;       // ADDRESS=NAMESPACE/KEY=VALUE,...[:PORT]
  std::vector<std::string> mounts;         // PATH or PATH=TYPE
  bool split_ranges = false, strict = false, json = false;
};
int emit(const EmitOptions& options);

// The script for bash; reads no file.
int completion(const std::string& shell);

// What is allowed by the language and still deserves a look: notes and warnings of `check`.
void grade(const ir::Policy& policy, Diagnostics& diagnostics);

}  // namespace treeline::cli
