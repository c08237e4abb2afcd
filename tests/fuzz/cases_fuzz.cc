// SPDX-License-Identifier: Apache-2.0
// links: treeline_analysis
//
// Whatever the bytes, the reader of cases returns; what it accepts is whole.
#include <cstdlib>

#include "policy-compiler/analysis/cases.h"

using namespace treeline;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 200'000) return 0;
  Diagnostics diagnostics("fuzz.cases.yaml");
  const std::vector<analysis::Case> cases = analysis::read_cases({reinterpret_cast<const char*>(data), size}, diagnostics);
  if (!diagnostics.has_errors() && cases.empty()) std::abort();
  for (const analysis::Case& one : cases) {
    if (one.node.empty() || one.act.empty() || one.object.empty() || one.position.line == 0) std::abort();
    if (!one.next.empty() && (!one.allow || one.act != "exec")) std::abort();
  }
  return 0;
}
