// SPDX-License-Identifier: Apache-2.0
#include "enforcer/events/event.h"

#include <cstring>

#include "bpf/lsm/abi.h"
#include "policy-compiler/support/text.h"

namespace treeline::events {

bool Event::in_doubt() const { return reason >= TL_REASON_DOUBT; }

std::string Event::id() const {
  uint64_t h = tl_hash_word(node, object);
  h = tl_hash_word(h, (static_cast<uint64_t>(slot) << 32) | (uint64_t{hook} << 24) | (uint64_t{reason} << 16) | access);
  return text::hex64(h).substr(2);
}

Result<Event> decode(const void* record, size_t size) {
  tl_event raw{};
  if (size < sizeof raw) return Error{"event record of " + std::to_string(size) + " bytes is shorter than its header", EBADMSG};
  std::memcpy(&raw, record, sizeof raw);
  constexpr size_t kHalf = TL_EVENT_TEXT / 2;  // the second text has its place, however short the first is
  const size_t texts = raw.text2_length ? kHalf + raw.text2_length : raw.text_length;
  // Perf records are padded and a reserved record may be larger than what was written: size says what is meant.
  if (raw.size < sizeof raw || raw.size > size || raw.size - sizeof raw < texts ||
      raw.text_length > kHalf || raw.text2_length > kHalf)
    return Error{"event record lies about its length", EBADMSG};
  if (raw.type < TL_EVENT_LEARNED || raw.type > TL_EVENT_LIFE || raw.hook >= TL_HOOKS || raw.reason >= TL_REASONS ||
      raw.verdict > TL_VERDICT_KILL || raw.mode > TL_MODE_ENFORCE || raw.object_type > TL_OBJECT_NUMBER)
    return Error{"event record holds a number that this version does not know", EBADMSG};

  Event event;
  event.type = raw.type;
  event.hook = raw.hook;
  event.verdict = raw.verdict;
  event.mode = raw.mode;
  event.reason = raw.reason;
  event.kind = raw.kind;
  event.access = raw.access;
  event.object_type = raw.object_type;
  event.time = raw.time;
  event.node = raw.node;
  event.next_node = raw.next_node;
  event.object = raw.object;
  event.count = raw.count;
  event.slot = raw.slot;
  event.generation = raw.generation;
  event.container = raw.container;
  event.tgid = raw.tgid;
  event.pid = raw.pid;
  event.ppid = raw.ppid;
  event.uid = raw.uid;
  event.gid = raw.gid;
  event.class_id = raw.class_id;
  event.number = raw.number;
  event.family = raw.family;
  event.protocol = raw.protocol;
  event.direction = raw.direction;
  event.port = raw.port;
  event.flags = raw.flags;
  std::memcpy(event.address.data(), raw.address, sizeof raw.address);
  event.comm.assign(raw.comm, strnlen(raw.comm, sizeof raw.comm));
  const char* text = static_cast<const char*>(record) + sizeof raw;
  event.text.assign(text, raw.text_length);
  if (raw.text2_length) event.text2.assign(text + kHalf, raw.text2_length);
  return event;
}

}  // namespace treeline::events
