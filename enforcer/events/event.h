// SPDX-License-Identifier: Apache-2.0
//
// One record of the ring (struct tl_event, bpf/lsm/abi.h) as a value. The records come from the kernel, their texts from whoever
// named the files: every length is checked against the bytes that are there, and what does not fit is an error, not an event.
//
//   Result<events::Event> event = events::decode(bytes, size);
//   events::Named named = names.look_up(*event);          // who and which policy, from the enforcer's tables
//   std::string line = to_line(events::to_json(*event, named));
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "policy-compiler/support/result.h"

namespace treeline::events {

struct Event {
  uint8_t type = 0;        // enum tl_event_type
  uint8_t hook = 0;        // enum tl_hook
  uint8_t verdict = 0;     // enum tl_verdict
  uint8_t mode = 0;        // enum tl_mode
  uint8_t reason = 0;      // enum tl_reason
  uint8_t kind = 0;        // enum tl_kind
  uint16_t access = 0;     // enum tl_access
  uint32_t object_type = 0;  // enum tl_object_type
  uint64_t time = 0;       // ns since boot
  uint64_t node = 0;
  uint64_t next_node = 0;
  uint64_t object = 0;     // hash
  uint64_t count = 0;
  uint32_t slot = 0;
  uint32_t generation = 0;
  uint32_t container = 0;
  uint32_t tgid = 0, pid = 0, ppid = 0, uid = 0, gid = 0;
  uint32_t class_id = 0;
  uint32_t number = 0;
  uint8_t family = 0;      // AF_INET, AF_INET6
  uint8_t protocol = 0;    // enum tl_protocol
  uint8_t direction = 0;   // enum tl_direction
  uint16_t port = 0;
  uint16_t flags = 0;      // enum tl_event_flag
  std::array<uint8_t, 16> address{};
  std::string comm;        // raw bytes, at most 15
  std::string text, text2; // raw bytes

  [[nodiscard]] bool in_doubt() const;  // the hook could not know, and denied
  // A short name for this behaviour, equal whenever the same node does the same to the same object: "7f3a61c09b2e4d55".
  [[nodiscard]] std::string id() const;
};

Result<Event> decode(const void* record, size_t size);

// What the enforcer's tables say about an event's numbers. Empty: not known (a slot that was freed meanwhile).
struct Named {
  std::string policy;
  std::string container;   // the runtime's id, or the name of a plain tree
  std::string node_path;   // canonical path: "entry > /entrypoint.sh (/bin/sh) > /usr/sbin/nginx"
  uint32_t node_line = 0;  // of the profile
  std::string next_path;   // likewise of next_node
  std::string nearest;     // the rule of this node that is most like the object: its pattern
  uint32_t nearest_line = 0;
};

}  // namespace treeline::events
