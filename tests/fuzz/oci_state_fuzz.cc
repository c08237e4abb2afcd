// SPDX-License-Identifier: Apache-2.0
// links: treeline_oci
//
// Any bytes as a hook's standard input, as treeline.conf, as annotations, as a runtime's command line (words end in
// NUL): each returns, and what is accepted is within its bounds.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "enforcer/oci/choice.h"
#include "enforcer/oci/command_line.h"
#include "enforcer/oci/settings.h"
#include "enforcer/oci/state.h"

using namespace treeline::oci;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto state = parse_state(text)) {
    if (state->id.empty() || state->bundle.empty() || state->bundle[0] != '/' || state->pid < 0) std::abort();
    const auto policy = policy_asked_for(state->whole.find("annotations"));
    if (policy && !policy->empty() && !valid_policy_name(*policy)) std::abort();
  }
  if (const auto settings = parse_settings(text, "treeline.conf"); settings && settings->socket[0] != '/') std::abort();
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\0', at);
    words.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  RuntimeCall call;
  if (parse_call(words, call) && call.starts() && call.bundle.empty()) std::abort();
  return 0;
}
