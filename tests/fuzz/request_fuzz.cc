// SPDX-License-Identifier: Apache-2.0
// links: treeline_events
//
// A line of the control socket, in both directions: any bytes are a JSON object or nothing, every field can be asked for as any type, and
// an event that the command reads is one printable line.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "enforcer/base/json.h"
#include "enforcer/events/line_encoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace treeline;
  std::optional<Json> json = parse_json({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  for (const char* key : {"do", "id", "pid", "container", "follow", "bundle"}) {
    (void)text_at(*json, key);
    (void)flag_at(*json, key);
    (void)number_at(*json, key);
  }
  if (to_line(*json).find('\n') != std::string::npos) std::abort();
  for (char c : events::to_text(*json, false, true))
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
  return 0;
}
