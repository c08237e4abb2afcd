// SPDX-License-Identifier: Apache-2.0
//
// treelined's own seccomp filter, by libseccomp: the calls of calls.h, and SIGSYS for all others (refusal.h). Built before anything is attached, so that
// what is wrong with it is said then; loaded last.
//
//   Result<CallFilter> filter = CallFilter::build();
//   ...
//   filter->load();              // for good
//
// A call by another architecture's table (i386, x32 on x86_64) kills the process.
#pragma once

#include <memory>

#include "policy-compiler/support/result.h"

namespace treeline::sandbox {

class CallFilter {
 public:
  static Result<CallFilter> build();
  // Needs no_new_privs. An Error: nothing is filtered.
  Result<void> load() const;

 private:
  struct Release {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Release> context_;
};

}  // namespace treeline::sandbox
