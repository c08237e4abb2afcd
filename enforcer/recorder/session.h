// SPDX-License-Identifier: Apache-2.0
//
// One container being learned. The kernel side aggregates: each (node, act, object) is one entry of the map `learned` with a count,
// and its first sight sends one event that carries the text. A session keeps those texts; at the end trace.h joins them with the
// counters. Nothing is deleted while it is read.
//
//   Session session({.workload = "nginx", .container = "web-1", .index = 4});
//   session.see(event);                      // each learned event of container 4
//   std::vector<std::string> lines = write_trace(session, counters, end);
//
// Memory: one Event per distinct (node, act, object), bounded by kMaxBytes. A text beyond that is not kept, and counts as lost in the trace: names are the
// container's to choose, 4 KiB each if it likes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "enforcer/events/event.h"

namespace treeline::recorder {

struct SessionInfo {
  std::string workload;   // name given to `learn start`, or to `run --learn`
  std::string container;  // id
  uint32_t index = 0;     // into containers
  bool resumed = false;   // an earlier daemon began it: what happened between the two was not recorded whole
  bool late = false;      // bound while it was running
  std::string kernel;     // uname -r
  std::string started;    // RFC 3339
};

constexpr size_t kMaxBytes = 64u << 20;  // some 250,000 events with names of usual length

class Session {
 public:
  explicit Session(SessionInfo info) : info_(std::move(info)) {}

  // An event of type learned; those of other containers are ignored.
  void see(const events::Event& event);

  // (node, kind, access, object): a key of `learned` without the container.
  using Key = std::tuple<uint64_t, uint8_t, uint16_t, uint64_t>;
  [[nodiscard]] const SessionInfo& info() const { return info_; }
  [[nodiscard]] const events::Event* text_of(const Key& key) const;
  [[nodiscard]] const std::map<Key, events::Event>& seen() const { return seen_; }
  [[nodiscard]] uint64_t unreadable() const { return unreadable_; }

 private:
  SessionInfo info_;
  std::map<Key, events::Event> seen_;
  size_t bytes_ = 0;
  uint64_t unreadable_ = 0;  // texts that the kernel side could not read whole: not to be learned
};

}  // namespace treeline::recorder
