// SPDX-License-Identifier: Apache-2.0
//
// The process that becomes the command of a `treeline run`. It is forked and waits, so that it can be bound; then it is told what to put on, and execs.
//
//   Child child;
//   child.start(command, confinement);      // then treelined binds child.pid()
//   child.release(Child::kWhole);
//   if (auto [code, step] = child.failure(); code) ...
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "enforcer/base/fd.h"
#include "enforcer/confine/apparmor.h"
#include "enforcer/confine/filter.h"

namespace treeline::cli {

// What the shell gives for a command that cannot be executed, and for one that is not there (POSIX.1-2017, Shell 2.8.2).
constexpr int kNotExecuted = 126, kNotFound = 127;

class Child {
 public:
  // Why it was not executed.
  struct Failure {
    enum class Step { kExec, kFilter, kAppArmor };
    int code = 0;  // errno; 0: it was
    Step step = Step::kExec;  // beyond kExec nothing was tried
  };
  // What it puts on before its exec, where the policy is enforced: one of the filters, and the profile.
  struct Confinement {
    confine::Filter whole, beside_hooks;
    std::optional<confine::AppArmor> apparmor;
  };
  // What it is told, in a byte.
  enum Word : char { kUnconfined = 'u', kWhole = 'w', kBesideHooks = 'h' };

  bool start(const std::vector<std::string>& command, const Confinement& confinement);  // false: errno says why
  void release(Word word);
  void abandon();  // it is killed, and waited for
  // Blocks until it was executed or was not.
  Failure failure();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  [[noreturn]] static void become(const std::vector<std::string>& command, const Confinement& confinement, int* go, int* failed);

  pid_t pid_ = -1;
  UniqueFd go_, failed_;
};

}  // namespace treeline::cli
