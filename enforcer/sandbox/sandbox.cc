// SPDX-License-Identifier: Apache-2.0
#include "enforcer/sandbox/sandbox.h"

#include <sys/prctl.h>

#include <cerrno>

#include "enforcer/base/files.h"

namespace treeline::sandbox {
namespace {

int landlock_in_force = 0;  // the kernel does not tell it afterwards

bool has_line(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line + "\n") != std::string::npos; }

}  // namespace

Result<Sandbox> Sandbox::prepare() {
  Sandbox sandbox;
  Result<CallFilter> filter = CallFilter::build();
  if (!filter) return filter.error();
  sandbox.filter_ = std::move(*filter);
  return sandbox;
}

Result<void> Sandbox::enter(const Plan& plan) const {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error("cannot set no_new_privs", errno);
  Result<int> landlock = limit_writes(plan.places);
  if (!landlock) return landlock.error();
  landlock_in_force = *landlock;
  if (Result<void> kept = keep_only(kDaemonKeeps); !kept) return kept;
  watch_refusals(plan.on_refusal);
  return filter_.load();
}

State observe() {
  const std::string status = read_file_or_empty("/proc/self/status");
  const Sets sets = sets_in(status);
  State state;
  state.filter = has_line(status, "Seccomp:\t2") && has_line(status, "NoNewPrivs:\t1");
  const uint64_t kept = mask_of(kDaemonKeeps, last_capability());
  state.capabilities_dropped = !((sets.inheritable | sets.permitted | sets.effective | sets.bounding | sets.ambient) & ~kept);
  state.capabilities = names_of(sets.effective);
  state.landlock = landlock_in_force;
  state.refused = refusals();
  return state;
}

bool instrumented() {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#elif defined(__has_feature)
  return __has_feature(address_sanitizer);
#else
  return false;
#endif
}

}  // namespace treeline::sandbox
