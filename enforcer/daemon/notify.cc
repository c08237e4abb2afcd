// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/notify.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace treeline::daemon {

Notifier::Notifier() {
  const char* path = std::getenv("NOTIFY_SOCKET");
  const size_t length = path ? std::strlen(path) : 0;
  if (length < 2 || length >= sizeof address_.sun_path || (path[0] != '/' && path[0] != '@')) return;
  address_.sun_family = AF_UNIX;
  std::memcpy(address_.sun_path, path, length);
  if (path[0] == '@') address_.sun_path[0] = '\0';
  length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  fd_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

void Notifier::tell(std::string_view state) const {
  if (fd_) (void)!sendto(fd_.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address_), length_);
}

}  // namespace treeline::daemon
