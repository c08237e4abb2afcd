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
  const size_t bytes = sizeof event + event.text.size() + event.text2.size();
  if (bytes_ + bytes > kMaxBytes) return;
  if (seen_.try_emplace(Key{event.node, event.kind, event.access, event.object}, event).second) bytes_ += bytes;
}

const events::Event* Session::text_of(const Key& key) const {
  auto it = seen_.find(key);
  return it == seen_.end() ? nullptr : &it->second;
}

}  // namespace treeline::recorder
