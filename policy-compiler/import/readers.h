// SPDX-License-Identifier: Apache-2.0
//
// One function a format. Each reads what import.cc has split into documents (or the text itself) and returns the draft,
// or nullopt with an error in the diagnostics.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/import/draft.h"
#include "policy-compiler/import/import.h"
#include "policy-compiler/import/object.h"

namespace treeline::import_ {

struct Source {
  std::string_view text;
  std::vector<Value> documents;  // of the formats that are YAML or JSON
};

std::optional<ir::Policy> read_kubearmor(const Source& source, const Options& options, Diagnostics& diagnostics);
std::optional<ir::Policy> read_kubescape(const Source& source, const Options& options, Diagnostics& diagnostics);
std::optional<ir::Policy> read_spo_seccomp(const Source& source, const Options& options, Diagnostics& diagnostics);
std::optional<ir::Policy> read_spo_apparmor(const Source& source, const Options& options, Diagnostics& diagnostics);
std::optional<ir::Policy> read_docker_seccomp(const Source& source, const Options& options, Diagnostics& diagnostics);
std::optional<ir::Policy> read_apparmor(const Source& source, const Options& options, Diagnostics& diagnostics);
std::optional<ir::Policy> read_strace(const Source& source, const Options& options, Diagnostics& diagnostics);

// metadata.name, or "".
std::string name_of(const Value& document);

// Calls are listed without their architecture, and the filter that is compiled of them is for all that there are: where
// the source names some only (SCMP_ARCH_X86_64, amd64), that is a question.
void ask_architectures(const std::vector<const Value*>& named, Diagnostics& diagnostics);

// A profile of the Security Profiles Operator that is switched off: a question.
void ask_disabled(Object& spec, Diagnostics& diagnostics);

// --exec: programs that may start anything of the container.
void add_programs(Draft& draft, const Options& options);

}  // namespace treeline::import_
