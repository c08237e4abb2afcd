// SPDX-License-Identifier: Apache-2.0
//
// Containers that treelined, or treeline-oci by itself (config.json, the runtime), refused their start, since treelined runs: an engine's own log may say
// no more than that a hook failed, and crun's not even the hook's words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

namespace treeline::daemon {

struct RefusedStart {
  std::string container, policy;  // as they were asked for; "": not said
  std::string time;               // RFC 3339
  std::string why;
};

class RefusedStarts {
 public:
  static constexpr size_t kShown = 8;
  void add(RefusedStart start) {
    ++count_;
    last_.push_back(std::move(start));
    if (last_.size() > kShown) last_.pop_front();
  }
  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] const std::deque<RefusedStart>& last() const { return last_; }  // the newest stands last

 private:
  uint64_t count_ = 0;
  std::deque<RefusedStart> last_;
};

}  // namespace treeline::daemon
