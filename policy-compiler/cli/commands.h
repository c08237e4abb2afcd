// SPDX-License-Identifier: Apache-2.0
//
// The commands of treelinec, each from its options to an exit code (report.h).
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/cli/report.h"
#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::cli {

struct CompileOptions {
  std::string profile, bundle;
  Output output;
  bool strict = false;  // a filter of calls that is asked for, and that no node lists calls for, is a mistake
  std::vector<std::string> backends = {"bpf"};  // more by choice: what they refuse, monitor cannot rehearse
  std::vector<std::string> architectures = {};       // of the seccomp filter; none: all
  bool no_new_privs = false, complain = false;       // of the AppArmor profiles
};
int compile(const CompileOptions& options);

// Several at once, each into DIRECTORY/STEM.bundle; `jobs` processes. The exit code is the worst of all.
struct CompileManyOptions {
  std::vector<std::string> profiles;
  std::string directory;
  unsigned jobs = 1;
  CompileOptions each = {};  // but for its profile and its bundle
};
int compile_many(const CompileManyOptions& options);

struct CheckOptions {
  std::vector<std::string> profiles;
  Output output;
  bool strict = false;
  std::string fail_on = {};  // "", or a risk: findings of that risk or a graver one, that are not accepted, exit with kNo
  std::string kernel = {};   // "", or "5.10": what that kernel cannot hold is noted
};
int check(const CheckOptions& options);

struct ExplainOptions {
  std::string source;                 // profile or bundle
  std::vector<std::string> question;  // empty, or node, act, object
  bool json = false;
  bool matrix = false;  // which mechanism enforces which rule
  std::vector<std::string> targets = {};  // of `emit`: columns of the matrix
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

struct FormatOptions {
  std::vector<std::string> files;
  Output output;
  bool check = false;  // write nothing; say which files would change
};
int format(const FormatOptions& options);

struct MergeOptions {
  std::vector<std::string> profiles;
  std::string merged, name;
  Output output;
};
int merge(const MergeOptions& options);

struct SchemaOptions {
  bool version = false;
  bool json = false;
};
int schema(const SchemaOptions& options);

struct DiffOptions {
  std::string before, after;  // profiles or bundles
  std::string fail_on;        // none, allowed (also ""), denied, any, or a risk: what exits with kNo
  Output output;
};
int diff(const DiffOptions& options);

struct TestOptions {
  std::string profile;  // or bundle
  std::string cases;    // "": beside the profile, web.yaml -> web.cases.yaml
  Output output;
};
int test(const TestOptions& options);

struct ReplayOptions {
  std::string source;  // bundle or profile
  std::vector<std::string> traces;
  bool unused = false;  // list the grants that nothing needed
  Output output;
  bool require_complete = false;  // a trace that is late, incomplete or empty exits with kNo
};
int replay(const ReplayOptions& options);

struct ImportOptions {
  std::string source, output, from, name, container, report;
  std::vector<std::string> programs;
  bool syscalls = false;
  Output form;
};
int import_source(const ImportOptions& options);

struct EmitOptions {
  std::string profile = {}, as = {}, output = "-";
  std::string name_space = {};
  std::vector<std::string> pods = {};           // KEY=VALUE
  std::vector<std::string> service_cidrs = {};  // blocks, or "none"
  std::vector<std::string> services = {};       // ADDRESS=NAMESPACE/KEY=VALUE,...[:PORT]
  std::vector<std::string> mounts = {};         // PATH or PATH=TYPE
  bool split_ranges = false, strict = false;
  Output form = {};
};
int emit(const EmitOptions& options);

struct SignOptions {
  std::string bundle, key;
  std::string expires;  // "" never
  uint64_t generation = 0, minimum_generation = 0;
  Output output;
};
int sign(const SignOptions& options);

struct VerifyOptions {
  std::string bundle;
  std::vector<std::string> keys;  // files, or directories of *.pem
  std::string at;                 // "" now
  uint64_t generation = 0;        // the least that will do
  Output output;
};
int verify(const VerifyOptions& options);

// The script for bash; reads no file.
int completion(const std::string& shell);

}  // namespace treeline::cli
