// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/protocol.h"

#include <cerrno>
#include <cstring>

namespace treeline::daemon {

const char* code_of(int error_number) {
  switch (error_number) {
    case EINVAL: return kCodeUsage;
    case ENOENT: return kCodeNotFound;
    case EBUSY:
    case EEXIST:
    case EPERM:
    case EACCES: return kCodeRefused;
    case ENOTSUP: return kCodeNotEnforced;
    case ENOSPC: return kCodeFull;
    default: return kCodeFailed;
  }
}

int exit_status_of(const char* code) {
  if (!std::strcmp(code, kCodeUsage)) return 2;
  if (!std::strcmp(code, kCodeNotEnforced)) return 4;
  return 1;
}

}  // namespace treeline::daemon
