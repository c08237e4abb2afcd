// SPDX-License-Identifier: Apache-2.0
// links: treeline_events treeline_recorder
//
// A record of the ring: any bytes decode to an event or to an error, and what decodes is one line without control characters in each
// encoding, whatever the file names in it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "enforcer/events/event.h"
#include "enforcer/events/json_encoder.h"
#include "enforcer/events/line_encoder.h"
#include "enforcer/recorder/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace treeline;
  Result<events::Event> event = events::decode(data, size);
  if (!event) return 0;
  const Json json = events::to_json(*event, events::Named{"p", event->text, event->text, 1, "", "", 0});
  const std::string line = to_line(json);
  if (line.find('\n') != std::string::npos || !parse_json(line)) std::abort();
  for (char c : events::to_text(json, false, true))
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();

  // The same as the only thing that a learned container did.
  recorder::SessionInfo info;
  info.index = event->container;
  recorder::Session session(info);
  session.see(*event);
  recorder::Counters counters;
  const tl_learned_key key{event->node, event->object, event->container, event->access, event->kind, 0};
  const tl_learned counted{1, event->time, event->time, 1};
  counters.learned = [&](const std::function<void(const tl_learned_key&, const tl_learned&)>& use) { use(key, counted); };
  counters.syscalls = [](const std::function<void(const tl_syscalls_key&, const tl_syscalls&)>&) {};
  for (const std::string& traced : recorder::write_trace(session, counters, {}))
    if (traced.find('\n') != std::string::npos || !parse_json(traced)) std::abort();
  return 0;
}
