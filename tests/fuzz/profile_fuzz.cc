// SPDX-License-Identifier: Apache-2.0
// links: treeline_frontend
//
// Any bytes as a profile: read_profile returns, each diagnostic has a place within the text and a code, and what was
// accepted survives being written out and read again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/frontend/source.h"

using treeline::Diagnostics;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Diagnostics diagnostics("fuzz.yaml");
  const treeline::ir::Policy policy = treeline::frontend::read_profile(text, diagnostics);

  size_t lines = 1;
  for (const char c : text) lines += c == '\n';
  for (const treeline::Diagnostic& diagnostic : diagnostics.list()) {
    if (diagnostic.code.empty() || diagnostic.message.empty()) std::abort();
    if (diagnostic.position.line < 1 || diagnostic.position.line > lines || diagnostic.position.column < 1)
      std::abort();
  }
  if (diagnostics.has_errors()) return 0;

  if (policy.name.empty() || policy.entry.empty()) std::abort();
  for (uint32_t i = 0; i < policy.nodes.size(); ++i) {
    const treeline::ir::Node& node = policy.nodes[i];
    if (node.executable.text.empty()) std::abort();
    if (node.parent != treeline::ir::kNoNode && node.parent >= i) std::abort();
  }
  const std::string first = treeline::frontend::emit_profile(policy);
  Diagnostics again("emitted.yaml");
  const treeline::ir::Policy second = treeline::frontend::read_profile(first, again);
  if (again.has_errors() || treeline::frontend::emit_profile(second) != first) std::abort();
  return 0;
}
