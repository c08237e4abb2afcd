// SPDX-License-Identifier: Apache-2.0
#include "enforcer/recorder/session.h"

#include "bpf/lsm/abi.h"

namespace treeline::recorder {

void Session::see(const events::Event& event) {
  if (event.type != TL_EVENT_LEARNED || event.container != info_.index) return;
  if (event.flags & TL_EVENT_TRUNCATED) {
    ++unreadable_;
    return;
  }
  const uint64_t object = event.kind == TL_KIND_EXEC ? event.next_node : event.object;
  seen_.try_emplace(Key{event.node, event.kind, event.access, object}, event);
}

const events::Event* Session::text_of(const Key& key) const {
  auto it = seen_.find(key);
  return it == seen_.end() ? nullptr : &it->second;
}

}  // namespace treeline::recorder
