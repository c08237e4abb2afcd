// SPDX-License-Identifier: Apache-2.0
//
// What another tool wrote about a workload -> a draft of a profile, for a person.
//
//   Diagnostics diagnostics("ksp-web.yaml");
//   std::optional<Imported> imported = import_text(text, Options{}, diagnostics);
//   if (!imported) ...                         // not to be read at all: reported
//   frontend::emit_profile(imported->policy)   // to be judged as every profile is: `treelinec check`
//
// The rule of this folder: never wider than the source. What the language cannot say exactly is left out or written
// narrower, and said with its place. The codes:
//
//   not-carried (warning)      a rule of the source that the draft does not hold
//   narrower (note)            a rule that the draft holds in part
//   import-question (note)     what the source does not know and a person has to add
//   unknown-field (note)       a field that is ignored
//   import-format, import-limit, import-syntax, no-program (error)   no draft
//
// Every input is hostile: bounded in bytes, values, depth, processes, rules and alternatives. Formats and their fields:
// policy-compiler/import/README.md. (The namespace is not called `import`, which is a word of C++20.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::import_ {

constexpr size_t kMaxBytes = 256u << 20;  // of a source: strace logs are long
constexpr size_t kMaxRules = 200'000;     // of a draft

enum class Format : uint8_t {
  kKubeArmor,
  kKubescape,
  kSpoSeccomp,
  kSpoAppArmor,
  kDockerSeccomp,
  kAppArmor,
  kStrace,
};

std::optional<Format> find_format(std::string_view name);  // "kubearmor", "spo-seccomp", ...
std::string_view format_name(Format format);
std::string format_list();

// What the text looks like; nullopt: none of them.
std::optional<Format> recognise(std::string_view text);

struct Options {
  std::optional<Format> format;       // unset: recognised
  std::string name;                   // of the profile; "": the source's
  std::string container;              // Kubescape: which of the containers; "": the only one
  std::vector<std::string> programs;  // for sources that name no program (seccomp): who holds the rules
  bool syscalls = false;              // strace: the log is complete, so take its calls as the list of calls
};

struct Imported {
  Format format = Format::kStrace;
  ir::Policy policy;
};

// nullopt: an error is in `diagnostics`; positions are those of `text`.
std::optional<Imported> import_text(std::string_view text, const Options& options, Diagnostics& diagnostics);

}  // namespace treeline::import_
