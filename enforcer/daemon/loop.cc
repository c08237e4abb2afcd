// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/loop.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <cerrno>

#include "enforcer/base/files.h"

namespace treeline::daemon {

Result<void> Loop::open() {
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return system_error("cannot make an epoll instance", errno);
  return {};
}

Result<void> Loop::add(int fd, uint32_t events, Callback callback) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return system_error("cannot watch a file descriptor", errno);
  callbacks_[fd] = std::make_shared<Callback>(std::move(callback));
  return {};
}

void Loop::change(int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::remove(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  callbacks_.erase(fd);
}

Result<void> Loop::every_second(std::function<void()> tick) {
  timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  itimerspec second{{1, 0}, {1, 0}};
  if (!timer_ || timerfd_settime(timer_.get(), 0, &second, nullptr) != 0) return system_error("cannot make a timer", errno);
  return add(timer_.get(), EPOLLIN, [this, tick = std::move(tick)](uint32_t) {
    uint64_t expirations = 0;
    if (read(timer_.get(), &expirations, sizeof expirations) == sizeof expirations) tick();
  });
}

Result<void> Loop::run() {
  running_ = true;
  while (running_) {
    epoll_event events[32];
    int n = epoll_wait(epoll_.get(), events, 32, -1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("cannot wait for events", errno);
    for (int i = 0; i < n && running_; ++i) {
      auto it = callbacks_.find(events[i].data.fd);
      if (it == callbacks_.end()) continue;  // removed by a callback of this round
      std::shared_ptr<Callback> held = it->second;
      (*held)(events[i].events);
    }
  }
  return {};
}

}  // namespace treeline::daemon
