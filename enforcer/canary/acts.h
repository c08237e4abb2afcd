// SPDX-License-Identifier: Apache-2.0
//
// One act a hook: what the victim tries, and what came of it.
#pragma once

#include <string>
#include <vector>

namespace treeline::canary {

struct Props {
  std::string directory, self;
  [[nodiscard]] std::string file(const char* name) const { return directory + "/" + name; }
};

constexpr int kNotHere = -1;  // this kernel, or a setting of it, answers before any hook is asked

struct Act {
  const char* hook;
  int (*run)(const Props&);  // 0: it succeeded; errno; kNotHere
};

// errno of a call that returned `result`, 0 where it succeeded.
int outcome(long result);
// The exit status of a forked child as an errno; SIGKILL is EPERM, any other signal EINTR.
int exit_status_of_child(int child);

// Other processes, the kernel, handed over descriptors (doors.cc).
const std::vector<Act>& door_acts();

}  // namespace treeline::canary
