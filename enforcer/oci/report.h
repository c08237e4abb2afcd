// SPDX-License-Identifier: Apache-2.0
//
// A refusal where people see it: one line on stderr, and where the engine gave the runtime a log file, a line there as
// the runtime itself would write it. containerd shows its users the last error of that file and nothing else.
#pragma once

#include <string>

#include "policy-compiler/support/result.h"

namespace treeline::oci {

// The program's own exit statuses; once the runtime has been started, the status is the runtime's.
constexpr int kRefused = 1;      // the policy, the bundle or config.json: the message says what
constexpr int kUsage = 2;        // this command line or its configuration
constexpr int kCannotAsk = 3;    // treelined is not there, not root's, or did not answer in time
constexpr int kNotEnforced = 4;  // this machine cannot enforce what the policy wants
constexpr int kNoRuntime = 127;  // the runtime behind the wrapper cannot be executed

int exit_status_of(const Error& error);

struct RuntimeLog {
  std::string file;  // "" for none; crun's "file:PATH" is taken, its "journald:" and "syslog:" are not
  bool json = false;
};

void report(const std::string& message, const RuntimeLog& log);

// A start that goes on. Into the system's log alone: podman takes the whole of the runtime's log for one object, the reason of a failure, and the
// runtime's stderr is often the container's own.
void warn(const std::string& message);

constexpr char kSwitchedOff[] =
    "the machine was booted with treeline=off on the kernel's command line: the container is started unbound, no policy holds it; boot without it to protect";

// The line that goes into the log, with its end.
std::string log_entry(const std::string& message, bool json);

}  // namespace treeline::oci
