// SPDX-License-Identifier: Apache-2.0
//
// Names that no walk of the hooks holds: directly below /proc the directory of a process is {own}, {descendant}, {workload} or {other}
// (bpf/lsm/proc.bpf.h), never its number, and self and thread-self are links. A rule for such a name grants nothing, a question about it has no
// answer.
//
//   names_process("77")                              // true; "self", "thread-self" too
//   names_processes_only(*parse_pattern("/proc/[0-9]*/stat", errors))   // true: nothing else there begins with a digit
//   names_processes_only(*parse_pattern("/proc/*/stat", errors))        // false: /proc/driver/stat
//
// Of a procfs that is mounted elsewhere (/host/proc) nothing is known before the walk: false.
#pragma once

#include <string_view>

#include "policy-compiler/passes/pattern.h"

namespace treeline::passes {

constexpr std::string_view kProcessRemedy = "write {own}, {descendant}, {workload} or {other}: whose process it is";

// A name directly below /proc.
bool names_process(std::string_view name);

// Whether all that the pattern matches is such a directory, or lies below one. In doubt not.
bool names_processes_only(const Pattern& pattern);

}  // namespace treeline::passes
