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
  std::string fail_on = {};  // "", or a risk: findings of that risk or a graver one, that are not accepted, exit with kNo
  std::string kernel = {};   // "", or "5.10": what that kernel cannot hold is noted
};
int check(const CheckOptions& options);

struct ExplainOptions {
  std::string source;                 // profile or bundle
  std::vector<std::string> question;  // empty, or node, act, object
  bool json = false;
  bool matrix = false;  // which mechanism enforces which rule
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

struct DiffOptions {
  std::string before, after;  // profiles or bundles
  std::string fail_on;        // none, allowed (also ""), denied, any, or a risk: what exits with kNo
  bool json = false;
};
int diff(const DiffOptions& options);

struct TestOptions {
  std::string profile;  // or bundle
  std::string cases;    // "": beside the profile, web.yaml -> web.cases.yaml
  bool json = false;
};
int test(const TestOptions& options);

struct ReplayOptions {
  std::string source;  // bundle or profile
  std::vector<std::string> traces;
  bool unused = false;  // list the grants that nothing needed
  bool json = false;
};
int replay(const ReplayOptions& options);

// The script for bash; reads no file.
int completion(const std::string& shell);

}  // namespace treeline::cli
