// SPDX-License-Identifier: Apache-2.0
//
// The stream of records from the hooks: a ring buffer, or a perf buffer per CPU before 5.8. Records are raw bytes (struct tl_event),
// valid during the call only. What was lost is counted by the kernel side (`losses`); the perf buffer's own losses are added here.
//
//   Result<std::unique_ptr<EventSource>> source = EventSource::open(maps, [](const void* record, size_t size) { ... });
//   epoll on source->poll_fd(); then source->consume();
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "enforcer/kernel/maps.h"
#include "policy-compiler/support/result.h"

namespace treeline::kernel {

class EventSource {
 public:
  using Sink = std::function<void(const void* record, size_t size)>;
  static Result<std::unique_ptr<EventSource>> open(const Maps& maps, Sink sink);
  virtual ~EventSource() = default;
  [[nodiscard]] virtual int poll_fd() const = 0;
  virtual void consume() = 0;  // everything that is there now
  [[nodiscard]] virtual uint64_t lost() const = 0;
  [[nodiscard]] virtual const char* name() const = 0;  // "ring buffer", "perf buffer"
};

}  // namespace treeline::kernel
