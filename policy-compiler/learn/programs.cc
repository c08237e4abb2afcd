// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/programs.h"

#include "policy-compiler/analysis/sensitive.h"

namespace treeline::learn {

bool is_shell(const Step& step) {
  using analysis::Sensitive;
  return holds(analysis::kinds_of_name(step.executable), Sensitive::kShell) || holds(analysis::kinds_of_name(step.interpreter), Sensitive::kShell);
}

bool is_interpreter(const Step& step) {
  return step.interpreter.empty() && holds(analysis::kinds_of_name(step.executable), analysis::Sensitive::kInterpreter);
}

}  // namespace treeline::learn
