// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>

#include "acts.h"

namespace actor {

const char* reason = "";

int cannot(const char* why) {
  reason = why;
  return kCannot;
}

int refused(long result) { return result < 0 && (errno == EACCES || errno == EPERM) ? errno : 0; }

int answer(long result) {
  if (result >= 0) return 0;
  return refused(result) != 0 ? errno : cannot(std::strerror(errno));
}

}  // namespace actor
