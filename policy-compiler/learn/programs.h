// SPDX-License-Identifier: Apache-2.0
//
// Programs that do, or start, what a file or an argument says: those that `check` knows (analysis/sensitive.h).
#pragma once

#include "policy-compiler/learn/observed.h"

namespace treeline::learn {

// The executable, or the interpreter of a script.
bool is_shell(const Step& step);
// Shells aside; a script that its "#!" line starts is a program of its own.
bool is_interpreter(const Step& step);

}  // namespace treeline::learn
