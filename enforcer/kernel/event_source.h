// SPDX-License-Identifier: Apache-2.0
//
// The stream of records from the hooks: a ring buffer, or a perf buffer per CPU before 5.8. Records are raw bytes (struct tl_event),
// valid during the call only. Who sends faster than this is read must not hold the reader: each call has an end, and what does not fit meanwhile is lost.
// What was lost is counted by the kernel side (`losses`); the perf buffer's own count would be the same again.
//
//   Result<std::unique_ptr<EventSource>> source = EventSource::open(maps, [](const void* record, size_t size) { ... });
//   epoll on source->poll_fd(); then source->consume();         // and now and then without being told: a perf buffer tells once
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "enforcer/kernel/maps.h"
#include "policy-compiler/support/result.h"

namespace treeline::kernel {

constexpr std::chrono::milliseconds kTurn{20};  // of the one thread that has requests to answer as well

class EventSource {
 public:
  using Sink = std::function<void(const void* record, size_t size)>;
  static Result<std::unique_ptr<EventSource>> open(const Maps& maps, Sink sink);
  virtual ~EventSource() = default;
  [[nodiscard]] virtual int poll_fd() const = 0;
  virtual void consume(std::chrono::milliseconds most = kTurn) = 0;  // what is there; the rest at the next call, if it takes longer
  [[nodiscard]] virtual const char* name() const = 0;  // "ring buffer", "perf buffer"
};

}  // namespace treeline::kernel
