// SPDX-License-Identifier: Apache-2.0
//
// The closing filter for this kernel: built whole before a fork, installed in the child right before its exec.
//
//   Result<confine::Filter> filter = confine::Filter::build(*closing);
//   if (fork() == 0) { if (int code = filter->install()) ...; execvp(...); }
//
// It is installed without no_new_privs, which would change what set-id programs do: the caller has CAP_SYS_ADMIN. A
// process of an architecture that the closing filter does not name is killed at its first system call.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "enforcer/confine/closing.h"

namespace treeline::confine {

class Filter {
 public:
  Filter() = default;  // lets everything pass; install() then does nothing

  static Result<Filter> build(const Closing& closing);

  // For this process and all that it becomes and starts; there is no way back. 0 or errno. Async-signal-safe: nothing
  // is allocated, everything that can be wrong with a filter was found by build().
  [[nodiscard]] int install() const;
  [[nodiscard]] bool empty() const { return program_.empty(); }

 private:
  std::vector<sock_filter> program_;
};

}  // namespace treeline::confine
