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
  bool json = false, strict = false;                 // strict: what no back end enforces is a mistake
  std::vector<std::string> backends = {"bpf"};  // more by choice: what they refuse, monitor cannot rehearse
  std::vector<std::string> architectures = {};       // of the seccomp filter; none: all
  bool no_new_privs = false, complain = false;       // of the AppArmor profiles
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

// The script for bash; reads no file.
int completion(const std::string& shell);

// What is allowed by the language and still deserves a look: notes and warnings of `check`.
void grade(const ir::Policy& policy, Diagnostics& diagnostics);

}  // namespace treeline::cli
