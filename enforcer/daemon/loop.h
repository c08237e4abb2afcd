// SPDX-License-Identifier: Apache-2.0
//
// The daemon's one thread: epoll(7) and what to call for each fd. Callbacks may add and remove fds, their own included.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "enforcer/base/fd.h"
#include "policy-compiler/support/result.h"

namespace treeline::daemon {

class Loop {
 public:
  using Callback = std::function<void(uint32_t events)>;  // EPOLLIN, EPOLLOUT, ...
  Result<void> open();
  Result<void> add(int fd, uint32_t events, Callback callback);
  void change(int fd, uint32_t events);
  void remove(int fd);  // does not close it
  // Calls `tick` about once a second, from the loop.
  Result<void> every_second(std::function<void()> tick);
  Result<void> run();
  void stop() { running_ = false; }

 private:
  UniqueFd epoll_, timer_;
  std::map<int, std::shared_ptr<Callback>> callbacks_;
  bool running_ = false;
};

}  // namespace treeline::daemon
