// SPDX-License-Identifier: Apache-2.0
//
// Rules as the text of an OCI linux.seccomp, byte-stable. Calls without condition share an entry; each condition is an
// entry of its own, since what several conditions in one entry mean depends on the reader where they name one argument
// twice.
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/backends/seccomp/architecture.h"
#include "policy-compiler/backends/seccomp/rule.h"

namespace treeline::backends::seccomp {

// `listed` and `runtime`: rules without and with conditions; the runtime's unconditional calls become an entry of their
// own behind the profile's.
std::string oci_text(const std::vector<Rule>& listed, const std::vector<Rule>& runtime,
                     const std::vector<Architecture>& architectures);

}  // namespace treeline::backends::seccomp
