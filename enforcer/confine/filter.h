// SPDX-License-Identifier: Apache-2.0
//
// What a policy's bundle refuses by system call: the closing filter, built here for this kernel, and where the bundle has one (seccomp.bpf) the filter of
// listed calls. Whole before a fork, installed in the child right before its exec.
//
//   Result<confine::Filter> filter = confine::Filter::build(*closing);
//   if (fork() == 0) { if (int code = filter->install()) ...; execvp(...); }
//
// It is installed without no_new_privs, which would change what set-id programs do: the caller has CAP_SYS_ADMIN. A
// process of an architecture that the closing filter does not name is killed at its first system call.
#pragma once

#include <linux/filter.h>

#include <string_view>
#include <vector>

#include "enforcer/confine/closing.h"

namespace treeline::confine {

constexpr std::string_view kCallsArtifact = "seccomp.bpf";

class Filter {
 public:
  Filter() = default;  // lets everything pass; install() then does nothing

  static Result<Filter> build(const Closing& closing);
  // A program as seccomp(2) takes it, installed after what is there already: it has to let execve and seccomp(2) through. The kernel checks it.
  Result<void> add(std::string_view program);

  // For this process and all that it becomes and starts; there is no way back. 0 or errno. Async-signal-safe: nothing
  // is allocated, everything that can be wrong with a filter was found by build().
  [[nodiscard]] int install() const;
  [[nodiscard]] bool empty() const { return programs_.empty(); }

 private:
  std::vector<std::vector<sock_filter>> programs_;
};

}  // namespace treeline::confine
