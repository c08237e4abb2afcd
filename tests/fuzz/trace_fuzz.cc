// SPDX-License-Identifier: Apache-2.0
// links: treeline_learn treeline_frontend
//
// Whatever the bytes, the reader of traces returns; and whatever trace it accepts, learning from it (and from the same
// acts in a second start, so that names fold) returns too, with a draft that the front end reads back as the same
// policy.
#include <cstdlib>

#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/learn/learn.h"

using namespace treeline;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 200'000) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Diagnostics of_trace("fuzz.jsonl");
  const std::optional<learn::Trace> trace = learn::read_trace(text, of_trace);
  if (trace.has_value() == of_trace.has_errors()) std::abort();
  if (!trace) return 0;
  learn::Trace second = *trace;
  second.identity += "again";
  Diagnostics of_learn;
  const std::optional<learn::Learned> learned =
      learn::learn({*trace, second}, {.name = "fuzz", .join = true, .image = {}}, of_learn);
  if (!learned) return 0;
  (void)learn::summary_text(*learned);
  (void)learn::questions_text(*learned);
  const std::string profile = frontend::emit_profile(learned->policy);
  if (profile.find("**") != std::string::npos || profile.find("unsafe_") != std::string::npos) std::abort();
  Diagnostics of_profile("profile.yaml");
  const ir::Policy read = frontend::read_profile(profile, of_profile);
  if (of_profile.has_errors() || frontend::emit_profile(read) != profile) std::abort();
  return 0;
}
