// SPDX-License-Identifier: Apache-2.0
//
// A layout as text; format.h says how it looks.
#pragma once

#include <string>

#include "policy-compiler/frontend/layout.h"

namespace treeline::frontend {

std::string write_layout(Layout layout);

}  // namespace treeline::frontend
