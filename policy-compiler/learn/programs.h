// SPDX-License-Identifier: Apache-2.0
//
// Programs that do what they are told in a file or an argument, which no exec hook sees.
#pragma once

#include <string_view>

#include "policy-compiler/learn/observed.h"

namespace treeline::learn {

// The executable, or the interpreter of a script.
bool is_shell(const Step& step);
// Shells aside; a script that its "#!" line starts is a program of its own. "python3.11" counts as "python".
bool is_interpreter(const Step& step);

}  // namespace treeline::learn
