// SPDX-License-Identifier: Apache-2.0
//
// What a bundle's filters of system calls answer where the name alone is known, as in a trace.
//
//   Result<CallFilters> filters = CallFilters::read(closing_json, seccomp_json);   // "": the bundle has none
//   if (filters->ask("x86_64", "openat") == CallAnswer::kRefused) ...
//
// Asked are the artifacts, since they are what a container gets: which calls are listed hangs on options of `compile`. Read is what
// backends/seccomp writes; anything else is an Error.
//
// A condition on arguments counts as passed where other acts of the trace say whether it was (the family of a socket, a new namespace, input
// into a terminal): they are judged by themselves. On kernels without a hook for user namespaces (before 6.1) a trace does not hold those.
// What is refused with ENOSYS, a libc does by another call: that one is asked.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "policy-compiler/support/result.h"

namespace treeline::analysis {

// The graver is the greater: both filters have to let a call pass.
enum class CallAnswer : uint8_t { kPasses, kByArguments, kRefused };

class CallFilters {
 public:
  static Result<CallFilters> read(std::string_view closing, std::string_view listed);

  // `architecture`: a trace's word (enforcer/recorder/syscall_names.h). Of one that is not known here the calls are judged by their names.
  CallAnswer ask(std::string_view architecture, const std::string& call) const;
  // Is there a filter of listed calls, without which most calls are judged by nothing?
  bool list() const { return !listed_.passes_others; }

 private:
  struct Rules {
    bool passes = false, refused = false, absent = false;  // whatever its arguments; absent: with ENOSYS
  };
  struct Filter {
    bool passes_others = true;
    std::set<std::string, std::less<>> architectures;
    std::map<std::string, Rules> calls;
  };
  static Result<Filter> read_one(std::string_view text, std::string_view name);
  static CallAnswer ask_one(const Filter& filter, std::string_view architecture, const std::string& call);

  Filter closing_, listed_;
};

}  // namespace treeline::analysis
