// SPDX-License-Identifier: Apache-2.0
//
// A bundle out of what the back ends gave: for `compile`, which writes it, and for belongs.h, which holds another one against it.
#pragma once

#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/cli/backends.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/support/result.h"

namespace treeline::cli {

// Not arranged (bundle.h). `lowered` and `beside` are of loaded.policy, by `chosen`.
Result<bundle::Bundle> make_bundle(const Loaded& loaded, const Chosen& chosen, backends::bpf::Lowered lowered, Beside beside);

}  // namespace treeline::cli
